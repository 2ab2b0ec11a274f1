"""Run an embedded cluster in a given home: print its kubeconfig's path when it is ready, end when stdin does."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from seaway.controlplane.cluster import ClusterSettings, run_cluster


async def _main(home: Path) -> None:
    async with run_cluster(ClusterSettings(home=home, node_stop_seconds=1.0)) as cluster:
        print(cluster.kubeconfig, flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_main(Path(sys.argv[1])))
