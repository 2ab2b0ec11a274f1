"""The faults of rules within a schema, found when a custom resource definition is written.

Source: the validation of Kubernetes' apiextensions/v1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seaway.controlplane.kinds.faults import invalid, required, unsupported
from seaway.controlplane.kinds.rule_paths import normalized
from seaway.controlplane.kinds.rules import VALIDATIONS, Rules, program_of, rule_variables, rules_of
from seaway.objects.errors import Cause

Structure = Mapping[str, Any]
REASONS = ("FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired")


def rule_faults(structure: Structure, field: str) -> list[Cause]:
    """Return the faults of all rules of a schema that is structural.

    Args:
        structure: `openAPIV3Schema`.
        field: its path.
    """
    rules = rules_of(structure, root=True)
    if rules is None:
        return []
    return _written_faults(rules, field) or _compiled_faults(rules, field, "")


def _below(rules: Rules, field: str) -> list[tuple[Rules, str, bool]]:
    """Return what lies directly below, its path, and whether an old value can be told there."""
    found = [(child, f"{field}.properties[{name}]", True) for name, child in rules.properties.items()]
    if rules.items is not None:
        found.append((rules.items, f"{field}.items", rules.structure.get("x-kubernetes-list-type") == "map"))
    if rules.additional is not None:
        found.append((rules.additional, f"{field}.additionalProperties", True))
    return found


def _written_faults(rules: Rules, field: str) -> list[Cause]:
    faults: list[Cause] = []
    for index, rule in enumerate(rules.own):
        faults += _rule_faults(rule, rules.structure, f"{field}.{VALIDATIONS}[{index}]")
    for child, at, _ in _below(rules, field):
        faults += _written_faults(child, at)
    return faults


def _rule_faults(rule: Mapping[str, Any], structure: Structure, at: str) -> list[Cause]:
    text, message = rule.get("rule") or "", rule.get("message") or ""
    faults: list[Cause] = []
    if not text.strip():
        faults.append(required(f"{at}.rule", "rule is not specified"))
    elif message and not message.strip():
        faults.append(invalid(f"{at}.message", message, "must be non-empty if specified"))
    elif _broken(message.strip()):
        faults.append(invalid(f"{at}.message", message, "must not contain line breaks"))
    elif _broken(text.strip()) and not message.strip():
        faults.append(required(f"{at}.message", "message must be specified if rule contains line breaks"))
    if rule.get("messageExpression") and not rule["messageExpression"].strip():
        detail = "messageExpression must be non-empty if specified"
        faults.append(required(f"{at}.messageExpression", detail))
    if rule.get("reason") is not None and rule["reason"] not in REASONS:
        faults.append(unsupported(f"{at}.reason", rule["reason"], REASONS))
    return faults + _path_faults(rule.get("fieldPath") or "", structure, f"{at}.fieldPath")


def _path_faults(path: str, structure: Structure, at: str) -> list[Cause]:
    if not path:
        return []
    faults = [] if path.strip() else [invalid(at, path, "must be non-empty if specified")]
    faults += [invalid(at, path, "must not contain line breaks")] if _broken(path) else []
    try:
        normalized(path, structure)
    except ValueError:
        faults.append(invalid(at, path, "must be a valid path"))
    return faults


def _broken(text: str) -> bool:
    return "\n" in text or "\r" in text


def _compiled_faults(rules: Rules, field: str, uncorrelatable: str) -> list[Cause]:
    faults: list[Cause] = []
    for index, rule in enumerate(rules.own):
        faults += _program_faults(rules.structure, rule, f"{field}.{VALIDATIONS}[{index}]", uncorrelatable)
    for child, at, correlatable in _below(rules, field):
        faults += _compiled_faults(child, at, uncorrelatable if correlatable else uncorrelatable or field)
    return faults


def _program_faults(
    structure: Structure, rule: Mapping[str, Any], at: str, uncorrelatable: str
) -> list[Cause]:
    found, names = _expression_faults(structure, rule, "", "bool")
    faults = [invalid(f"{at}.rule", _as_go(rule), why) for why in found]
    if text := rule.get("messageExpression"):
        found, _ = _expression_faults(structure, rule, text, "string")
        faults += [invalid(f"{at}.messageExpression", _as_go(rule), why) for why in found]
    if "oldSelf" in names:
        if uncorrelatable:
            detail = (
                f"oldSelf cannot be used on the uncorrelatable portion of the schema within {uncorrelatable}"
            )
            faults.append(invalid(f"{at}.rule", rule["rule"], detail))
    elif names and rule.get("optionalOldSelf") is not None:
        detail = "may not be set if oldSelf is not used in rule"
        faults.append(invalid(f"{at}.optionalOldSelf", rule["optionalOldSelf"], detail))
    return faults


def _as_go(rule: Mapping[str, Any]) -> dict[str, Any]:
    """Return a rule as Kubernetes' faults show it: by the names of its Go fields."""
    texts = {name: rule.get(name) or "" for name in ("rule", "message", "messageExpression")}
    shown = {**texts, "reason": rule.get("reason"), "fieldPath": rule.get("fieldPath") or ""}
    shown["optionalOldSelf"] = rule.get("optionalOldSelf")
    return {name[0].upper() + name[1:]: value for name, value in shown.items()}


def _expression_faults(
    structure: Structure, rule: Mapping[str, Any], text: str, returns: str
) -> tuple[list[str], frozenset[str]]:
    """Return what is wrong with a rule, or with the text of its message, and which variables it reads."""
    from seaway.controlplane.cel.environment import CompileError, by_schema

    said = "messageExpression " if text else ""
    try:
        program = program_of(structure, rule, text)
    except CompileError as error:
        return [f"{said}compilation failed: {error}"], frozenset()
    undefined: list[str] = []
    known = "dyn"
    if not rule.get("optionalOldSelf"):
        schemas = {"self": structure, "oldSelf": structure}
        undefined, known = by_schema(program, rule_variables(structure), schemas)
    if undefined:
        return [f"{said}compilation failed: " + "\n".join(undefined)], program.names
    if {program.returns, known} - {returns, "dyn"}:
        words = (
            "messageExpression must evaluate to a string"
            if text
            else "cel expression must evaluate to a bool"
        )
        return [words], program.names
    return [], program.names
