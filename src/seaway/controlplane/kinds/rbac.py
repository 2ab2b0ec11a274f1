"""rbac.authorization.k8s.io: roles and bindings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from seaway.controlplane.kinds.cells import AGE, CREATED_AT, NAME, read
from seaway.controlplane.kinds.declaration import Column, Kind, Object
from seaway.controlplane.kinds.faults import invalid, required, unsupported
from seaway.controlplane.kinds.metadata import (
    path_segment_faults,
    validate_metadata,
    validate_metadata_update,
)
from seaway.controlplane.kinds.schemas import schema_of
from seaway.controlplane.kinds.selectors import selector_faults
from seaway.objects import meta, names
from seaway.objects.builtin import CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, ROLE_BINDINGS, ROLES
from seaway.objects.errors import Cause
from seaway.objects.resource import Resource
from seaway.objects.selectors import LabelSelector

GROUP = ROLES.group
SUBJECT_KINDS = ("ServiceAccount", "User", "Group")


def default_binding(binding: Object) -> None:
    """Fill in the API groups that references leave out."""
    reference = binding.get("roleRef")
    if isinstance(reference, dict) and not reference.get("apiGroup"):
        reference["apiGroup"] = GROUP
    for subject in binding.get("subjects") or ():
        if (
            isinstance(subject, dict)
            and not subject.get("apiGroup")
            and subject.get("kind") in ("User", "Group")
        ):
            subject["apiGroup"] = GROUP


def validate_role(role: Object) -> list[Cause]:
    """Return the faults of a Role."""
    faults = validate_metadata(role, name_faults=path_segment_faults)
    return faults + _rules_faults(role.get("rules") or (), namespaced=True)


def validate_cluster_role(role: Object) -> list[Cause]:
    """Return the faults of a ClusterRole."""
    faults = validate_metadata(role, namespaced=False, name_faults=path_segment_faults)
    faults += _rules_faults(role.get("rules") or (), namespaced=False)
    rule = role.get("aggregationRule")
    if rule is None:
        return faults
    field, selectors = "aggregationRule.clusterRoleSelectors", rule.get("clusterRoleSelectors") or ()
    if not selectors:
        detail = "at least one clusterRoleSelector required if aggregationRule is non-nil"
        faults.append(required(field, detail))
    for index, selector in enumerate(selectors):
        if wrong := selector_faults(selector, f"{field}[{index}]"):
            faults += [*wrong, invalid(f"{field}[{index}]", None, "invalid label selector.")]
    return faults


def validate_role_binding(binding: Object) -> list[Cause]:
    """Return the faults of a RoleBinding."""
    faults = validate_metadata(binding, name_faults=path_segment_faults)
    return faults + _binding_faults(binding, ("Role", "ClusterRole"), namespaced=True)


def validate_cluster_role_binding(binding: Object) -> list[Cause]:
    """Return the faults of a ClusterRoleBinding."""
    faults = validate_metadata(binding, namespaced=False, name_faults=path_segment_faults)
    return faults + _binding_faults(binding, ("ClusterRole",), namespaced=False)


def validate_binding_update(new: Object, old: Object) -> list[Cause]:
    """Return the faults of a change of a binding: what it grants is fixed."""
    faults = validate_metadata_update(new, old)
    if new.get("roleRef") != old.get("roleRef"):
        reference = new.get("roleRef") or {}
        shown = {name[0].upper() + name[1:]: reference.get(name) or "" for name in ("kind", "name")}
        shown = {"APIGroup": reference.get("apiGroup") or ""} | shown
        faults.append(invalid("roleRef", shown, "cannot change roleRef"))
    return faults


def _rules_faults(rules: Iterable[Mapping[str, Any]], *, namespaced: bool) -> list[Cause]:
    return [
        fault
        for index, rule in enumerate(rules)
        for fault in _rule_faults(rule, f"rules[{index}]", namespaced)
    ]


def _rule_faults(rule: Mapping[str, Any], field: str, namespaced: bool) -> list[Cause]:
    faults: list[Cause] = []
    paths = rule.get("nonResourceURLs")
    if not rule.get("verbs"):
        faults.append(required(f"{field}.verbs", "verbs must contain at least one value"))
    if paths:
        at = f"{field}.nonResourceURLs"
        if namespaced:
            faults.append(invalid(at, paths, "namespaced rules cannot apply to non-resource URLs"))
        if any(rule.get(part) for part in ("apiGroups", "resources", "resourceNames")):
            faults.append(
                invalid(at, paths, "rules cannot apply to both regular resources and non-resource URLs")
            )
        return faults
    if not rule.get("apiGroups"):
        faults.append(required(f"{field}.apiGroups", "resource rules must supply at least one api group"))
    if not rule.get("resources"):
        faults.append(required(f"{field}.resources", "resource rules must supply at least one resource"))
    return faults


def _binding_faults(binding: Object, role_kinds: tuple[str, ...], *, namespaced: bool) -> list[Cause]:
    reference = binding.get("roleRef") or {}
    faults: list[Cause] = []
    if reference.get("apiGroup") != GROUP:
        faults.append(unsupported("roleRef.apiGroup", reference.get("apiGroup", ""), (GROUP,)))
    if reference.get("kind") not in role_kinds:
        faults.append(unsupported("roleRef.kind", reference.get("kind", ""), role_kinds))
    if name := reference.get("name"):
        faults += [invalid("roleRef.name", name, f) for f in path_segment_faults(name)]
    else:
        faults.append(required("roleRef.name"))
    for index, subject in enumerate(binding.get("subjects") or ()):
        faults += _subject_faults(subject, f"subjects[{index}]", namespaced=namespaced)
    return faults


def aggregated_rules(role: Object, roles: Iterable[Object]) -> list[Object]:
    """Return the rules of a cluster role that is put together of others: each once, in the order of the roles' names.

    Source: Kubernetes' "Using RBAC Authorization", "Aggregated ClusterRoles".
    """
    found: list[Object] = []
    ordered = sorted(roles, key=meta.name)
    for selector in (role.get("aggregationRule") or {}).get("clusterRoleSelectors") or ():
        chosen = LabelSelector.from_object(selector)
        for other in ordered:
            if meta.name(other) != meta.name(role) and chosen.matches(meta.labels(other)):
                found += [rule for rule in other.get("rules") or () if rule not in found]
    return found


def _subject_faults(subject: Mapping[str, Any], field: str, *, namespaced: bool) -> list[Cause]:
    name, kind, group = subject.get("name"), subject.get("kind"), subject.get("apiGroup") or ""
    faults = [] if name else [required(f"{field}.name")]
    if kind == "ServiceAccount":
        faults += (
            [invalid(f"{field}.name", name, f) for f in names.dns_subdomain_faults(name)] if name else []
        )
        faults += [unsupported(f"{field}.apiGroup", group, ("",))] if group else []
        faults += [] if namespaced or subject.get("namespace") else [required(f"{field}.namespace")]
    elif kind in SUBJECT_KINDS:
        faults += [] if group == GROUP else [unsupported(f"{field}.apiGroup", group, (GROUP,))]
    else:
        faults.append(unsupported(f"{field}.kind", kind or "", SUBJECT_KINDS))
    return faults


def _subjects(kind: str) -> Callable[[Object, float], str]:
    def cell(binding: Object, _now: float) -> str:
        chosen = [s for s in binding.get("subjects") or () if s.get("kind") == kind]
        prefix = kind == "ServiceAccount"
        return ", ".join(
            f"{s.get('namespace')}/{s.get('name')}" if prefix else str(s.get("name")) for s in chosen
        )

    return cell


def _role(binding: Object, _now: float) -> str:
    return f"{read(binding, 'roleRef', 'kind')}/{read(binding, 'roleRef', 'name')}"


_BINDING_COLUMNS = (
    NAME,
    Column("Role", _role, description="The role that is granted."),
    AGE,
    Column("Users", _subjects("User"), priority=1, description="Users it is granted to."),
    Column("Groups", _subjects("Group"), priority=1, description="Groups it is granted to."),
    Column(
        "ServiceAccounts",
        _subjects("ServiceAccount"),
        priority=1,
        description="Service accounts it is granted to.",
    ),
)


def _binding_kind(resource: Resource, validate: Callable[[Object], list[Cause]]) -> Kind:
    return Kind(
        resource,
        schema_of(resource),
        default=default_binding,
        validate=validate,
        validate_update=validate_binding_update,
        columns=_BINDING_COLUMNS,
        generation=False,
    )


def _role_kind(resource: Resource, validate: Callable[[Object], list[Cause]]) -> Kind:
    return Kind(
        resource,
        schema_of(resource),
        validate=validate,
        validate_update=validate_metadata_update,
        columns=(NAME, CREATED_AT),
        generation=False,
    )


ROLE = _role_kind(ROLES, validate_role)
CLUSTER_ROLE = _role_kind(CLUSTER_ROLES, validate_cluster_role)
ROLE_BINDING = _binding_kind(ROLE_BINDINGS, validate_role_binding)
CLUSTER_ROLE_BINDING = _binding_kind(CLUSTER_ROLE_BINDINGS, validate_cluster_role_binding)
