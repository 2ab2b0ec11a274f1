"""What a node's heartbeat and conditions mean for its taints and its pods: pure.

Source: kube-controller-manager's node lifecycle and taint eviction controllers; well-known taints.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from seaway.base.clock import parse_rfc3339, rfc3339
from seaway.base.elapsed import Since
from seaway.objects.meta import copy, get_condition, set_condition
from seaway.objects.nodeselection import tolerates

Object = dict[str, Any]
NOT_READY = "node.kubernetes.io/not-ready"
UNREACHABLE = "node.kubernetes.io/unreachable"
OUT_OF_SERVICE = "node.kubernetes.io/out-of-service"
CORDONED = "node.kubernetes.io/unschedulable"
PRESSURES = {
    "MemoryPressure": "node.kubernetes.io/memory-pressure",
    "DiskPressure": "node.kubernetes.io/disk-pressure",
    "PIDPressure": "node.kubernetes.io/pid-pressure",
    "NetworkUnavailable": "node.kubernetes.io/network-unavailable",
}
_MANAGED = {NOT_READY, UNREACHABLE, CORDONED, *PRESSURES.values()}
_FROM_NODE = ("Ready", "MemoryPressure", "DiskPressure", "PIDPressure")


def is_out_of_service(node: Object) -> bool:
    """Return whether somebody has said that a node is off, and it does not contradict."""
    taints = (node.get("spec") or {}).get("taints") or ()
    ready = (get_condition(node, "Ready") or {}).get("status") == "True"
    return not ready and any(taint.get("key") == OUT_OF_SERVICE for taint in taints)


def heartbeat(node: Object, lease: Object | None) -> tuple[str, ...]:
    """Return what changes when the node gives a sign of life."""
    beats = [
        condition.get("lastHeartbeatTime") or ""
        for condition in (node.get("status") or {}).get("conditions") or ()
    ]
    return ((lease or {}).get("spec") or {}).get("renewTime") or "", *beats


def silent_conditions(node: Object, now: float) -> list[Object] | None:
    """Return the conditions of a node that went silent, None where they say so already."""
    conditions: list[Object] = copy((node.get("status") or {}).get("conditions") or [])
    changed = False
    for kind in _FROM_NODE:
        known = next((c for c in conditions if c["type"] == kind), None)
        if known is not None and known["status"] == "Unknown":
            continue
        reason, message = "NodeStatusUnknown", "Kubelet stopped posting node status."
        if known is None:
            reason, message = "NodeStatusNeverUpdated", "Kubelet never posted node status."
        changed |= set_condition(conditions, kind, "Unknown", reason, message, now=rfc3339(now))
    return conditions if changed else None


def wanted_taints(node: Object, now: float) -> list[Object]:
    """Return all taints that the node should have; those of others stay as they are."""
    present = (node.get("spec") or {}).get("taints") or []
    known = {(taint["key"], taint["effect"]): taint for taint in present}
    kept = [taint for taint in present if taint["key"] not in _MANAGED]
    for key, effect in _managed_taints(node):
        kept.append(known.get((key, effect)) or _taint(key, effect, now))
    return kept


def _managed_taints(node: Object) -> list[tuple[str, str]]:
    taints = []
    if (node.get("spec") or {}).get("unschedulable"):
        taints.append((CORDONED, "NoSchedule"))
    ready = (get_condition(node, "Ready") or {}).get("status")
    if ready != "True":
        key = UNREACHABLE if ready == "Unknown" else NOT_READY
        taints += [(key, "NoSchedule"), (key, "NoExecute")]
    for kind, key in PRESSURES.items():
        if (get_condition(node, kind) or {}).get("status") == "True":
            taints.append((key, "NoSchedule"))
    return taints


def _taint(key: str, effect: str, now: float) -> Object:
    return {"key": key, "effect": effect} | ({"timeAdded": rfc3339(now)} if effect == "NoExecute" else {})


def until_eviction(pod: Object, taints: Sequence[Mapping[str, Any]], since: Since) -> float | None:
    """Return in how many seconds a pod has to leave a node because of its NoExecute taints, None for never.

    Args:
        pod: on the node.
        taints: of the node.
        since: how long ago something was.
    """
    tolerations = pod["spec"].get("tolerations") or ()
    times = []
    for taint in taints:
        if taint["effect"] != "NoExecute":
            continue
        matching = [t for t in tolerations if tolerates(t, taint)]
        if not matching:
            return 0.0
        limited = [t["tolerationSeconds"] for t in matching if t.get("tolerationSeconds") is not None]
        if limited:
            added = taint.get("timeAdded")
            times.append(max(0, min(limited)) - (since(parse_rfc3339(added)) if added else 0.0))
    return min(times, default=None)
