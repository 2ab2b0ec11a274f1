"""The line of tasks that could start but for want of room: as many pods are in flight as this server allows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import islice
from typing import NamedTuple

Place = tuple[str, str]
"""A run's uid, and a task of it."""


class Ahead(NamedTuple):
    """Who gets a pod before somebody, and who has one."""

    tasks: int = 0
    """That wait already."""
    runs: int = 0
    """To which they belong."""
    pods: int = 0
    """In flight."""
    running: int = 0
    """Runs to which these belong."""
    own: bool = False
    """Tasks of the same run are among those that wait."""

    def after(self, number: int) -> Ahead:
        """Return who is ahead of the task that comes after so many of its run that begin to wait together."""
        more = int(number > 0 and not self.own)
        return self._replace(tasks=self.tasks + number, runs=self.runs + more)


class Line:
    """Tasks in the order in which they get room."""

    def __init__(self) -> None:
        self._places: dict[Place, None] = {}
        self._of_run: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._places)

    def ahead(self, run_uid: str, in_flight: Iterable[int]) -> Ahead:
        """Return who is ahead of a run's task that begins to wait.

        Args:
            run_uid: of the run.
            in_flight: of each run that has any: its pods.
        """
        pods = list(in_flight)
        return Ahead(len(self), len(self._of_run), sum(pods), len(pods), run_uid in self._of_run)

    def add(self, run_uid: str, tasks: Iterable[str]) -> None:
        """Put tasks at the end; one that waits already keeps its place."""
        for task in tasks:
            if (run_uid, task) not in self._places:
                self._places[run_uid, task] = None
                self._of_run[run_uid] += 1

    def take(self, count: int) -> list[Place]:
        """Take the first ones out."""
        taken = list(islice(self._places, max(0, count)))
        for place in taken:
            self._remove(place)
        return taken

    def drop(self, run_uid: str, tasks: Iterable[str]) -> None:
        """Take the tasks out of a run that does not want them any more."""
        for task in tasks if run_uid in self._of_run else ():
            if (run_uid, task) in self._places:
                self._remove((run_uid, task))

    def _remove(self, place: Place) -> None:
        del self._places[place]
        self._of_run[place[0]] -= 1
        if not self._of_run[place[0]]:
            del self._of_run[place[0]]
