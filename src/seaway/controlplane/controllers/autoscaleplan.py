"""What a horizontal pod autoscaler does next: pure but for the history that it is given.

Source: autoscaling/v2 HorizontalPodAutoscaler: conditions AbleToScale, ScalingActive, ScalingLimited.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from seaway.base.clock import rfc3339
from seaway.controlplane.controllers.jobplan import Report
from seaway.controlplane.controllers.metricvalues import Verdict
from seaway.controlplane.controllers.pace import History, Wish, pace
from seaway.controlplane.controllers.replicas import Tolerance
from seaway.objects.meta import copy, set_condition
from seaway.objects.quantity import parse_quantity

Object = dict[str, Any]
ABLE, ACTIVE, LIMITED = "AbleToScale", "ScalingActive", "ScalingLimited"
_UNABLE = "the HPA controller was unable to get the target's current scale: "


@dataclass(slots=True)
class AutoscalePlan:
    """What to do: scale where `replicas` says so, then write the status."""

    status: Object
    current: int
    replicas: int | None = None
    why: str = ""
    reports: list[Report] = field(default_factory=list)


def tolerance_of(autoscaler: Object) -> Tolerance:
    """Return how far from the target nothing is changed."""
    behavior, plain = autoscaler["spec"].get("behavior") or {}, Tolerance()
    found = [(behavior.get(rules) or {}).get("tolerance") for rules in ("scaleDown", "scaleUp")]
    down, up = (None if text is None else float(parse_quantity(text)) for text in found)
    return Tolerance(plain.down if down is None else down, plain.up if up is None else up)


def without_scale(autoscaler: Object, fault: str, now: float) -> AutoscalePlan:
    """Return the plan where the target cannot be asked how large it is."""
    plan = AutoscalePlan(copy(autoscaler.get("status") or {}), 0)
    plan.reports.append(Report("Warning", "FailedGetScale", fault))
    _say(plan.status, ABLE, "False", "FailedGetScale", _UNABLE + fault, now)
    return plan


def plan_autoscaler(
    autoscaler: Object,
    current: int,
    verdicts: Sequence[Verdict],
    history: History,
    now: float,
    *,
    fault: tuple[str, str, str] | None = None,
) -> AutoscalePlan:
    """Return the plan.

    Args:
        autoscaler: as stored.
        current: how many pods its target wants now.
        verdicts: what each metric asks for; empty where that does not matter.
        history: of this autoscaler; changed.
        now: seconds since the epoch.
        fault: reason and message of an event and message of the condition, where the target's selector is no good.
    """
    spec, plan = autoscaler["spec"], AutoscalePlan(copy(autoscaler.get("status") or {}), current)
    message = "the HPA controller was able to get the target's current scale"
    _say(plan.status, ABLE, "True", "SucceededGetScale", message, now)
    if not history.recommended:
        history.recommend(current)
    lowest, highest = spec.get("minReplicas") or 1, spec["maxReplicas"]
    metrics: list[Object] | None = None
    if current == 0:
        why = "scaling is disabled since the replica count of the target is zero"
        _say(plan.status, ACTIVE, "False", "ScalingDisabled", why, now)
    elif current > highest:
        plan.replicas, plan.why = highest, "Current number of replicas above Spec.MaxReplicas"
    elif current < lowest:
        plan.replicas, plan.why = lowest, "Current number of replicas below Spec.MinReplicas"
    else:
        metrics = [verdict.status for verdict in verdicts] or None
        if not _by_metrics(plan, autoscaler, verdicts, history, now, fault):
            plan.status |= {"currentReplicas": current, "currentMetrics": metrics}
            return plan
    desired = current if plan.replicas is None else plan.replicas
    plan.status |= {"currentReplicas": current, "desiredReplicas": desired, "currentMetrics": metrics}
    return plan


def _by_metrics(
    plan: AutoscalePlan,
    autoscaler: Object,
    verdicts: Sequence[Verdict],
    history: History,
    now: float,
    fault: tuple[str, str, str] | None,
) -> bool:
    """Decide by what the metrics ask for; return whether they say enough."""
    if fault is not None:
        reason, message, condition = fault
        plan.reports.append(Report("Warning", reason, message))
        shown = "InvalidSelector" if reason == "SelectorRequired" else reason
        _say(plan.status, ACTIVE, "False", shown, condition, now)
        plan.reports.append(Report("Warning", "FailedComputeMetricsReplicas", message))
        return False
    failed = [verdict for verdict in verdicts if verdict.failed]
    plan.reports += [Report("Warning", verdict.reason, verdict.fault) for verdict in failed]
    best = Verdict(0, "", {})
    for verdict in verdicts:
        if not verdict.failed and (best.replicas == 0 or verdict.replicas > best.replicas):
            best = verdict
    if len(failed) == len(verdicts) or (failed and best.replicas < plan.current):
        message = f"the HPA was unable to compute the replica count: {failed[0].fault}"
        _say(plan.status, ACTIVE, "False", failed[0].reason, message, now)
        counted = f"invalid metrics ({len(failed)} invalid out of {len(verdicts)})"
        why = f"{counted}, first error is: {failed[0].whole_fault}"
        plan.reports.append(Report("Warning", "FailedComputeMetricsReplicas", why))
        return False
    message = f"the HPA was able to successfully calculate a replica count from {best.metric}"
    _say(plan.status, ACTIVE, "True", "ValidMetricFound", message, now)
    spec = autoscaler["spec"]
    wish = Wish(plan.current, best.replicas, spec.get("minReplicas") or 1, spec["maxReplicas"])
    paced = pace(wish, spec.get("behavior"), history)
    _say(plan.status, ABLE, "True", *paced.able, now)
    _say(plan.status, LIMITED, "True" if paced.limited else "False", *paced.limit, now)
    if paced.replicas != plan.current:
        up = best.replicas > plan.current
        plan.replicas, plan.why = paced.replicas, f"{best.metric} above target" if up else ""
        plan.why = plan.why or ("All metrics below target" if best.replicas < plan.current else "")
    return True


def rescaled(plan: AutoscalePlan, history: History, now: float) -> None:
    """Note that the target was scaled as planned."""
    assert plan.replicas is not None, "it was to be scaled"
    history.scaled(plan.current, plan.replicas)
    message = f"the HPA controller was able to update the target scale to {plan.replicas}"
    _say(plan.status, ABLE, "True", "SucceededRescale", message, now)
    plan.status["lastScaleTime"] = rfc3339(now)
    told = f"New size: {plan.replicas}; reason: {plan.why}"
    plan.reports.append(Report("Normal", "SuccessfulRescale", told))


def not_rescaled(plan: AutoscalePlan, before: Object, fault: str, now: float) -> None:
    """Note that the target refused."""
    told = f"New size: {plan.replicas}; reason: {plan.why}; error: {fault}"
    plan.reports.append(Report("Warning", "FailedRescale", told))
    message = f"the HPA controller was unable to update the target scale: {fault}"
    _say(plan.status, ABLE, "False", "FailedUpdateScale", message, now)
    plan.status["desiredReplicas"] = before.get("desiredReplicas") or 0


def _say(status: Object, kind: str, value: str, reason: str, message: str, now: float) -> None:
    if not status.get("conditions"):
        status["conditions"] = []
    set_condition(status["conditions"], kind, value, reason, message, now=rfc3339(now))
