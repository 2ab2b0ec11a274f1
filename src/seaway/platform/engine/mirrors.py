"""The runs that have not ended, in memory, each with the lock of those who decide about it."""

from __future__ import annotations

import asyncio

from seaway.platform.engine.state import RunState


class Mirrors:
    """What the database has of the runs that have not ended.

    Attributes:
        complete: all such runs are here; before that, one that is missing may still come.
    """

    def __init__(self) -> None:
        self._states: dict[str, RunState] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self.complete = False

    def add(self, state: RunState) -> None:
        """Take up a run."""
        self._states[state.run.uid] = state
        self._locks[state.run.uid] = asyncio.Lock()

    def drop(self, run_uid: str) -> None:
        """Forget a run that has ended."""
        del self._states[run_uid], self._locks[run_uid]

    def get(self, run_uid: str) -> RunState | None:
        """Return a run that has not ended."""
        return self._states.get(run_uid)

    def all(self) -> list[RunState]:
        """Return all of them."""
        return list(self._states.values())

    def lock(self, run_uid: str) -> asyncio.Lock:
        """Return what is held while something about a run is decided and stored. Raises KeyError where it has ended."""
        return self._locks[run_uid]
