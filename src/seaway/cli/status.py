"""`seaway status`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import typer

from seaway import __version__
from seaway.cli import exits
from seaway.cli.arguments import Output
from seaway.cli.checks.check import State
from seaway.cli.checks.machine import disk
from seaway.cli.context import LOCAL, Target, current_target, note
from seaway.cli.output import (
    GREEN,
    YELLOW,
    Format,
    age,
    ends,
    now,
    paint,
    print_fields,
    print_json,
    print_table,
    span,
)
from seaway.cli.settings import say_changed, settings_path
from seaway.sdk.client import SeawayClient
from seaway.sdk.connection import Endpoint
from seaway.sdk.errors import SeawayError
from seaway.sdk.home import DaemonRecord, Home, folder_size, is_locked
from seaway.sdk.snapshot import readable_size

EPILOG = """\b
Examples:
  seaway status
  seaway status -o json | jq .server.nodes"""
_RUNS_SHOWN = 10
"""Runs that are named of one node."""


def status(output: Output = Format.TEXT) -> None:
    """Show whether the server answers, its nodes and its runs; of this machine's own its disk use and log too. Exits with 69 where it does not run."""
    target = current_target()
    answer = _here(target.home) if target.context is None else _elsewhere(target)
    if output is Format.JSON:
        print_json(answer)
    else:
        _draw(answer)
    if not answer["running"]:
        raise typer.Exit(exits.UNAVAILABLE)


def _here(home: Home) -> dict[str, Any]:
    """Return how this machine's own server stands."""
    record = home.read_record() if is_locked(home.lock) else None
    facts, problem = _ask(home.endpoint) if record else ({}, "")
    file = settings_path(home)
    return {
        "context": LOCAL,
        "running": record is not None and not problem,
        "home": str(home.path),
        "log": str(home.log),
        "disk_bytes": folder_size(home.path),
        "disk_problem": _disk_problem(home),
        "settings": str(file) if file.exists() else None,
        "settings_changed": say_changed(home, record),
        "version": __version__,
        "problem": problem,
        **_process(record),
        "server": facts,
    }


def _disk_problem(home: Home) -> str:
    """Return what is wrong with the disk that the home is on, "" where there is room."""
    found = disk("disk", home.path)
    return "" if found.state is State.OK else found.message


def _process(record: DaemonRecord | None) -> dict[str, Any]:
    if record is None:
        return {}
    return {
        "pid": record.pid,
        "started": record.started,
        "url": record.url,
        "cluster_url": record.cluster_url,
    }


def _elsewhere(target: Target) -> dict[str, Any]:
    """Return how a context's server stands, and who one is there."""
    assert target.context is not None
    facts, problem = _ask(target.endpoint, with_user=True)
    return {
        "context": target.name,
        "running": not problem,
        "version": __version__,
        "problem": problem,
        "url": target.context.url,
        "server": facts,
    }


def _ask(locate: Callable[[], Endpoint], *, with_user: bool = False) -> tuple[dict[str, Any], str]:
    try:
        endpoint = locate()
        with SeawayClient(
            endpoint.url, endpoint.token, endpoint.ca, locate=lambda: endpoint, timeout=10.0
        ) as client:
            return {**client.status(), **({"caller": client.whoami()} if with_user else {})}, ""
    except SeawayError as error:
        return {}, f"{error.message}; try: {error.remedy}" if with_user and error.remedy else error.message


def _draw(answer: dict[str, Any]) -> None:
    facts = answer["server"]
    here = answer["context"] == LOCAL
    counts = ", ".join(f"{count} {phase}" for phase, count in (facts.get("runs") or {}).items() if count)
    good, bad = ("runs", "does not run") if here else ("answers", "does not answer")
    state = paint(good, GREEN) if answer["running"] else paint(bad, YELLOW)
    print_fields(
        [
            ("Context", answer["context"]),
            ("Seaway", state + (f" ({answer['problem']})" if answer["problem"] else "")),
            ("Version", facts.get("version") or answer["version"]),
            ("Server", _server(answer)),
            ("User", _caller(facts.get("caller"))),
            ("Cluster", _cluster(answer)),
            ("Runs", counts or ("none" if answer["running"] else "")),
            ("History", _history(facts)),
            ("Storage", _storage(facts)),
            *(_on_this_machine(answer) if here else ()),
        ]
    )
    for alert in facts.get("alerts") or ():
        _draw_alert(alert)
    nodes = facts.get("nodes") or []
    if nodes:
        print()
        rows = [
            (n["name"], n["status"], n.get("cpu", ""), _memory(n.get("memory", "")), n.get("gpu", "0"))
            for n in nodes
        ]
        print_table(("NODE", "STATUS", "CPU", "MEMORY", "GPU"), rows)
    if here and "pid" not in answer:
        note("Start it: seaway up")


def _draw_alert(alert: dict[str, Any]) -> None:
    """Say what is the matter with a node, and what became of the runs on it."""
    lasts = age(alert["since"], now())
    when = f"{lasts} ago" if alert["what"] == "was deleted" else f"since {lasts}"
    print(
        f"\n{paint('!', YELLOW)} node {alert['node']} {alert['what']} {when}: seaway why node/{alert['node']}"
    )
    for run in alert["runs"][:_RUNS_SHOWN]:
        about = run["run"] if run["task"] == "main" else f"{run['run']}/{run['task']}"
        print(f"    {about} (attempt {run['attempt']}): {run['now']}")
    if len(alert["runs"]) > _RUNS_SHOWN:
        print(f"    and {len(alert['runs']) - _RUNS_SHOWN} more")


def _on_this_machine(answer: dict[str, Any]) -> list[tuple[str, str]]:
    problem = answer["disk_problem"]
    return [
        ("Home", f"{answer['home']} ({readable_size(answer['disk_bytes'])})"),
        ("Disk", paint(f"{problem}; seaway doctor says what to do", YELLOW) if problem else ""),
        ("Settings", _settings(answer)),
        ("Log", answer["log"]),
    ]


def _server(answer: dict[str, Any]) -> str:
    url = str(answer.get("url", ""))
    if "pid" not in answer:
        return url
    return f"{url} (process {answer['pid']}, up {span(now().timestamp() - answer['started'])})"


def _caller(who: dict[str, Any] | None) -> str:
    if who is None:
        return ""
    token = f"token {ends(who['expires'], now())}" if who.get("expires") else ""
    said = ", ".join(part for part in ("administrator" if who["admin"] else "", token) if part)
    return f"{who['user']} ({said})" if said else str(who["user"])


def _history(facts: dict[str, Any]) -> str:
    """Say how long history is kept, how much of it there is, and what is not in it."""
    kept = facts.get("history")
    if not kept:
        return ""
    size, limit = readable_size(kept["log_bytes"]), readable_size(kept["log_bytes_limit"])
    said = f"kept for {kept['days']} days; {size} of logs, at most {limit}"
    hidden = facts.get("history_without") or []
    return f"{said}; without {', '.join(hidden)}, which the server may not see" if hidden else said


def _storage(facts: dict[str, Any]) -> str:
    """Say which limits are nearly taken, or all; "" for none."""
    said = [
        f"{'the workspace ' if one['kind'] == 'workspace' else ''}{one['name']}: {one['warning']}"
        for one in facts.get("storage") or ()
    ]
    return paint("; ".join(said), YELLOW) if said else ""


def _memory(quantity: str) -> str:
    """A node's kibibytes as a person reads them; what is said in other units stays."""
    kibibytes = quantity.removesuffix("Ki")
    return readable_size(int(kibibytes) * 1024) if kibibytes != quantity and kibibytes.isdigit() else quantity


def _settings(answer: dict[str, Any]) -> str:
    said = answer["settings_changed"]
    return (answer["settings"] or ("no file" if said else "")) + (f" ({said})" if said else "")


def _cluster(answer: dict[str, Any]) -> str:
    facts = answer["server"]
    if not facts:
        return str(answer.get("cluster_url", ""))
    state = cluster_state(facts)
    return f"{answer['cluster_url']} ({state})" if "cluster_url" in answer else state


def cluster_state(facts: dict[str, Any]) -> str:
    """Say in a few words whether the server follows its cluster, and what keeps it from that."""
    if facts.get("cluster_problem"):
        return f"cannot be followed: {facts['cluster_problem']}"
    return "answers" if facts.get("cluster_seen", True) else "does not answer"
