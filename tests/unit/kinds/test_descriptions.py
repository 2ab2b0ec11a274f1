"""Descriptions are ours, and name things that exist."""

from __future__ import annotations

from seaway.controlplane.kinds.schemas import components, descriptions
from seaway.objects.builtin import BUILTIN_RESOURCES
from seaway.objects.further import FURTHER_RESOURCES


def test_each_description_is_of_a_known_schema_or_field() -> None:
    known = {name.rpartition(".")[2] for name in components()}
    known |= {
        f"{name.rpartition('.')[2]}.{field}"
        for name, schema in components().items()
        for field in schema.get("properties", ())
    }
    assert [key for key in descriptions() if not key.startswith("*.") and key not in known] == []


def test_every_served_kind_is_described() -> None:
    served = (*BUILTIN_RESOURCES, *FURTHER_RESOURCES)
    assert {resource.kind for resource in served} - descriptions().keys() == set()


def test_what_people_write_by_hand_is_described() -> None:
    """`kubectl explain` says something of each field of these."""
    written = {
        "CronJobSpec", "DaemonSetSpec", "DeploymentSpec", "DeploymentStrategy", "ExecAction", "GRPCAction", "HPAScalingPolicy",
        "HPAScalingRules", "HTTPGetAction", "HTTPIngressPath", "HorizontalPodAutoscalerSpec", "IngressRule", "JobSpec",
        "Lifecycle", "LimitRangeItem", "MetricSpec", "MetricTarget", "NetworkPolicySpec", "PodDisruptionBudgetSpec",
        "PodFailurePolicyRule", "PolicyRule", "Probe", "ResourceQuotaSpec", "RollingUpdateDeployment", "ServicePort",
        "StatefulSetSpec", "Subject", "SuccessPolicyRule", "Toleration", "TopologySpreadConstraint",
    }  # fmt: skip
    fields = {
        f"{name.rpartition('.')[2]}.{field}"
        for name, schema in components().items()
        if name.rpartition(".")[2] in written
        for field in schema.get("properties", ())
    }
    assert fields - descriptions().keys() == set()


def test_the_package_data_holds_facts_only() -> None:
    def described(schema: object) -> bool:
        if isinstance(schema, list):
            return any(described(item) for item in schema)
        if not isinstance(schema, dict):
            return False
        own = isinstance(schema.get("description"), str)
        return own or any(described(value) for value in schema.values())

    assert [name for name, schema in components().items() if described(schema)] == []
