"""What the scheduler writes: bindings, why there is none, and who makes room for whom."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from seaway.base.clock import Clock, rfc3339
from seaway.client.client import Client
from seaway.client.errors import Unreachable
from seaway.client.request import STRATEGIC_MERGE_PATCH
from seaway.controlplane.scheduler.podinfo import PREEMPTION, PodInfo
from seaway.controlplane.scheduler.preemption import Budget, Room, budget_of
from seaway.objects.builtin import PODS
from seaway.objects.errors import ApiError, Conflict, NotFound
from seaway.objects.meta import get_condition, split_key, uid
from seaway.objects.workloads import POD_DISRUPTION_BUDGETS
from seaway.reconcile.informer import Informer
from seaway.reconcile.recorder import EventRecorder

log = logging.getLogger(__name__)
Object = dict[str, Any]


class Writes:
    """The scheduler's side of the API.

    Args:
        client: with the scheduler's rights.
        pods: the pods as last seen.
        recorder: of its events.
        clock: for the times of conditions.
        name: of the scheduler.
    """

    def __init__(
        self, client: Client, pods: Informer, recorder: EventRecorder, clock: Clock, name: str
    ) -> None:
        self._client, self._pods, self._recorder, self._clock = client, pods, recorder, clock
        self._name = name

    async def bind(self, pod: PodInfo, node: str) -> None:
        """Bind a pod. Raises ApiError, Unreachable."""
        namespace, pod_name = split_key(pod.key)
        binding = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {"name": pod_name, "namespace": namespace, "uid": pod.uid},
            "target": {"apiVersion": "v1", "kind": "Node", "name": node},
        }
        await self._client.create_subresource(PODS, pod_name, "binding", binding, namespace)
        self.report(pod, "Normal", "Scheduled", f"Successfully assigned {pod.key} to {node}")

    async def say_unschedulable(self, pod: PodInfo, message: str, nominated: str | None = None) -> bool:
        """Say by event and condition why a pod has no node; return whether it is written.

        Args:
            pod: the pod.
            message: why.
            nominated: the node where others make room, "" for no longer any, None for as before.
        """
        self.report(pod, "Warning", "FailedScheduling", message)
        current = self._pods.get(pod.key)
        if current is None or uid(current) != pod.uid:
            return True
        known = get_condition(current, "PodScheduled") or {}
        wanted = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
        status: Object = {}
        if any(known.get(field) != value for field, value in wanted.items()):
            since = known.get("lastTransitionTime") if known.get("status") == "False" else None
            times = {"lastProbeTime": None, "lastTransitionTime": since or rfc3339(self._clock.now())}
            status["conditions"] = [wanted | times]
        if nominated is not None and nominated != (current["status"].get("nominatedNodeName") or ""):
            status["nominatedNodeName"] = nominated or None
        return not status or await self._patch_status(pod, status)

    async def budgets(self) -> list[Budget]:
        """Return all disruption budgets; none where the kind is not served. Raises ApiError, Unreachable."""
        try:
            listed = await self._client.list(POD_DISRUPTION_BUDGETS)
        except NotFound:
            return []
        return [budget for one in listed["items"] if (budget := budget_of(one)) is not None]

    async def clear_nomination(self, pod: PodInfo) -> None:
        """Take back that others make room for a pod."""
        await self._patch_status(pod, {"nominatedNodeName": None})

    async def evict(self, pod: PodInfo, room: Room) -> bool:
        """Have the victims end, each with its grace; return whether all are asked to."""
        outcomes = await asyncio.gather(*(self._evict(victim, pod, room.node) for victim in room.victims))
        return all(outcomes)

    async def _evict(self, victim: PodInfo, pod: PodInfo, node: str) -> bool:
        if victim.terminating:
            return True
        message = f"{self._name}: preempting to accommodate a higher priority pod"
        condition = {
            "type": "DisruptionTarget",
            "status": "True",
            "reason": PREEMPTION,
            "message": message,
            "lastTransitionTime": rfc3339(self._clock.now()),
        }
        if not await self._patch_status(victim, {"conditions": [condition]}):
            return False
        namespace, name = split_key(victim.key)
        try:
            await self._client.delete(PODS, name, namespace, uid=victim.uid)
        except (Conflict, NotFound):
            return True  # gone already
        except (ApiError, Unreachable) as error:
            log.warning("pod %s does not make room for %s: %s", victim.key, pod.key, error)
            return False
        self.report(victim, "Normal", "Preempted", f"Preempted by pod {pod.uid} on node {node}")
        return True

    async def _patch_status(self, pod: PodInfo, status: Object) -> bool:
        namespace, name = split_key(pod.key)
        patch = {"metadata": {"uid": pod.uid}, "status": status}
        try:
            await self._client.patch(
                PODS, name, patch, namespace, content_type=STRATEGIC_MERGE_PATCH, subresource="status"
            )
        except (Conflict, NotFound) as error:
            log.debug("pod %s: %s", pod.key, error)
        except (ApiError, Unreachable) as error:
            log.warning("pod %s: its status was not written: %s", pod.key, error)
            return False
        return True

    def report(self, pod: PodInfo, event_type: str, reason: str, message: str) -> None:
        """Record an event about a pod."""
        namespace, pod_name = split_key(pod.key)
        metadata = {"namespace": namespace, "name": pod_name, "uid": pod.uid}
        involved = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata}
        self._recorder.event(involved, event_type, reason, message, component=self._name)
