"""The same services and pods for our controllers and for Kubernetes' own: the same endpoints."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from seaway.base.clock import SystemClock, rfc3339
from seaway.client.client import Client
from seaway.client.config import load_kubeconfig
from seaway.client.http import HttpTransport
from seaway.client.request import STRATEGIC_MERGE_PATCH
from seaway.controlplane.cluster import ClusterSettings, run_cluster
from seaway.objects.builtin import (
    ENDPOINT_SLICES,
    ENDPOINTS,
    NAMESPACES,
    NODES,
    PODS,
    SERVICES,
)
from tests.controlplanes import new_namespace
from tools.real_kubernetes.control_plane import ControlPlane

pytestmark = pytest.mark.real
Object = dict[str, Any]
MAIN = {"name": "main", "image": "x", "ports": [{"name": "web", "containerPort": 8080}]}
OTHER = {"name": "main", "image": "x", "ports": [{"name": "web", "containerPort": 9090}]}
PORTS = [{"name": "http", "port": 80, "targetPort": "web"}, {"name": "plain", "port": 81, "targetPort": 7070}]
SERVICES_MADE: dict[str, Object] = {
    "plain": {"selector": {"app": "a"}, "ports": PORTS},
    "headless": {"selector": {"app": "a"}, "clusterIP": "None", "ports": PORTS[:1]},
    "bare": {"selector": {"app": "a"}, "clusterIP": "None"},
    "eager": {"selector": {"app": "a"}, "ports": PORTS[:1], "publishNotReadyAddresses": True},
    "nobody": {"selector": {"app": "none"}, "ports": PORTS[:1]},
    "by-hand": {"ports": PORTS[1:]},
    "outside": {"type": "ExternalName", "externalName": "example.com"},
}
PODS_MADE: tuple[tuple[str, Object, Object], ...] = (
    ("ready", {"containers": [MAIN]}, {"phase": "Running", "podIP": "10.7.0.2", "ready": "True"}),
    ("slow", {"containers": [MAIN]}, {"phase": "Running", "podIP": "10.7.0.3", "ready": "False"}),
    ("other", {"containers": [OTHER]}, {"phase": "Running", "podIP": "10.7.0.4", "ready": "True"}),
    ("named", {"containers": [MAIN], "hostname": "h", "subdomain": "headless"}, {"phase": "Running", "podIP": "10.7.0.5", "ready": "True"}),
    ("done", {"containers": [MAIN]}, {"phase": "Succeeded", "podIP": "10.7.0.6", "ready": "False"}),
    ("waits", {"containers": [MAIN]}, {"phase": "Pending", "ready": "False"}),
)  # fmt: skip


async def make(client: Client, place: str) -> None:
    """Make the node, the services and the pods."""
    now = rfc3339(SystemClock().now())
    ready = {"type": "Ready", "status": "True", "lastHeartbeatTime": now, "lastTransitionTime": now}
    await client.create(
        NODES, {"metadata": {"name": "hollow-endpoints", "labels": {"topology.kubernetes.io/zone": "z"}}}
    )
    await client.patch(NODES, "hollow-endpoints", {"status": {"conditions": [ready]}}, subresource="status")
    await new_namespace(client, place)
    for name, spec in SERVICES_MADE.items():
        await client.create(
            SERVICES, {"metadata": {"name": name, "namespace": place, "labels": {"team": "a"}}, "spec": spec}
        )
    subsets = [
        {
            "addresses": [{"ip": "10.8.0.1"}],
            "notReadyAddresses": [{"ip": "10.8.0.2"}],
            "ports": [{"name": "plain", "port": 1}],
        }
    ]
    metadata = {"name": "by-hand", "namespace": place, "annotations": {"note": "x"}}
    await client.create(ENDPOINTS, {"metadata": metadata, "subsets": subsets})
    for name, spec, status in PODS_MADE:
        metadata = {"name": name, "namespace": place, "labels": {"app": "a"}}
        await client.create(PODS, {"metadata": metadata, "spec": {"nodeName": "hollow-endpoints", **spec}})
        now = rfc3339(SystemClock().now())
        conditions = [{"type": "Ready", "status": status["ready"], "lastTransitionTime": now}]
        told = {k: v for k, v in status.items() if k != "ready"} | {"conditions": conditions}
        if "podIP" in told:
            told["podIPs"] = [{"ip": told["podIP"]}]
        await client.patch(
            PODS, name, {"status": told}, place, content_type=STRATEGIC_MERGE_PATCH, subresource="status"
        )


def plain(value: Any, place: str) -> Any:
    """Return a value without what differs by chance, lists in an order of their own."""
    if isinstance(value, dict):
        dropped = {"uid", "resourceVersion", "creationTimestamp", "managedFields", "generation", "apiVersion"}
        dropped |= {"name"} if "generateName" in value else set()
        kept = {k: plain(v, place) for k, v in value.items() if k not in dropped}
        annotations = kept.get("annotations") or {}
        annotations.pop("endpoints.kubernetes.io/last-change-trigger-time", None)
        return {k: v for k, v in kept.items() if v not in ({}, [], None)}
    if isinstance(value, list):
        return sorted((plain(item, place) for item in value), key=repr)
    return "PLACE" if value == place else value


async def told(client: Client, place: str) -> tuple[Any, Any]:
    slices = (await client.list(ENDPOINT_SLICES, place))["items"]
    endpoints = (await client.list(ENDPOINTS, place))["items"]
    # What an Endpoints made by hand looks like is no controller's work.
    return plain(slices, place), plain([e for e in endpoints if e["metadata"]["name"] != "by-hand"], place)


@pytest.fixture
async def clients(real_control_plane: ControlPlane, tmp_path: Path) -> AsyncIterator[tuple[Client, Client]]:
    theirs = Client(HttpTransport(load_kubeconfig(real_control_plane.kubeconfig)))
    async with run_cluster(ClusterSettings(home=tmp_path / "home", nodes=0)) as cluster:
        yield cluster.client("tests", ("system:masters",)), theirs
    await theirs.close()


async def test_the_same_pods_give_the_same_endpoints(clients: tuple[Client, Client]) -> None:
    place = f"t-{uuid.uuid4().hex[:8]}"
    ours, theirs = clients
    await asyncio.gather(make(ours, place), make(theirs, place))
    found: tuple[Any, Any] = ((), ())
    try:
        async with asyncio.timeout(60):
            while True:
                found = (await told(ours, place), await told(theirs, place))
                if found[0] == found[1] and len(found[0][0]) > 6:
                    break
                await asyncio.sleep(0.1)
    except TimeoutError:
        for mine, other in zip(found[0], found[1], strict=True):
            left = [m for m in mine if m not in other], [o for o in other if o not in mine]
            assert left == ([], []), f"ours and theirs: {left}"
        raise
    finally:
        await theirs.delete(NAMESPACES, place)
        await theirs.delete(NODES, "hollow-endpoints")
