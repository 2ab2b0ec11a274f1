"""`seaway status`."""

from __future__ import annotations

from typing import Any

import typer

from seaway import __version__
from seaway.cli import exits
from seaway.cli.arguments import Output
from seaway.cli.context import current_home, note
from seaway.cli.output import GREEN, YELLOW, Format, now, paint, print_fields, print_json, print_table, span
from seaway.cli.settings import say_changed, settings_path
from seaway.sdk.client import SeawayClient
from seaway.sdk.errors import SeawayError
from seaway.sdk.home import DaemonRecord, Home, folder_size, is_locked
from seaway.sdk.snapshot import readable_size


def status(output: Output = Format.TEXT) -> None:
    """Show whether Seaway runs, its nodes, its runs, its disk use and its log. Exits with 69 where it does not run."""
    home = current_home()
    record = home.read_record() if is_locked(home.lock) else None
    facts, problem = _ask(home) if record else ({}, "")
    file = settings_path(home)
    answer = {
        "running": record is not None and not problem,
        "home": str(home.path),
        "log": str(home.log),
        "disk_bytes": folder_size(home.path),
        "settings": str(file) if file.exists() else None,
        "settings_changed": say_changed(home, record),
        "version": __version__,
        "problem": problem,
        **({"pid": record.pid, "url": record.url, "cluster_url": record.cluster_url} if record else {}),
        "server": facts,
    }
    if output is Format.JSON:
        print_json(answer)
    else:
        _draw(answer, record)
    if not answer["running"]:
        raise typer.Exit(exits.UNAVAILABLE)


def _ask(home: Home) -> tuple[dict[str, Any], str]:
    try:
        endpoint = home.endpoint()
        with SeawayClient(endpoint.url, endpoint.token, endpoint.ca, timeout=10.0) as client:
            return client.status(), ""
    except SeawayError as error:
        return {}, error.message


def _draw(answer: dict[str, Any], record: DaemonRecord | None) -> None:
    facts = answer["server"]
    runs = facts.get("runs") or {}
    counts = (
        ", ".join(f"{count} {phase}" for phase, count in runs.items() if count)
        if isinstance(runs, dict)
        else str(runs)
    )
    state = paint("runs", GREEN) if answer["running"] else paint("does not run", YELLOW)
    print_fields(
        [
            ("Seaway", state + (f" ({answer['problem']})" if answer["problem"] else "")),
            ("Version", facts.get("version", "") if record else answer["version"]),
            (
                "Server",
                f"{record.url} (process {record.pid}, up {span(now().timestamp() - record.started)})"
                if record
                else "",
            ),
            ("Cluster", f"{record.cluster_url} ({_cluster(facts)})" if record else ""),
            ("Runs", counts or ("none" if answer["running"] else "")),
            ("Home", f"{answer['home']} ({readable_size(answer['disk_bytes'])})"),
            ("Settings", _settings(answer)),
            ("Log", answer["log"]),
        ]
    )
    nodes = facts.get("nodes") or []
    if nodes:
        print()
        rows = [
            (n["name"], n["status"], n.get("cpu", ""), _memory(n.get("memory", "")), n.get("gpu", "0"))
            for n in nodes
        ]
        print_table(("NODE", "STATUS", "CPU", "MEMORY", "GPU"), rows)
    if record is None:
        note("Start it: seaway up")


def _memory(quantity: str) -> str:
    """A node's kibibytes as a person reads them; what is said in other units stays."""
    kibibytes = quantity.removesuffix("Ki")
    return readable_size(int(kibibytes) * 1024) if kibibytes != quantity and kibibytes.isdigit() else quantity


def _settings(answer: dict[str, Any]) -> str:
    said = answer["settings_changed"]
    return (answer["settings"] or ("no file" if said else "")) + (f" ({said})" if said else "")


def _cluster(facts: dict[str, Any]) -> str:
    cluster = facts.get("cluster")
    if isinstance(cluster, dict):
        return "answers" if cluster.get("answers", True) else f"does not answer: {cluster.get('message', '')}"
    return str(cluster) if cluster else "answers"
