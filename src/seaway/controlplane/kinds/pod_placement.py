"""Validation of what decides where a pod runs: node selector, affinity, tolerations, spreading."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from seaway.controlplane.kinds.cells import read
from seaway.controlplane.kinds.declaration import Object
from seaway.controlplane.kinds.faults import duplicate, forbidden, invalid, required, unsupported
from seaway.controlplane.kinds.metadata import label_faults
from seaway.controlplane.kinds.selectors import selector_faults
from seaway.objects import meta, names
from seaway.objects.errors import Cause

EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
OPERATORS = ("Equal", "Exists")
NODE_OPERATORS = ("DoesNotExist", "Exists", "Gt", "In", "Lt", "NotIn")
INCLUSION_POLICIES = ("Honor", "Ignore")
UNSATISFIABLE = ("DoNotSchedule", "ScheduleAnyway")
HARD, SOFT = (
    "requiredDuringSchedulingIgnoredDuringExecution",
    "preferredDuringSchedulingIgnoredDuringExecution",
)


def placement_faults(spec: Object, field: str) -> list[Cause]:
    """Return the faults of a pod's placement rules."""
    faults = label_faults(spec.get("nodeSelector"), f"{field}.nodeSelector")
    faults += toleration_faults(spec.get("tolerations") or (), f"{field}.tolerations")
    faults += _node_affinity_faults(
        read(spec, "affinity", "nodeAffinity", default={}), f"{field}.affinity.nodeAffinity"
    )
    for kind in ("podAffinity", "podAntiAffinity"):
        faults += _pod_affinity_faults(read(spec, "affinity", kind, default={}), f"{field}.affinity.{kind}")
    return faults + _spread_faults(
        spec.get("topologySpreadConstraints") or (), f"{field}.topologySpreadConstraints"
    )


def toleration_faults(tolerations: Iterable[Object], field: str) -> list[Cause]:
    """Return the faults of what a pod tolerates."""
    faults: list[Cause] = []
    for index, toleration in enumerate(tolerations):
        at = f"{field}[{index}]"
        key, operator = toleration.get("key") or "", toleration.get("operator") or ""
        effect, value = toleration.get("effect"), toleration.get("value") or ""
        if key:
            faults += [invalid(f"{at}.key", key, f) for f in names.qualified_name_faults(key)]
        elif operator != "Exists":
            detail = (
                'operator must be Exists when `key` is empty, which means "match all values and all keys"'
            )
            faults.append(invalid(f"{at}.operator", operator, detail))
        if toleration.get("tolerationSeconds") is not None and effect != "NoExecute":
            detail = "effect must be 'NoExecute' when `tolerationSeconds` is set"
            faults.append(invalid(f"{at}.effect", effect or "", detail))
        if operator in ("Equal", ""):
            if wrong := names.label_value_faults(value):
                faults.append(invalid(f"{at}.operator", value, ";".join(wrong)))
        elif operator == "Exists":
            if value:
                detail = "value must be empty when `operator` is 'Exists'"
                faults.append(invalid(f"{at}.operator", value, detail))
        else:
            supported = (*OPERATORS, "Lt", "Gt") if operator in ("Lt", "Gt") else OPERATORS
            faults.append(unsupported(f"{at}.operator", operator, supported))
        if effect and effect not in EFFECTS:
            faults.append(unsupported(f"{at}.effect", effect, EFFECTS))
    return faults


def _node_affinity_faults(affinity: Object, field: str) -> list[Cause]:
    faults: list[Cause] = []
    hard = affinity.get(HARD)
    if hard is not None:
        terms = hard.get("nodeSelectorTerms") or ()
        at = f"{field}.{HARD}.nodeSelectorTerms"
        if not terms:
            faults.append(required(at, "must have at least one node selector term"))
        for index, term in enumerate(terms):
            faults += _node_term_faults(term, f"{at}[{index}]", any_value=False)
    for index, preference in enumerate(affinity.get(SOFT) or ()):
        at = f"{field}.{SOFT}[{index}]"
        faults += _weight_faults(preference, at)
        faults += _node_term_faults(preference.get("preference") or {}, f"{at}.preference", any_value=True)
    return faults


def node_selector_faults(selector: Object, field: str) -> list[Cause]:
    """Return the faults of a NodeSelector."""
    terms = selector.get("nodeSelectorTerms") or ()
    at = f"{field}.nodeSelectorTerms"
    if not terms:
        return [required(at, "must have at least one node selector term")]
    return [
        fault
        for index, term in enumerate(terms)
        for fault in _node_term_faults(term, f"{at}[{index}]", any_value=False)
    ]


def _node_term_faults(term: Object, field: str, *, any_value: bool) -> list[Cause]:
    faults: list[Cause] = []
    for index, expression in enumerate(term.get("matchFields") or ()):
        faults += _node_field_faults(expression, f"{field}.matchFields[{index}]")
    for index, expression in enumerate(term.get("matchExpressions") or ()):
        at = f"{field}.matchExpressions[{index}]"
        key, operator, values = (
            expression.get("key") or "",
            expression.get("operator"),
            expression.get("values") or (),
        )
        faults += [invalid(f"{at}.key", key, f) for f in names.qualified_name_faults(key)]
        match operator:
            case "In" | "NotIn" if not values:
                faults.append(
                    required(f"{at}.values", "must be specified when `operator` is 'In' or 'NotIn'")
                )
            case "Exists" | "DoesNotExist" if values:
                detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
                faults.append(forbidden(f"{at}.values", detail))
            case "Gt" | "Lt" if len(values) != 1:
                detail = "must be specified single value when `operator` is 'Lt' or 'Gt'"
                faults.append(required(f"{at}.values", detail))
            case _ if operator not in NODE_OPERATORS:
                faults.append(invalid(f"{at}.operator", operator or "", "not a valid selector operator"))
        for position, value in enumerate(() if any_value else values):
            here = f"{at}.values[{position}]"
            faults += [invalid(here, value, f) for f in names.label_value_faults(value)]
    return faults


def _node_field_faults(expression: Object, field: str) -> list[Cause]:
    key, operator = expression.get("key") or "", expression.get("operator") or ""
    values = expression.get("values") or ()
    faults: list[Cause] = []
    if operator not in ("In", "NotIn"):
        faults.append(invalid(f"{field}.operator", operator, "not a valid selector operator"))
    elif len(values) != 1:
        detail = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"
        faults.append(required(f"{field}.values", detail))
    if key != "metadata.name":
        return [*faults, invalid(f"{field}.key", key, "not a valid field selector key")]
    for index, value in enumerate(values):
        faults += [invalid(f"{field}.values[{index}]", value, f) for f in names.dns_subdomain_faults(value)]
    return faults


def _pod_affinity_faults(affinity: Object, field: str) -> list[Cause]:
    faults: list[Cause] = []
    for index, term in enumerate(affinity.get(HARD) or ()):
        faults += _pod_term_faults(term, f"{field}.{HARD}[{index}]")
    for index, preference in enumerate(affinity.get(SOFT) or ()):
        at = f"{field}.{SOFT}[{index}]"
        faults += _weight_faults(preference, at)
        faults += _pod_term_faults(preference.get("podAffinityTerm") or {}, f"{at}.podAffinityTerm")
    return faults


def _pod_term_faults(term: Object, field: str) -> list[Cause]:
    faults = selector_faults(term.get("labelSelector"), f"{field}.labelSelector")
    faults += selector_faults(term.get("namespaceSelector"), f"{field}.namespaceSelector")
    for namespace in term.get("namespaces") or ():
        faults += [invalid(f"{field}.namespace", namespace, f) for f in names.dns_label_faults(namespace)]
    faults += _label_key_faults(term, field)
    key = term.get("topologyKey") or ""
    faults += [] if key else [required(f"{field}.topologyKey", "can not be empty")]
    return faults + [invalid(f"{field}.topologyKey", key, f) for f in names.qualified_name_faults(key)]


def _label_key_faults(term: Object, field: str) -> list[Cause]:
    """Return the faults of the keys whose values a pod's own labels fill in."""
    matching, others = term.get("matchLabelKeys") or [], term.get("mismatchLabelKeys") or []
    selector = term.get("labelSelector")
    faults: list[Cause] = []
    for name, keys in (("matchLabelKeys", matching), ("mismatchLabelKeys", others)):
        at = f"{field}.{name}"
        if keys and selector is None:
            faults.append(forbidden(at, "must not be specified when labelSelector is not set"))
        for index, key in enumerate(keys):
            faults += [invalid(f"{at}[{index}]", key, f) for f in names.qualified_name_faults(key)]
    detail = "exists in both matchLabelKeys and mismatchLabelKeys"
    both = [(index, key) for index, key in enumerate(matching) if key in others]
    faults += [invalid(f"{field}.matchLabelKeys[{index}]", key, detail) for index, key in both]
    chosen = {key: index for index, key in enumerate(matching)}
    seen = set((selector or {}).get("matchLabels") or ())
    for expression in (selector or {}).get("matchExpressions") or ():
        key = expression.get("key") or ""
        if key in chosen and key in seen:
            detail = "exists in both matchLabelKeys and labelSelector"
            faults.append(invalid(f"{field}[{chosen[key]}]", key, detail))
        seen.add(key)
    return faults


def _weight_faults(preference: Object, field: str) -> list[Cause]:
    weight = preference.get("weight") or 0
    return [] if 1 <= weight <= 100 else [invalid(f"{field}.weight", weight, "must be in the range 1-100")]


def _spread_faults(constraints: Sequence[Object], field: str) -> list[Cause]:
    faults: list[Cause] = []
    for index, constraint in enumerate(constraints):
        at, skew = f"{field}[{index}]", constraint.get("maxSkew") or 0
        if skew <= 0:
            faults.append(invalid(f"{at}.maxSkew", skew, "must be greater than zero"))
        key, action = constraint.get("topologyKey") or "", constraint.get("whenUnsatisfiable") or ""
        faults += [] if key else [required(f"{at}.topologyKey", "can not be empty")]
        if action not in UNSATISFIABLE:
            faults.append(unsupported(f"{at}.whenUnsatisfiable", action, UNSATISFIABLE))
        later = constraints[index + 1 :]
        if any(
            (c.get("topologyKey") or "", c.get("whenUnsatisfiable") or "") == (key, action) for c in later
        ):
            name = f"{at}.{{topologyKey, whenUnsatisfiable}}"
            faults.append(duplicate(name, f"{{{key}, {action}}}"))
        faults += _domain_faults(constraint, at, action)
        faults += _label_key_faults(constraint, at)
        faults += selector_faults(constraint.get("labelSelector"), f"{at}.labelSelector")
    return faults


def _domain_faults(constraint: Object, field: str, action: str) -> list[Cause]:
    faults: list[Cause] = []
    fewest = constraint.get("minDomains")
    if fewest is not None and fewest <= 0:
        faults.append(invalid(f"{field}.minDomains", fewest, "must be greater than zero"))
    if fewest is not None and action != "DoNotSchedule":
        detail = f"can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {action}"
        faults.append(invalid(f"{field}.minDomains", fewest, detail))
    for name in ("nodeAffinityPolicy", "nodeTaintsPolicy"):
        policy = constraint.get(name)
        if policy is not None and policy not in INCLUSION_POLICIES:
            faults.append(unsupported(f"{field}.{name}", policy, INCLUSION_POLICIES))
    return faults


def fill_in_label_keys(pod: Object) -> None:
    """Have selectors say which values a pod's own labels have for the keys that a term or constraint names, in place.

    Source: KEP-3633 and KEP-3243.
    """
    spec, labels = pod.get("spec") or {}, meta.labels(pod)
    terms = [*(spec.get("topologySpreadConstraints") or ())]
    affinity = spec.get("affinity") or {}
    for kind in ("podAffinity", "podAntiAffinity"):
        of = affinity.get(kind) or {}
        terms += of.get("requiredDuringSchedulingIgnoredDuringExecution") or ()
        terms += [
            one.get("podAffinityTerm") or {}
            for one in of.get("preferredDuringSchedulingIgnoredDuringExecution") or ()
        ]
    for term in terms:
        selector = term.get("labelSelector")
        added = [
            {"key": key, "operator": operator, "values": [labels[key]]}
            for name, operator in (("matchLabelKeys", "In"), ("mismatchLabelKeys", "NotIn"))
            for key in term.get(name) or ()
            if key in labels
        ]
        if selector is not None and added:
            selector["matchExpressions"] = [*(selector.get("matchExpressions") or ()), *added]
