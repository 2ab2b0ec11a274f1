"""What a node did to its pods: pressure, shutdown, reboot, a spot node that was taken back.

Source: the kubelet's eviction messages and the labels that GKE, EKS, AKS and Karpenter give their nodes.
"""

from __future__ import annotations

import re

from seaway.base.messages import wording
from seaway.model.verdict import Level, VerdictClass
from seaway.platform.diagnosis.advice import WATCH, again
from seaway.platform.diagnosis.evidence import (
    condition,
    event_time,
    exit_code,
    from_end,
    from_event,
    last_event,
    moment,
    pod_status,
    quote,
    terminated,
)  # fmt: skip
from seaway.platform.diagnosis.facts import Facts
from seaway.platform.diagnosis.finding import Finding
from seaway.platform.diagnosis.rules.infrastructure import failed_before

_MEMORY, _DISK, _PROCESSES = wording("memory"), wording("disk space"), wording("process numbers (pids)")
_PRESSURES = {
    "memory": _MEMORY, "ephemeral-storage": _DISK, "inodes": wording("room for files (inodes)"), "nodefs": _DISK,
    "imagefs": wording("disk space for images"), "pids": _PROCESSES, "pid": _PROCESSES,
    "MemoryPressure": _MEMORY, "DiskPressure": _DISK, "PIDPressure": _PROCESSES,
}  # fmt: skip
_LOW = re.compile(
    r"low on resource: \[?(?P<what>[\w-]+)|had condition: \[?(?P<condition>\w+)|(?P<inodes>inodes)"
)
_USED = re.compile(
    r"was using (?P<used>\S+?),? (?:request is|which exceeds its request of) (?P<request>[^\s,]*[^\s,.])"
)
_SPOT_LABELS = {
    "cloud.google.com/gke-spot": "true", "cloud.google.com/gke-preemptible": "true", "eks.amazonaws.com/capacityType": "SPOT",
    "karpenter.sh/capacity-type": "spot", "kubernetes.azure.com/scalesetpriority": "spot", "node.kubernetes.io/lifecycle": "spot",
}  # fmt: skip
_SPOT_EVENT = re.compile(r"(?i)spot|preempt(?:ible|ion notice|Scheduled)|interruption|rebalance")
_GONE = ("DeletionByTaintManager", "DeletionByPodGC")
_SHUT = ("Terminated", "NodeShutdown", "Shutdown", "NodeLost")
_SECONDS = 900


def never_there(facts: Facts) -> Finding | None:
    """Find a pod that itself names a node which the cluster does not have: no scheduler chose it, and none looks at the pod."""
    name = ((facts.pod or {}).get("spec") or {}).get("nodeName")
    if facts.made is None or not name or not facts.node_gone or facts.nodes_hidden:
        return None
    status = pod_status(facts)
    seen = status.get("containerStatuses") or status.get("startTime") or condition(facts, "PodScheduled")
    if seen or last_event(facts, "Scheduled") is not None or facts.node_events:
        return None
    return Finding(
        Level.SPEC, VerdictClass.CONFIGURATION, "NodeUnknown",
        wording("it asks for the node {node} by name ({field}), which the cluster does not have", node=name, field="spec.nodeName"),
        (quote(facts, "pod", f"spec.nodeName: {name}"),),
        next_step=wording("leave {field} out, or correct it, then: {command}", field="spec.nodeName", command=again(facts)),
    )  # fmt: skip


def spot_reclaimed(facts: Facts) -> Finding | None:
    """Find a pod whose node was an interruptible one that the provider took back."""
    disruption = condition(facts, "DisruptionTarget") or {}
    went = disruption.get("reason") in _GONE or pod_status(facts).get("reason") in _SHUT or facts.node_gone
    event = next(
        (
            e
            for e in reversed(facts.node_events)
            if _SPOT_EVENT.search(f"{e.get('reason')} {e.get('message')}")
        ),
        None,
    )
    labels = ((facts.node or {}).get("metadata") or {}).get("labels") or {}
    spot = any(str(labels.get(name, "")).lower() == value.lower() for name, value in _SPOT_LABELS.items())
    evicted = disruption.get("status") == "True" and disruption.get("reason") != "PreemptionByScheduler"
    if not ((went and (spot or event)) or (evicted and event)) or failed_before(facts):
        return None
    text = f"{disruption.get('reason') or pod_status(facts).get('reason')}: {disruption.get('message') or pod_status(facts).get('message') or ''}"
    evidence = (
        *from_event(facts, event),
        quote(facts, "pod status", text, disruption.get("lastTransitionTime")),
    )
    return Finding(
        Level.NODE, VerdictClass.INFRASTRUCTURE, "SpotReclaimed", wording("its node was an interruptible (spot) one, and the provider took it back"),
        evidence, next_step=WATCH, retry=True, exit_code=exit_code(facts),
    )  # fmt: skip


def evicted_for_pressure(facts: Facts) -> Finding | None:
    """Find a pod that its node evicted because it ran short of something."""
    status = pod_status(facts)
    message = str(status.get("message") or "")
    if status.get("reason") != "Evicted":
        return None
    found = _LOW.search(message)
    what = _PRESSURES.get(
        (found["what"] or found["condition"] or found["inodes"]) if found else "", wording("resources")
    )
    used = _USED.search(message)
    step: str = WATCH
    if what == "memory" and used:
        more = again(facts, "--memory", "AMOUNT")
        step = wording("reserve what it needs, so that others go first: {command}", command=more)
    event = last_event(facts, "Evicted")
    at = (condition(facts, "DisruptionTarget") or {}).get("lastTransitionTime") or (
        event_time(event) if event else None
    )
    return Finding(
        Level.NODE, VerdictClass.INFRASTRUCTURE, "Evicted", _evicted(message, what, used),
        (quote(facts, "pod status", f"Evicted: {message}", at),), next_step=step, retry=True, exit_code=exit_code(facts),
    )  # fmt: skip


def _evicted(message: str, resource: str, used: re.Match[str] | None) -> str:
    """Return what a node did that ran short of something, and how much of it the pod had."""
    if message.startswith("Pod was rejected"):
        return wording("its node was short of {resource} and did not take it", resource=resource)
    if used is None:
        return wording("its node ran short of {resource} and evicted it", resource=resource)
    if used["request"] == "0":
        return wording(
            "its node ran short of {resource} and evicted it; it used {used} and had reserved nothing",
            resource=resource, used=used["used"],
        )  # fmt: skip
    return wording(
        "its node ran short of {resource} and evicted it; it used {used} and had reserved {reserved}",
        resource=resource, used=used["used"], reserved=used["request"],
    )  # fmt: skip


def shut_down(facts: Facts) -> Finding | None:
    """Find a pod whose node was shut down in an orderly way."""
    status = pod_status(facts)
    message = str(status.get("message") or "")
    if status.get("reason") not in _SHUT[:3] and not (
        status.get("phase") == "Failed" and "node shutdown" in message
    ):
        return None
    if failed_before(facts):
        return None
    return Finding(
        Level.NODE, VerdictClass.INFRASTRUCTURE, "NodeShutdown", wording("its node was shut down"),
        (quote(facts, "pod status", f"{status.get('reason')}: {message}", (condition(facts, 'DisruptionTarget') or terminated(facts) or {}).get("lastTransitionTime") or (terminated(facts) or {}).get("finishedAt")), *from_end(facts)),
        next_step=WATCH, retry=True, exit_code=exit_code(facts),
    )  # fmt: skip


def rebooted(facts: Facts) -> Finding | None:
    """Find a container that ended because its node started anew."""
    event = next(
        (e for e in reversed(facts.node_events) if e.get("reason") in ("Rebooted", "NodeRebooted")), None
    )
    ended = terminated(facts)
    if (
        event is None
        or ended is None
        or ended.get("exitCode") not in (255, 137)
        or ended.get("reason") == "OOMKilled"
    ):
        return None
    at, end = moment(event_time(event)), moment(ended.get("finishedAt"))
    if at is None or end is None or abs((at - end).total_seconds()) > _SECONDS:
        return None
    return Finding(
        Level.NODE, VerdictClass.INFRASTRUCTURE, "NodeRebooted", wording("its node was restarted (rebooted) while it ran"), (*from_event(facts, event), *from_end(facts)),
        next_step=WATCH, retry=True, exit_code=exit_code(facts),
    )  # fmt: skip
