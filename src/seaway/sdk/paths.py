"""Where the calls about runs go, and when a run has ended."""

from __future__ import annotations

from urllib.parse import quote

from seaway.sdk.errors import SeawayError

ENDED = frozenset({"succeeded", "failed", "stopped", "skipped"})
"""Phases of a run after which nothing follows by itself."""


def run_path(run: str, *further: str) -> str:
    """Return the path of a run, or of something of it. Raises SeawayError for what cannot be a run's name."""
    if not run or "/" in run:  # no name of a run, and the server would take it for another path
        raise SeawayError(
            f"there is no run {run!r}", code="NotFound", field="run", remedy="See `seaway ps -a`.", status=404
        )
    return "/".join(["/api/v1/runs", *(quote(part, safe="") for part in (run, *further))])
