"""Run an embedded cluster whose scheduler and controllers are somebody else's: one node of ours, four that are simulated.

Prints its kubeconfig's path when it is ready, ends when stdin does.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from seaway.base.tasks import Services
from seaway.controlplane.apiserver.users import MASTERS
from seaway.controlplane.cluster import ClusterSettings, run_cluster
from seaway.controlplane.node.simulated import SimulatedNodes, SimulatedSettings

ZONES = ("a", "b")


async def _main(home: Path) -> None:
    settings = ClusterSettings(
        home=home, node_stop_seconds=1.0, run_scheduler=False, run_controllers=False, further_kinds=True
    )
    async with run_cluster(settings) as cluster, Services() as services:
        client = cluster.client("seaway:tests", (MASTERS,))
        for zone in ZONES:
            labels = {"topology.kubernetes.io/zone": zone, "simulated": "true"}
            pretended = SimulatedSettings(prefix=f"zone-{zone}-", cpus=8, labels=labels, heartbeat_seconds=10)
            nodes = SimulatedNodes(client, 2, pretended)
            await services.start(f"nodes of zone {zone}", nodes.run)
        print(cluster.kubeconfig, flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_main(Path(sys.argv[1])))
