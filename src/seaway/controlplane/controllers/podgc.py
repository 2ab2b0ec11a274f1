"""Pods that nobody else would delete.

Source: kube-controller-manager's pod garbage collector: ended pods over a threshold, pods of nodes that are gone,
pods deleted before they had a node, deleted pods of nodes that are out of service (KEP-2268).
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from typing import Any, NamedTuple

from seaway.base.clock import Clock, rfc3339
from seaway.client.client import Client
from seaway.client.request import STRATEGIC_MERGE_PATCH
from seaway.controlplane.controllers.context import Context
from seaway.controlplane.controllers.nodehealth import is_out_of_service
from seaway.objects.builtin import NODES, PODS
from seaway.objects.errors import Conflict, NotFound
from seaway.objects.meta import deletion_timestamp, key, name, namespace, uid
from seaway.objects.pods import has_ended
from seaway.reconcile.controller import Controller, Outcome, RequeueAfter
from seaway.reconcile.sources import Source, always

Object = dict[str, Any]
KEY = "all"


class Doomed(NamedTuple):
    """A pod to delete."""

    pod: Object
    unseen: bool
    """Its node is gone or off: it is marked Failed first, so that whoever waits for its end learns of it."""
    why: str = ""
    """Of a pod that nothing has disrupted before: why it is."""


def doomed_pods(
    pods: Sequence[Object],
    gone: Mapping[str, float],
    off: Container[str],
    now: float,
    *,
    keep: int,
    quarantine: float,
) -> list[Doomed]:
    """Return the pods to delete.

    Args:
        pods: all pods.
        gone: node names that no node object has, and since when (seconds, any clock).
        off: node names that are out of service.
        now: by the same clock.
        keep: how many ended pods stay.
        quarantine: seconds that a node must have been gone.
    """
    doomed = []
    ended = []
    for pod in pods:
        node = pod["spec"].get("nodeName")
        if node in gone and now - gone[node] >= quarantine:
            doomed.append(Doomed(pod, unseen=True, why="PodGC: node no longer exists"))
        elif deletion_timestamp(pod) is not None:
            if not node or node in off:
                doomed.append(Doomed(pod, unseen=bool(node)))
        elif has_ended(pod):
            ended.append(pod)
    ended.sort(key=lambda pod: (pod["metadata"].get("creationTimestamp") or "", key(pod)))
    return doomed + [Doomed(pod, unseen=False) for pod in ended[: max(0, len(ended) - keep)]]


def build(context: Context) -> Controller:
    """Return the controller: it looks at all pods at once, every `pod_gc_period` and when a node goes."""
    pods, nodes = context.informers.informer(PODS), context.informers.informer(NODES)
    settings, clock = context.settings, context.clock
    gone: dict[str, float] = {}

    async def reconcile(_: str) -> Outcome:
        now = clock.monotonic()
        named = {pod["spec"].get("nodeName") for pod in pods.list()} - {None, ""}
        missing = {node for node in named if nodes.get(node) is None}
        for node in set(gone) - missing:
            del gone[node]
        for node in missing:
            gone.setdefault(node, now)
        for doomed in doomed_pods(
            pods.list(),
            gone,
            {name(node) for node in nodes.list() if is_out_of_service(node)},
            now,
            keep=settings.terminated_pods,
            quarantine=settings.orphan_quarantine,
        ):
            await _delete(context.client, clock, doomed)
        return RequeueAfter(settings.pod_gc_period)

    def stranded(pod: Object) -> Sequence[str]:
        """Wake for pods that are deleted and have no node that would remove them."""
        if deletion_timestamp(pod) is None:
            return ()
        node = pod["spec"].get("nodeName")
        known = nodes.get(node) if node else None
        return (KEY,) if not node or (known is not None and is_out_of_service(known)) else ()

    return Controller("podgc", (Source(nodes, always(KEY)), Source(pods, stranded)), reconcile, clock=clock)


async def _delete(client: Client, clock: Clock, doomed: Doomed) -> None:
    pod = doomed.pod
    try:
        if doomed.unseen and not has_ended(pod):
            await _mark_failed(client, clock, pod, doomed.why)
        await client.delete(PODS, name(pod), namespace(pod), grace_seconds=0, uid=uid(pod))
    except (Conflict, NotFound):
        return  # another pod by now, or gone


async def _mark_failed(client: Client, clock: Clock, pod: Object, why: str) -> None:
    condition = {
        "type": "DisruptionTarget",
        "status": "True",
        "reason": "DeletionByPodGC",
        "message": why,
        "lastTransitionTime": rfc3339(clock.now()),
    }
    status = {"phase": "Failed"} | ({"conditions": [condition]} if why else {})
    patch = {"metadata": {"uid": uid(pod)}, "status": status}
    await client.patch(
        PODS, name(pod), patch, namespace(pod), content_type=STRATEGIC_MERGE_PATCH, subresource="status"
    )
