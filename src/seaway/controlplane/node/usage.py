"""Measure what this machine has left, and what a pod's processes and files take of it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import psutil

from seaway.controlplane.node import volumes
from seaway.controlplane.node.eviction import Signals, Use
from seaway.controlplane.node.shim import files


def look_at_rest(folder: Path) -> Signals:
    """Return what the machine has left.

    Args:
        folder: on the file system that the node's files lie on.
    """
    disk = shutil.disk_usage(folder)
    return Signals(psutil.virtual_memory().available, disk.free, disk.total, _free_pids())


def _free_pids() -> int | None:
    try:
        limit = int(Path("/proc/sys/kernel/pid_max").read_text())
        present = int(Path("/proc/loadavg").read_text().split()[3].partition("/")[2])
    except (OSError, ValueError, IndexError):
        return None
    return limit - present


def pod_use(folder: Path, running: Iterable[tuple[str, Path]]) -> Use:
    """Return what a pod uses now.

    Args:
        folder: of the pod.
        running: name and folder of each container that runs.
    """
    containers, memory, processes = [], 0, 0
    for name, attempt in running:
        found, count = _tree(attempt)
        containers.append((name, found, _size(attempt.parent)))
        memory, processes = memory + found, processes + count
    return Use(memory, _size(folder), processes, tuple(containers))


def _tree(attempt: Path) -> tuple[int, int]:
    """Return the resident memory in bytes and the number of all processes of a container."""
    memory = count = 0
    try:
        shim = psutil.Process(files.read_json(str(attempt / files.STATE))["shim"])
        tree = shim.children(recursive=True)
    except (psutil.Error, FileNotFoundError):
        return 0, 0
    for process in tree:
        with suppress(psutil.Error):  # it has ended meanwhile
            memory += process.memory_info().rss
            count += 1
    return memory, count


def _size(folder: Path) -> int:
    return volumes.size_of(folder) if os.path.isdir(folder) else 0  # noqa: PTH112
