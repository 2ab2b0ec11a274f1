"""Who may call a node's server: nobody without a name, and only who may in the cluster."""

from __future__ import annotations

import asyncio
import ssl
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from seaway.objects.builtin import CLUSTER_ROLE_BINDINGS, NODES, SERVICE_ACCOUNTS
from tools.real_kubernetes.control_plane import ControlPlane
from tools.real_kubernetes.node import RunningNode

pytestmark = pytest.mark.real


class Caller:
    """Calls the server of a node, whose certificate must be one that the cluster signed."""

    def __init__(self, plane: ControlPlane, address: str, port: int) -> None:
        self._plane, self._address, self._port = plane, address, port

    async def get(
        self, path: str, user: str = "", groups: tuple[str, ...] = (), token: str = ""
    ) -> tuple[int, str]:
        """Return status and body of an answer."""
        context = ssl.create_default_context(cafile=str(self._plane.ca))
        if user:
            pair = self._plane.pki.client_pair(f"caller-{user}", user, groups, time.time())
            context.load_cert_chain(pair.certificate, pair.key)
        reader, writer = await asyncio.open_connection(self._address, self._port, ssl=context)
        lines = [
            f"GET {path} HTTP/1.1",
            "Host: node",
            *([f"Authorization: Bearer {token}"] if token else []),
            "",
            "",
        ]
        writer.write("\r\n".join(lines).encode())
        try:
            async with asyncio.timeout(60):
                head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        finally:
            writer.close()
            with suppress(ConnectionError, ssl.SSLError):
                await writer.wait_closed()
        return int(head.split()[1]), body.decode()


@pytest.fixture
async def caller(place: Any, real_control_plane: ControlPlane, real_node: RunningNode) -> Caller:
    status = (await place.client.get(NODES, real_node.name))["status"]
    address = next(a["address"] for a in status["addresses"] if a["type"] == "InternalIP")
    return Caller(real_control_plane, address, status["daemonEndpoints"]["kubeletEndpoint"]["Port"])


async def test_nobody_and_somebody_without_rights(caller: Caller, place: Any, real_node: RunningNode) -> None:
    """No certificate: 401. A name that the cluster gives no rights: 403. The same for tokens, until a role says otherwise."""
    assert await caller.get("/healthz") == (401, "Unauthorized")
    assert (await caller.get("/pods", token="made-up"))[0] == 401
    status, body = await caller.get("/pods", user="nobody")
    assert (status, "user=nobody" in body) == (403, True)
    account = f"system:serviceaccount:{place.namespace}:default"
    request = {"spec": {"audiences": [], "expirationSeconds": 3600}}
    made = await place.client.create_subresource(
        SERVICE_ACCOUNTS, "default", "token", request, place.namespace
    )
    token = made["status"]["token"]
    status, body = await caller.get("/pods", token=token)
    assert (status, account in body) == (403, True)
    role = {
        "apiGroup": "rbac.authorization.k8s.io",
        "kind": "ClusterRole",
        "name": "system:kubelet-api-admin",
    }
    subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": f"reader-{place.namespace}"}
    binding = {"metadata": {"name": place.namespace}, "roleRef": role, "subjects": [subject]}
    await place.client.create(CLUSTER_ROLE_BINDINGS, binding)
    async with asyncio.timeout(60):
        while (await caller.get("/healthz", user=f"reader-{place.namespace}"))[0] == 403:
            await asyncio.sleep(0.2)
    assert await caller.get("/healthz", user=f"reader-{place.namespace}") == (200, "ok")
    await place.client.delete(CLUSTER_ROLE_BINDINGS, place.namespace)


async def test_what_an_administrator_gets(caller: Caller, place: Any) -> None:
    """The node's pods, logs as asked for, and errors that say what is wrong."""
    admin = {"user": "admin", "groups": ("system:masters",)}
    await place.pod("p", "echo out; echo err >&2")
    await place.ended("p")
    logs = f"/containerLogs/{place.namespace}/p/main"
    status, pods = await caller.get("/pods", **admin)
    assert (status, f'"{place.namespace}"' in pods) == (200, True)
    assert "3\r\nerr" not in (await caller.get(f"{logs}?stream=Stdout", **admin))[1]
    assert "err\n" in (await caller.get(f"{logs}?stream=Stderr", **admin))[1]
    refused = {
        f"/containerLogs/{place.namespace}/none/main": (404, "is not on this node"),
        f"/containerLogs/{place.namespace}/p/none": (404, 'container "none" not found'),
        f"{logs}?tailLines=-1": (400, "tailLines must be a whole number"),
        f"{logs}?sinceTime=yesterday": (400, "sinceTime"),
        f"{logs}?previous=true": (400, "previous terminated container"),
        f"/exec/{place.namespace}/p/main?command=true&output=1": (400, "Upgrade request required"),
        f"/portForward/{place.namespace}/p?port=none": (400, "whole numbers from 1 to 65535"),
        f"/exec/{place.namespace}/p/another-uid/main": (404, "another one by now"),
        "/nonsense": (404, "does not serve"),
    }
    for path, (code, words) in refused.items():
        status, body = await caller.get(path, **admin)
        assert (status, words in body) == (code, True), f"{path}: {status} {body}"


async def test_keys_are_private(real_node: RunningNode) -> None:
    """Keys, certificates and the node's folder are its owner's alone."""
    assert real_node.folder.stat().st_mode & 0o077 == 0
    keys = [path for path in (real_node.folder / "serving").iterdir() if path.suffix == ".key"]
    assert keys
    assert all(_mode(path) == 0o600 for path in keys)


async def test_no_container_sees_the_nodes_secrets(place: Any, real_node: RunningNode) -> None:
    """The node's kubeconfig and keys cannot be read from inside."""
    seen = f"cat {real_node.plane.folder}/kubeconfig* {real_node.folder}/serving/*; ls {real_node.folder}"
    await place.pod("p", f"({seen}) 2>/dev/null; echo done")
    await place.ended("p")
    assert await place.log("p") == "done\n"


def _mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


async def test_a_node_tells_what_it_uses_to_whom_the_cluster_lets_measure(
    caller: Caller, place: Any, real_node: RunningNode
) -> None:
    """Of the node alone: no pod is named."""
    status, body = await caller.get("/metrics/resource", user="scraper")
    assert (status, "metrics" in body) == (403, True), body
    name = f"measures-{place.namespace}"
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "system:kubelet-api-admin"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "scraper-2"}],
    }  # fmt: skip
    await place.client.create(CLUSTER_ROLE_BINDINGS, binding)
    try:
        status, body = await caller.get("/metrics/resource", user="scraper-2")
        assert status == 200, body
        found = {
            family.name: family.samples for family in text_string_to_metric_families(body) if family.samples
        }
        assert found["node_cpu_usage_seconds"][0].value > 0
        assert found["node_memory_working_set_bytes"][0].labels == {"node": real_node.name}
        assert (await caller.get("/metrics", user="scraper-2"))[0] == 200
        assert (await caller.get("/metrics/more", user="scraper-2"))[0] == 404
    finally:
        await place.client.delete(CLUSTER_ROLE_BINDINGS, name)
