"""Nodes that the cluster had at an earlier start and has no longer: they leave, so that nothing is placed on them."""

from __future__ import annotations

import asyncio
import logging
import re
import shutil
from pathlib import Path
from typing import Any

from seaway.client.client import Client
from seaway.controlplane.home import ClusterBusy
from seaway.controlplane.node.simulated import SIMULATED_LABEL, SimulatedSettings
from seaway.objects.builtin import NODES, PODS
from seaway.objects.errors import NotFound

logger = logging.getLogger(__name__)


def retired_nodes(folder: Path, nodes: int) -> list[Path]:
    """Return the folders of nodes beyond the wanted number.

    Args:
        folder: holds one folder a node, named `node-<number>`.
        nodes: how many there are to be.
    """
    found = folder.iterdir() if folder.is_dir() else ()
    named = [path for path in found if re.fullmatch(r"node-[0-9]+", path.name)]
    return sorted((path for path in named if _number(path) > nodes), key=_number)


def _number(path: Path) -> int:
    return int(path.name.removeprefix("node-"))


async def retire_nodes(client: Client, folder: Path, nodes: int) -> None:
    """Take nodes beyond the wanted number out of the cluster: their Node objects and their folders.

    Their pods are then orphans, which the pod garbage collector deletes.

    Raises:
        ClusterBusy: such a node may still run something, because the cluster was not stopped but killed.
    """
    leaving = retired_nodes(folder, nodes)
    for path in reversed(leaving):  # the last one says how many nodes all of them need
        pods = await client.list(PODS, field_selector=f"spec.nodeName={path.name}")
        running = [pod["metadata"]["name"] for pod in pods["items"] if _runs(pod)]
        if running:
            raise ClusterBusy(
                f"{path.name} is to leave the cluster, but the cluster was killed while {running[0]} ran there: "
                f"start it once more with {_number(path)} nodes (seaway up --nodes {_number(path)}) and stop it "
                "(seaway down), then try again"
            )
    for path in leaving:
        try:
            await client.delete(NODES, path.name)
        except NotFound:
            logger.debug("%s had left already", path.name)
        await asyncio.to_thread(shutil.rmtree, path)
        logger.info("%s left the cluster", path.name)


async def retire_simulated(client: Client, nodes: int) -> None:
    """Take hollow nodes beyond the wanted number out of the cluster."""
    prefix = SimulatedSettings().prefix
    for node in (await client.list(NODES))["items"]:
        number = node["metadata"]["name"].removeprefix(prefix)
        hollow = node["metadata"].get("labels", {}).get(SIMULATED_LABEL) == "true"
        if hollow and number.isdigit() and int(number) >= nodes:
            await client.delete(NODES, node["metadata"]["name"])


def _runs(pod: dict[str, Any]) -> bool:
    status = pod.get("status", {})
    containers = [*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())]
    return any("running" in container.get("state", {}) for container in containers)
