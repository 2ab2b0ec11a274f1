"""Who wants to know what: the targets, as they are in the database."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from seaway.base.clock import Clock
from seaway.base.measures import Counter
from seaway.platform.database.records import NoticeRecord, TargetRecord
from seaway.platform.engine.happenings import Happening


class Recipients:
    """Addresses happenings; the engine's outbox."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._targets: tuple[TargetRecord, ...] = ()
        self.happened = Counter("seaway_happenings", "What happened to runs and nodes, by kind.", ("event",))
        """Counted since the server started, whoever wants to know."""
        self._woken: Callable[[], None] = lambda: None

    def use(self, targets: Iterable[TargetRecord]) -> None:
        """Take the targets that there are now."""
        self._targets = tuple(targets)

    def when_woken(self, woken: Callable[[], None]) -> None:
        """Say whom to tell that messages were stored."""
        self._woken = woken

    @property
    def any(self) -> bool:
        """Whether somebody wants to know anything."""
        return bool(self._targets)

    @property
    def targets(self) -> tuple[TargetRecord, ...]:
        """All of them."""
        return self._targets

    def address(self, happenings: Sequence[Happening]) -> list[NoticeRecord]:
        """Return the messages: one for each happening and each who wants to know."""
        for one in happenings:
            self.happened.add(one.event)
        if not self._targets or not happenings:
            return []
        now = self._clock.now()
        return [
            NoticeRecord(target.name, one.key, one.event, one.run_uid, one.title, one.message, now)
            for one in happenings
            for target in self._targets
            if wants(target, one)
        ]

    def wake(self) -> None:
        """Say that messages were stored."""
        self._woken()


def wants(target: TargetRecord, happening: Happening) -> bool:
    """Return whether a target is told of something."""
    return (
        happening.event in target.events
        and (target.user is None or target.user == happening.user or target.user in happening.users)
        and (target.workspace is None or happening.workspace in (None, target.workspace))
    )
