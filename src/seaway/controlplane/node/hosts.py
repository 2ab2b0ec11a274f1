"""Keep the tables of hosts of running containers up to date, where no DNS server answers them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable
from pathlib import Path

from seaway.controlplane.node import names
from seaway.controlplane.node.context import NodeContext
from seaway.controlplane.node.worker import PodWorker

_GATHER_SECONDS = 0.1
"""So long changes are gathered before they are written."""


async def keep_tables(context: NodeContext, workers: Callable[[], Iterable[PodWorker]]) -> None:
    """Rewrite tables whenever services change, until cancelled."""
    neighbours = context.neighbours
    if neighbours is None or neighbours.name_server:
        return
    changed = asyncio.Event()
    end = neighbours.subscribe(changed.set)
    try:
        while True:
            await changed.wait()
            await context.clock.sleep(_GATHER_SECONDS)
            changed.clear()
            tables: dict[str, str] = {}
            for worker in list(workers()):
                write_tables(context, worker, tables)
    finally:
        end()


def write_tables(context: NodeContext, worker: PodWorker, tables: dict[str, str]) -> None:
    """Bring the tables of a pod's running containers up to date.

    Args:
        context: of the node.
        worker: of the pod.
        tables: the cluster's names by namespace, as far as they were asked for.
    """
    neighbours = context.neighbours
    place = worker.pod["metadata"]["namespace"]
    if neighbours is None or not names.asks_cluster(worker.pod):
        return
    if place not in tables:
        tables[place] = neighbours.hosts(place)
    text = names.hosts_table(worker.pod, worker.state.ip, neighbours.domain, tables[place])
    for container in worker.state.containers.values():
        if container.running:
            path = context.container_folder(worker.uid, container.name, container.attempt) / "hosts"
            rewrite(path, text.encode())


def rewrite(path: Path, data: bytes) -> None:
    """Change a file in its place: it is mounted into the container, where another file would not be seen."""
    if not path.exists() or path.read_bytes() == data:
        return
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.pwrite(descriptor, data, 0)
        os.ftruncate(descriptor, len(data))
    finally:
        os.close(descriptor)
