"""Which runs use which volumes. A run that begins and a volume that is removed never pass each other by.

Both ask the cluster in between, so each says first what it is about to do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from seaway.platform.engine.state import RunState
from seaway.platform.errors import Unavailable
from seaway.platform.volumes.refusals import goes_already, in_use, is_going


class VolumeUse:
    """Who uses a volume.

    Args:
        states: the runs that have not ended.
        complete: whether all of them are known.
    """

    def __init__(self, states: Callable[[], Iterable[RunState]], complete: Callable[[], bool]) -> None:
        self._states, self._complete = states, complete
        self._coming: Counter[tuple[str, str]] = Counter()
        self._going: set[tuple[str, str]] = set()

    def runs_with(self, namespace: str, name: str) -> list[str]:
        """Return the names of the runs that have not ended and will need a volume, or have it."""
        return [
            state.run.name
            for state in self._states()
            if state.run.namespace == namespace
            and any(
                mount.name == name
                for task, spec in state.specs.items()
                if not state.tasks[task].phase.ended
                for mount in spec.volumes
            )
        ]

    @contextmanager
    def coming(self, namespace: str, names: Iterable[str]) -> Iterator[None]:
        """Take in a run with volumes inside the block. Raises Conflict where one of them is being removed."""
        keys = [(namespace, name) for name in names]
        for key in keys:
            if key in self._going:
                raise is_going(key[1])
        self._coming.update(keys)
        try:
            yield
        finally:
            self._coming -= Counter(keys)  # names that nobody is taken in with any more are not kept

    @contextmanager
    def going(self, namespace: str, name: str) -> Iterator[None]:
        """Remove a volume inside the block.

        Raises:
            Conflict: a run uses it, or is being taken in.
            Unavailable: which runs there are is not known yet.
        """
        if not self._complete():
            raise Unavailable("which runs use it is not known yet", remedy="Try again in a moment.")
        key = (namespace, name)
        if key in self._going:
            raise goes_already(name)
        coming = ["one that is being submitted"] if self._coming[key] > 0 else []
        if runs := self.runs_with(namespace, name) or coming:
            raise in_use(name, namespace, runs=runs)
        self._going.add(key)
        try:
            yield
        finally:
            self._going.discard(key)
