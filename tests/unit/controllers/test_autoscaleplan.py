"""What an autoscaler does next, and how it says so."""

from __future__ import annotations

from typing import Any

import pytest

from seaway.base.clock import rfc3339
from seaway.controlplane.controllers.autoscaleplan import (
    AutoscalePlan,
    not_rescaled,
    plan_autoscaler,
    rescaled,
    tolerance_of,
    without_scale,
)
from seaway.controlplane.controllers.metricvalues import Verdict, judge_metric, selector_words
from seaway.controlplane.controllers.pace import History
from seaway.controlplane.controllers.replicas import CannotSay, Sample, Target, Tolerance

NOW = 1_000_000.0


def autoscaler(**spec: Any) -> dict:
    return {"metadata": {"name": "web"}, "spec": {"minReplicas": 1, "maxReplicas": 5, **spec}, "status": {}}


def says(replicas: int, metric: str = "cpu resource") -> Verdict:
    return Verdict(replicas, metric, {"type": "Resource"})


SILENT = Verdict(0, "", {"type": ""}, "FailedGetResourceMetric", "why", "the whole why")


def reasons(plan: AutoscalePlan) -> dict[str, str]:
    return {c["type"]: c["reason"] for c in plan.status["conditions"]}


@pytest.mark.parametrize(
    ("current", "verdicts", "replicas", "why", "expected"),
    [
        pytest.param(2, [says(2)], None, "", {"AbleToScale": "ReadyForNewScale", "ScalingActive": "ValidMetricFound", "ScalingLimited": "DesiredWithinRange"}, id="stays"),
        pytest.param(2, [says(4)], 4, "cpu resource above target", {"AbleToScale": "ReadyForNewScale", "ScalingActive": "ValidMetricFound", "ScalingLimited": "DesiredWithinRange"}, id="up"),
        pytest.param(2, [says(3, "a"), says(4, "b"), says(1, "c")], 4, "b above target", {"AbleToScale": "ReadyForNewScale", "ScalingActive": "ValidMetricFound", "ScalingLimited": "DesiredWithinRange"}, id="the highest counts"),
        pytest.param(2, [says(9)], 4, "cpu resource above target", {"AbleToScale": "ReadyForNewScale", "ScalingActive": "ValidMetricFound", "ScalingLimited": "ScaleUpLimit"}, id="not too fast"),
        pytest.param(2, [says(3), SILENT], 3, "cpu resource above target", {"AbleToScale": "ReadyForNewScale", "ScalingActive": "ValidMetricFound", "ScalingLimited": "DesiredWithinRange"}, id="up although one is silent"),
        pytest.param(2, [says(1), SILENT], None, "", {"AbleToScale": "SucceededGetScale", "ScalingActive": "FailedGetResourceMetric"}, id="not down while one is silent"),
        pytest.param(2, [SILENT], None, "", {"AbleToScale": "SucceededGetScale", "ScalingActive": "FailedGetResourceMetric"}, id="all are silent"),
        pytest.param(0, [], None, "", {"AbleToScale": "SucceededGetScale", "ScalingActive": "ScalingDisabled"}, id="switched off"),
        pytest.param(7, [], 5, "Current number of replicas above Spec.MaxReplicas", {"AbleToScale": "SucceededGetScale"}, id="too many"),
    ],
)  # fmt: skip
def test_what_follows(current: int, verdicts: list, replicas: int | None, why: str, expected: dict) -> None:
    plan = plan_autoscaler(autoscaler(), current, verdicts, History(), NOW)
    assert (plan.replicas, plan.why, reasons(plan)) == (replicas, why, expected)
    assert plan.status["currentReplicas"] == current


def test_down_only_after_a_while() -> None:
    history = History()
    assert plan_autoscaler(autoscaler(), 4, [says(2)], history, NOW).replicas is None
    history.now = 299.0
    assert plan_autoscaler(autoscaler(), 4, [says(2)], history, NOW + 7200).replicas is None, "it was set"
    history.now = 600.0
    plan = plan_autoscaler(autoscaler(), 4, [says(2)], history, NOW - 7200)
    assert (plan.replicas, plan.why) == (2, "All metrics below target")


def test_what_is_told_of_silent_metrics() -> None:
    plan = plan_autoscaler(autoscaler(), 2, [SILENT, SILENT], History(), NOW)
    told = [(report.reason, report.message) for report in plan.reports]
    whole = "invalid metrics (2 invalid out of 2), first error is: the whole why"
    assert told == [
        ("FailedGetResourceMetric", "why"), ("FailedGetResourceMetric", "why"), ("FailedComputeMetricsReplicas", whole),
    ]  # fmt: skip


def test_how_scaling_ends() -> None:
    history = History()
    plan = plan_autoscaler(autoscaler(), 2, [says(4)], history, NOW)
    rescaled(plan, history, NOW)
    assert plan.status["lastScaleTime"] == rfc3339(NOW)
    assert (
        plan.status["conditions"][0]["message"]
        == "the HPA controller was able to update the target scale to 4"
    )
    assert plan.reports[-1].message == "New size: 4; reason: cpu resource above target"
    assert [moment.replicas for moment in history.up] == [2]
    refused = plan_autoscaler(autoscaler(), 2, [says(4)], History(), NOW)
    not_rescaled(refused, {"desiredReplicas": 2}, "no", NOW)
    assert reasons(refused)["AbleToScale"] == "FailedUpdateScale"
    assert refused.status["desiredReplicas"] == 2
    gone = without_scale(autoscaler(), 'deployments.apps "web" not found', NOW)
    assert gone.status["conditions"][0]["message"].endswith('scale: deployments.apps "web" not found')


def test_a_selector_that_is_no_good() -> None:
    fault = ("SelectorRequired", "selector is required", "the HPA target's scale is missing a selector")
    plan = plan_autoscaler(autoscaler(), 2, [], History(), NOW, fault=fault)
    assert reasons(plan)["ScalingActive"] == "InvalidSelector"
    assert [report.reason for report in plan.reports] == ["SelectorRequired", "FailedComputeMetricsReplicas"]


def test_tolerances() -> None:
    assert tolerance_of(autoscaler()) == Tolerance(0.1, 0.1)
    assert tolerance_of(autoscaler(behavior={"scaleUp": {"tolerance": "50m"}})) == Tolerance(0.1, 0.05)


POD = {
    "metadata": {"name": "a"},
    "spec": {"containers": [{"name": "main", "resources": {"requests": {"memory": "1Gi"}}}]},
    "status": {"phase": "Running"},
}
TARGET = Target(1, 1, [POD], Tolerance(), NOW)
VALUE = {"type": "Value", "value": "10"}


def metric(kind: str, **source: Any) -> dict:
    return {"type": kind, kind[0].lower() + kind[1:]: source}


@pytest.mark.parametrize(
    ("one", "reading", "replicas", "named", "current"),
    [
        pytest.param(metric("Resource", name="memory", target={"averageValue": "1Gi"}), {"a": Sample((2 << 30) * 1000, NOW, 15.0)}, 2, "memory resource", {"averageValue": "2Gi"}, id="memory"),
        pytest.param(metric("Resource", name="memory", target={"averageUtilization": 50}), {"a": Sample((1 << 30) * 1000, NOW, 15.0)}, 2, "memory resource utilization (percentage of request)", {"averageValue": "1Gi", "averageUtilization": 100}, id="memory of its request"),
        pytest.param(metric("External", metric={"name": "queue"}, target={"averageValue": "10"}), [12_000, 13_000], 3, "external metric queue(nil)", {"averageValue": "25"}, id="a queue"),
        pytest.param(metric("Pods", metric={"name": "hits"}, target={"averageValue": "10"}), {"a": Sample(30_000, NOW, 15.0)}, 3, "pods metric hits", {"averageValue": "30"}, id="hits of each pod"),
        pytest.param(metric("Object", describedObject={"kind": "Ingress", "name": "i"}, metric={"name": "hits"}, target={"averageValue": "10"}), [40_000], 4, "external metric hits(nil)", {"averageValue": "40"}, id="hits of one object"),
    ],
)  # fmt: skip
def test_what_a_metric_says(one: dict, reading: Any, replicas: int, named: str, current: dict) -> None:
    verdict = judge_metric(one, reading, TARGET, "ns")
    assert (verdict.replicas, verdict.metric) == (replicas, named)
    kind = one["type"]
    assert verdict.status[kind[0].lower() + kind[1:]]["current"] == current


@pytest.mark.parametrize(
    ("one", "fault", "whole"),
    [
        pytest.param(metric("Resource", name="cpu", target={"averageUtilization": 1}), "failed to get cpu utilization: why", "failed to get cpu resource metric value: failed to get cpu utilization: why", id="resource"),
        pytest.param(metric("Resource", name="cpu", target={"averageValue": "1"}), "failed to get cpu usage: why", "failed to get cpu resource metric value: failed to get cpu usage: why", id="value"),
        pytest.param(metric("ContainerResource", name="cpu", container="c", target={"averageUtilization": 1}), "failed to get cpu utilization: why", "failed to get c container metric value: failed to get cpu utilization: why", id="container"),
        pytest.param(metric("Pods", metric={"name": "hits"}, target={"averageValue": "1"}), "unable to get metric hits: why", "failed to get pods metric value: unable to get metric hits: why", id="pods"),
        pytest.param(metric("Object", describedObject={"kind": "Ingress", "name": "i"}, metric={"name": "hits"}, target=VALUE), "unable to get metric hits: why on Ingress ns/i", "failed to get object metric value: unable to get metric hits: why on Ingress ns/i", id="object"),
        pytest.param(metric("External", metric={"name": "q"}, target=VALUE), "why", "failed to get q external metric value: failed to get external metric q: why", id="external"),
    ],
)  # fmt: skip
def test_what_a_silent_metric_says(one: dict, fault: str, whole: str) -> None:
    verdict = judge_metric(one, CannotSay("why"), TARGET, "ns")
    assert verdict.failed
    assert (verdict.fault, verdict.whole_fault) == (fault, whole)


def test_a_selector_in_words() -> None:
    selector = {"matchLabels": {"b": "2", "a": "1"}}
    expected = "&LabelSelector{MatchLabels:map[string]string{a: 1,b: 2,},MatchExpressions:[]LabelSelectorRequirement{},}"
    assert selector_words(selector) == expected
