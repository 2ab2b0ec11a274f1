"""The same jobs with the same pods under our job controller and under Kubernetes' own: they end in the same status."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest

from seaway.base.clock import SystemClock, rfc3339
from seaway.client.client import Client
from seaway.client.config import load_kubeconfig
from seaway.client.http import HttpTransport
from seaway.client.request import STRATEGIC_MERGE_PATCH
from seaway.controlplane.controllers.jobpods import pod_index
from seaway.objects.builtin import EVENTS, JOBS, NAMESPACES, PODS
from seaway.objects.errors import NotFound
from seaway.objects.meta import deletion_timestamp, get_condition
from tests.controlplanes import in_memory, new_namespace
from tools.real_kubernetes.control_plane import ControlPlane

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]

SECONDS = 120.0
OK, HOLD, DISRUPTED = "ok", "hold", "disrupted"
Outcome = str | int
"""An exit code, or one of the words above."""


class Scene(NamedTuple):
    """A job and what becomes of its pods, in their order; of an indexed job, for each index."""

    spec: dict[str, Any]
    outcomes: Mapping[int | None, list[Outcome]] = MappingProxyType({})
    """The last one goes on; without any, pods succeed."""
    until: str = ""
    """A condition to wait for instead of the end."""
    patch: dict[str, Any] | None = None
    """Sent when `until` is there; then the end is waited for."""


def indexed(count: int, **spec: Any) -> dict[str, Any]:
    return {"completionMode": "Indexed", "completions": count, "parallelism": count, **spec}


def policy(*rules: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {"podFailurePolicy": {"rules": list(rules)}, **spec}


def on_codes(action: str, *codes: int, operator: str = "In") -> dict[str, Any]:
    return {"action": action, "onExitCodes": {"operator": operator, "values": list(codes)}}


def on_disruption(action: str) -> dict[str, Any]:
    return {"action": action, "onPodConditions": [{"type": "DisruptionTarget"}]}


SCENES = {
    "succeeds": Scene({"completions": 3, "parallelism": 2}),
    "fails too often": Scene({"backoffLimit": 0, "completions": 2, "parallelism": 2}, {None: [1, HOLD]}),
    "fails once": Scene({"backoffLimit": 2}, {None: [1, OK]}),
    "a work queue": Scene({"parallelism": 2, "completions": None}),
    "nothing to do": Scene({"completions": 0}),
    "deadline": Scene({"activeDeadlineSeconds": 1, "parallelism": 2, "completions": 2}, {None: [HOLD]}),
    "suspended": Scene({"suspend": True}, until="Suspended"),
    "resumed": Scene({"suspend": True}, until="Suspended", patch={"spec": {"suspend": False}}),
    "indexed": Scene(indexed(4), {2: [1, OK]}),
    "a policy fails the job": Scene(policy(on_codes("FailJob", 42), backoffLimit=6, parallelism=2, completions=2), {None: [42, HOLD]}),
    "a policy ignores disruptions": Scene(policy(on_disruption("Ignore"), backoffLimit=0), {None: [DISRUPTED, OK]}),
    "a policy fails on disruptions": Scene(policy(on_disruption("FailJob")), {None: [DISRUPTED]}),
    "a policy that counts": Scene(policy(on_codes("Count", 3), on_codes("FailJob", 0, operator="NotIn"), backoffLimit=0), {None: [3]}),
    "an index is given up": Scene(indexed(3, backoffLimitPerIndex=1), {1: [1, 1]}),
    "a policy gives an index up": Scene(policy(on_codes("FailIndex", 7), **indexed(3, backoffLimitPerIndex=2)), {0: [7]}),
    "an index ignores failures": Scene(policy(on_codes("Ignore", 5), **indexed(2, backoffLimitPerIndex=0)), {1: [5, OK]}),
    "too many failed indexes": Scene(indexed(4, backoffLimitPerIndex=0, maxFailedIndexes=1), {0: [1], 1: [1], 2: [HOLD], 3: [HOLD]}),
    "enough succeeded": Scene(indexed(4, successPolicy={"rules": [{"succeededIndexes": "2-3", "succeededCount": 2}, {"succeededCount": 2}]}), {2: [HOLD], 3: [HOLD]}),
    "the leader succeeded": Scene(indexed(3, successPolicy={"rules": [{"succeededIndexes": "0"}]}), {1: [HOLD], 2: [HOLD]}),
    "managed elsewhere": Scene({"managedBy": "example.com/controller", "completions": 0}),
}  # fmt: skip
TIMES = ("startTime", "completionTime", "lastProbeTime", "lastTransitionTime")


class End(NamedTuple):
    """What is compared."""

    status: Any
    events: set[tuple[str, str, str]]


class Player:
    """Plays one job's node: each new pod gets its outcome at once."""

    def __init__(self, client: Client, namespace: str, name: str, scene: Scene) -> None:
        self.client, self.namespace, self.name, self.scene = client, namespace, name, scene
        self.seen: dict[str, Outcome] = {}
        self.attempts: dict[int | None, int] = {}

    async def play(self) -> End:
        """Run the job to where the scene wants it."""
        container = {"name": "main", "image": "python", "command": ["true"]}
        pod = {"restartPolicy": "Never", "containers": [container], "nodeSelector": {"nobody": "here"}}
        job = {"metadata": {"name": self.name}, "spec": {**self.scene.spec, "template": {"spec": pod}}}
        await self.client.create(JOBS, job, self.namespace)
        if self.scene.spec.get("managedBy"):
            return End((await self._job()).get("status"), set())
        await self._until((self.scene.until,) if self.scene.until else ("Complete", "Failed"))
        if self.scene.patch:
            await self.client.patch(JOBS, self.name, self.scene.patch, self.namespace)
            await self._until(("Complete", "Failed"))
        return End(self._shown((await self._job())["status"]), await self._events())

    async def _until(self, conditions: tuple[str, ...]) -> None:
        async with asyncio.timeout(SECONDS):
            while True:
                job = await self._job()
                if any((get_condition(job, kind) or {}).get("status") == "True" for kind in conditions):
                    return
                await self._move_pods()
                await asyncio.sleep(0.05)

    async def _move_pods(self) -> None:
        selector = f"batch.kubernetes.io/job-name={self.name}"
        pods = (await self.client.list(PODS, self.namespace, label_selector=selector))["items"]
        for pod in sorted(
            pods, key=lambda pod: (pod["metadata"]["creationTimestamp"], pod["metadata"]["name"])
        ):
            if pod["metadata"]["uid"] not in self.seen and deletion_timestamp(pod) is None:
                await self._move(pod)

    async def _move(self, pod: dict[str, Any]) -> None:
        index = pod_index(pod)
        attempt = self.attempts.get(index, 0)
        outcomes = self.scene.outcomes.get(index) or [OK]
        outcome = outcomes[min(attempt, len(outcomes) - 1)]
        try:
            await self.client.patch(
                PODS, pod["metadata"]["name"], {"status": _status(outcome)}, self.namespace,
                content_type=STRATEGIC_MERGE_PATCH, subresource="status",
            )  # fmt: skip
        except NotFound:
            return
        self.seen[pod["metadata"]["uid"]] = outcome
        self.attempts[index] = attempt + 1

    async def _job(self) -> dict[str, Any]:
        return await self.client.get(JOBS, self.name, self.namespace)

    async def _events(self) -> set[tuple[str, str, str]]:
        """Return what was told of the job, as soon as its end was."""
        waits = self.scene.until and not self.scene.patch
        over = {self.scene.until if waits else "Completed"} | {
            "BackoffLimitExceeded", "DeadlineExceeded", "PodFailurePolicy", "FailedIndexes", "MaxFailedIndexesExceeded",
        }  # fmt: skip
        async with asyncio.timeout(SECONDS):
            while True:
                selector = f"involvedObject.name={self.name},involvedObject.kind=Job"
                items = (await self.client.list(EVENTS, self.namespace, field_selector=selector))["items"]
                if any(event["reason"] in over for event in items):
                    return {(e["type"], e["reason"], self._text(e["message"])) for e in items}
                await asyncio.sleep(0.05)

    def _shown(self, value: Any) -> Any:
        """Return a status without times and names of pods."""
        if isinstance(value, dict):
            return {key: "a time" if key in TIMES else self._shown(field) for key, field in value.items()}
        if isinstance(value, list):
            return [self._shown(item) for item in value]
        return self._text(value) if isinstance(value, str) else value

    def _text(self, text: str) -> str:
        return re.sub(rf"\S*{self.name}-\S+", "POD", text)


def _status(outcome: Outcome) -> dict[str, Any]:
    now = rfc3339(SystemClock().now())
    container: dict[str, Any] = {"name": "main", "image": "python", "imageID": "", "restartCount": 0}
    if outcome == HOLD:
        ready = {"type": "Ready", "status": "True", "lastTransitionTime": now}
        container |= {"ready": True, "state": {"running": {"startedAt": now}}}
        return {"phase": "Running", "conditions": [ready], "containerStatuses": [container]}
    code = outcome if isinstance(outcome, int) else 137 if outcome == DISRUPTED else 0
    ended = {"exitCode": code, "startedAt": now, "finishedAt": now}
    status: dict[str, Any] = {"phase": "Failed" if code else "Succeeded"}
    if outcome == DISRUPTED:
        condition = {"type": "DisruptionTarget", "status": "True", "lastTransitionTime": now}
        status["conditions"] = [condition | {"reason": "EvictionByEvictionAPI", "message": "told"}]
    container |= {"ready": False, "state": {"terminated": ended}}
    return status | {"containerStatuses": [container]}


async def _play_all(client: Client) -> dict[str, End]:
    """Play every scene at once, in one new namespace."""
    namespace = await new_namespace(client)
    players = [
        Player(client, namespace, name.replace(" ", "-"), scene).play() for name, scene in SCENES.items()
    ]
    ends = await asyncio.gather(*players)
    await client.delete(NAMESPACES, namespace)
    return dict(zip(SCENES, ends, strict=True))


async def _ours() -> dict[str, End]:
    async with in_memory(scheduler=False) as plane:
        return await _play_all(plane.client)


async def _theirs(plane: ControlPlane) -> dict[str, End]:
    client = Client(HttpTransport(load_kubeconfig(plane.kubeconfig)))
    try:
        return await _play_all(client)
    finally:
        await client.close()


@pytest.fixture(scope="module")
def ends(real_control_plane: ControlPlane) -> tuple[dict[str, End], dict[str, End]]:
    """How every scene ended: with ours, with theirs."""

    async def both() -> tuple[dict[str, End], dict[str, End]]:
        return await asyncio.gather(_ours(), _theirs(real_control_plane))

    return asyncio.run(both())


@pytest.mark.parametrize("scene", SCENES)
def test_a_job_ends_as_under_kubernetes(ends: tuple[dict[str, End], dict[str, End]], scene: str) -> None:
    ours, theirs = (side[scene] for side in ends)
    assert ours.status == theirs.status
    assert ours.events == theirs.events
