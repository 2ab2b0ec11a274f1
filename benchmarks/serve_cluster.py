"""Run the embedded control plane alone, without nodes, in a given home: print its kubeconfig's path when it is ready."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from seaway.controlplane.cluster import ClusterSettings, run_cluster


async def main(home: Path) -> None:
    """Serve until standard input ends."""
    async with run_cluster(ClusterSettings(home=home, nodes=0)) as cluster:
        print(cluster.kubeconfig, flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    import uvloop

    uvloop.run(main(Path(sys.argv[1])))
