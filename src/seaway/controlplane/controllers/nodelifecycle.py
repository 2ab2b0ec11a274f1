"""Nodes that went silent are marked and tainted, and the pods on tainted nodes have to leave.

Two controllers over `nodehealth.py`: one for nodes, one for pods. A heartbeat counts from when this process saw it, not
by the node's own clock; after a restart every node has the whole grace period again. Nobody is early or late because the
clock was set.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from seaway.base.clock import rfc3339
from seaway.base.elapsed import Elapsed
from seaway.client.request import STRATEGIC_MERGE_PATCH
from seaway.controlplane.controllers.context import Context
from seaway.controlplane.controllers.nodehealth import (
    heartbeat,
    silent_conditions,
    until_eviction,
    wanted_taints,
)
from seaway.objects.builtin import LEASES, NODES, PODS
from seaway.objects.errors import Conflict, NotFound
from seaway.objects.meta import deletion_timestamp, get_condition, key, name, namespace, uid
from seaway.objects.pods import has_ended
from seaway.reconcile.controller import DONE, Controller, Outcome, RequeueAfter
from seaway.reconcile.sources import Source

Object = dict[str, Any]
LEASE_NAMESPACE = "kube-node-lease"
BY_NODE = "node"
"""Name of the index of pods by the node they are on."""


def build(context: Context) -> Controller:
    """Return the controller of nodes."""
    return NodeLifecycle(context).controller


class NodeLifecycle:
    """Watches heartbeats."""

    def __init__(self, context: Context) -> None:
        self._context, self._settings, self._clock = context, context.settings, context.clock
        self._nodes = context.informers.informer(NODES)
        self._leases = context.informers.informer(LEASES, namespace=LEASE_NAMESPACE)
        self._pods = context.informers.informer(PODS, indices={BY_NODE: node_of})
        self._seen: dict[str, tuple[tuple[str, ...], float]] = {}
        self.controller = Controller(
            "nodelifecycle", (Source(self._nodes),), self.reconcile, clock=context.clock
        )

    async def reconcile(self, node_name: str) -> Outcome:
        """Mark the node where it is silent, and keep its taints right."""
        node = self._nodes.get(node_name)
        if node is None:
            self._seen.pop(node_name, None)
            return DONE
        now = self._clock.monotonic()
        beat = heartbeat(node, self._leases.get(f"{LEASE_NAMESPACE}/{node_name}"))
        seen, since = self._seen.get(node_name, (None, now))
        if seen != beat:
            since = now
            self._seen[node_name] = beat, now
        if now - since >= self._settings.node_grace and (await self._mark_silent(node)):
            return RequeueAfter(self._settings.node_monitor)
        await self._taint(node)
        if (get_condition(node, "Ready") or {}).get("status") != "True":
            await self._pods_not_ready(node_name)
        return RequeueAfter(self._settings.node_monitor)

    async def _mark_silent(self, node: Object) -> bool:
        """Write the Unknown conditions; return whether anything was written."""
        conditions = silent_conditions(node, self._clock.now())
        if conditions is None:
            return False
        status = {**(node.get("status") or {}), "conditions": conditions}
        await self._context.client.replace(NODES, {**node, "status": status}, "status")
        message = f"Node {name(node)} status is now: NodeNotReady"
        self._report(node, "NodeNotReady", message)
        return True

    async def _taint(self, node: Object) -> None:
        spec = node.get("spec") or {}
        wanted = wanted_taints(node, self._clock.now())
        if wanted != (spec.get("taints") or []):
            await self._context.client.replace(NODES, {**node, "spec": {**spec, "taints": wanted}})

    async def _pods_not_ready(self, node_name: str) -> None:
        """Say of the node's pods that nobody knows whether they are ready."""
        condition = {"type": "Ready", "status": "False", "lastTransitionTime": rfc3339(self._clock.now())}
        for pod in self._pods.by_index(BY_NODE, node_name):
            if (get_condition(pod, "Ready") or {}).get("status") != "True":
                continue
            await _patch_status(self._context, pod, {"conditions": [condition]})

    def _report(self, node: Object, reason: str, message: str) -> None:
        self._context.recorder.event(node, "Normal", reason, message, component="node-controller")


def build_eviction(context: Context) -> Controller:
    """Return the controller of pods on tainted nodes."""
    nodes = context.informers.informer(NODES)
    pods = context.informers.informer(PODS, indices={BY_NODE: node_of})
    elapsed = Elapsed(context.clock)

    async def reconcile(pod_key: str) -> Outcome:
        pod = pods.get(pod_key)
        node = nodes.get(pod["spec"].get("nodeName") or "") if pod is not None else None
        if pod is None or node is None or deletion_timestamp(pod) is not None or has_ended(pod):
            return DONE
        taints = (node.get("spec") or {}).get("taints") or ()
        left = until_eviction(pod, taints, partial(elapsed.since, name(node)))
        if left is None:
            return DONE
        if left > 0:
            return RequeueAfter(left)
        await _evict(context, pod)
        return DONE

    def on_node(node: Object) -> Iterable[str]:
        if not _expels(node):
            elapsed.forget(name(node))
            return ()
        return [key(pod) for pod in pods.by_index(BY_NODE, name(node))]

    sources = (Source(nodes, on_node), Source(pods, _placed(nodes.get)))
    return Controller("taint-eviction", sources, reconcile, clock=context.clock)


def node_of(pod: Object) -> Iterable[str]:
    """Return the node a pod is on, for the index."""
    node = pod["spec"].get("nodeName")
    return (node,) if node else ()


def _placed(node_named: Callable[[str], Object | None]) -> Callable[[Object], Iterable[str]]:
    """Return the mapping from pods to keys: only those on nodes that expel pods concern this controller."""

    def keys(pod: Object) -> Iterable[str]:
        node = node_named(pod["spec"].get("nodeName") or "")
        return (key(pod),) if node is not None and _expels(node) else ()

    return keys


def _expels(node: Object) -> bool:
    return any(taint["effect"] == "NoExecute" for taint in (node.get("spec") or {}).get("taints") or ())


async def _evict(context: Context, pod: Object) -> None:
    message = "Taint manager: deleting due to NoExecute taint"
    condition = {
        "type": "DisruptionTarget",
        "status": "True",
        "reason": "DeletionByTaintManager",
        "message": message,
        "lastTransitionTime": rfc3339(context.clock.now()),
    }
    component = "taint-eviction-controller"
    text = f"Marking for deletion Pod {key(pod)}"
    context.recorder.event(pod, "Normal", "TaintManagerEviction", text, component=component)
    await _patch_status(context, pod, {"conditions": [condition]})
    try:
        await context.client.delete(PODS, name(pod), namespace(pod), uid=uid(pod))
    except (Conflict, NotFound):
        return  # another pod by now, or gone


async def _patch_status(context: Context, pod: Object, status: Object) -> None:
    patch = {"metadata": {"uid": uid(pod)}, "status": status}
    try:
        await context.client.patch(
            PODS, name(pod), patch, namespace(pod), content_type=STRATEGIC_MERGE_PATCH, subresource="status"
        )
    except (Conflict, NotFound):
        return  # another pod by now, or gone
