"""Run an embedded cluster in a given home: print its kubeconfig's path when it is ready, end when stdin does."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from seaway.controlplane.cluster import ClusterSettings, run_cluster
from seaway.controlplane.controllers.settings import ControllersSettings

PACE = ControllersSettings(autoscale_period=3.0, job_backoff=1.0, volumes_measured=1.0, volumes_rest=1.0)
"""What else happens every ten or fifteen seconds happens sooner: it is waited for.

Not the autoscaler's looks, though, every second: of one object no more than 25 events are told in a row, as in Kubernetes,
and those about metrics that are still to come would use them up.
"""


async def _main(home: Path) -> None:
    settings = ClusterSettings(
        home=home,
        controllers=PACE,
        node_heartbeat=1.0,
        node_refresh=1.0,
        node_backoff=1.0,
        node_stop_seconds=1.0,
    )
    async with run_cluster(settings) as cluster:
        print(cluster.kubeconfig, flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_main(Path(sys.argv[1])))
