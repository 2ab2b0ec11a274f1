"""`seaway show`."""

from __future__ import annotations

from typing import Any

from seaway.base.durations import duration
from seaway.cli.amounts import amount, now_in_words
from seaway.cli.arguments import Output, RunName
from seaway.cli.context import connect
from seaway.cli.output import (
    Format,
    age,
    now,
    paint,
    phase_colour,
    print_fields,
    print_json,
    print_table,
    took,
)

EPILOG = """\b
Examples:
  seaway show train-1             its tasks, their attempts, how each ended
  seaway show train-1 -o json     for programs"""


def show(run: RunName, output: Output = Format.TEXT) -> None:
    """Show everything about one run: how it stands, its tasks and their attempts."""
    with connect() as client:
        view = client.run(run)
    if output is Format.JSON:
        print_json(view)
        return
    at = now()
    verdict = view.get("verdict") or {}
    code = view.get("exit_code")
    print_fields(
        [
            ("Name", view["name"]),
            ("Status", paint(view["phase"], phase_colour(view["phase"]))),
            ("Message", verdict.get("message") or view.get("message", "")),
            ("Doubt", view.get("doubt", "")),
            ("Command", view["command"]),
            ("User", view["user"]),
            ("Workspace", view.get("workspace", "")),
            ("Created", f"{view['created']} ({age(view['created'], at)} ago)"),
            ("Took", took(view.get("started"), view.get("finished"), at)),
            ("Exit code", "" if code is None else str(code)),
            ("Removed", view.get("deleted") or ""),
            *_spec_fields(view),
            *_usage_fields(view),
        ]
    )
    rows = [row for task in view.get("tasks", ()) for row in _attempts(task)]
    if rows:
        print()
        print_table(
            ("TASK", "STATUS", "ATTEMPT", "TOOK", "EXIT", "MEMORY", "NODE", "MESSAGE"), rows, painted=1
        )


def _usage_fields(view: dict[str, Any]) -> list[tuple[str, str]]:
    """Return what the only attempt uses that runs now; of several, `seaway top` says it."""
    found = [
        attempt["usage"]
        for task in view.get("tasks", ())
        for attempt in task.get("attempts", ())
        if attempt.get("usage")
    ]
    return now_in_words(found[0]) if len(found) == 1 else []


def _spec_fields(view: dict[str, Any]) -> list[tuple[str, str]]:
    tasks = (view.get("spec") or {}).get("tasks") or []
    if len(tasks) != 1:
        return []
    task = tasks[0]
    resources = task.get("resources") or {}
    asked = ", ".join(
        f"{name} {resources[name]}" for name in ("cpu", "memory", "gpu", "cache") if resources.get(name)
    )
    return [
        ("Asks for", asked),
        ("Image", task.get("image") or ""),
        ("Wait limit", _limit(task, "wait_limit_seconds")),
        ("Volumes", ", ".join(_mounted(one) for one in task.get("volumes") or ())),
        ("Timeout", _limit(task, "timeout_seconds")),
        ("If hung", _limit(task, "stop_if_hung_seconds", "stopped after ")),
        ("Retries", str(task["retries"]) if task.get("retries") else ""),
        ("Code", (task.get("code") or "")[:12]),
        ("Environment", (task.get("environment") or "")[:12]),
    ]


def _limit(task: dict[str, Any], field: str, words: str = "") -> str:
    return words + duration(task[field]) if task.get(field) else ""


def _mounted(volume: dict[str, Any]) -> str:
    where = f"{volume['name']} at {volume.get('path') or '/volumes/' + volume['name']}"
    return f"{where}, only to read" if volume.get("read_only") else where


def _attempts(task: dict[str, Any]) -> list[tuple[str, ...]]:
    at = now()
    if not task.get("attempts"):
        return [(task["name"], task["phase"], "", "", "", "", "", task.get("message", ""))]
    return [
        (
            task["name"],
            attempt["phase"],
            str(attempt["number"]),
            took(attempt.get("started"), attempt.get("finished"), at),
            "" if attempt.get("exit_code") is None else str(attempt["exit_code"]),
            amount(attempt.get("peak_memory"), attempt.get("memory_limit")),
            attempt.get("node") or "",
            (attempt.get("verdict") or {}).get("message", ""),
        )
        for attempt in task["attempts"]
    ]
