"""Pods that nobody else would delete.

Source: kube-controller-manager's pod garbage collector: ended pods over a threshold, pods of nodes that are gone,
pods deleted before they had a node.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from seaway.base.clock import Clock, rfc3339
from seaway.client.client import Client
from seaway.client.request import STRATEGIC_MERGE_PATCH
from seaway.controlplane.controllers.context import Context
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
    orphaned: bool
    """Its node is gone: it is marked Failed first, so that whoever waits for its end learns of it."""


def doomed_pods(
    pods: Sequence[Object], gone: Mapping[str, float], now: float, *, keep: int, quarantine: float
) -> list[Doomed]:
    """Return the pods to delete.

    Args:
        pods: all pods.
        gone: node names that no node object has, and since when (seconds, any clock).
        now: by the same clock.
        keep: how many ended pods stay.
        quarantine: seconds that a node must have been gone.
    """
    doomed = []
    ended = []
    for pod in pods:
        node = pod["spec"].get("nodeName")
        if node in gone and now - gone[node] >= quarantine:
            doomed.append(Doomed(pod, orphaned=True))
        elif deletion_timestamp(pod) is not None:
            if not node:
                doomed.append(Doomed(pod, orphaned=False))
        elif has_ended(pod):
            ended.append(pod)
    ended.sort(key=lambda pod: (pod["metadata"].get("creationTimestamp") or "", key(pod)))
    return doomed + [Doomed(pod, orphaned=False) for pod in ended[: max(0, len(ended) - keep)]]


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
            pods.list(), gone, now, keep=settings.terminated_pods, quarantine=settings.orphan_quarantine
        ):
            await _delete(context.client, clock, doomed)
        return RequeueAfter(settings.pod_gc_period)

    return Controller(
        "podgc", (Source(nodes, always(KEY)), Source(pods, _terminating)), reconcile, clock=clock
    )


def _terminating(pod: Object) -> Sequence[str]:
    """Wake for pods that are deleted without ever having had a node."""
    return (KEY,) if deletion_timestamp(pod) is not None and not pod["spec"].get("nodeName") else ()


async def _delete(client: Client, clock: Clock, doomed: Doomed) -> None:
    pod = doomed.pod
    try:
        if doomed.orphaned and not has_ended(pod):
            await _mark_failed(client, clock, pod)
        await client.delete(PODS, name(pod), namespace(pod), grace_seconds=0, uid=uid(pod))
    except (Conflict, NotFound):
        return  # another pod by now, or gone


async def _mark_failed(client: Client, clock: Clock, pod: Object) -> None:
    condition = {
        "type": "DisruptionTarget",
        "status": "True",
        "reason": "DeletionByPodGC",
        "message": "PodGC: node no longer exists",
        "lastTransitionTime": rfc3339(clock.now()),
    }
    patch = {"metadata": {"uid": uid(pod)}, "status": {"phase": "Failed", "conditions": [condition]}}
    await client.patch(
        PODS, name(pod), patch, namespace(pod), content_type=STRATEGIC_MERGE_PATCH, subresource="status"
    )
