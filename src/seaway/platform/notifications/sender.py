"""Brings out what the outbox holds: each target by itself, so that one that is away holds up no other.

A message is marked as sent after it arrived. Where the server is killed in between it goes out again, with the same key.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from sqlalchemy import Connection

from seaway.base.clock import Clock
from seaway.base.measures import Counter
from seaway.base.sqlite import DatabaseError
from seaway.model.notification import Event
from seaway.platform.database import notices, notify_targets
from seaway.platform.database.database import Database
from seaway.platform.database.records import NoticeRecord, TargetRecord
from seaway.platform.notifications import texts
from seaway.platform.notifications.dispatch import Message, bring
from seaway.platform.notifications.pace import Later, Now, decide
from seaway.platform.notifications.recipients import Recipients
from seaway.platform.notifications.settings import NotifySettings

log = logging.getLogger(__name__)
NextStep = Callable[[str, str], Awaitable[str]]
"""Of a run's uid and the event's word: what to do, "" where nothing can be said (any more)."""
_READ = 5000
"""Most messages that are told together."""
_PRUNED_EACH = 3600.0
_TYPES = {
    Event.SUCCEEDED: "success", Event.RECOVERED: "success", Event.FAILED: "failure", Event.LOST: "warning",
    Event.WAITING: "warning", Event.HUNG: "warning", Event.GPU: "warning", Event.NODE: "warning", Event.STORAGE: "warning",
    Event.CERTIFICATE: "warning",
}  # fmt: skip


class Sender:
    """Sends, one task for each target that has messages."""

    def __init__(
        self,
        database: Database,
        recipients: Recipients,
        next_step: NextStep,
        clock: Clock,
        settings: NotifySettings,
    ) -> None:
        self._database, self._recipients, self._next_step = database, recipients, next_step
        self._clock, self._settings = clock, settings
        self._changed = asyncio.Event()
        self._lines: dict[str, asyncio.Task[None]] = {}
        self._couriers = asyncio.Semaphore(2)
        self._wakings = 0
        self.sent = Counter(
            "seaway_notifications_sent", "Messages that arrived; one may stand for many happenings."
        )
        self.failed = Counter("seaway_notifications_failed", "Tries to send that failed.")
        self.sent.add(amount=0)
        self.failed.add(amount=0)

    def wake(self) -> None:
        """Say that there are messages, or other targets."""
        self._wakings += 1
        self._changed.set()

    async def run(self, ready: Callable[[], None]) -> None:
        """Send until cancelled."""
        self._recipients.when_woken(self.wake)
        ready()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._prune())
                while True:
                    self._changed.clear()
                    for target in self._recipients.targets:
                        if target.name not in self._lines:
                            task = group.create_task(self._serve(target))
                            self._lines[target.name] = task
                    await self._changed.wait()
        finally:
            self._lines.clear()

    async def _serve(self, target: TargetRecord) -> None:
        """Send what waits for one target; ends when nothing does, or when the target is there no more."""
        try:
            while self._is_current(target):
                wakings = self._wakings
                try:
                    pause = await self._round(target)
                except DatabaseError as error:
                    log.warning("messages to %s wait for the database: %s", target.name, error)
                    pause = self._settings.backoff.initial
                if pause is not None:
                    await self._clock.sleep(pause)
                elif wakings == self._wakings:
                    return
        finally:
            self._lines.pop(target.name, None)
            if not self._is_current(target):
                self._changed.set()  # another may have taken its name

    def _is_current(self, target: TargetRecord) -> bool:
        return any(
            (each.name, each.created, each.url) == (target.name, target.created, target.url)
            for each in self._recipients.targets
        )

    async def _round(self, target: TargetRecord) -> float | None:
        """Send what is due; return after how many seconds to look again, None where nothing waits."""
        now, pace = self._clock.now(), self._settings.pace
        pending = await self._database.read(lambda c: notices.pending(c, target.name, _READ))
        sent = await self._database.read(lambda c: notices.sent_since(c, target.name, now - pace.window))
        match decide(pending, sent, now, pace):
            case Later(at):
                return at - now
            case Now(together):
                await self._bring(target, pending, together=together)
                return 0.0
        return None

    async def _bring(self, target: TargetRecord, pending: Sequence[NoticeRecord], *, together: bool) -> None:
        if together:
            title, text = texts.together(pending)
            key = f"{pending[0].key}+{len(pending) - 1}"
            messages = [Message(key, "many", "", f"Seaway: {title}", text, "warning")]
            covered = {key: [notice.id for notice in pending]}
        else:
            messages = [await self._message(notice) for notice in pending]
            covered = {notice.key: [notice.id] for notice in pending}
        writes: list[asyncio.Future[None]] = []

        def arrived(key: str) -> None:
            ids, at = covered.pop(key), self._clock.now()
            writes.append(self._database.submit(partial(_keep_sent, target=target.name, ids=ids, at=at)))

        async with self._couriers:
            result = await bring(target.url, messages, self._settings.environment, arrived=arrived)
        await asyncio.gather(*writes)
        left = [each for ids in covered.values() for each in ids]
        now, tries = self._clock.now(), 1 + max((n.tries for n in pending if n.id in left), default=0)
        due = now + self._settings.backoff.delay(tries)
        told = now if result.sent else None
        self.sent.add(amount=len(result.sent))
        if left:
            self.failed.add()
            log.warning(
                "%d messages to %s did not arrive and are tried again: %s",
                len(left),
                target.name,
                result.problem,
            )

        def keep(connection: Connection) -> None:
            notices.postpone(connection, left, due)
            notify_targets.report(connection, target.name, sent=told, problem=result.problem)

        await self._database.write(keep)

    async def _message(self, notice: NoticeRecord) -> Message:
        step = await self._next_step(notice.run_uid, notice.event) if notice.run_uid else ""
        run = notice.title.split(maxsplit=1)[0] if notice.run_uid else ""
        kind = _TYPES.get(Event(notice.event), "info")
        step = texts.safe_step(step, run)
        return Message(
            notice.key, notice.event, run, f"Seaway: {notice.title}", texts.single(notice, step), kind
        )

    async def _prune(self) -> None:
        while True:
            now = self._clock.now()
            old, lost = now - self._settings.keep_sent, now - self._settings.give_up
            given_up = await self._database.write(
                partial(notices.prune, sent_before=old, created_before=lost)
            )
            if given_up:
                log.error("%d messages were given up: they could not be sent for days", given_up)
            await self._clock.sleep(_PRUNED_EACH)


def _keep_sent(connection: Connection, *, target: str, ids: Sequence[int], at: float) -> None:
    notices.mark_sent(connection, ids, at)
    notify_targets.report(connection, target, sent=at, problem="")
