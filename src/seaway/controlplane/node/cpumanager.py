"""Keep each container on its CPUs, by affinity: those that it has for itself, or those that the others share.

A program may widen its own affinity again; whoever must not be able to needs another machine.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from seaway.controlplane.node.cpus import CpuLedger, Places, exclusive
from seaway.controlplane.node.shim import files

_TOPOLOGY = Path("/sys/devices/system/cpu")
_PASSES = 10
"""A program that starts threads faster than they can be moved is left as it is after so many tries; children inherit."""


class CpuManager:
    """The CPUs of one node.

    Args:
        places: of the CPUs that the node may use; empty: every container may use all.
        reserved: how many stay shared in any case.
    """

    def __init__(self, places: Places | None = None, reserved: int = 1) -> None:
        places = places or {}
        self._on = bool(places)
        self._ledger = CpuLedger(places, frozenset(sorted(places)[:reserved]))
        self._sharing: dict[tuple[str, str], Path] = {}

    def assign(
        self, pod: Mapping[str, Any], container: Mapping[str, Any], folder: Path
    ) -> tuple[tuple[int, ...], bool]:
        """Return the CPUs of a container that is about to start, and whether it has them for itself.

        Args:
            pod: the pod.
            container: its spec.
            folder: of the attempt.

        Raises:
            NotEnoughCpusError: fewer are free than it asks for.
        """
        if not self._on:
            return (), False
        uid, name = pod["metadata"]["uid"], container["name"]
        count = exclusive(pod, container)
        if not count:
            self._sharing[uid, name] = folder
            return tuple(sorted(self._ledger.shared)), False
        inits = pod["spec"].get("initContainers") or ()
        before = [] if container in inits else [c["name"] for c in inits if not c.get("restartPolicy")]
        shared = self._ledger.shared
        found = self._ledger.take((uid, name), count, before)
        if self._ledger.shared != shared:
            self._repin()
        return found, True

    def restore(self, uid: str, name: str, folder: Path, spec: Mapping[str, Any]) -> None:
        """Note what a container that runs already was started with."""
        if not self._on:
            return
        if spec.get("cpus_alone"):
            self._ledger.restore((uid, name), spec["cpus"])
        else:
            self._sharing[uid, name] = folder

    def give_back(self, uid: str) -> None:
        """Free what a pod had; the others may use it at once."""
        if not self._on:
            return
        self._sharing = {key: folder for key, folder in self._sharing.items() if key[0] != uid}
        shared = self._ledger.shared
        self._ledger.give_back(uid)
        if self._ledger.shared != shared:
            self._repin()

    def _repin(self) -> None:
        cpus = self._ledger.shared
        for folder in self._sharing.values():
            with suppress(OSError):  # it has not started, or has ended
                if files.is_locked(str(folder / files.STARTED)):
                    pin(int(files.read_json(str(folder / files.STATE))["shim"]), cpus)


def pin(pid: int, cpus: Iterable[int]) -> None:
    """Keep a process and all below it on these CPUs, its threads included; what they start later inherits it."""
    wanted = set(cpus)
    for _ in range(_PASSES):
        moved = [_move(thread, wanted) for thread in _threads(pid)]
        if not any(moved):
            return


def _threads(pid: int) -> list[int]:
    """Return the threads of a process and of all below it."""
    found, stack = [], [pid]
    while stack:
        process = stack.pop()
        with suppress(OSError, psutil.NoSuchProcess):  # it has ended
            threads = [int(name) for name in os.listdir(f"/proc/{process}/task")]  # noqa: PTH208
            found += threads
            stack += _children(process, threads)
    return found


def _children(process: int, threads: Iterable[int]) -> list[int]:
    try:
        lists = [Path(f"/proc/{process}/task/{thread}/children").read_text() for thread in threads]
    except FileNotFoundError:  # a kernel without these lists: every process is looked at
        return [child.pid for child in psutil.Process(process).children()]
    return [int(number) for text in lists for number in text.split()]


def _move(thread: int, cpus: set[int]) -> bool:
    """Keep a thread on CPUs; return whether it was elsewhere."""
    with suppress(OSError):  # it has ended
        if os.sched_getaffinity(thread) != cpus:
            os.sched_setaffinity(thread, cpus)
            return True
    return False


def look_at_cpus() -> dict[int, tuple[int, int]]:
    """Return where the CPUs that this process may use lie; none where the system cannot keep programs on some of them."""
    if not hasattr(os, "sched_getaffinity"):
        return {}
    return {
        cpu: (_number(cpu, "physical_package_id"), _number(cpu, "core_id", cpu))
        for cpu in os.sched_getaffinity(0)
    }


def _number(cpu: int, name: str, otherwise: int = 0) -> int:
    try:
        return int((_TOPOLOGY / f"cpu{cpu}" / "topology" / name).read_text())
    except (OSError, ValueError):
        return otherwise
