"""admissionregistration.k8s.io: policies that judge or change a write by expressions, and what binds them.

Source: KEP-3488 (ValidatingAdmissionPolicy), KEP-3962 (MutatingAdmissionPolicy), and the validation of Kubernetes'
admissionregistration/v1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from seaway.controlplane.kinds.admission_rules import (
    FAILURE_POLICIES,
    MUTATING_OPERATIONS,
    choice_faults,
    default_matching,
    match_resources_faults,
)
from seaway.controlplane.kinds.cells import AGE, NAME, read
from seaway.controlplane.kinds.declaration import Column, Kind, Object
from seaway.controlplane.kinds.expressions import (
    condition_faults,
    expression_faults,
    is_identifier,
    request_variables,
)
from seaway.controlplane.kinds.faults import duplicate, forbidden, invalid, required, unsupported
from seaway.controlplane.kinds.metadata import (
    path_segment_faults,
    validate_metadata,
    validate_metadata_update,
)
from seaway.controlplane.kinds.schemas import schema_of
from seaway.controlplane.kinds.selectors import selector_faults, selector_text
from seaway.controlplane.kinds.webhooks import REINVOCATION_POLICIES
from seaway.objects import meta, names
from seaway.objects.builtin import (
    MUTATING_ADMISSION_POLICIES,
    MUTATING_ADMISSION_POLICY_BINDINGS,
    VALIDATING_ADMISSION_POLICIES,
    VALIDATING_ADMISSION_POLICY_BINDINGS,
)
from seaway.objects.errors import Cause
from seaway.objects.resource import Resource

ACTIONS = ("Audit", "Deny", "Warn")
REASONS = ("Forbidden", "Invalid", "RequestEntityTooLarge")
PATCH_TYPES = ("ApplyConfiguration", "JSONPatch")
_MOST_ANNOTATIONS, _LONGEST_ANNOTATION = 20, 5 * 1024


def default_policy(policy: Object) -> None:
    """Fill in what a policy leaves out."""
    spec = policy.get("spec")
    if isinstance(spec, dict):
        spec.setdefault("failurePolicy", "Fail")
        if isinstance(spec.get("matchConstraints"), dict):
            default_matching(spec["matchConstraints"])


def default_binding(binding: Object) -> None:
    """Fill in what a binding leaves out."""
    matching = read(binding, "spec", "matchResources", default=None)
    if isinstance(matching, dict):
        default_matching(matching)


def _spec_faults(policy: Object) -> list[Cause]:
    """Return the faults that validating and mutating policies share."""
    spec = policy.get("spec") or {}
    faults = validate_metadata(policy, namespaced=False)
    faults += choice_faults(spec.get("failurePolicy"), "spec.failurePolicy", FAILURE_POLICIES)
    params = spec.get("paramKind") is not None
    faults += _param_kind_faults(spec["paramKind"], "spec.paramKind") if params else []
    matching = spec.get("matchConstraints")
    if matching is None:
        faults.append(required("spec.matchConstraints"))
    else:
        faults += match_resources_faults(matching, "spec.matchConstraints")
        faults += [] if matching.get("resourceRules") else [required("spec.matchConstraints.resourceRules")]
    faults += condition_faults(spec.get("matchConditions") or (), "spec.matchConditions", params=params)
    for index, variable in enumerate(spec.get("variables") or ()):
        faults += _variable_faults(variable, f"spec.variables[{index}]", params=params)
    return faults


def _param_kind_faults(kind: Object, at: str) -> list[Cause]:
    version, name = kind.get("apiVersion") or "", kind.get("kind") or ""
    faults = [] if version else [required(f"{at}.apiVersion")]
    group, _, label = version.rpartition("/")
    if version.count("/") > 1:
        faults.append(invalid(f"{at}.apiVersion", version, f"unexpected GroupVersion string: {version}"))
    elif version:
        wrong = names.dns_subdomain_faults(group) if group else ()
        faults += [invalid(f"{at}.apiVersion", group, ",".join(wrong))] if wrong else []
        wrong = names.dns_1035_label_faults(label) if label else ("version must be specified",)
        faults += [invalid(f"{at}.apiVersion", label or version, ",".join(wrong))] if wrong else []
    if not name:
        return [*faults, required(f"{at}.kind")]
    wrong = names.dns_1035_label_faults(name.lower())
    hint = "may have mixed case, but should otherwise match: "
    return faults + ([invalid(f"{at}.kind", name, hint + ",".join(wrong))] if wrong else [])


def _variable_faults(variable: Object, at: str, *, params: bool) -> list[Cause]:
    name, text = variable.get("name") or "", variable.get("expression") or ""
    faults: list[Cause] = []
    if not name.strip():
        faults.append(required(f"{at}.name", "name is not specified"))
    elif not is_identifier(name):
        faults.append(invalid(f"{at}.name", name, "must be a valid CEL identifier"))
    if not text.strip():
        return [*faults, required(f"{at}.expression", "expression is not specified")]
    return faults + expression_faults(
        text, f"{at}.expression", request_variables(params=params, variables=True), (), ""
    )


def validate_validating(policy: Object) -> list[Cause]:
    """Return the faults of a ValidatingAdmissionPolicy."""
    spec = policy.get("spec") or {}
    params = spec.get("paramKind") is not None
    faults = _spec_faults(policy)
    validations, annotations = spec.get("validations") or (), spec.get("auditAnnotations") or ()
    if not validations and not annotations:
        detail = "validations or auditAnnotations must contain at least one item"
        faults += [required("spec.validations", detail), required("spec.auditAnnotations", detail)]
    for index, validation in enumerate(validations):
        faults += _validation_faults(validation, f"spec.validations[{index}]", params=params)
    if len(annotations) > _MOST_ANNOTATIONS:
        detail = f"must not have more than {_MOST_ANNOTATIONS} auditAnnotations"
        faults.append(invalid("spec.auditAnnotations", list(annotations), detail))
    for index, annotation in enumerate(annotations):
        faults += _annotation_faults(
            meta.name(policy), annotation, f"spec.auditAnnotations[{index}]", params=params
        )
        if annotation.get("key") in [other.get("key") for other in annotations[:index]]:
            faults.append(duplicate(f"spec.auditAnnotations[{index}].key", annotation.get("key")))
    return faults


def _validation_faults(validation: Object, at: str, *, params: bool) -> list[Cause]:
    text, message = validation.get("expression") or "", validation.get("message") or ""
    saying, reason = validation.get("messageExpression") or "", validation.get("reason")
    if not text.strip():
        faults = [required(f"{at}.expression", "expression is not specified")]
    else:
        variables = request_variables(params=params, variables=True)
        faults = expression_faults(text, f"{at}.expression", variables, ("bool",), "must evaluate to bool")
    if saying and not saying.strip():
        faults.append(invalid(f"{at}.messageExpression", saying, "must be non-empty if specified"))
    elif saying:
        variables = request_variables(params=params, variables=True, authorizer=False)
        must = "must evaluate to string"
        faults += expression_faults(saying, f"{at}.messageExpression", variables, ("string",), must)
    if message and not message.strip():
        faults.append(invalid(f"{at}.message", message, "must be non-empty if specified"))
    elif any(sign in message.strip() for sign in "\r\n"):
        faults.append(invalid(f"{at}.message", message, "must not contain line breaks"))
    return faults + choice_faults(reason, f"{at}.reason", REASONS)


def _annotation_faults(policy: str, annotation: Object, at: str, *, params: bool) -> list[Cause]:
    key, text = annotation.get("key") or "", (annotation.get("valueExpression") or "").strip()
    named = f"{policy}/{key}"
    faults = [invalid(f"{at}.key", named, why) for why in names.qualified_name_faults(named)]
    if not text:
        return [*faults, required(f"{at}.valueExpression", "valueExpression is not specified")]
    if len(text) > _LONGEST_ANNOTATION:
        detail = f"must not exceed {_LONGEST_ANNOTATION} bytes in length"
        return [*faults, required(f"{at}.valueExpression", detail)]
    variables, must = (
        request_variables(params=params, variables=True),
        "must evaluate to one of [string null_type]",
    )
    return faults + expression_faults(text, f"{at}.valueExpression", variables, ("string", "null_type"), must)


def validate_mutating(policy: Object) -> list[Cause]:
    """Return the faults of a MutatingAdmissionPolicy."""
    spec = policy.get("spec") or {}
    params = spec.get("paramKind") is not None
    faults = _spec_faults(policy) + _mutating_faults(
        spec.get("matchConstraints") or {}, "spec.matchConstraints"
    )
    if not spec.get("mutations"):
        faults.append(required("spec.mutations", "mutations must contain at least one item"))
    for index, mutation in enumerate(spec.get("mutations") or ()):
        faults += _mutation_faults(mutation, f"spec.mutations[{index}]", params=params)
    policy_ = spec.get("reinvocationPolicy") or ""
    if not policy_:
        return [*faults, required("spec.reinvocationPolicy")]
    return faults + choice_faults(policy_, "spec.reinvocationPolicy", REINVOCATION_POLICIES)


def _mutating_faults(matching: Object, at: str) -> list[Cause]:
    operations = [o for rule in matching.get("resourceRules") or () for o in rule.get("operations") or ()]
    wrong = [operation for operation in operations if operation not in MUTATING_OPERATIONS]
    return [
        unsupported(f"{at}.resourceRules.operations", operation, MUTATING_OPERATIONS) for operation in wrong
    ]


def _mutation_faults(mutation: Object, at: str, *, params: bool) -> list[Cause]:
    kind = mutation.get("patchType") or ""
    if not kind:
        return [required(f"{at}.patchType")]
    if kind not in PATCH_TYPES:
        return [unsupported(f"{at}.patchType", kind, PATCH_TYPES)]
    wanted, other = ("jsonPatch", "applyConfiguration")[:: 1 if kind == "JSONPatch" else -1]
    faults: list[Cause] = []
    if mutation.get(wanted) is None:
        faults.append(required(f"{at}.{wanted}", f"must be specified when patchType is {kind}"))
    else:
        text = (mutation[wanted].get("expression") or "").strip()
        faults += [] if text else [required(f"{at}.{wanted}.expression")]
        if text:
            from seaway.controlplane.cel.structs import as_maps

            variables = request_variables(params=params, variables=True)
            listed = kind == "JSONPatch"
            begins, must = ("list(map", "list(JSONPatch)") if listed else ("map(", "Object")
            must = f"must evaluate to {must}"
            faults += expression_faults(
                as_maps(text), f"{at}.{wanted}.expression", variables, (begins,), must
            )
    if mutation.get(other) is not None:
        detail = f"must not be specified when patchType is {kind}"
        faults.append(invalid(f"{at}.{other}", f"{{{other}}}", detail))
    return faults


def _binding_faults(binding: Object) -> list[Cause]:
    spec = binding.get("spec") or {}
    faults, policy = validate_metadata(binding, namespaced=False), spec.get("policyName") or ""
    faults += [] if policy else [required("spec.policyName")]
    faults += [
        invalid("spec.policyName", policy, why)
        for why in (names.dns_subdomain_faults(policy) if policy else ())
    ]
    if spec.get("paramRef") is not None:
        faults += _param_ref_faults(spec["paramRef"], "spec.paramRef")
    return faults + match_resources_faults(spec.get("matchResources") or {}, "spec.matchResources")


def _param_ref_faults(reference: Object, at: str) -> list[Cause]:
    name, selector = reference.get("name") or "", reference.get("selector")
    faults = [invalid(f"{at}.name", name, why) for why in path_segment_faults(name)]
    exclusive = "name and selector are mutually exclusive"
    if name and selector is not None:
        faults.append(forbidden(f"{at}.name", exclusive))
    faults += selector_faults(selector, f"{at}.selector")
    if name and selector is not None:
        faults.append(forbidden(f"{at}.selector", exclusive))
    if not name and selector is None:
        faults.append(required(at, "one of name or selector must be specified"))
    action = reference.get("parameterNotFoundAction")
    if not action:
        return [*faults, required(f"{at}.parameterNotFoundAction")]
    return faults + choice_faults(action, f"{at}.parameterNotFoundAction", ("Deny", "Allow"))


def validate_validating_binding(binding: Object) -> list[Cause]:
    """Return the faults of a ValidatingAdmissionPolicyBinding."""
    at, actions = "spec.validationActions", read(binding, "spec", "validationActions", default=None) or []
    faults = _binding_faults(binding)
    for index, action in enumerate(actions):
        faults += choice_faults(action, f"{at}[{index}]", ACTIONS)
        faults += [duplicate(f"{at}[{index}]", action)] if action in actions[:index] else []
    if {"Deny", "Warn"} <= set(actions):
        detail = (
            "must not contain both Deny and Warn (repeating the same validation failure information in the API response "
            "and headers serves no purpose)"
        )
        faults.append(invalid(at, actions, detail))
    return faults if actions else [*faults, required(at, "at least one validation action is required")]


def validate_mutating_binding(binding: Object) -> list[Cause]:
    """Return the faults of a MutatingAdmissionPolicyBinding."""
    matching = read(binding, "spec", "matchResources", default=None) or {}
    return _binding_faults(binding) + _mutating_faults(matching, "spec.matchResources")


def _begin_status(policy: Object) -> None:
    policy["status"] = {}


def _leave(_policy: Object) -> None: ...


def _no_status_faults(_new: Object, _old: Object) -> tuple[Cause, ...]:
    return ()


def _param_kind(policy: Object, _now: float) -> str:
    kind = read(policy, "spec", "paramKind", default=None)
    return f"{kind.get('apiVersion') or ''}/{kind.get('kind') or ''}" if kind else "<unset>"


def _param_ref(binding: Object, _now: float) -> str:
    reference: Any = read(binding, "spec", "paramRef", default=None) or {}
    if reference.get("name"):
        return f"{reference.get('namespace') or '*'}/{reference['name']}"
    return selector_text(reference["selector"]) if reference.get("selector") is not None else "<unset>"


def _policy(resource: Resource, validate: Callable[[Object], list[Cause]], rules: str, words: str) -> Kind:
    served = "status" in resource.subresources
    return Kind(
        resource, schema_of(resource), default=default_policy, validate=validate, validate_update=validate_metadata_update,
        columns=(
            NAME,
            Column(words, lambda policy, _: len(read(policy, "spec", rules, default=None) or ()), type="integer",
                   description="How many rules it has."),
            Column("ParamKind", _param_kind, description="Of which kind its parameters are."),
            AGE,
        ),
        has_status=served,
        prepare_create=_begin_status if served else _leave,
        validate_status=_no_status_faults if served else None,
    )  # fmt: skip


def _binding(resource: Resource, validate: Callable[[Object], list[Cause]]) -> Kind:
    return Kind(
        resource, schema_of(resource), default=default_binding, validate=validate, validate_update=validate_metadata_update,
        columns=(
            NAME,
            Column("PolicyName", lambda binding, _: str(read(binding, "spec", "policyName")), description="Of which policy."),
            Column("ParamRef", _param_ref, description="With which parameters."),
            AGE,
        ),
    )  # fmt: skip


VALIDATING_ADMISSION_POLICY = _policy(
    VALIDATING_ADMISSION_POLICIES, validate_validating, "validations", "Validations"
)
VALIDATING_ADMISSION_POLICY_BINDING = _binding(
    VALIDATING_ADMISSION_POLICY_BINDINGS, validate_validating_binding
)
MUTATING_ADMISSION_POLICY = _policy(MUTATING_ADMISSION_POLICIES, validate_mutating, "mutations", "Mutations")
MUTATING_ADMISSION_POLICY_BINDING = _binding(MUTATING_ADMISSION_POLICY_BINDINGS, validate_mutating_binding)
