"""Attempts that were lost through nobody's fault: evictions, preemptions, nodes and containers that went away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from seaway.base.messages import wording
from seaway.model.verdict import Evidence, Level, VerdictClass
from seaway.platform.diagnosis.advice import WATCH, kubectl
from seaway.platform.diagnosis.evidence import (
    condition,
    container_status,
    event_time,
    from_end,
    from_event,
    last_event,
    moment,
    pod_status,
    quote,
    terminated,
    waiting,
)  # fmt: skip
from seaway.platform.diagnosis.facts import Facts
from seaway.platform.diagnosis.finding import Finding

_DONE = wording(
    "it is tried again from its last checkpoint until it succeeds; this does not count as a retry"
)
NODE_LOST = "NodeLost"
UNCONFIRMED = "EndUnconfirmed"
"""Cause of an attempt of which nobody knows whether it still runs."""

_PREEMPTED = ("Preempted", wording("a pod of higher priority took its place"))
_EVICTED = (
    "Evicted",
    wording("it was evicted from its node: somebody asked the cluster for that, as a drain does"),
)
_UNAVAILABLE = (NODE_LOST, wording("its node became unavailable and the pod was taken off it"))
_SHUT_DOWN = ("NodeShutdown", wording("its node was shut down"))
_POD_DELETED = ("PodDeleted", wording("its pod was deleted from the cluster before the program ended"))
_DISRUPTIONS = {
    "PreemptionByScheduler": (*_PREEMPTED, Level.CLUSTER),
    "EvictionByEvictionAPI": (*_EVICTED, Level.CLUSTER),
    "DeletionByTaintManager": (*_UNAVAILABLE, Level.NODE),
    "DeletionByPodGC": (NODE_LOST, wording("its node is gone"), Level.NODE),
    "TerminationByKubelet": (
        "Evicted",
        wording("its node ran short of resources or was shut down"),
        Level.NODE,
    ),
}
_REJECTIONS = {
    "Evicted": ("Evicted", wording("its node ran short of resources and evicted it")),
    "NodeLost": (NODE_LOST, wording("its node was lost")),
    "Shutdown": _SHUT_DOWN,
    "NodeShutdown": _SHUT_DOWN,
    "Terminated": _SHUT_DOWN,
    "Preempting": _PREEMPTED,
    "UnexpectedAdmissionError": (
        "NodeRejected",
        wording("its node could not give it the devices that it was promised"),
    ),
    "TopologyAffinityError": (
        "NodeRejected",
        wording("its node could not give it CPUs and devices that lie together (topology manager, NUMA)"),
    ),
    "NodeAffinity": (
        "NodeRejected",
        wording("its node's labels no longer match what it asks for (selector or affinity)"),
    ),
}


def disrupted(facts: Facts) -> Finding | None:
    """Find what Kubernetes itself calls a disruption."""
    found = condition(facts, "DisruptionTarget")
    if found is None or found.get("status") != "True" or failed_before(facts):
        return None
    fallback = ("Disrupted", wording("the cluster took it off its node"), Level.CLUSTER)
    cause, message, level = _DISRUPTIONS.get(found.get("reason", ""), fallback)
    if found.get("reason") == "TerminationByKubelet" and "critical pod" in str(found.get("message")):
        cause = "Preempted"
        message = wording("its node took it away to make room for a critical pod of the cluster")
    if found.get("reason") == "EvictionByEvictionAPI" and facts.made is not None:
        return _evicted(facts, found)
    text = f"DisruptionTarget: {found.get('reason', '')}: {found.get('message', '')}"
    evidence = quote(facts, "pod status", text, found.get("lastTransitionTime"))
    return _lost(cause, message, level, (evidence,))


def _evicted(facts: Facts, found: Mapping[str, Any]) -> Finding:
    """Say who asked for an eviction, as far as events and the node's taints tell, and how a long run is kept from it."""
    text = f"DisruptionTarget: {found.get('reason', '')}: {found.get('message', '')}"
    evidence = quote(facts, "pod status", text, found.get("lastTransitionTime"))
    taints = {str(one.get("key")) for one in ((facts.node or {}).get("spec") or {}).get("taints") or ()}
    event = last_event(facts, "Evicted", "ScaleDown", "Descheduled")
    source = str(
        ((event or {}).get("source") or {}).get("component") or (event or {}).get("reportingComponent") or ""
    )
    lost = _lost(
        "Evicted",
        wording("it was evicted from its node by a request to the cluster"),
        Level.CLUSTER,
        (*from_event(facts, event), evidence),
    )
    if "karpenter" in source or any(key.startswith("karpenter.sh/disrupt") for key in taints):
        why = str((event or {}).get("message") or "").partition(": ")[2]
        message = wording("Karpenter removed its node, so it was evicted")
        if why:
            message = wording("Karpenter removed its node ({reason}), so it was evicted", reason=why)
        return replace(lost, message=message, next_step=_kept('karpenter.sh/do-not-disrupt: "true"'))
    if "autoscaler" in source or "ToBeDeletedByClusterAutoscaler" in taints:
        return replace(
            lost, message=wording("the cluster's autoscaler removed its node, so it was evicted"),
            next_step=_kept('cluster-autoscaler.kubernetes.io/safe-to-evict: "false"'),
        )  # fmt: skip
    if ((facts.node or {}).get("spec") or {}).get("unschedulable"):
        return replace(lost, message=wording("its node was being emptied (drained), so it was evicted"))
    return lost


def _kept(annotation: str) -> str:
    """Return what is to be done after an eviction, with the annotation that keeps a pod from the next one."""
    return wording("{step}; to keep long runs: annotation {annotation}", step=WATCH, annotation=annotation)


def rejected_by_node(facts: Facts) -> Finding | None:
    """Find a Pod that its node failed as a whole."""
    status = pod_status(facts)
    reason = status.get("reason") or ""
    known = _REJECTIONS.get(reason)
    if known is None and reason.startswith("OutOf"):
        known = ("NodeRejected", wording("its node had no room for it after all ({reason})", reason=reason))
    if known is None:
        return None
    event = last_event(facts, reason)
    at = (
        (event_time(event) if event else None)
        or (terminated(facts) or {}).get("finishedAt")
        or status.get("startTime")
    )
    quoted = quote(facts, "pod status", f"{reason}: {status.get('message', '')}", at)
    return _lost(*known, Level.NODE, (quoted, *from_event(facts, last_event(facts, "Evicted", "Preempted"))))


def failed_before(facts: Facts) -> bool:
    """Tell whether the program had ended by its own failure before the cluster took its Pod away."""
    ended, found = terminated(facts), condition(facts, "DisruptionTarget")
    if ended is None or found is None:
        return False
    end, at = moment(ended.get("finishedAt")), moment(found.get("lastTransitionTime"))
    by_itself = ended.get("exitCode") not in (0, 137, 143, 255)
    return end is not None and at is not None and by_itself and at - end > timedelta(seconds=2)


def preempted(facts: Facts) -> Finding | None:
    """Find a preemption that only an event tells of."""
    event = last_event(facts, "Preempted")
    if event is None or facts.waiting:
        return None
    return _lost(*_PREEMPTED, Level.CLUSTER, from_event(facts, event))


_TAKEN = {
    "Preempted": (*_PREEMPTED, Level.CLUSTER),
    "TaintManagerEviction": (*_UNAVAILABLE, Level.NODE),
    "ScaleDown": ("Evicted", wording("the cluster's autoscaler removed its node"), Level.CLUSTER),
    "Evicted": (*_EVICTED, Level.CLUSTER),
}
"""Events by which other components than the kubelet, and releases before 1.26, say that they take a pod away."""


def taken_away(facts: Facts) -> Finding | None:
    """Find somebody else's pod that an event, and no condition, says was taken off its node."""
    event = last_event(facts, *_TAKEN)
    if facts.made is None or event is None or "Cancelling" in str(event.get("message")):
        return None
    deleted = ((facts.pod or {}).get("metadata") or {}).get("deletionTimestamp")
    ended = terminated(facts)
    node = _node_name(facts)
    if ended is None and _not_ready(facts, node):
        return None  # it stays there, and nothing takes its place, until somebody confirms that it has ended
    if (
        (ended or {}).get("exitCode", 0) not in (0, 137, 143)
        or not (deleted or ended)
        or pod_status(facts).get("reason")
    ):
        return None
    return _lost(*_TAKEN[str(event["reason"])], from_event(facts, event))


def container_lost(facts: Facts) -> Finding | None:
    """Find a container whose end nobody saw."""
    ended = terminated(facts)
    if ended is None or ended.get("reason") != "ContainerStatusUnknown":
        return None
    text = f"ContainerStatusUnknown: {ended.get('message', '')}"
    evidence = quote(facts, "pod status", text, ended.get("finishedAt"))
    message = wording("its container was gone when its node was up again")
    return _lost("ContainerLost", message, Level.NODE, (evidence,))


def node_lost(facts: Facts) -> Finding | None:
    """Find an attempt whose node is gone or no longer answers."""
    if (
        terminated(facts) is not None
        or (facts.waiting and facts.made is None)
        or pod_status(facts).get("phase") in ("Succeeded", "Failed")
    ):
        return None
    name = _node_name(facts)
    removed = next(
        (e for e in reversed(facts.node_events) if e.get("reason") in ("RemovingNode", "DeletingNode")), None
    )
    if facts.node_gone:
        message = wording("its node is no longer in the cluster")
        if name:
            message = wording("its node {node} is no longer in the cluster", node=name)
        none = wording("{field}, which is none of the nodes", field=f"spec.nodeName: {name}")
        return _lost(
            NODE_LOST, message, Level.NODE, from_event(facts, removed) or (quote(facts, "pod", none),)
        )
    evidence = _not_ready(facts, name)
    if not evidence:
        return None
    silent = wording("its node {node} does not answer", node=name)
    return _held_back(facts, _lost(NODE_LOST, silent, Level.NODE, evidence))


def _held_back(facts: Facts, lost: Finding) -> Finding:
    """Say of a pod that is to go, and that its silent node cannot confirm gone, how it is let go."""
    name = _node_name(facts)
    if facts.made is None or not ((facts.pod or {}).get("metadata") or {}).get("deletionTimestamp"):
        return lost
    step = kubectl(facts, f"kubectl delete pod {facts.run} --force --grace-period=0")
    return replace(
        lost,
        message=wording("its node {node} does not answer, so nobody confirms that the pod has ended, and it stays {state}", node=name, state="Terminating"),
        next_step=wording("if {node} is off for good, and only then: {command}", node=name, command=step),
    )  # fmt: skip


def given_up(facts: Facts) -> Finding | None:
    """Find an attempt whose end nobody confirmed for too long: where it may still run, it is not tried again."""
    if (
        not facts.given_up
        or facts.waiting
        or (facts.leased and facts.requested in ("stop", "timeout", "wait"))
    ):
        return None
    name = _node_name(facts)
    due = ((facts.pod or {}).get("metadata") or {}).get("deletionTimestamp")
    evidence = (
        quote(facts, "pod status", wording("the pod was to be deleted by {time}", time=str(due)), due),
        *_not_ready(facts, name),
    )
    if facts.leased:
        message = wording(
            "its node {node} was lost; the program ended by itself, as it could not reach the server",
            node=name,
        )
        return _lost(NODE_LOST, message, Level.NODE, evidence)
    stopped = facts.requested == "stop"
    return Finding(
        Level.NODE, VerdictClass.CANCELLED if stopped else VerdictClass.UNKNOWN, UNCONFIRMED,
        wording("its node {node} does not answer, so whether the program still runs there is not known", node=name), evidence,
        next_step=wording("make sure that {node} is off ({confirming}), then: {command}", node=name, confirming=f"seaway cluster confirm-off {name}", command="seaway retry {run}"),
        done=wording("it is not tried again by itself, since it could run twice then; what it still makes is not kept"),
    )  # fmt: skip


def node_silent(facts: Facts) -> Finding | None:
    """Find an attempt under way whose node does not answer: what its Pod shows may have passed."""
    name = _node_name(facts)
    evidence = _not_ready(facts, name) if facts.waiting and terminated(facts) is None else ()
    if not evidence:
        return None
    if facts.made is not None:
        message = wording(
            "its node {node} does not answer: what is shown of the pod may have passed", node=name
        )
        return _lost(NODE_LOST, message, Level.NODE, evidence)
    return Finding(
        Level.NODE, VerdictClass.UNKNOWN, "NodeSilent", wording("its node {node} does not answer", node=name), evidence,
        next_step=wording("wait; if its machine is off, an administrator confirms that: {command}", command=f"seaway cluster confirm-off {name}"), permanent=False,
        done=wording("it goes on if the node comes back; where the cluster takes it off the node, it is tried again"),
    )  # fmt: skip


def _node_name(facts: Facts) -> str:
    """Return the node that the Pod was placed on, "" where it was on none."""
    return str(((facts.pod or {}).get("spec") or {}).get("nodeName") or "")


def _not_ready(facts: Facts, name: str) -> tuple[Evidence, ...]:
    """Return what the node says of itself, nothing where it is ready or not known."""
    conditions = ((facts.node or {}).get("status") or {}).get("conditions") or ()
    ready = next((found for found in conditions if found.get("type") == "Ready"), None)
    if not name or ready is None or ready.get("status") == "True":
        return ()
    text = f"node {name}: Ready is {ready.get('status')}: {ready.get('message', '')}"
    return (quote(facts, "node", text, ready.get("lastTransitionTime")),)


def deleted(facts: Facts) -> Finding | None:
    """Find a program that ended because somebody else deleted its Pod."""
    metadata = (facts.pod or {}).get("metadata") or {}
    due, ended = moment(metadata.get("deletionTimestamp")), terminated(facts)
    if due is None or facts.requested or ended is None:
        return None
    asked = due - timedelta(seconds=metadata.get("deletionGracePeriodSeconds") or 0)
    asked = min(asked, moment(facts.deletion_asked) or asked)
    finished = moment(ended.get("finishedAt"))
    slack = timedelta() if facts.restarts else timedelta(seconds=1)  # what is started again ends by itself
    before = finished is None or finished < asked - slack
    if before and not (facts.deleted_while_it_ran or _was_being_ended(facts, finished)):
        return None
    text = wording("the pod was to be deleted by {time}", time=metadata["deletionTimestamp"])
    evidence = quote(facts, "pod status", text, metadata["deletionTimestamp"])
    return _lost(*_POD_DELETED, Level.CLUSTER, (evidence, *from_end(facts)))


def _was_being_ended(facts: Facts, finished: datetime | None) -> bool:
    """Return whether a node was ending the program of a Pod whose object does not say any more when that was asked for.

    When a node removes a Pod that it has ended, with no grace left, the time of the deletion becomes that moment.
    """
    if finished is None or (facts.pod or {}).get("metadata", {}).get("deletionGracePeriodSeconds") != 0:
        return False
    event = last_event(facts, "Killing")
    told = moment((event or {}).get("firstTimestamp") or (event or {}).get("eventTime"))
    return told is not None and told <= finished + timedelta(seconds=1)


def deleted_before_start(facts: Facts) -> Finding | None:
    """Find a Pod that somebody else deleted before its program started: what it waited for then explains nothing."""
    ran = (container_status(facts).get("state") or {}).keys() & {"running", "terminated"}
    if not facts.deleted_by_others or facts.waiting or ran or last_event(facts, "Preempted") is not None:
        return None
    if pod_status(facts).get("phase", "Pending") != "Pending" and not _failed_by_deletion(facts):
        return None
    if facts.made is not None and _was_stuck(facts):
        return None  # nobody makes another: what it could not do is what is asked about
    message = wording("its pod was deleted from the cluster before the program started")
    return _lost("PodDeleted", message, Level.CLUSTER, ())


def _was_stuck(facts: Facts) -> bool:
    """Tell whether a pod showed why it did not start."""
    scheduled = condition(facts, "PodScheduled") or {}
    return scheduled.get("status") == "False" or waiting(facts).get("reason") not in (
        None,
        "ContainerCreating",
        "PodInitializing",
    )


def _failed_by_deletion(facts: Facts) -> bool:
    """Return whether a Pod is Failed only because its node let it go when it was deleted: none of its containers ever ran."""
    status = pod_status(facts)
    inits = [found.get("state") or {} for found in status.get("initContainerStatuses") or ()]
    deleting = ((facts.pod or {}).get("metadata") or {}).get("deletionTimestamp")
    return bool(deleting) and not status.get("reason") and not any("terminated" in state for state in inits)


def pod_gone(facts: Facts) -> Finding | None:
    """Find a Pod that somebody else deleted before its program ended."""
    if not facts.pod_gone or facts.waiting or facts.requested or terminated(facts) is not None:
        return None
    if pod_status(facts).get("phase") in ("Succeeded", "Failed"):
        return None
    evidence = from_event(facts, last_event(facts, "Killing", "TaintManagerEviction"))
    return _lost(*_POD_DELETED, Level.CLUSTER, evidence)


def _lost(cause: str, message: str, level: Level, evidence: tuple[Evidence, ...]) -> Finding:
    return Finding(
        level, VerdictClass.INFRASTRUCTURE, cause, message, evidence,
        next_step=WATCH, done=_DONE, retry=True,
    )  # fmt: skip
