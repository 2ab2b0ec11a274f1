"""A node writes what is its own and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from seaway.client.client import Client
from seaway.controlplane.apiserver.inprocess import InProcessTransport
from seaway.controlplane.apiserver.server import ApiServer
from seaway.controlplane.apiserver.users import NODES as NODES_GROUP
from seaway.controlplane.apiserver.users import authenticated
from seaway.objects.builtin import LEASES, NAMESPACES, NODES, PODS, SERVICE_ACCOUNTS
from seaway.objects.errors import Forbidden

Object = dict[str, Any]
CONTAINERS = [{"name": "main", "image": "python:3.12"}]


def client(server: ApiServer, name: str, *groups: str) -> Client:
    return Client(InProcessTransport(server, authenticated(name, groups)))


def node(server: ApiServer, name: str = "node-1") -> Client:
    return client(server, f"system:node:{name}", NODES_GROUP)


@pytest.fixture
async def server(api_server: ApiServer) -> ApiServer:
    """A server with two nodes and a pod on the first."""
    admin = client(api_server, "admin", "system:masters")
    await admin.create(SERVICE_ACCOUNTS, {"metadata": {"name": "default", "namespace": "default"}})
    for name in ("node-1", "node-2"):
        await node(api_server, name).create(NODES, {"metadata": {"name": name}})
    spec = {"nodeName": "node-1", "containers": CONTAINERS}
    await admin.create(PODS, {"metadata": {"name": "web", "namespace": "default"}, "spec": spec})
    return api_server


async def patch_pod(node: Client) -> None:
    await node.patch(PODS, "web", {"status": {"phase": "Running"}}, "default", subresource="status")


async def delete_pod(node: Client) -> None:
    await node.delete(PODS, "web", "default", grace_seconds=0)


async def patch_node(node: Client) -> None:
    await node.patch(NODES, "node-1", {"status": {"phase": "Running"}}, subresource="status")


async def create_lease(node: Client) -> None:
    await node.create(LEASES, {"metadata": {"name": "node-1", "namespace": "kube-node-lease"}})


async def request_token(node: Client) -> None:
    spec = {"boundObjectRef": {"apiVersion": "v1", "kind": "Pod", "name": "web"}}
    await node.create_subresource(SERVICE_ACCOUNTS, "default", "token", {"spec": spec}, "default")


OWN = (patch_pod, delete_pod, patch_node, create_lease, request_token)


@pytest.mark.parametrize("do", OWN, ids=lambda do: do.__name__)
async def test_a_node_may_with_its_own(server: ApiServer, do: Any) -> None:
    await do(node(server))


@pytest.mark.parametrize("do", OWN, ids=lambda do: do.__name__)
async def test_a_node_may_not_with_anothers(server: ApiServer, do: Any) -> None:
    with pytest.raises(Forbidden, match="node"):
        await do(node(server, "node-2"))


@pytest.mark.parametrize(
    "annotations", [{}, {"kubernetes.io/config.mirror": "x"}], ids=["plain", "mirror elsewhere"]
)
async def test_a_node_makes_no_pods_but_mirrors_of_its_own(server: ApiServer, annotations: Object) -> None:
    metadata = {"name": "new", "namespace": "default", "annotations": annotations}
    pod = {"metadata": metadata, "spec": {"nodeName": "node-2", "containers": CONTAINERS}}
    with pytest.raises(Forbidden, match="can only create"):
        await node(server).create(PODS, pod)


async def test_a_node_gets_no_token_that_is_not_bound_to_a_pod(server: ApiServer) -> None:
    with pytest.raises(Forbidden, match="bound to a pod of this node"):
        await node(server).create_subresource(SERVICE_ACCOUNTS, "default", "token", {"spec": {}}, "default")


async def test_a_node_cannot_delete_namespaces_or_nodes(server: ApiServer) -> None:
    for resource, name in ((NAMESPACES, "kube-public"), (NODES, "node-1"), (NODES, "node-2")):
        with pytest.raises(Forbidden, match="cannot delete resource"):
            await node(server).delete(resource, name)
