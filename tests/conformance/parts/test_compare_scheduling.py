"""Kubernetes' own scheduler and ours look at the same objects: where a pod may be, why not, and who makes room."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seaway.client.client import Client
from seaway.client.config import load_kubeconfig
from seaway.client.http import HttpTransport
from seaway.controlplane.apiserver.pki import ensure_pki
from seaway.controlplane.kinds import BUILTIN_KINDS
from seaway.controlplane.kinds.further import FURTHER_KINDS
from seaway.controlplane.scheduler.filters import among_pods, reasons
from seaway.controlplane.scheduler.podinfo import pod_info
from seaway.controlplane.scheduler.select import Selector, explain
from seaway.controlplane.scheduler.state import ClusterState
from seaway.controlplane.scheduler.storage import unready
from seaway.objects import meta
from seaway.objects.builtin import (
    NAMESPACES,
    NODES,
    PERSISTENT_VOLUME_CLAIMS,
    PERSISTENT_VOLUMES,
    PODS,
    PRIORITY_CLASSES,
    SERVICE_ACCOUNTS,
    STORAGE_CLASSES,
)
from tools.compare.servers import run_ours
from tools.real_kubernetes.build import NOT_BUILT, TOOL
from tools.real_kubernetes.control_plane import run_scheduler, write_kubeconfig

pytestmark = pytest.mark.real

Object = dict[str, Any]
SECONDS = 60.0
ZONE, HOST = "topology.kubernetes.io/zone", "kubernetes.io/hostname"
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
OF_DEVICES = "no new claims to deallocate, "
"""Kubernetes says so of every pod, also where there are no claims of devices; ours knows none."""
BROKEN = " not found"
"""What stands in place of Kubernetes' word on preemption where no node was looked at: its look at devices fails there."""
_numbers = itertools.count()


class Both:
    """One API server, Kubernetes' scheduler beside it, and ours in the test itself."""

    def __init__(self, client: Client, loop: asyncio.AbstractEventLoop) -> None:
        self.client, self.loop = client, loop

    def run(self, coroutine: Any) -> Any:
        return self.loop.run_until_complete(coroutine)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    if not TOOL.is_built():
        pytest.skip(NOT_BUILT)
    folder = tmp_path_factory.mktemp("scheduling")
    with run_ours(folder, (*BUILTIN_KINDS, *FURTHER_KINDS)) as ours:
        pki = ensure_pki(folder / "pki", (), time.time())
        paths = []
        for user, groups in (("system:kube-scheduler", ()), ("admin", ("system:masters",))):
            paths.append(folder / f"kubeconfig-{len(paths)}")
            pair = pki.client_pair(f"user-{len(paths)}", user, groups, time.time())
            write_kubeconfig(paths[-1], ours.url, pki.ca.certificate, pair)
        loop = asyncio.new_event_loop()
        client = Client(HttpTransport(load_kubeconfig(paths[1])))
        found = Both(client, loop)
        with run_scheduler(paths[0], folder):
            found.run(_prepare(client))
            yield found
            found.run(client.close())
        loop.close()


async def _prepare(client: Client) -> None:
    await client.create(NAMESPACES, {"metadata": {"name": "cases"}})
    await client.create(SERVICE_ACCOUNTS, {"metadata": {"name": "default", "namespace": "cases"}}, "cases")
    for value in range(1, 10):
        await client.create(PRIORITY_CLASSES, {"metadata": {"name": f"p{value}"}, "value": value})
    never = {"metadata": {"name": "never"}, "value": 20, "preemptionPolicy": "Never"}
    await client.create(PRIORITY_CLASSES, never)


def a_pod(name: str, cpu: int = 1, app: str = "x", port: int = 0, **spec: Any) -> Object:
    container: Object = {"name": "main", "image": "python", "resources": {"requests": {"cpu": f"{cpu}"}}}
    if port:
        container["ports"] = [{"containerPort": port, "hostPort": port}]
    metadata = {"name": name, "namespace": "cases", "labels": {"app": app}}
    return {"metadata": metadata, "spec": {"containers": [container], **spec}}


def a_node(name: str, cpu: int, zone: str, taints: list[Object], *, cordoned: bool) -> Object:
    allocatable = {"cpu": str(cpu), "memory": "8Gi", "pods": "110"}
    labels = {HOST: name} | ({ZONE: zone} if zone else {})
    spec = {"taints": taints} | ({"unschedulable": True} if cordoned else {})
    status = {"allocatable": allocatable, "capacity": allocatable}
    return {"metadata": {"name": name, "labels": labels}, "spec": spec, "status": status}


TAINT = {"key": "team", "value": "ml", "effect": "NoSchedule"}
APPS, KEYS = st.sampled_from("xy"), st.sampled_from([ZONE, HOST])
TERM = st.builds(
    lambda key, app: {"topologyKey": key, "labelSelector": {"matchLabels": {"app": app}}}, KEYS, APPS
)
SPREAD = st.builds(
    lambda key, app, skew, least, affinity, taints: {
        "topologyKey": key, "labelSelector": {"matchLabels": {"app": app}}, "maxSkew": skew,
        "whenUnsatisfiable": "DoNotSchedule",
    } | ({"minDomains": least} if least else {}) | {"nodeAffinityPolicy": affinity, "nodeTaintsPolicy": taints},
    KEYS, APPS, st.integers(1, 2), st.integers(0, 3), *[st.sampled_from(["Honor", "Ignore"])] * 2,
)  # fmt: skip
NODE = st.tuples(
    st.integers(1, 4), st.sampled_from(["a", "b", ""]), st.sampled_from([[], [], [TAINT]]), st.sampled_from([False] * 4 + [True])
)  # fmt: skip
PLACED = st.tuples(
    st.integers(0, 2), st.integers(1, 2), APPS, st.sampled_from([0, 0, 0, 8080]), st.none() | TERM, st.booleans()
)  # fmt: skip
WISHES = st.fixed_dictionaries({
    "cpu": st.integers(1, 4), "app": APPS, "port": st.sampled_from([0, 0, 0, 8080]),
    "priorityClassName": st.sampled_from(["", "", "p9", "never"]), "zone": st.sampled_from(["", "", "a"]),
    "tolerates": st.booleans(), "near": st.none() | st.none() | TERM, "apart": st.none() | st.none() | TERM,
    "spread": st.none() | SPREAD, "named": st.sampled_from([None, None, None, 0, 1]),
})  # fmt: skip


def incoming(name: str, wishes: Object, nodes: list[str]) -> Object:
    spec: Object = {"schedulingGates": [{"name": "tests.dev/all-is-there"}]}
    if wishes["priorityClassName"]:
        spec["priorityClassName"] = wishes["priorityClassName"]
    if wishes["zone"]:
        spec["nodeSelector"] = {ZONE: wishes["zone"]}
    if wishes["tolerates"]:
        spec["tolerations"] = [{"key": "team", "operator": "Exists"}]
    if wishes["named"] is not None:
        there = [{"key": "metadata.name", "operator": "In", "values": [nodes[wishes["named"] % len(nodes)]]}]
        spec["affinity"] = {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": [{"matchFields": there}]}}}
    for field, kind in (("near", "podAffinity"), ("apart", "podAntiAffinity")):
        if wishes[field]:
            spec.setdefault("affinity", {})[kind] = {REQUIRED: [wishes[field]]}
    if wishes["spread"]:
        spec["topologySpreadConstraints"] = [wishes["spread"]]
    return a_pod(name, wishes["cpu"], wishes["app"], wishes["port"], **spec)


@settings(max_examples=40, derandomize=True, database=None, deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])  # fmt: skip
@given(nodes=st.lists(NODE, min_size=1, max_size=3), placed=st.lists(PLACED, max_size=4), wishes=WISHES)
def test_both_schedulers_say_the_same(both: Both, nodes: list, placed: list, wishes: Object) -> None:
    for last in (False, False, True):
        try:
            both.run(_compare(both.client, nodes, placed, wishes))
        except TooEarly:
            if last:
                raise
        else:
            return


class TooEarly(AssertionError):
    """Kubernetes bound the pod where ours would not: perhaps it had not seen all yet, so the case is tried again."""


async def _compare(client: Client, nodes: list, placed: list, wishes: Object) -> None:
    case = f"c{next(_numbers)}"
    names = [f"{case}-n{number}" for number in range(len(nodes))]
    for name, (cpu, zone, taints, cordoned) in zip(names, nodes, strict=True):
        await client.create(NODES, a_node(name, cpu, zone, taints, cordoned=cordoned))
    free = {name: node[0] for name, node in zip(names, nodes, strict=True)}
    for number, (place, cpu, app, port, apart, low) in enumerate(placed):
        where = names[place % len(names)]
        if free[where] < cpu:
            continue
        free[where] -= cpu
        spec: Object = {"nodeName": where}
        if apart:
            spec["affinity"] = {"podAntiAffinity": {REQUIRED: [apart]}}
        if low:
            spec["priorityClassName"] = f"p{number + 1}"
        else:
            spec["priorityClassName"] = "never"
        await client.create(PODS, a_pod(f"{case}-p{number}", cpu, app, port, **spec), "cases")
    try:
        await _judged_alike(client, incoming(f"{case}-in", wishes, names))
    finally:
        for pod in (await client.list(PODS, "cases"))["items"]:
            await client.delete(PODS, meta.name(pod), "cases", grace_seconds=0)
        for name in names:
            await client.delete(NODES, name)


async def _judged_alike(client: Client, pod: Object, expected: str = "") -> None:
    """Have both judge a pod that waits at a gate until all is there."""
    made = await client.create(PODS, pod, "cases")
    ours, state = pod_info(made), await _state(client)
    feasible = _feasible(ours, state)
    room = explain(ours, state) if not feasible else None
    assert expected in (room.message if room else "")
    await client.patch(
        PODS, meta.name(made), {"spec": {"schedulingGates": None}}, "cases",
        content_type="application/merge-patch+json",
    )  # fmt: skip
    theirs: Any = None
    try:
        async with asyncio.timeout(SECONDS):
            while True:
                theirs = await client.get(PODS, meta.name(made), "cases")
                if room is None and theirs["spec"].get("nodeName"):
                    break
                if theirs["spec"].get("nodeName"):
                    raise TooEarly(f"bound to {theirs['spec']['nodeName']}; ours: {room}")
                told = meta.get_condition(theirs, "PodScheduled") or {}
                said = (told.get("message") or "").replace(OF_DEVICES, "")
                if said.endswith(BROKEN) and room is not None:
                    said = said.removesuffix(BROKEN) + "".join(room.message.partition(" preemption: ")[1:])
                if room is not None and (said, _nominated(theirs)) == (room.message, room.node):
                    break
                await asyncio.sleep(0.01)
    except TimeoutError:
        pytest.fail(
            f"ours: {sorted(feasible) or room}\ntheirs: {theirs['spec'].get('nodeName')} {theirs['status']}"
        )
    if room is None:
        if theirs["spec"]["nodeName"] not in feasible:
            raise TooEarly(f"bound to {theirs['spec']['nodeName']}; ours: {sorted(feasible)}")
        assert Selector().choose(ours, state).node in feasible
    elif room.node:
        await _victims_go(client, {victim.key for victim in room.victims})


async def _victims_go(client: Client, expected: set[str]) -> None:
    async with asyncio.timeout(SECONDS):
        while True:
            pods = (await client.list(PODS, "cases"))["items"]
            going = {meta.key(pod) for pod in pods if meta.deletion_timestamp(pod)}
            if going == expected:
                return
            await asyncio.sleep(0.01)


def _nominated(pod: Object) -> str:
    return pod["status"].get("nominatedNodeName") or ""


async def _state(client: Client) -> ClusterState:
    """Return the cluster as our scheduler would see it."""
    state = ClusterState()
    for resource, known in (
        (STORAGE_CLASSES, state.storage.classes),
        (PERSISTENT_VOLUMES, state.storage.volumes),
        (PERSISTENT_VOLUME_CLAIMS, state.storage.claims),
    ):
        for obj in (await client.list(resource))["items"]:
            known[meta.key(obj)] = obj
    for node in (await client.list(NODES))["items"]:
        state.set_node(node)
    state.set_namespace("cases", {})
    for pod in (await client.list(PODS, "cases"))["items"]:
        if pod["spec"].get("nodeName"):
            state.place(pod_info(pod), pod["spec"]["nodeName"])
    return state


def _feasible(pod: Any, state: ClusterState) -> set[str]:
    if unready(pod, state.storage):
        return set()
    further = among_pods(pod, state)
    return {name for name, node in state.nodes.items() if not reasons(pod, node, further)}


def a_claim(name: str, **more: Any) -> Object:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}} | more
    return {"metadata": {"name": name, "namespace": "cases"}, "spec": spec}


def a_volume(name: str, zone: str = "a", **more: Any) -> Object:
    term = {"matchExpressions": [{"key": ZONE, "operator": "In", "values": [zone]}]}
    spec = {
        "accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}, "hostPath": {"path": "/srv"},
        "storageClassName": "delayed", "nodeAffinity": {"required": {"nodeSelectorTerms": [term]}},
    } | more  # fmt: skip
    return {"metadata": {"name": name}, "spec": spec}


@pytest.mark.parametrize(
    ("claim", "volume", "expected"),
    [
        pytest.param(None, None, 'persistentvolumeclaim "data" not found', id="no claim"),
        pytest.param(a_claim("data", storageClassName="now"), None, "pod has unbound immediate PersistentVolumeClaims", id="immediate"),
        pytest.param(a_claim("data", storageClassName="absent"), None, "pod has unbound immediate PersistentVolumeClaims", id="no class"),
        pytest.param(a_claim("data", storageClassName="manual"), None, "2 node(s) didn't find available persistent volumes to bind", id="nothing to bind"),
        pytest.param(a_claim("data", storageClassName="zoned"), None, "", id="made in one zone"),
        pytest.param(a_claim("data", storageClassName="elsewhere"), None, "2 node(s) didn't find available persistent volumes to bind", id="made elsewhere"),
        pytest.param(a_claim("data", storageClassName="manual"), a_volume("v", storageClassName="manual"), "", id="by hand"),
        pytest.param(a_claim("data", volumeName="v", storageClassName="delayed"), a_volume("v", "c"), "2 node(s) didn't match PersistentVolume's node affinity", id="bound elsewhere"),
        pytest.param(a_claim("data", volumeName="v", storageClassName="delayed"), None, 'persistentvolume "v" not found', id="its volume is gone"),
        pytest.param(a_claim("data", volumeName="v", storageClassName="delayed", accessModes=["ReadWriteOncePod"]), a_volume("v", accessModes=["ReadWriteOncePod"]), "already in-use by another pod", id="for one pod"),
    ],
)  # fmt: skip
def test_both_schedulers_say_the_same_of_claims(both: Both, claim: Any, volume: Any, expected: str) -> None:
    both.run(_compare_claims(both.client, claim, volume, expected))


async def _compare_claims(client: Client, claim: Any, volume: Any, expected: str) -> None:
    case, made = f"v{next(_numbers)}", []

    async def create(resource: Any, obj: Object, namespace: str | None = None) -> Object:
        made.append((resource, meta.name(obj), namespace))
        return await client.create(resource, obj, namespace)

    for name, more in (
        ("now", {"volumeBindingMode": "Immediate"}),
        ("manual", {"provisioner": "kubernetes.io/no-provisioner"}),
        ("delayed", {}),
        ("zoned", _only_in("a")),
        ("elsewhere", _only_in("c")),
    ):
        base = {"provisioner": "example.com/p", "volumeBindingMode": "WaitForFirstConsumer"}
        await create(STORAGE_CLASSES, {"metadata": {"name": name}} | base | more)
    for zone in ("a", "b"):
        await create(NODES, a_node(f"{case}-{zone}", 4, zone, [], cordoned=False))
    if volume is not None:
        there = await create(PERSISTENT_VOLUMES, volume)
        await client.replace(PERSISTENT_VOLUMES, there | {"status": {"phase": "Available"}}, "status")
    if claim is not None:
        bound = {"pv.kubernetes.io/bind-completed": "yes"} if claim["spec"].get("volumeName") else {}
        metadata = claim["metadata"] | {"annotations": bound}
        there = await create(PERSISTENT_VOLUME_CLAIMS, claim | {"metadata": metadata}, "cases")
        status = {"phase": "Bound" if bound else "Pending"}
        await client.replace(PERSISTENT_VOLUME_CLAIMS, there | {"status": status}, "status")
    mounted = {"volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]}
    if "in-use" in expected:
        await create(PODS, a_pod(f"{case}-first", nodeName=f"{case}-a", **mounted), "cases")
    gated = a_pod(f"{case}-in", **mounted, schedulingGates=[{"name": "tests.dev/all-is-there"}])
    made.append((PODS, f"{case}-in", "cases"))
    try:
        await _claims_judged_alike(client, gated, expected)
    finally:
        for resource, name, namespace in reversed(made):
            if resource in (PERSISTENT_VOLUMES, PERSISTENT_VOLUME_CLAIMS):
                free = {"metadata": {"finalizers": None}}
                merge = "application/merge-patch+json"
                await client.patch(resource, name, free, namespace, content_type=merge)
            await client.delete(resource, name, namespace, grace_seconds=0)


async def _claims_judged_alike(client: Client, pod: Object, expected: str) -> None:
    if expected:
        await _judged_alike(client, pod, expected)
        return
    made = await client.create(PODS, pod, "cases")
    state = await _state(client)
    ours = _feasible(pod_info(made), state)
    open_gate = {"spec": {"schedulingGates": None}}
    await client.patch(PODS, meta.name(made), open_gate, "cases", content_type="application/merge-patch+json")
    async with asyncio.timeout(SECONDS):
        while not (chosen := await _chosen(client)):
            await asyncio.sleep(0.01)
    assert ours == {next(name for name in state.nodes if name.endswith("-a"))}
    assert chosen in (*ours, "v")


async def _chosen(client: Client) -> str:
    """Return what Kubernetes' scheduler wrote for the claim: the node to make a volume for, or the volume itself."""
    claim = await client.get(PERSISTENT_VOLUME_CLAIMS, "data", "cases")
    node = meta.annotations_of(claim).get("volume.kubernetes.io/selected-node")
    volumes = (await client.list(PERSISTENT_VOLUMES))["items"]
    return node or next((meta.name(one) for one in volumes if one["spec"].get("claimRef")), "")


def _only_in(zone: str) -> Object:
    return {"allowedTopologies": [{"matchLabelExpressions": [{"key": ZONE, "values": [zone]}]}]}
