"""The platform's server in this process, on the embedded cluster and on a real one."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from seaway.controlplane.cluster import ClusterSettings, run_cluster
from seaway.controlplane.node.images import default_images
from seaway.controlplane.node.settings import ImageEnvironment
from tools.clusters import ACCOUNT, TestCluster, namespace_on
from tools.platforms import Platform, run_platform

NO_GATEWAY = (
    "SEAWAY_TEST_KUBECONFIG names a cluster of its own: SEAWAY_TEST_GATEWAY_HOST must say by which name or address "
    "its pods reach this machine"
)


@asynccontextmanager
async def embedded_cluster(
    home: Path, tools: Path, *, nodes: int = 1, **fields
) -> AsyncIterator[TestCluster]:
    """Run the embedded cluster; the server calls it in-process, as in the daemon."""
    without_python = ImageEnvironment(env={"PATH": str(tools), "LANG": "C.UTF-8"}, visible=(str(tools),))
    settings = ClusterSettings(home=home, nodes=nodes, images=default_images() | {"tools": without_python})
    async with (
        run_cluster(settings) as running,
        namespace_on("embedded", running.kubeconfig, cache=home / "cache", **fields) as cluster,
    ):
        account = running.client(f"system:serviceaccount:{cluster.namespace}:{ACCOUNT}")
        yield replace(cluster, server=account)


@asynccontextmanager
async def real_cluster(request: pytest.FixtureRequest, cache: Path, **fields) -> AsyncIterator[TestCluster]:
    """Use Kubernetes' own control plane with a node of ours, or the cluster that SEAWAY_TEST_KUBECONFIG names."""
    if os.environ.get("SEAWAY_TEST_KUBECONFIG"):
        host = os.environ.get("SEAWAY_TEST_GATEWAY_HOST")
        if not host:
            pytest.skip(NO_GATEWAY)
        fields |= {"gateway_host": host, "image": "python:3.12-slim", "image_without_python": "busybox", "own_nodes": False}  # fmt: skip
    else:
        request.getfixturevalue("real_node")
        fields |= {"cache": cache}
    async with namespace_on("real", request.getfixturevalue("real_kubeconfig"), **fields) as cluster:
        yield cluster


@pytest.fixture(params=["embedded", pytest.param("real", marks=pytest.mark.real)])
async def cluster(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[TestCluster]:
    """Each cluster in turn, with a namespace for this test."""
    if request.param == "embedded":
        tools = request.getfixturevalue("plain_tools")
        async with embedded_cluster(tmp_path / "home", tools) as found:
            yield found
    else:
        async with real_cluster(request, tmp_path / "cache") as found:
            yield found


@pytest.fixture
async def real_place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[TestCluster]:
    """A namespace of the real cluster, for what the embedded one does not serve (`docs/differences.md`)."""
    async with real_cluster(request, tmp_path / "cache") as found:
        yield found


@pytest.fixture
async def real_platform(real_place: TestCluster, tmp_path: Path) -> AsyncIterator[Platform]:
    async with run_platform(real_place, tmp_path / "server") as running:
        yield running
        assert await running.server.drain(timeout=60)


@pytest.fixture
async def platform(cluster: TestCluster, tmp_path: Path) -> AsyncIterator[Platform]:
    async with run_platform(cluster, tmp_path / "server") as running:
        yield running
        assert await running.server.drain(timeout=60)
