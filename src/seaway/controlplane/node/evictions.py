"""Look at what the machine has left, and while that is too little end one pod after the other."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from seaway.controlplane.node import eviction, usage
from seaway.controlplane.node.cachecollector import CacheCollector
from seaway.controlplane.node.context import NodeContext
from seaway.controlplane.node.eviction import Use
from seaway.controlplane.node.worker import PodWorker

log = logging.getLogger(__name__)
_EVENTS = {
    "memory": ("NodeHasInsufficientMemory", "NodeHasSufficientMemory"),
    "disk": ("NodeHasDiskPressure", "NodeHasNoDiskPressure"),
    "pid": ("NodeHasInsufficientPID", "NodeHasSufficientPID"),
}
_GRACE = 1.0
"""Seconds that an evicted pod has, whatever it asked for: the node cannot wait."""


class Evictions:
    """The pressure on one node.

    Args:
        context: of the node; its `short_of` is kept.
        workers: returns those of the pods that are here.
    """

    def __init__(self, context: NodeContext, workers: Callable[[], Iterable[PodWorker]]) -> None:
        self._context, self._workers = context, workers
        self._again = asyncio.Event()
        self._found: dict[str, tuple[int, int] | None] = {}
        self.changed = asyncio.Event()
        """Set when the node is short of more or of less than before."""
        cache, clock = context.settings.cache, context.clock
        self._cache = CacheCollector(cache, clock, self._tell_of_cache) if cache is not None else None

    def look_again(self) -> None:
        """Look now, not when it is time."""
        self._again.set()

    async def look(self) -> None:
        """Find out what the node is short of."""
        signals = await asyncio.to_thread(usage.look_at_rest, self._context.settings.folder)
        self._found = dict(eviction.pressures(signals, self._context.settings.thresholds))
        for kind in self._context.trouble.pressure:
            self._found.setdefault(kind, None)
        short_of = [kind for kind in eviction.CONDITIONS if kind in self._found]
        if short_of != self._context.short_of:
            self._tell(self._context.short_of, short_of)
            self._context.short_of[:] = short_of
            self.changed.set()

    async def run(self) -> None:
        """Look again and again until cancelled."""
        while True:
            if self._cache is not None:
                await self._cache.collect_if_due()
            await self.look()
            if self._context.short_of and await self._is_short_of_more_than_cache():
                await self._reclaim(self._context.short_of[0])
            with suppress(TimeoutError):
                async with asyncio.timeout(self._context.settings.pressure_seconds):
                    await self._again.wait()
            self._again.clear()

    async def _is_short_of_more_than_cache(self) -> bool:
        """Tell whether a pod has to go: disk may be had without one, from what nobody uses now."""
        measured = self._found.get("disk") is not None  # what somebody practises costs nobody a cache
        if self._context.short_of[0] == "disk" and measured and self._cache is not None:
            await self._cache.collect(pressed=True)
            await self.look()  # another node of this machine may have emptied it
        return bool(self._context.short_of)

    def _tell_of_cache(self, text: str) -> None:
        self._event("Normal", "CacheCollected", text)

    async def _reclaim(self, kind: str) -> None:
        """End the pod that has to go first."""
        resource = eviction.RESOURCES[kind]
        self._event("Warning", "EvictionThresholdMet", f"Attempting to reclaim {resource}")
        workers = {worker.uid: worker for worker in self._workers() if worker.active}
        measured = [(worker.pod, await self._use(worker)) for worker in workers.values()]
        for pod, use in eviction.ranked(measured, kind)[:1]:
            why = eviction.message(pod, use, kind, self._found[kind])
            log.warning(
                "node %s evicts pod %s: %s", self._context.settings.name, pod["metadata"]["name"], why
            )
            workers[pod["metadata"]["uid"]].evict(why, _GRACE)

    async def _use(self, worker: PodWorker) -> Use:
        running = [
            (state.name, self._context.container_folder(worker.uid, state.name, state.attempt))
            for state in worker.state.containers.values()
            if state.running
        ]
        return await asyncio.to_thread(usage.pod_use, self._context.pod_folder(worker.uid), running)

    def _tell(self, before: list[str], after: list[str]) -> None:
        for kind, (bad, good) in _EVENTS.items():
            if (kind in before) != (kind in after):
                reason = bad if kind in after else good
                name = self._context.settings.name
                self._event("Normal", reason, f"Node {name} status is now: {reason}")

    def _event(self, kind: str, reason: str, message: str) -> None:
        name = self._context.settings.name
        node: dict[str, Any] = {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": name, "uid": name},
        }
        self._context.recorder.event(node, kind, reason, message)
