"""Bringing about what was decided. Each effect reports by changing the mirror and having the task looked at again."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable

from seaway.client.client import Client
from seaway.model.run import TaskSpec
from seaway.model.verdict import Verdict
from seaway.platform.database.records import ActRecord, AttemptRecord
from seaway.platform.diagnosis.admission import explanation
from seaway.platform.diagnosis.rules.python import NO_PYTHON
from seaway.platform.engine import cluster, texts
from seaway.platform.engine.answers import Created, Postponed, Refused
from seaway.platform.engine.judgement import FactsGatherer
from seaway.platform.engine.namespaces import Namespaces
from seaway.platform.engine.pods import PodTable, Seen
from seaway.platform.engine.retries import can_do_without_runner
from seaway.platform.engine.secrets import put_secret
from seaway.platform.engine.situation import LOSE, WAIT, Blocker, Effect
from seaway.platform.engine.state import RunState
from seaway.platform.engine.verdicts import Diagnosis
from seaway.platform.engine.waitlimit import has_started
from seaway.platform.engine.waitlimit import verdict as not_started_verdict
from seaway.platform.history.collector import LogCollector
from seaway.platform.history.logs import LogKey, LogStore
from seaway.platform.history.narrator import Narrator
from seaway.platform.history.recorder import Recorder
from seaway.platform.workloads.growth import can_grow, grown
from seaway.platform.workloads.names import token_secret_name
from seaway.platform.workloads.observation import is_plain
from seaway.platform.workloads.pod import (
    AttemptIdentity,
    PodSettings,
    build_pod,
    build_token_secret,
    image_of,
)

log = logging.getLogger(__name__)
_NUMBER = re.compile(r"\d+")


class TryLater(Exception):
    """An effect could not be brought about now."""


class Effects:
    """Carries out effects with the cluster, the log and diagnosis."""

    def __init__(
        self,
        client: Client,
        namespaces: Namespaces,
        pods: PodTable,
        logs: LogStore,
        collector: LogCollector,
        recorder: Recorder,
        narrator: Narrator,
        facts: FactsGatherer,
        diagnosis: Diagnosis,
        settings: PodSettings,
        token: Callable[[str, str], str],
        wake: Callable[[RunState], None],
        losses_on_interruptible: int,
    ) -> None:
        self._client, self._namespaces, self._pods = client, namespaces, pods
        self._logs, self._collector = logs, collector
        self._recorder, self._narrator, self._facts, self._diagnosis = recorder, narrator, facts, diagnosis
        self._settings, self._token, self._wake = settings, token, wake
        self._losses = losses_on_interruptible
        self._plain_images: set[str] = set()
        """Images that turned out to have no Python; forgotten when the server ends, so that a mended one is found."""

    async def carry_out(self, effect: Effect, state: RunState, attempt: AttemptRecord) -> None:
        """Carry out one effect. Raises TryLater, or what Kubernetes and the database raise: it is repeated then."""
        match effect:
            case Effect.CREATE:
                await self._create(state, attempt)
            case Effect.DELETE:
                await self._delete(state, attempt)
            case Effect.JUDGE:
                await self._judge(state, attempt)
            case Effect.EXAMINE:
                await self._examine(state, attempt)
            case Effect.RELEASE:
                await self._release(state, attempt)

    async def _create(self, state: RunState, attempt: AttemptRecord) -> None:
        run, task = state.run, state.tasks[attempt.task]
        spec = grown(state.specs[attempt.task], task.growth)
        plain = image_of(spec, self._settings) in self._plain_images and can_do_without_runner(spec)
        if not plain and (not state.has_token or attempt.number > 1):
            await self._put_token(state, attempt)  # what took the pod may have taken the Secret with it
        identity = AttemptIdentity(
            run.name, run.uid, run.namespace, attempt.number, attempt.fence, attempt.pod, attempt.lock_token,
            memory_grows=can_grow(state.specs[attempt.task], task.growth),
            avoid_interruptible=task.losses >= self._losses,
        )  # fmt: skip
        manifest = build_pod(spec, identity, self._settings, plain=plain)
        answer = await cluster.create_pod(self._client, self._namespaces, manifest)
        match answer:
            case Created(pod):
                state.blockers.pop(attempt.pod, None)
                self._pods.add(pod)
                if is_plain(pod):
                    self._say(state, attempt, texts.plain(image_of(spec, self._settings), spec))
            case Postponed(message):
                state.has_token = False  # where the namespace was missing, so is the Secret
                self._note_postponed(state, attempt, message)
                raise TryLater(message)
            case Refused(message):
                facts = await self._facts.gather(run, task, spec, attempt, None, create_error=message)
                state.verdicts[attempt.pod] = self._diagnosis.judge(facts)

    async def _put_token(self, state: RunState, attempt: AttemptRecord) -> None:
        run = state.run
        secret = build_token_secret(
            run.name, run.uid, run.namespace, self._token(run.name, run.uid), self._settings.installation
        )
        postponed = await put_secret(self._client, self._namespaces, secret)
        if postponed is not None:
            state.blockers[attempt.pod] = Blocker("NotCreated", postponed.message)
            raise TryLater(postponed.message)
        state.has_token = True

    def _note_postponed(self, state: RunState, attempt: AttemptRecord, message: str) -> None:
        """Keep why a pod cannot be made yet; a rule of the cluster is said too, but for numbers alone that changed, as a quota's do."""
        before, told = state.blockers.get(attempt.pod), explanation(message)
        state.blockers[attempt.pod] = Blocker("NotCreated", told or message)
        if told and (before is None or _NUMBER.sub("", before.message) != _NUMBER.sub("", told)):
            self._say(state, attempt, f"waits: {told}")

    async def _delete(self, state: RunState, attempt: AttemptRecord) -> None:
        seen = self._pods.get(attempt.pod, state.run.uid)
        if attempt.asked == WAIT:
            await self._take_back(state, attempt, seen)
        elif seen is not None and not seen.observation.gone:
            grace = 0 if attempt.asked == LOSE else None
            self._deletes(seen)
            await cluster.delete_pod(self._client, seen.object, grace_seconds=grace)

    async def _take_back(self, state: RunState, attempt: AttemptRecord, seen: Seen | None) -> None:
        """Delete a pod that has not started in time, unless it starts meanwhile: then it goes on."""
        current = state.attempts.get(attempt.task)
        if seen is None or seen.observation.gone or has_started(current, seen.observation):
            return
        if current is not None and current.asked == WAIT:
            if not await cluster.take_back_pod(self._client, seen.object):
                raise TryLater(f"the pod {attempt.pod} has changed")
            self._deletes(seen)

    async def _judge(self, state: RunState, attempt: AttemptRecord) -> None:
        seen = self._pods.get(attempt.pod, state.run.uid)
        task, spec = state.tasks[attempt.task], state.specs[attempt.task]
        if seen is not None:
            await self._collector.complete(_key(state, attempt), seen.object)
        elif attempt.asked == WAIT:
            await self._judge_without_pod(state, attempt)
            return
        facts = await self._facts.gather(state.run, task, spec, attempt, seen)
        state.verdicts[attempt.pod] = verdict = self._diagnosis.judge(facts)
        self._learn(spec, verdict)

    async def _judge_without_pod(self, state: RunState, attempt: AttemptRecord) -> None:
        """Say that an attempt did not start in time, once the API server says that it has no pod."""
        run = state.run
        made = await cluster.find_pod(self._client, attempt.pod, run.namespace, run.uid)
        if made is not None:
            self._pods.add(made)  # it is looked at, and taken back
            return
        message = state.tasks[attempt.task].message
        state.verdicts[attempt.pod] = not_started_verdict(message, attempt.asked_at or attempt.created)

    async def _examine(self, state: RunState, attempt: AttemptRecord) -> None:
        seen = self._pods.get(attempt.pod, state.run.uid)
        if seen is None:
            return
        if token_secret_name(state.run.name, state.run.uid) in seen.observation.waiting_message:
            # somebody deleted it: the pod goes on when it is there again
            await self._put_token(state, attempt)
            state.blockers[attempt.pod] = Blocker(seen.observation.why_waiting, texts.MADE_ANEW)
            return
        task, spec = state.tasks[attempt.task], state.specs[attempt.task]
        facts = await self._facts.gather(state.run, task, spec, attempt, seen, waiting=True)
        before = state.blockers.get(attempt.pod)
        blocker = self._diagnosis.examine(facts, seen.observation.why_waiting)
        state.blockers[attempt.pod] = blocker
        if blocker.verdict is not None:
            self._learn(spec, blocker.verdict)
        elif before is None or before.message != blocker.message:
            self._say(state, attempt, f"waits: {blocker.message}")

    def _learn(self, spec: TaskSpec, verdict: Verdict) -> None:
        """Take note of an image without Python: what comes next in it is started without the runner."""
        if verdict.cause == NO_PYTHON:
            self._plain_images.add(image_of(spec, self._settings))

    def _say(self, state: RunState, attempt: AttemptRecord, text: str) -> None:
        self._narrator.say(_key(state, attempt), text, self._recorder.nanoseconds())

    async def _release(self, state: RunState, attempt: AttemptRecord) -> None:
        seen = self._pods.get(attempt.pod, state.run.uid)
        if seen is None:
            state.unread.discard(attempt.pod)
            return
        key = _key(state, attempt)
        await self._collector.complete(key, seen.object)
        state.unread.discard(attempt.pod)
        state.mark([attempt.task])
        self._wake(state)
        await self.let_go(key, seen)

    async def release_stray(self, key: LogKey, seen: Seen) -> None:
        """Let the pod of an attempt go that has ended long since, or that no run knows; it is ended first where it runs."""
        if not seen.observation.ended:
            self._deletes(seen)
            await cluster.delete_pod(self._client, seen.object)
            return  # the watch shows its end
        if key.attempt:
            await self._collector.complete(key, seen.object)
        await self.let_go(key, seen)

    async def let_go(self, key: LogKey, seen: Seen) -> None:
        """Make a complete log and the last status durable, then let the pod go."""
        await self._logs.close(key)
        current = self._present(seen, key)
        if current is not None and not current.object["metadata"].get("deletionTimestamp"):
            self._deletes(current)
        await self._recorder.flush()
        if (current := self._present(seen, key)) is not None:
            await cluster.release_pod(self._client, current.object)
            self._pods.let_go(current)
        self._collector.forget(key)

    def _present(self, seen: Seen, key: LogKey) -> Seen | None:
        """Return a pod as it is now, None where it is gone."""
        current = self._pods.get(seen.observation.pod, key.run_uid)
        return current if current is not None and not current.observation.gone else None

    def _deletes(self, seen: Seen) -> None:
        """Take note that it is the server that deletes a pod: Kubernetes notes it nowhere."""
        name, namespace = seen.object["metadata"]["name"], seen.object["metadata"]["namespace"]
        now = self._recorder.nanoseconds() / 1e9
        self._recorder.acted(ActRecord(now, "seaway", "delete", "Pod", name, namespace))


def _key(state: RunState, attempt: AttemptRecord) -> LogKey:
    return LogKey(state.run.uid, attempt.task, attempt.number)
