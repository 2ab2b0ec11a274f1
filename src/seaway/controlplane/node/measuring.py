"""What containers and the machine use, measured when somebody asks and never otherwise.

CPU time is a count since the start, so a rate needs two looks: an earlier answer is the first one, or one is taken now.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import psutil

from seaway.base.clock import Clock
from seaway.client.totals import NodeTotals
from seaway.client.usage import NodeUsage, PodUsage, Usage
from seaway.controlplane.node.shim import files, tree

FRESH = 1.0
"""An answer is good for so many seconds; a window is at least so long."""
LONGEST = 60.0
"""A look that is older says nothing of now."""


class Key(NamedTuple):
    """One attempt of a container."""

    uid: str
    """Of its pod."""
    container: str
    folder: Path
    started: float
    """Seconds since the epoch."""


class Spent(NamedTuple):
    """CPU seconds since the start, and memory in bytes."""

    cpu: float
    memory: int


@dataclass(frozen=True, slots=True)
class Look:
    """What was there at one moment."""

    at: float
    """Seconds since the epoch."""
    machine: Spent
    containers: Mapping[Key, Spent]
    monotonic: float = 0.0
    """Seconds by which looks are told apart: the clock may be set between two."""


class Meter:
    """Answers what a node uses.

    Args:
        clock: when.
        running: the containers that run now.
        look: reads the counts; takes a while.
    """

    def __init__(
        self,
        clock: Clock,
        running: Callable[[], Sequence[Key]],
        look: Callable[[float, Sequence[Key]], Look] | None = None,
    ) -> None:
        self._clock, self._running, self._look = clock, running, look or look_at_processes
        self._looks: deque[Look] = deque()
        self._lock = asyncio.Lock()
        self._last: NodeUsage | None = None
        self._measured: frozenset[Key] = frozenset()
        """What the last answer is about."""
        self._measured_at = 0.0
        """By the monotonic clock."""

    async def measure(self) -> NodeUsage:
        """Return what is used now: after a second of watching where nobody asked for a while, or a container has just begun."""
        async with self._lock:  # who asks at the same time gets the same answer
            now, running = self._clock.now(), frozenset(self._running())
            fresh = self._clock.monotonic() - self._measured_at < FRESH
            if self._last is not None and running == self._measured and fresh:
                return self._last
            look = await self._take()
            before = base_of(self._looks, look.monotonic)
            if before is None:
                self._looks = deque([look])
                before = look
            if before is look or any(now - key.started < FRESH for key in running):
                await self._clock.sleep(FRESH)
                look = await self._take()
            while self._looks and look.monotonic - self._looks[0].monotonic > LONGEST:
                self._looks.popleft()
            self._looks.append(look)
            self._measured, self._last = frozenset(look.containers), usage_between(before, look)
            self._measured_at = look.monotonic
            return self._last

    async def _take(self) -> Look:
        now, monotonic = self._clock.now(), self._clock.monotonic()
        return replace(await asyncio.to_thread(self._look, now, self._running()), monotonic=monotonic)


def base_of(looks: Iterable[Look], now: float) -> Look | None:
    """Return the earlier look to compare with: the newest that is long enough ago, None where all are too old."""
    found = [look for look in looks if FRESH <= now - look.monotonic <= LONGEST]
    far = [look for look in found if now - look.monotonic >= LONGEST / 4]
    return far[-1] if far else found[0] if found else None


def usage_between(before: Look, now: Look) -> NodeUsage:
    """Return what was used between two looks; of a container that began between them, since it began."""
    pods: dict[str, dict[str, Usage]] = {}
    between = now.monotonic - before.monotonic
    for key, spent in now.containers.items():
        earlier = before.containers.get(key)
        window = between if earlier is not None else min(between, now.at - key.started)
        found = _usage(spent, earlier.cpu if earlier is not None else 0.0, now.at, window)
        of_pod = pods.setdefault(key.uid, {})
        if found is not None:
            of_pod[key.container] = found
    machine = _usage(now.machine, before.machine.cpu, now.at, between)
    assert machine is not None, "two looks lie apart"
    return NodeUsage(machine, tuple(PodUsage(uid, containers) for uid, containers in pods.items()))


def _usage(spent: Spent, cpu_before: float, at: float, window: float) -> Usage | None:
    if window < FRESH / 2:
        return None
    return Usage(max(spent.cpu - cpu_before, 0.0) / window, spent.memory, at, window)


def look_at_machine() -> Spent:
    """Return what the whole machine has spent."""
    times, memory = psutil.cpu_times(), psutil.virtual_memory()
    idle = times.idle + getattr(times, "iowait", 0.0)
    guest = getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)
    return Spent(sum(times) - idle - guest, memory.total - memory.available)


def totals(name: str, folder: Path, *, pods: int, containers: int) -> NodeTotals:
    """Return what a node has used and holds.

    Args:
        name: of the node.
        folder: of its files.
        pods: how many it has that have not ended.
        containers: how many run.
    """
    machine, disk = look_at_machine(), os.statvfs(folder)
    return NodeTotals(
        name, machine.cpu, machine.memory, pods, containers, disk.f_blocks * disk.f_frsize, disk.f_bavail * disk.f_frsize,
        disk.f_files, disk.f_favail,
    )  # fmt: skip


def look_at_processes(now: float, running: Sequence[Key]) -> Look:
    """Look at all processes of the machine once, and add up those of each container."""
    machine = look_at_machine()
    if not running:
        return Look(now, machine, {})
    processes: dict[int, psutil.Process] = {}
    children: dict[int, list[int]] = {}
    for process in psutil.process_iter(["ppid", "cpu_times", "memory_info"]):
        processes[process.pid] = process
        children.setdefault(process.info["ppid"], []).append(process.pid)
    containers = {}
    for key in running:
        with suppress(FileNotFoundError, KeyError):  # it ended meanwhile
            shim = files.read_json(str(key.folder / files.STATE))["shim"]
            containers[key] = _spent(shim, processes, children)
    return Look(now, machine, containers)


def _spent(
    shim: int, processes: Mapping[int, psutil.Process], children: Mapping[int, Sequence[int]]
) -> Spent:
    """Return what the processes below a shim spent, those that ended included: whoever waits for one gets its time."""
    waited = processes[shim].info["cpu_times"]
    cpu = waited.children_user + waited.children_system if waited is not None else 0.0
    below, waiting = [], [*children.get(shim, ())]
    while waiting:
        pid = waiting.pop()
        below.append(pid)
        waiting += children.get(pid, ())
    resident = 0
    for pid in below:
        if (spent := processes[pid].info["cpu_times"]) is not None:
            cpu += spent.user + spent.system + spent.children_user + spent.children_system
        if (memory := processes[pid].info["memory_info"]) is not None:
            resident += memory.rss
    # each page of memory that processes share counts once, where the system tells
    return Spent(cpu, tree.memory_in_use(below, 0) or resident)
