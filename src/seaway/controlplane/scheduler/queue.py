"""Pods that wait for a node: by priority, then by age; those for which there was none wait apart."""

from __future__ import annotations

import heapq
from typing import Any

from seaway.controlplane.scheduler.podinfo import PodInfo


class PodQueue:
    """Waiting pods, each once."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, str, int, str]] = []
        self._queued: dict[str, PodInfo] = {}
        self._created: dict[str, str] = {}
        self._blocked: dict[str, PodInfo] = {}
        self._refused: dict[tuple[Any, ...], tuple[int, str]] = {}
        self._count = 0

    def __len__(self) -> int:
        """Return how many wait to be tried."""
        return len(self._queued)

    @property
    def blocked(self) -> int:
        """How many wait for the cluster to change."""
        return len(self._blocked)

    def knows(self, uid: str) -> bool:
        """Tell whether a pod waits here, tried or not."""
        return uid in self._queued or uid in self._blocked

    def add(self, pod: PodInfo, created: str) -> None:
        """Have a pod tried; a newer version replaces the one waiting."""
        self._blocked.pop(pod.uid, None)
        waiting = self._queued.get(pod.uid)
        self._queued[pod.uid], self._created[pod.uid] = pod, created
        if waiting is None or waiting.priority != pod.priority:
            self._count += 1
            heapq.heappush(self._heap, (-pod.priority, created, self._count, pod.uid))

    def pop(self) -> PodInfo | None:
        """Return the pod to try next, None where none waits."""
        while self._heap:
            negative, _, _, uid = heapq.heappop(self._heap)
            pod = self._queued.get(uid)
            if pod is not None and pod.priority == -negative:
                del self._queued[uid]
                return pod
        return None

    def block(self, pod: PodInfo, eased: int, message: str | None) -> None:
        """Put a pod aside until `retry_blocked`; with a message, its like are refused alike while `eased` stays."""
        self._blocked[pod.uid] = pod
        if message is not None:
            self._refused[pod.shape] = (eased, message)

    def refusal(self, pod: PodInfo, eased: int) -> str | None:
        """Return the message that a like pod got since the cluster last eased, None where none did."""
        known = self._refused.get(pod.shape)
        return known[1] if known is not None and known[0] == eased else None

    def retry_blocked(self) -> None:
        """Have all pods that were put aside tried again."""
        self._refused.clear()
        blocked, self._blocked = self._blocked, {}
        for pod in blocked.values():
            self.add(pod, self._created[pod.uid])

    def remove(self, uid: str) -> None:
        """Forget a pod."""
        self._queued.pop(uid, None)
        self._blocked.pop(uid, None)
        self._created.pop(uid, None)
