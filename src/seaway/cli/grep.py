"""Lines that were found in logs, as `seaway logs --grep` shows them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from seaway.cli.context import connect, note
from seaway.cli.output import BOLD, DIM, moment, now, paint, print_json
from seaway.cli.timeline import since_time

_MOST = 1000
"""Lines that a server answers at once."""


def grep_logs(
    words: str, run: str | None, *, context: int, limit: int, since: str | None, as_json: bool
) -> None:
    """Find lines and print them, newest first."""
    begin = since_time(since, now()).isoformat() if since is not None else None
    with connect() as client:
        found = client.search(words, run=run, limit=limit, context=context, since=begin)
    if as_json:
        print_json(found)
        return
    for line in lines(found["hits"]):
        print(line)
    if not found["hits"]:
        note(f"no line of {f'the log of {run}' if run else 'any log'} holds all of: {words}")
    if found["more"]:
        wider = (
            f"add --limit {min(_MOST, limit * 4)}" if limit < _MOST else "look for more words, or in one run"
        )
        note(f"There are older ones: {wider}")
    for said in found["notes"]:
        note(said)


def lines(hits: list[dict[str, Any]]) -> Iterator[str]:
    """Return what is printed of the lines that were found."""
    for number, hit in enumerate(hits):
        around = [*hit["before"], *hit["after"]]
        if number and around:
            yield "--"
        head = paint(_place(hit), DIM)
        for line in hit["before"]:
            yield f"{head}  {paint(_clean(line), DIM)}"
        at = moment(hit["time"])
        assert at is not None
        yield f"{paint(_place(hit), BOLD)}  {at:%Y-%m-%dT%H:%M:%S}Z  {_clean(hit['line'])}"
        for line in hit["after"]:
            yield f"{head}  {paint(_clean(line), DIM)}"


def _place(hit: dict[str, Any]) -> str:
    """Say where a line stands: the run, its task where it has several, the attempt; or the pod and its container."""
    if hit["pod"]:
        again = f"#{hit['attempt'] + 1}" if hit["attempt"] else ""
        return f"pod/{hit['pod']}/{hit['task']}{again}"
    task = "" if hit["task"] == "main" else f"/{hit['task']}"
    return f"{hit['run']}{task}" + (f"#{hit['attempt']}" if hit["attempt"] > 1 else "")


def _clean(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text)
