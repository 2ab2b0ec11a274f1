"""A storm over a team's two servers on one PostgreSQL, on the embedded cluster and on Kubernetes' own control plane.

Beside what strikes runs anywhere: servers are killed, paused past their term, cut off from their database and from the API
server (refused, or in silence), the API server is killed, nodes lose their agent or their power. `SEAWAY_CHAOS_SEED`,
`SEAWAY_CHAOS_TEAM_RUNS` and `SEAWAY_CHAOS_ONLY` are as for the other storms. "node frozen past its leases" takes minutes
each time and strikes where it is named, on Kubernetes' own control plane; leases are as short as they may be then.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager, suppress
from pathlib import Path

import pytest

from seaway.sdk.cluster import ClusterClient
from tests.chaos.storm.home import HomeStage
from tests.chaos.storm.storm import Storm
from tests.chaos.storm.team import FROZEN, LEASE_FLAGS, ClusterHands, TeamStage, end_containers, freeze
from tests.chaos.test_storm import ONLY, SEED, ride
from tools.clusters import TestCluster, namespace_on
from tools.real_kubernetes.build import NOT_BUILT, TOOL
from tools.real_kubernetes.control_plane import ControlPlane, run_control_plane
from tools.real_kubernetes.node import RunningNode, run_node
from tools.replicas import run_replicas

RUNS = int(os.environ.get("SEAWAY_CHAOS_TEAM_RUNS", "12"))
AWAY = 1.5
"""Seconds that a machine or a program of the cluster is away."""


@asynccontextmanager
async def team(
    cluster: TestCluster, database: str, folder: Path, make: Callable[..., TeamStage]
) -> AsyncIterator[TeamStage]:
    """Run the replicas, and start each again that ends."""
    flags = LEASE_FLAGS if FROZEN in ONLY else ()
    async with run_replicas(cluster, database, folder, flags) as replicas:
        stage = make(replicas)
        keeping = asyncio.create_task(stage.keep_alive())
        try:
            yield stage
        finally:
            keeping.cancel()
            with suppress(asyncio.CancelledError):
                await keeping


@asynccontextmanager
async def embedded(home, database: str, folder: Path) -> AsyncIterator[TeamStage]:
    """Use the embedded cluster of a home with two nodes; the server that it has beside is idle."""
    own = HomeStage(home, nodes=2)
    own.up()
    client = own.client()
    cluster = ClusterClient(client)

    def kill_api() -> None:
        home.kill_daemon()
        own.up()

    def cut_power(node: str) -> None:
        cluster.act(node, "kill")
        time.sleep(AWAY)
        cluster.act(node, "restore")

    names = ["node-1", "node-2"]
    hands = ClusterHands(
        kill_api, lambda _: kill_api(), cut_power
    )  # its agents and API server are one process
    kubeconfig = home.path / "kubeconfig"
    folders = [home.path / "cluster" / "nodes" / name for name in names]
    async with (
        namespace_on("embedded", kubeconfig, cache=home.path / "cache") as place,
        team(place, database, folder, lambda r: TeamStage(r, kubeconfig, names, hands, folders)) as stage,
    ):
        yield stage
    client.close()


@asynccontextmanager
async def real(folder: Path, database: str, tools: Path) -> AsyncIterator[TeamStage]:
    """Use a control plane of Kubernetes' own with two nodes of ours, all of it this test's alone."""
    if not TOOL.is_built():
        pytest.skip(NOT_BUILT)
    with ExitStack() as stack:
        plane = stack.enter_context(run_control_plane(folder / "plane"))
        nodes = {
            name: stack.enter_context(
                run_node(plane, folder / "nodes" / name, name, ("--image", f"tools={tools}"))
            )
            for name in ("node-1", "node-2")
        }
        async with (
            namespace_on("real", plane.kubeconfig, cache=folder / "cache") as place,
            team(place, database, folder / "team", lambda r: _on_real(r, plane, nodes)) as stage,
        ):
            yield stage


def _on_real(replicas, plane: ControlPlane, nodes: dict[str, RunningNode]) -> TeamStage:
    async def restart_api() -> None:
        plane.stop_apiserver()
        plane.start_apiserver()  # in the loop's thread: it ends with the one that starts it

    def kill_agent(name: str) -> None:
        nodes[name].kill()
        time.sleep(AWAY)
        nodes[name].start()

    def cut_power(name: str) -> None:
        nodes[name].kill()
        end_containers(nodes[name].folder)
        time.sleep(AWAY)
        nodes[name].start()

    def stand_still(name: str, port: int) -> Callable[[], None]:
        return freeze(nodes[name].processes[-1].pid, nodes[name].folder, port)

    still = stand_still if FROZEN in ONLY else None  # it takes minutes
    hands = ClusterHands(lambda: stage.call(restart_api()), kill_agent, cut_power, still)
    folders = [node.folder for node in nodes.values()]
    stage = TeamStage(replicas, plane.kubeconfig, list(nodes), hands, folders)
    return stage


@pytest.fixture(params=["embedded", pytest.param("real", marks=pytest.mark.real)])
async def stage(request, home, postgres_url, tmp_path, plain_tools) -> AsyncIterator[TeamStage]:
    folder = tmp_path / "t"
    folder.mkdir()
    made = embedded(home, postgres_url, folder) if request.param == "embedded" else real(folder, postgres_url, plain_tools)  # fmt: skip
    async with made as found:
        yield found


@pytest.mark.chaos
@pytest.mark.timeout(3600)
async def test_a_storm_over_a_team(stage: TeamStage) -> None:
    storm = Storm(stage, SEED, RUNS, only=ONLY, pause=(0.2, 2.0), in_flight=4)
    await asyncio.to_thread(ride, storm)
