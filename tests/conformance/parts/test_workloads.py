"""The same workloads under our controllers and under Kubernetes' own: they get to the same state, and the same is told of them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, NamedTuple

import pytest

from seaway.base.tasks import Services
from seaway.client.client import Client
from seaway.client.config import load_kubeconfig
from seaway.client.http import HttpTransport
from seaway.controlplane.node.simulated import SimulatedNodes, SimulatedSettings
from seaway.objects.builtin import EVENTS, NAMESPACES, NODES, PERSISTENT_VOLUME_CLAIMS, PODS
from seaway.objects.resource import Resource
from seaway.objects.workloads import CONTROLLER_REVISIONS, REPLICA_SETS
from tests.conformance.parts import scenes_workloads as scenes
from tests.controlplanes import in_memory, new_namespace
from tests.waiting import until_object
from tools.real_kubernetes.control_plane import ControlPlane

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]

SECONDS = 90.0
Object = dict[str, Any]
TIMES = ("lastUpdateTime", "lastTransitionTime")
_ROLLS = {
    "rolled",
    "undone",
    "stuck and resized",
    "short history",
    "resumed",
    "stuck",
    "resized",
    "minimum",
    "refused pods",
}
"""How many steps these take depends on the moments at which pods get ready: only which events there are is compared."""


class State(NamedTuple):
    """What is compared."""

    workload: Any
    children: Any
    pods: Any
    claims: Any
    events: Any


class Side:
    """One of the two clusters, in one namespace of it."""

    def __init__(self, client: Client, namespace: str) -> None:
        self.client, self.namespace = client, namespace

    async def begin(self, label: str, scene: scenes.Scene) -> None:
        """Create the workload and lead it through its life."""
        name = label.replace(" ", "-")
        for resource, rest, fields in scene.beside:
            await self._create(resource, name, f"{name}{rest}", fields)
        await self._create(scene.resource, name, name, {"spec": scene.spec})
        for step in scene.steps:
            if step.patch is not None:
                await self.client.patch(
                    scene.resource,
                    name,
                    step.patch,
                    self.namespace,
                    content_type="application/strategic-merge-patch+json",
                )
            await until_object(self.client, scene.resource, name, self.namespace, step.until, seconds=SECONDS)

    async def _create(self, resource: Resource, label: str, name: str, fields: Object) -> None:
        named = _put(fields, label)
        metadata = {"name": name} | named.pop("metadata", {})
        await self.client.create(resource, {"metadata": metadata, **named}, self.namespace)

    async def state(self, label: str, scene: scenes.Scene) -> State:
        """Return what became of it, without what differs between any two clusters."""
        name = label.replace(" ", "-")
        workload = await self.client.get(scene.resource, name, self.namespace)
        shown = _Shown(name, self.namespace)
        children = [
            shown.child(child)
            for resource in (REPLICA_SETS, CONTROLLER_REVISIONS)
            for child in await self._owned(resource, name)
        ]
        claims = (await self.client.list(PERSISTENT_VOLUME_CLAIMS, self.namespace))["items"]
        mine = [
            claim
            for claim in claims
            if f"-{name}-" in claim["metadata"]["name"]
            and claim["metadata"]["name"].rpartition("-")[0] == f"data-{name}"
        ]
        pods = (await self.client.list(PODS, self.namespace, label_selector=f"app={name}"))["items"]
        selector = f"involvedObject.name={name},involvedObject.kind={scene.resource.kind}"
        events = (await self.client.list(EVENTS, self.namespace, field_selector=selector))["items"]
        return State(
            shown.workload(workload),
            sorted(children, key=str),
            sorted((shown.pod(pod) for pod in pods), key=str),
            sorted((shown.claim(claim) for claim in mine), key=str),
            {
                shown.event(event, words=label not in _ROLLS)
                for event in events
                if not _is_a_moments(event, label)
            },
        )

    async def _owned(self, resource: Resource, name: str) -> list[Object]:
        found = (await self.client.list(resource, self.namespace))["items"]
        return [
            one
            for one in found
            if any(r["name"] == name for r in one["metadata"].get("ownerReferences") or ())
        ]


def _is_a_moments(event: Object, label: str) -> bool:
    """Tell whether an event depends on who came first: a budget before its pods, or another writer."""
    early = event["reason"] == "NoPods" and label != "budget of nothing"
    return early or "please apply your changes to the latest version" in event["message"]


def _put(value: Any, name: str) -> Any:
    """Return a value with the workload's name put in."""
    if isinstance(value, dict):
        return {key: _put(field, name) for key, field in value.items()}
    if isinstance(value, list):
        return [_put(item, name) for item in value]
    return name if value == "NAME" else value


class _Shown:
    """Objects without uids, times, hashes and generated names."""

    def __init__(self, name: str, namespace: str) -> None:
        self._namespace = namespace
        self._generated = re.compile(rf"{name}-(?!lone)[a-z0-9]{{5,10}}(-[a-z0-9]{{5}})?\b")

    def plain(self, value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            fields = {k: self.plain(v, k) for k, v in value.items() if k not in ("uid", "managedFields")}
            if "conditions" in fields:
                fields["conditions"] = sorted(fields["conditions"], key=lambda c: c["type"])
            return fields
        if isinstance(value, list):
            return [self.plain(item) for item in value]
        if key in TIMES:
            return "a time"
        if key.endswith(("-hash", "/hash")):
            return "a hash"
        if not isinstance(value, str):
            return value
        return self._generated.sub("GENERATED", value).replace(self._namespace, "NAMESPACE")

    def workload(self, obj: Object) -> Any:
        metadata = {k: obj["metadata"].get(k) for k in ("annotations", "generation")}
        return self.plain({"metadata": metadata, "status": obj.get("status")})

    def child(self, obj: Object) -> Any:
        metadata = {k: obj["metadata"].get(k) for k in ("annotations", "labels", "ownerReferences")}
        status = {k: v for k, v in (obj.get("status") or {}).items() if k != "observedGeneration"}
        spec = {
            k: v
            for k, v in (obj.get("spec") or {}).items()
            if k in ("replicas", "minReadySeconds", "selector")
        }
        images = [
            c["image"]
            for c in ((obj.get("spec") or {}).get("template") or {"spec": {"containers": []}})["spec"][
                "containers"
            ]
        ]
        kept = {"revision": obj.get("revision"), "data": _without_defaults(obj.get("data"))}
        return self.plain({"metadata": metadata, "status": status, "spec": spec, "images": images, **kept})

    def pod(self, obj: Object) -> Any:
        metadata = {k: obj["metadata"].get(k) for k in ("labels", "ownerReferences", "generateName")}
        fields = ("hostname", "subdomain", "affinity", "tolerations", "nodeSelector")
        spec = {k: obj["spec"].get(k) for k in fields}
        claims = [
            v["persistentVolumeClaim"]
            for v in obj["spec"].get("volumes") or ()
            if "persistentVolumeClaim" in v
        ]
        return self.plain(
            {
                "metadata": metadata,
                "spec": spec,
                "claims": claims,
                "image": obj["spec"]["containers"][0]["image"],
            }
        )

    def claim(self, obj: Object) -> Any:
        metadata = {k: obj["metadata"].get(k) for k in ("name", "labels", "ownerReferences")}
        return self.plain({"metadata": metadata, "resources": obj["spec"]["resources"]})

    def event(self, obj: Object, *, words: bool) -> tuple[str, ...]:
        told = (obj["type"], obj["reason"], obj["source"]["component"])
        return (*told, self.plain(obj["message"])) if words else told


def _without_defaults(data: Any) -> Any:
    """Return the image that a revision keeps."""
    return data and data["spec"]["template"]["spec"]["containers"][0]["image"]


@asynccontextmanager
async def _place(client: Client) -> AsyncIterator[Side]:
    """Prepare a new namespace, and nodes that are simulated."""
    namespace = await new_namespace(client)
    labels = {"simulated": "true"}
    nodes = SimulatedNodes(
        client, scenes.NODES, SimulatedSettings(prefix=f"{namespace}-", labels=labels, heartbeat_seconds=10)
    )
    async with Services() as services:
        await services.start("nodes", nodes.run)
        yield Side(client, namespace)
        await client.delete(NAMESPACES, namespace)
    for node in nodes.names:
        await client.delete(NODES, node)


async def _play(label: str, ours: Side, theirs: Side) -> tuple[State, State]:
    """Return both states as soon as they are equal, else the last ones."""
    scene = scenes.SCENES[label]
    await asyncio.gather(ours.begin(label, scene), theirs.begin(label, scene))

    async def both() -> list[State]:
        return await asyncio.gather(ours.state(label, scene), theirs.state(label, scene))

    found = await both()
    with suppress(TimeoutError):
        async with asyncio.timeout(SECONDS):
            while found[0] != found[1]:
                await asyncio.sleep(0.1)
                found = await both()
    return found[0], found[1]


async def _play_all(plane: ControlPlane) -> dict[str, tuple[State, State] | BaseException]:
    client = Client(HttpTransport(load_kubeconfig(plane.kubeconfig)))
    try:
        async with in_memory() as own, _place(own.client) as ours, _place(client) as theirs:
            ends = await asyncio.gather(
                *(_play(label, ours, theirs) for label in scenes.SCENES), return_exceptions=True
            )
            return dict(zip(scenes.SCENES, ends, strict=True))
    finally:
        await client.close()


@pytest.fixture(scope="module")
def ends(real_control_plane: ControlPlane) -> dict[str, tuple[State, State] | BaseException]:
    """How every scene ended on both sides."""
    return asyncio.run(_play_all(real_control_plane))


@pytest.mark.parametrize("scene", scenes.SCENES)
@pytest.mark.parametrize("part", State._fields)
def test_a_workload_gets_where_it_gets_under_kubernetes(
    ends: dict[str, tuple[State, State] | BaseException], scene: str, part: str
) -> None:
    end = ends[scene]
    if isinstance(end, BaseException):
        raise end
    ours, theirs = (getattr(side, part) for side in end)
    assert ours == theirs, "\n".join(_differences(ours, theirs))


def _differences(ours: Any, theirs: Any, at: str = "") -> list[str]:
    """Return where two values differ, a line each."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return [
            d
            for key in {**ours, **theirs}
            for d in _differences(ours.get(key), theirs.get(key), f"{at}.{key}")
        ]
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        pairs = enumerate(zip(ours, theirs, strict=True))
        return [d for index, pair in pairs for d in _differences(*pair, f"{at}[{index}]")]
    return [] if ours == theirs else [f"{at}: ours {ours}, theirs {theirs}"]
