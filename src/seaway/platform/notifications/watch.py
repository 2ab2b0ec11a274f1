"""Looks, every few seconds, at what time alone makes worth telling: runs that wait, programs that hang, nodes in trouble.

All of it is compared anew each time; the key of a happening keeps it from being told twice.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from seaway.base.clock import Clock, parse_rfc3339, rfc3339
from seaway.base.sqlite import DatabaseError
from seaway.client.client import Client
from seaway.client.errors import Unreachable
from seaway.model.run import Phase
from seaway.objects.errors import ApiError, Forbidden, NotFound
from seaway.objects.metrics import POD_METRICS
from seaway.objects.quantity import parse_quantity
from seaway.platform.database import notices
from seaway.platform.database.database import Database
from seaway.platform.diagnosis.facts import Stillness
from seaway.platform.engine.engine import Engine
from seaway.platform.engine.happenings import Happening
from seaway.platform.engine.state import RunState
from seaway.platform.history.logs import LogKey, LogStore
from seaway.platform.notifications.alerts import Alerts
from seaway.platform.notifications.nodes import alert
from seaway.platform.notifications.recipients import Recipients
from seaway.platform.notifications.settings import NotifySettings
from seaway.platform.notifications.waiting import (
    IDLE_CORES,
    Quiet,
    gpu_unused,
    has_waited,
    hung,
    is_waiting,
    shortest_limit,
    waiting,
)

log = logging.getLogger(__name__)
_SAMPLE = 30.0
"""Seconds between two looks at what pods use."""
_LEAST = 0.5
"""Seconds between two looks, however soon a task is to be ended that hangs."""
_USUAL = 3600.0
"""Seconds after which `seaway why` says that a program hangs where nobody said another time."""


class LastWord(NamedTuple):
    """The last line of an attempt, or its start where it has written none."""

    at: float
    """Its time, in seconds since the epoch: it tells a line from the next."""
    since: float
    """When that was, by the monotonic clock."""


class Watch:
    """Tells of what lasts."""

    def __init__(
        self,
        database: Database,
        engine: Engine,
        logs: LogStore,
        client: Client,
        alerts: Alerts,
        recipients: Recipients,
        clock: Clock,
        settings: NotifySettings,
        namespaces: Callable[[], Sequence[str]],
    ) -> None:
        self._database, self._engine, self._logs = database, engine, logs
        self._client, self._alerts, self._recipients = client, alerts, recipients
        self._clock, self._settings, self._namespaces = clock, settings, namespaces
        self._since: dict[str, float] = {}
        self._quiet: dict[str, Quiet] = {}
        """By pod: the attempts that are silent now."""
        self._words: dict[str, LastWord] = {}
        """By pod: what the attempts that run wrote last."""
        self._told: set[str] = set()
        """Keys that were stored: the database is not asked about them every few seconds."""
        self._sampled, self._shortest = 0.0, _SAMPLE
        self.usage_visible: bool | None = None
        """Whether the cluster says what pods use; None where it was not asked yet."""

    async def run(self, ready: Callable[[], None]) -> None:
        """Look until cancelled."""
        ready()
        while True:
            await self._clock.sleep(min(self._settings.look, max(_LEAST, self._shortest / 4)))
            try:
                await self.look()
            except DatabaseError as error:
                log.warning("what waits or hangs cannot be looked at: %s", error)

    async def look(self) -> None:
        """Look once, and have told what is new."""
        now, states = self._clock.monotonic(), self._engine.states()
        self._note_waiting(states, now)
        stopped: list[Happening] = []
        self._shortest = shortest_limit(states, self._settings.hung)
        if now - self._sampled >= min(_SAMPLE, self._shortest / 4):
            self._sampled = now
            await self._note_quiet(states, now)
            stopped = await self._stop_hung(states, now)
        if not self._recipients.any:
            return
        found = stopped + waiting(states, self._since, now, self._settings.waits)
        found += self._gpus_unused(states, now)
        found += [hung(state, task, quiet, now) for state, task, quiet in self._hanging(states, now)]
        found += [alert(trouble, hits) for trouble, hits in await self._alerts.current()]
        await self._tell(found)

    def gpus_unused_since(self, pod: str) -> str | None:
        """Return since when an attempt has used none of its GPUs (RFC 3339), None where it does or that is not known."""
        since = self._engine.requests.idleness.gpus_unused_since(pod, self._clock.monotonic())
        return None if since is None else self._time_of_day(since)

    def still(self, pod: str, limit: float | None) -> Stillness | None:
        """Return since when a program has done nothing, None where it does something or that is not known.

        Args:
            pod: of the attempt.
            limit: seconds after which its task calls that hung; None for those of the settings.
        """
        quiet, now = self._quiet.get(pod), self._clock.monotonic()
        if quiet is None or quiet.idle is None:
            return None
        hangs = quiet.hangs(now, limit or self._settings.hung or _USUAL)
        silent, idle, at = map(self._time_of_day, (quiet.silent, quiet.idle, now))
        return Stillness(silent, idle, at, quiet.waits_for, hangs)

    def _time_of_day(self, moment: float) -> str:
        """Return when a moment of the monotonic clock was (RFC 3339)."""
        return rfc3339(self._clock.now() - (self._clock.monotonic() - moment))

    async def _tell(self, found: Sequence[Happening]) -> None:
        keys = {happening.key for happening in found}
        new = [happening for happening in found if happening.key not in self._told]
        told = self._recipients.address(new)
        if told:
            await self._database.write(lambda connection: notices.add(connection, told))
            self._recipients.wake()
        self._told = keys

    def _note_waiting(self, states: Sequence[RunState], now: float) -> None:
        current = {state.run.uid: state for state in states if is_waiting(state)}
        today = self._clock.now()
        self._since = {
            uid: self._since.get(uid, now - has_waited(state, today)) for uid, state in current.items()
        }

    def _hanging(self, states: Sequence[RunState], now: float) -> list[tuple[RunState, str, Quiet]]:
        found = []
        for state in states:
            for name, attempt in state.attempts.items():
                quiet = self._quiet.get(attempt.pod)
                limit = self._settings.hung
                if attempt.phase is Phase.RUNNING and quiet and limit and quiet.hangs(now, limit):
                    found.append((state, name, quiet))
        return found

    def _gpus_unused(self, states: Sequence[RunState], now: float) -> list[Happening]:
        found = []
        for state in states if self._settings.gpu else ():
            for name, attempt in state.attempts.items():
                if attempt.phase is not Phase.RUNNING or not state.specs[name].resources.gpu:
                    continue
                since = self._engine.requests.idleness.gpus_unused_since(attempt.pod, now)
                if since is not None and now - since >= self._settings.gpu:
                    found.append(gpu_unused(state, name, since, now))
        return found

    async def _stop_hung(self, states: Sequence[RunState], now: float) -> list[Happening]:
        """Have attempts end that hang for as long as their tasks allow; return that they hung."""
        found = []
        for state in states:
            for name, attempt in state.attempts.items():
                limit, quiet = state.specs[name].stop_if_hung_seconds, self._quiet.get(attempt.pod)
                if limit is None or quiet is None or not quiet.hangs(now, limit):
                    continue
                if await self._engine.requests.stop_hung(state.run.uid, name, attempt.number):
                    found.append(hung(state, name, quiet, now))
        return found

    async def _note_quiet(self, states: Sequence[RunState], now: float) -> None:
        """Keep which attempts are silent, and since when their pods have been idle."""
        silent: dict[str, float] = {}
        words: dict[str, LastWord] = {}
        for state in states:
            for attempt in state.attempts.values():
                if attempt.phase is not Phase.RUNNING:
                    continue
                limit = state.specs[attempt.task].stop_if_hung_seconds or self._settings.hung or _USUAL
                enough, pod, known = min(60.0, limit / 2), attempt.pod, attempt.pod in self._quiet
                word = self._words.get(pod) or self._word(attempt.started or attempt.created)
                if known or now - word.since >= enough:
                    tail = await self._logs.tail(LogKey(state.run.uid, attempt.task, attempt.number), 1)
                    last = max([parse_rfc3339(time) for time in tail.times if time], default=word.at)
                    word = word if word.at == last else self._word(last)
                    if known or now - word.since >= enough:
                        silent[pod] = word.since
                words[pod] = word
        self._words = words
        idleness = self._engine.requests.idleness
        pods = {attempt.pod for state in states for attempt in state.attempts.values()}
        idleness.keep(pods)
        self._engine.requests.usages.keep(pods)
        said = {pod: idleness.of(pod, now) for pod in silent}
        usage = await self._usage() if None in said.values() else {}
        quiet = {}
        for pod, since in silent.items():
            told = said[pod]
            if told is not None:
                quiet[pod] = Quiet(since, told.since, told.waits_for)
            else:
                quiet[pod] = Quiet(since, self._idle_since(pod, usage, now))
        self._quiet = quiet

    def _word(self, at: float) -> LastWord:
        return LastWord(at, self._clock.monotonic() - max(0.0, self._clock.now() - at))

    def _idle_since(self, pod: str, usage: dict[str, float], now: float) -> float | None:
        """Return since when a pod has used no CPU by the cluster's own word."""
        used = usage.get(pod)
        if used is None or used >= IDLE_CORES:
            return None
        known = self._quiet.get(pod)
        return known.idle if known is not None and known.idle is not None else now

    async def _usage(self) -> dict[str, float]:
        """Return the cores that each pod uses; none where the cluster does not say."""
        used: dict[str, float] = {}
        for namespace in self._namespaces():
            try:
                found: list[dict[str, Any]] = (await self._client.list(POD_METRICS, namespace))["items"]
            except (Forbidden, NotFound):
                self.usage_visible = bool(used)
                continue
            except (ApiError, Unreachable) as error:
                log.debug("what pods use is not known now: %s", error)
                continue
            self.usage_visible = True
            used |= {pod["metadata"]["name"]: _cores(pod) for pod in found}
        return used


def _cores(pod: dict[str, Any]) -> float:
    containers = pod.get("containers") or ()
    return float(sum(parse_quantity(one["usage"].get("cpu", "0")) for one in containers))
