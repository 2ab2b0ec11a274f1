"""Pods that wait for a node which is still being made, or for a scheduler that is not there.

Source: the events of the cluster autoscaler and of Karpenter.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from seaway.base.messages import wording
from seaway.model.verdict import Level, VerdictClass
from seaway.platform.diagnosis.advice import kubectl
from seaway.platform.diagnosis.evidence import (
    blanked,
    condition,
    event_time,
    from_event,
    moment,
    pod_status,
    quote,
)
from seaway.platform.diagnosis.facts import Facts
from seaway.platform.diagnosis.finding import Finding

_COMES = ("TriggeredScaleUp", "Nominated", "WaitingForNode", "ProvisioningRequested")
_COMES_NOT = ("NotTriggerScaleUp", "FailedScaleUp")
_PATIENCE = timedelta(minutes=30)
"""After a new node was asked for, until which it may still come."""
_DEFAULT = "default-scheduler"
_LOOKED_AT = timedelta(minutes=1)


def scaling_up(facts: Facts) -> Finding | None:
    """Find a pod for which the autoscaler is adding a node."""
    if facts.made is None or not _unplaced(facts):
        return None
    event = last_word(facts)
    if event is None or event.get("reason") not in _COMES:
        return None
    at, now = moment(event_time(event)), moment(facts.now)
    if at is not None and now is not None and now - at > _PATIENCE:
        return None
    said = wording(
        "no node has room for it now, and {autoscaler} is adding one: that takes minutes, with GPUs longer",
        autoscaler="Karpenter" if _is_karpenter(event) else wording("the cluster's autoscaler"),
    )
    watch = wording(
        "wait; watch it with: {command}", command=kubectl(facts, f"kubectl get pod {facts.run} -w")
    )
    return Finding(
        Level.CLUSTER, VerdictClass.INFRASTRUCTURE, "ScalingUp", said,
        (*from_event(facts, event), *_scheduler(facts)), next_step=watch, permanent=False,
    )  # fmt: skip


def scheduler_silent(facts: Facts) -> Finding | None:
    """Find a pod that no scheduler has looked at: most often none answers to the name that it asks for."""
    made = (facts.pod or {}).get("metadata") or {}
    begun, now = moment(made.get("creationTimestamp")), moment(facts.now)
    if facts.made is None or not _unplaced(facts) or begun is None or now is None or now - begun < _LOOKED_AT:
        return None
    placed = condition(facts, "PodScheduled") or {}
    told = any(event.get("reason") in ("FailedScheduling", "Scheduled") for event in facts.events)
    if told or placed.get("message") or placed.get("reason") or pod_status(facts).get("onlyEvents"):
        return None
    name = str(((facts.pod or {}).get("spec") or {}).get("schedulerName") or _DEFAULT)
    other = name != _DEFAULT
    said = wording("the cluster's scheduler has not looked at it: it is down or far behind")
    if other:
        said = wording(
            "no scheduler of the name {name!r} (spec.schedulerName) has looked at it: none answers to that name, or it is down",
            name=name,
        )
    seen = wording("schedulerName: {name}, and no event or condition of a scheduler", name=name)
    step = wording(
        "{command}; correct schedulerName if none has that name",
        command="kubectl get pods -A | grep -i scheduler",
    )
    return Finding(
        Level.SPEC if other else Level.CLUSTER, VerdictClass.CONFIGURATION if other else VerdictClass.INFRASTRUCTURE, "SchedulerSilent",
        said, (quote(facts, "pod spec", seen, made.get("creationTimestamp")),), next_step=step, permanent=False,
    )  # fmt: skip


def refusal(facts: Facts) -> str:
    """Return why the autoscaler adds no node, "" where it says nothing."""
    event = last_word(facts)
    if event is None or event.get("reason") in _COMES:
        return ""
    text = str(event.get("message") or "")
    if _is_karpenter(event):
        if "no instance type" in text:
            return wording("Karpenter knows no instance type that has so much")
        return wording("Karpenter cannot make a node for it")
    why = blanked(facts, text.partition("scale-up")[2].strip(" :"))[:120]
    return wording("the autoscaler adds no node ({reason})", reason=why or wording("it gives no reason"))


def is_capped(facts: Facts) -> bool:
    """Tell whether a group of nodes would grow if it were not at its largest: its nodes need not be there to be seen."""
    event = last_word(facts)
    return event is not None and "max node group size reached" in str(event.get("message") or "")


def last_word(facts: Facts) -> Mapping[str, Any] | None:
    """Return the newest event of an autoscaler about the pod, None where there is none."""
    for event in reversed(facts.events):
        reason = event.get("reason")
        if (
            reason in _COMES
            or reason in _COMES_NOT
            or (reason == "FailedScheduling" and _is_karpenter(event))
        ):
            return dict(event)
    return None


def _is_karpenter(event: Mapping[str, Any]) -> bool:
    source = (event.get("source") or {}).get("component") or event.get("reportingComponent") or ""
    return "karpenter" in str(source)


def _unplaced(facts: Facts) -> bool:
    spec = (facts.pod or {}).get("spec") or {}
    return (
        facts.waiting
        and facts.pod is not None
        and pod_status(facts).get("phase", "Pending") == "Pending"
        and not spec.get("nodeName")
        and not spec.get("schedulingGates")
    )


def _scheduler(facts: Facts) -> tuple[Any, ...]:
    found = condition(facts, "PodScheduled") or {}
    text = str(found.get("message") or "")
    return (
        (quote(facts, "pod status", f"Unschedulable: {text}", found.get("lastTransitionTime")),)
        if text
        else ()
    )
