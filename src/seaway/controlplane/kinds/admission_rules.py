"""Which requests a webhook or an admission policy is for: defaults and faults.

Source: the defaults and validation of Kubernetes' admissionregistration/v1.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from seaway.controlplane.kinds.declaration import Object
from seaway.controlplane.kinds.faults import duplicate, invalid, required, unsupported
from seaway.controlplane.kinds.metadata import path_segment_faults
from seaway.controlplane.kinds.selectors import selector_faults
from seaway.objects.errors import Cause

FAILURE_POLICIES = ("Fail", "Ignore")
MATCH_POLICIES = ("Equivalent", "Exact")
OPERATIONS = ("*", "CONNECT", "CREATE", "DELETE", "UPDATE")
MUTATING_OPERATIONS = ("*", "CONNECT", "CREATE", "UPDATE")
SCOPES = ("*", "Cluster", "Namespaced")


def default_matching(part: Object) -> None:
    """Fill in what a webhook or a policy's `matchConstraints` leaves out."""
    part.setdefault("matchPolicy", "Equivalent")
    part.setdefault("namespaceSelector", {})
    part.setdefault("objectSelector", {})
    for field in ("rules", "resourceRules", "excludeResourceRules"):
        for rule in part.get(field) or ():
            rule.setdefault("scope", "*")


def choice_faults(value: str | None, field: str, supported: Sequence[str]) -> list[Cause]:
    """Return the fault of a value that is none of those supported; none of one that is left out."""
    return [unsupported(field, value, supported)] if value is not None and value not in supported else []


def rule_faults(rule: Object, field: str) -> list[Cause]:
    """Return the faults of one rule with operations."""
    operations = rule.get("operations") or []
    faults = [] if operations else [required(f"{field}.operations")]
    if len(operations) > 1 and "*" in operations:
        detail = "if '*' is present, must not specify other operations"
        faults.append(invalid(f"{field}.operations", operations, detail))
    for index, operation in enumerate(operations):
        faults += choice_faults(operation, f"{field}.operations[{index}]", OPERATIONS)
    for name, words in (("apiGroups", "API groups"), ("apiVersions", "API versions")):
        values = rule.get(name) or []
        faults += [] if values else [required(f"{field}.{name}")]
        if len(values) > 1 and "*" in values:
            faults.append(
                invalid(f"{field}.{name}", values, f"if '*' is present, must not specify other {words}")
            )
    for index, version in enumerate(rule.get("apiVersions") or ()):
        faults += [] if version else [required(f"{field}.apiVersions[{index}]")]
    return faults + _resource_faults(rule.get("resources") or [], f"{field}.resources") + choice_faults(
        rule.get("scope"), f"{field}.scope", SCOPES
    )  # fmt: skip


def _resource_faults(resources: list[str], field: str) -> list[Cause]:
    faults = [] if resources else [required(field)]
    whole: set[str] = set()  # of x/*
    below: set[str] = set()  # of */x
    plain = False
    for index, text in enumerate(resources):
        at = f"{field}[{index}]"
        if not text:
            faults.append(required(at))
            continue
        resource, slash, part = text.partition("/")
        if not slash:
            plain = text != "*"
            continue
        if resource in whole:
            faults.append(invalid(at, text, f"if '{resource}/*' is present, must not specify {text}"))
        if part in below:
            faults.append(invalid(at, text, f"if '*/{part}' is present, must not specify {text}"))
        whole |= {resource} if part == "*" else set()
        below |= {part} if resource == "*" else set()
    if len(resources) > 1 and "*/*" in resources:
        faults.append(invalid(field, resources, "if '*/*' is present, must not specify other resources"))
    if "*" in resources and plain:
        detail = "if '*' is present, must not specify other resources without subresources"
        faults.append(invalid(field, resources, detail))
    return faults


def match_resources_faults(part: Object, field: str) -> list[Cause]:
    """Return the faults of a policy's or a binding's matching, its defaults filled in."""
    faults = choice_faults(part.get("matchPolicy"), f"{field}.matchPolicy", MATCH_POLICIES)
    for name in ("namespaceSelector", "objectSelector"):
        faults += selector_faults(part.get(name), f"{field}.{name}")
    for name in ("resourceRules", "excludeResourceRules"):
        for index, rule in enumerate(part.get(name) or ()):
            at = f"{field}.{name}[{index}]"
            faults += _name_faults(rule.get("resourceNames") or (), f"{at}.resourceNames") + rule_faults(
                rule, at
            )
    return faults


def _name_faults(given: Iterable[str], field: str) -> list[Cause]:
    faults: list[Cause] = []
    seen: set[str] = set()
    for index, name in enumerate(given):
        at = f"{field}[{index}]"
        faults += [invalid(at, name, why) for why in path_segment_faults(name)]
        faults += [duplicate(at, name)] if name in seen else []
        seen.add(name)
    return faults
