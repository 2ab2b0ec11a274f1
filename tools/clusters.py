"""Clusters for the tests of the platform: the embedded one and any real one, used in the same way.

Each test gets a namespace of its own and, for the server, an account that has what Seaway's Role grants there and no more.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from seaway.client.client import Client
from seaway.client.config import load_kubeconfig
from seaway.client.connection import Connection
from seaway.client.http import HttpTransport
from seaway.objects.builtin import (
    CLUSTER_ROLE_BINDINGS,
    CLUSTER_ROLES,
    NAMESPACES,
    NODES,
    PODS,
    ROLE_BINDINGS,
    ROLES,
    SERVICE_ACCOUNTS,
)
from seaway.objects.errors import Forbidden, NotFound
from seaway.platform.access import CONFIRM_OFF_RULE, MANAGER_RULES, NODE_RULE, WORKSPACE_RULES

ACCOUNT = "seaway"
"""The server's service account."""
_SECONDS = 60.0
_TOKEN_SECONDS = 3600


@dataclass(slots=True)
class TestCluster:
    """A cluster as a test uses it."""

    __test__ = False
    name: str
    """"embedded" or "real"."""
    admin: Client
    """May do everything."""
    server: Client
    """Has the rights of Seaway's server in the namespace, and no others."""
    namespace: str
    connection: Connection
    """The server's, over HTTPS."""
    cache: Path | None = None
    """A folder of the nodes that pods share; None where the nodes are elsewhere."""
    image: str = "python"
    """Has a python3."""
    image_without_python: str = "tools"
    """Has `sh`, `cat` and `sleep`, and no Python."""
    gateway_host: str = "127.0.0.1"
    """The name by which pods reach the test."""
    own_nodes: bool = True
    """The nodes are Seaway's own: what they say of a container's memory can be asked for."""


@asynccontextmanager
async def namespace_on(
    name: str,
    kubeconfig: Path,
    *,
    nodes_visible: bool = False,
    confirm_off: bool = False,
    manager: bool = False,
    **fields: Any,
) -> AsyncIterator[TestCluster]:
    """Make a namespace with the server's account in it; all of it is removed at the end.

    Args:
        name: of the cluster.
        kubeconfig: an administrator's.
        nodes_visible: grant the right to see nodes too.
        confirm_off: and the one to mark them as out of service.
        manager: let it make, use and delete workspaces too.
        fields: of `TestCluster`.
    """
    wide = [
        *([NODE_RULE] if nodes_visible else []),
        *([CONFIRM_OFF_RULE] if confirm_off else []),
        *(MANAGER_RULES if manager else ()),
    ]
    administrator = load_kubeconfig(kubeconfig)
    admin = Client(HttpTransport(administrator), field_manager="test")
    namespace = f"t-{uuid.uuid4().hex[:8]}"
    await admin.create(NAMESPACES, {"metadata": {"name": namespace}})
    try:
        token = await _make_account(admin, namespace, cluster_rules=wide)
        connection = replace(
            administrator, client_certificate=None, client_key=None, token=token, namespace=namespace
        )
        server = Client(HttpTransport(connection), field_manager="seaway")
        try:
            await _until_allowed(server, namespace, nodes_visible=nodes_visible)
            yield TestCluster(name, admin, server, namespace, connection, **fields)
        finally:
            await server.close()
    finally:
        with suppress(NotFound):  # the test has removed it
            await admin.delete(NAMESPACES, namespace)
        if wide:
            await admin.delete(CLUSTER_ROLE_BINDINGS, namespace)
            await admin.delete(CLUSTER_ROLES, namespace)
        await admin.close()


async def _make_account(admin: Client, namespace: str, *, cluster_rules: list[dict[str, Any]]) -> str:
    """Make the server's account with Seaway's Role; return a token of it, when it is of use."""
    subject = {"kind": "ServiceAccount", "name": ACCOUNT, "namespace": namespace}
    group = "rbac.authorization.k8s.io"
    await admin.create(SERVICE_ACCOUNTS, {"metadata": {"name": ACCOUNT}}, namespace)
    await admin.create(ROLES, {"metadata": {"name": ACCOUNT}, "rules": list(WORKSPACE_RULES)}, namespace)
    binding = {
        "metadata": {"name": ACCOUNT},
        "roleRef": {"apiGroup": group, "kind": "Role", "name": ACCOUNT},
        "subjects": [subject],
    }
    await admin.create(ROLE_BINDINGS, binding, namespace)
    if cluster_rules:
        await admin.create(CLUSTER_ROLES, {"metadata": {"name": namespace}, "rules": cluster_rules})
        reference = {"apiGroup": group, "kind": "ClusterRole", "name": namespace}
        await admin.create(
            CLUSTER_ROLE_BINDINGS,
            {"metadata": {"name": namespace}, "roleRef": reference, "subjects": [subject]},
        )
    asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": _TOKEN_SECONDS}}  # fmt: skip
    answer = await admin.create_subresource(SERVICE_ACCOUNTS, ACCOUNT, "token", asked, namespace)
    async with asyncio.timeout(_SECONDS):  # pods need the default account, which a controller makes
        while True:
            try:
                await admin.get(SERVICE_ACCOUNTS, "default", namespace)
                break
            except NotFound:
                await asyncio.sleep(0.02)
    token: str = answer["status"]["token"]
    return token


async def _until_allowed(server: Client, namespace: str, *, nodes_visible: bool) -> None:
    """Return when the API server has taken note of the account's rights."""
    async with asyncio.timeout(_SECONDS):
        while True:
            try:
                await server.list(PODS, namespace)
                if nodes_visible:
                    await server.list(NODES)
                return
            except Forbidden:
                await asyncio.sleep(0.02)
