"""Levels of pod security: which labels ask for what, and what each version of a level lets through."""

from __future__ import annotations

import pytest

from seaway.controlplane.kinds.pod_standards import (
    LATEST,
    PREFIX,
    Policy,
    Standard,
    policy_of,
    told,
    violations,
)

BASELINE, RESTRICTED = Standard("baseline"), Standard("restricted")


def labels(**named: str) -> dict:
    return {PREFIX + name.replace("_", "-"): value for name, value in named.items()}


@pytest.mark.parametrize(
    ("given", "policy"),
    [
        ({}, Policy()),
        ({"enforce": "baseline"}, Policy(enforce=BASELINE, warn=BASELINE)),
        ({"enforce": "restricted", "warn": "baseline"}, Policy(enforce=RESTRICTED, warn=BASELINE)),
        (
            {"enforce": "baseline", "enforce_version": "v1.20"},
            Policy(enforce=Standard("baseline", 20), warn=Standard("baseline", 20)),
        ),
        ({"audit": "restricted", "audit_version": "latest"}, Policy(audit=RESTRICTED)),
        ({"enforce": "strict"}, Policy(enforce=RESTRICTED)),
        ({"warn": "strict", "audit": "strict"}, Policy()),
    ],
)
def test_labels_ask_for_a_policy(given: dict, policy: Policy) -> None:
    assert policy_of(labels(**given))[0] == policy


def test_labels_that_cannot_be_read_are_told() -> None:
    _, faults = policy_of(labels(enforce="strict", warn_version="1.2"))
    assert [(fault.field, fault.message) for fault in faults] == [
        (
            "metadata.labels[pod-security.kubernetes.io/enforce]",
            'Invalid value: "strict": must be one of privileged, baseline, restricted',
        ),
        (
            "metadata.labels[pod-security.kubernetes.io/warn-version]",
            'Invalid value: "1.2": must be "latest" or "v1.x"',
        ),
    ]


def context(**fields: object) -> dict:
    return {"containers": [{"name": "c", "securityContext": fields}]}


@pytest.mark.parametrize(
    ("spec", "level", "lenient", "strict"),
    [
        ({"securityContext": {"sysctls": [{"name": "net.ipv4.tcp_rmem"}]}}, "baseline", 32, 31),
        ({"containers": [{"name": "c", "livenessProbe": {"tcpSocket": {"host": "h"}}}]}, "baseline", 33, 34),
        ({**context(procMount="Unmasked"), "hostUsers": False}, "baseline", 35, 34),
        (context(seLinuxOptions={"type": "container_engine_t"}), "baseline", 31, 30),
        (context(runAsNonRoot=True, runAsUser=0), "restricted", 7, 23),
        ({"volumes": [{"name": "v", "hostPath": {"path": "/"}}]}, "baseline", None, 0),
        ({"volumes": [{"name": "v", "nfs": {"path": "/"}}]}, "restricted", None, 0),
    ],
)
def test_each_version_has_its_own_rules(spec: dict, level: str, lenient: int | None, strict: int) -> None:
    assert violations(Standard(level, strict), {}, spec)
    assert lenient is None or not violations(Standard(level, lenient), {}, spec)


def test_all_violations_are_told_at_once() -> None:
    spec = {"hostNetwork": True, **context(privileged=True)}
    assert told(violations(Standard("baseline", LATEST), {}, spec)) == (
        "host namespaces (hostNetwork=true), "
        'privileged (container "c" must not set securityContext.privileged=true)'
    )
    assert not violations(Standard("privileged"), {}, spec)
