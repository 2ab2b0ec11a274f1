"""Resource quotas: how much a namespace may use in all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from seaway.controlplane.kinds.cells import AGE, NAME, read
from seaway.controlplane.kinds.declaration import Column, Kind, Object
from seaway.controlplane.kinds.faults import immutable, invalid, required
from seaway.controlplane.kinds.metadata import validate_metadata, validate_metadata_update
from seaway.controlplane.kinds.resources import is_extended, quantity_faults
from seaway.controlplane.kinds.schemas import schema_of
from seaway.objects import names
from seaway.objects.builtin import RESOURCE_QUOTAS
from seaway.objects.errors import Cause

SCOPES = (
    "BestEffort", "CrossNamespacePodAffinity", "NotBestEffort", "NotTerminating", "PriorityClass", "Terminating",
    "VolumeAttributesClass",
)  # fmt: skip
_OF_PODS = frozenset({
    "pods", "cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory",
})  # fmt: skip
_OF_CLAIMS = frozenset({"persistentvolumeclaims", "requests.storage"})
_WHOLE = frozenset({
    "pods", "services", "replicationcontrollers", "resourcequotas", "secrets", "configmaps", "persistentvolumeclaims",
    "services.nodeports", "services.loadbalancers",
})  # fmt: skip
_STANDARD = _WHOLE | _OF_PODS | {
    "requests.storage", "ephemeral-storage", "requests.ephemeral-storage", "limits.ephemeral-storage",
}  # fmt: skip
_HUGE = ("hugepages-", "requests.hugepages-")
_CONFLICTS = (("BestEffort", "NotBestEffort"), ("NotTerminating", "Terminating"))
_ONLY_EXISTS = (
    "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, "
    "ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity"
)


def prepare(quota: Object) -> None:
    """Begin without status: nothing is counted."""
    quota["status"] = {}


def validate(quota: Object) -> list[Cause]:
    """Return the faults of a ResourceQuota."""
    spec = quota.get("spec") or {}
    faults = validate_metadata(quota) + _amounts_faults(spec.get("hard") or {}, "spec.hard")
    return faults + _scopes_faults(spec) + _selector_faults(spec)


def validate_update(new: Object, old: Object) -> list[Cause]:
    """Return the faults of a change: what is counted is fixed."""
    after, before = (read(obj, "spec", "scopes", default=[]) for obj in (new, old))
    fixed = [] if set(after) == set(before) else immutable("spec.scopes", after, before)
    return validate_metadata_update(new, old) + fixed


def validate_status(new: Object, old: Object) -> list[Cause]:
    """Return the faults of a status write."""
    status, faults = new.get("status") or {}, validate_metadata_update(new, old)
    for name in ("hard", "used"):
        faults += _amounts_faults(status.get(name) or {}, f"status.{name}")
    return faults


def _amounts_faults(amounts: Object, field: str) -> list[Cause]:
    faults: list[Cause] = []
    for name, amount in amounts.items():
        at = f"{field}[{name}]"
        wrong = [invalid(at, name, fault) for fault in names.qualified_name_faults(name)]
        if "/" not in name and name not in _STANDARD and not name.startswith(_HUGE):
            if not wrong and name != "storage":
                wrong.append(invalid(at, name, "must be a standard resource type or fully qualified"))
            wrong.append(invalid(at, name, "must be a standard resource for quota"))
        faults += wrong + quantity_faults(at, amount, whole=name in _WHOLE or is_extended(name))
    return faults


def _fits(scope: str, resource: str) -> bool:
    """Tell whether a scope can narrow what a resource counts."""
    match scope:
        case "BestEffort":
            return resource == "pods"
        case "VolumeAttributesClass":
            return resource in _OF_CLAIMS
        case _:
            return scope not in SCOPES or resource in _OF_PODS


def _unfit(scope: str, spec: Object) -> int:
    standard = [name for name in spec.get("hard") or () if name in _STANDARD or name.startswith(_HUGE)]
    return sum(not _fits(scope, name) for name in standard)


def _conflicting(scopes: set[Any]) -> int:
    return sum(scopes.issuperset(pair) for pair in _CONFLICTS)


def _scopes_faults(spec: Object) -> list[Cause]:
    scopes, field = list(spec.get("scopes") or ()), "spec.scopes"
    faults: list[Cause] = []
    for scope in scopes:
        if scope not in SCOPES:
            faults.append(invalid(field, scopes, "unsupported scope"))
        faults += [invalid(field, scopes, "unsupported scope applied to resource")] * _unfit(scope, spec)
    return faults + [invalid(field, scopes, "conflicting scopes")] * _conflicting(set(scopes))


def _selector_faults(spec: Object) -> list[Cause]:
    selector, field = spec.get("scopeSelector"), "spec.scopeSelector.matchExpressions"
    if selector is None:
        return []
    faults: list[Cause] = []
    requirements = selector.get("matchExpressions") or ()
    for requirement in requirements:
        scope, operator = requirement.get("scopeName") or "", requirement.get("operator") or ""
        values = requirement.get("values") or []
        if scope not in SCOPES:
            faults.append(invalid(f"{field}.scopeName", scope, "unsupported scope"))
        shown = {"MatchExpressions": [_as_go(one) for one in requirements]}
        unfit = _unfit(scope, spec)
        faults += [invalid(field, shown, "unsupported scope applied to resource")] * unfit
        if scope in SCOPES[:4] + SCOPES[5:6] and operator != "Exists":
            faults.append(invalid(f"{field}.operator", operator, _ONLY_EXISTS))
        faults += _operator_faults(operator, values, field)
    found = {requirement.get("scopeName") for requirement in requirements}
    conflicts = _conflicting(found)
    return faults + [invalid(field, spec.get("scopes"), "conflicting scopes")] * conflicts


def _operator_faults(operator: str, values: list[Any], field: str) -> list[Cause]:
    if operator in ("In", "NotIn"):
        detail = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector"
        return [] if values else [required(f"{field}.values", detail)]
    if operator in ("Exists", "DoesNotExist"):
        detail = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector"
        return [invalid(f"{field}.values", values, detail)] if values else []
    return [invalid(f"{field}.operator", operator, "not a valid selector operator")]


def _as_go(requirement: Object) -> Object:
    """Return a requirement as Kubernetes' faults show it: by the names of its Go fields."""
    names_in_go = {"ScopeName": "scopeName", "Operator": "operator", "Values": "values"}
    return {shown: requirement.get(name) for shown, name in names_in_go.items()}


def _used(*, limits: bool) -> Callable[[Object, float], str]:
    def cell(quota: Object, _now: float) -> str:
        hard, used = read(quota, "status", "hard", default={}), read(quota, "status", "used", default={})
        shown = [name for name in sorted(hard) if name.startswith("limits.") == limits]
        return ", ".join(f"{name}: {used.get(name, '0')}/{hard[name]}" for name in shown)

    return cell


RESOURCE_QUOTA = Kind(
    RESOURCE_QUOTAS,
    schema_of(RESOURCE_QUOTAS),
    validate=validate,
    validate_update=validate_update,
    validate_status=validate_status,
    prepare_create=prepare,
    columns=(
        NAME,
        Column("Request", _used(limits=False), description="What is used of what may be requested."),
        Column("Limit", _used(limits=True), description="What is used of what limits may add up to."),
        AGE,
    ),
    has_status=True,
    returns_deleted=True,
    generation=False,
)
