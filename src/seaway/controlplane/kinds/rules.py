"""The rules of a custom resource's schema (`x-kubernetes-validations`), applied to objects.

Source: KEP-2876 (CRD validation expression language), KEP-4008 (ratcheting).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from seaway.controlplane.kinds import faults
from seaway.controlplane.kinds.rule_paths import normalized
from seaway.objects.errors import Cause

Structure = Mapping[str, Any]
VALIDATIONS = "x-kubernetes-validations"
BLOCKED = "some validation rules were not checked because the object was invalid; correct the existing errors to complete validation"
_BLOCKING = frozenset(
    {"FieldValueRequired", "FieldValueTooLong", "FieldValueTooMany", "FieldValueTypeInvalid"}
)
_SECONDS = 1.0
"""How long the rules of one object may take together."""
_LONGEST_MESSAGE = 5 * 1024


@dataclass(slots=True)
class Rules:
    """The rules at one place of a schema, and below it."""

    structure: Structure
    own: list[Mapping[str, Any]]
    properties: dict[str, Rules] = field(default_factory=dict)
    items: Rules | None = None
    additional: Rules | None = None
    further: list[Rules] = field(default_factory=list)
    """Of `allOf`."""


@dataclass(slots=True)
class _Run:
    """The rules of one object, being applied."""

    clock: Callable[[], float]
    until: float
    causes: list[Cause] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    stopped: bool = False

    def spent(self, path: str, kind: str) -> bool:
        """Tell whether the time is over; says so once."""
        if not self.stopped and self.clock() > self.until:
            words = (
                "validation failed due to running out of cost budget, no further validation rules will be run"
            )
            self.stop(faults.invalid(path, kind, words))
        return self.stopped

    def stop(self, cause: Cause) -> None:
        """Apply no further rules."""
        self.causes.append(cause)
        self.stopped = True


def rules_of(structure: Structure, *, root: bool = False) -> Rules | None:
    """Return the rules of a schema, None where it has none.

    Args:
        structure: a structural schema.
        root: it is that of a whole object.
    """
    from seaway.controlplane.cel.schemas import rooted

    whole = root or bool(structure.get("x-kubernetes-embedded-resource"))
    found = Rules(rooted(structure) if whole else structure, list(structure.get(VALIDATIONS) or ()))
    below = {name: rules_of(child) for name, child in (structure.get("properties") or {}).items()}
    found.properties = {name: rules for name, rules in below.items() if rules is not None}
    for part in ("items", "additionalProperties"):
        child = structure.get(part)
        setattr(
            found,
            "items" if part == "items" else "additional",
            rules_of(child) if isinstance(child, Mapping) else None,
        )
    for branch in structure.get("allOf") or ():
        merged = {**structure, "allOf": None, **{k: v for k, v in branch.items() if k == VALIDATIONS}}
        if branch.get(VALIDATIONS):
            found.further.append(Rules(structure, list(merged[VALIDATIONS])))
    has = found.own or found.properties or found.items or found.additional or found.further
    return found if has else None


def rule_causes(
    rules: Rules, new: Any, old: Any, known: list[Cause], clock: Callable[[], float] = time.monotonic
) -> tuple[list[Cause], list[str]]:
    """Return what an object's rules find.

    Args:
        rules: of the whole schema.
        new: the object.
        old: the object that it replaces, None for a new one.
        known: faults of the object that were found before.
        clock: monotonic seconds.

    Returns:
        Faults, and warnings: the faults of what an update leaves as it was.
    """
    if any(cause.reason in _BLOCKING for cause in known):
        return [faults.invalid("<nil>", None, BLOCKED)], []
    run = _Run(clock, clock() + _SECONDS)
    _apply(rules, new, old, "", run)
    return run.causes, run.warnings


def _apply(rules: Rules, new: Any, old: Any, path: str, run: _Run) -> None:
    if new is None or run.stopped:
        return
    if rules.own:
        _apply_own(rules, new, old, path, run)
    for branch in rules.further:
        _apply(branch, new, old, path, run)
    if isinstance(new, list) and rules.items is not None:
        before = _by_keys(rules.structure, old)
        for index, item in enumerate(new):
            _apply(rules.items, item, before(item), f"{path}[{index}]", run)
    if isinstance(new, dict):
        earlier = old if isinstance(old, dict) else {}
        for name, value in new.items():
            child = rules.properties.get(name)
            if child is not None:
                _apply(child, value, earlier.get(name), f"{path}.{name}" if path else name, run)
            elif rules.additional is not None and name not in (rules.structure.get("properties") or {}):
                _apply(rules.additional, value, earlier.get(name), f"{path}[{name}]", run)


def _by_keys(structure: Structure, old: Any) -> Callable[[Any], Any]:
    """Return the function from an item to the one that it replaces: of a list that is a map by keys."""
    keys = structure.get("x-kubernetes-list-map-keys") or ()
    if structure.get("x-kubernetes-list-type") != "map" or not isinstance(old, list):
        return lambda _: None
    known = {_key(item, keys): item for item in old if isinstance(item, dict)}
    return lambda item: known.get(_key(item, keys)) if isinstance(item, dict) else None


def _key(item: Mapping[str, Any], keys: Any) -> tuple[str, ...]:
    return tuple(repr(item.get(key)) for key in keys)


def _apply_own(rules: Rules, new: Any, old: Any, path: str, run: _Run) -> None:
    from seaway.controlplane.cel.environment import (
        OPTIONAL_OLD_SELF,
        CompileError,
        EvaluationError,
        OutOfBudget,
    )
    from seaway.controlplane.cel.schemas import converts, seen

    converting = converts(rules.structure)
    kind = str(rules.structure.get("type") or "")
    self_ = seen(new, rules.structure) if converting else new
    before = seen(old, rules.structure) if converting and old is not None else old
    values = {"self": self_, "oldSelf": before, OPTIONAL_OLD_SELF: [] if old is None else [before]}
    for rule in rules.own:
        if run.spent(path, kind):
            return
        try:
            program = program_of(rules.structure, rule)
            moves = "oldSelf" in program.names
            if moves and old is None and not rule.get("optionalOldSelf"):
                continue
            held = program.evaluate(values)
        except CompileError as error:
            run.causes.append(faults.invalid(path, kind, f"rule compile error: compilation failed: {error}"))
            continue
        except OutOfBudget as error:
            words = f"'{error}': no further validation rules will be run due to call cost exceeds limit for rule: {_shown(rule)}"
            run.stop(faults.invalid(path, kind, words))
            return
        except EvaluationError as error:
            run.causes.append(faults.invalid(path, kind, _failed(error, rule)))
            continue
        if held is not True:
            cause = _cause(rules, rule, new, path, _detail(rules.structure, rule, values))
            if not moves and old is not None and old == new:
                run.warnings.append(f"{cause.field}: {cause.message}")
            else:
                run.causes.append(cause)


def program_of(structure: Structure, rule: Mapping[str, Any], text: str = "") -> Any:
    """Return a rule's program, or that of another expression beside it. Raises CompileError."""
    from seaway.controlplane.cel.environment import compiled

    return compiled(
        text or rule["rule"], rule_variables(structure), optional_old=bool(rule.get("optionalOldSelf"))
    )


def rule_variables(structure: Structure) -> tuple[tuple[str, str], ...]:
    """Return what a rule may name, with types."""
    from seaway.controlplane.cel.schemas import cel_type

    type_ = cel_type(structure)
    return (("self", type_), ("oldSelf", type_))


def _failed(error: Exception, rule: Mapping[str, Any]) -> str:
    if str(error).startswith("no such overload"):
        words = "call arguments did not match a supported operator, function or macro signature for rule"
        return f"'{error}': {words}: {_shown(rule)}"
    return f"{error} evaluating rule: {_shown(rule)}"


def _shown(rule: Mapping[str, Any]) -> str:
    return str((rule.get("message") or "").strip() or rule["rule"].strip())


def _detail(structure: Structure, rule: Mapping[str, Any], values: Mapping[str, Any]) -> str:
    from seaway.controlplane.cel.environment import CompileError, EvaluationError

    if text := rule.get("messageExpression"):
        try:
            found = program_of(structure, rule, text).evaluate(values)
        except (CompileError, EvaluationError):
            found = None  # as Kubernetes does: the message that is written plainly is told instead
        told = found.strip() if isinstance(found, str) else ""
        if told and "\n" not in told and len(told.encode()) <= _LONGEST_MESSAGE:
            return told
    return (rule.get("message") or "").strip() or f"failed rule: {rule['rule'].strip()}"


def _cause(rules: Rules, rule: Mapping[str, Any], value: Any, path: str, detail: str) -> Cause:
    where = path
    if text := rule.get("fieldPath"):
        where = f"{path}.{normalized(text, rules.structure)}" if path else normalized(text, rules.structure)
    whole = rules.structure.get("type") in {"object", "array"}
    match rule.get("reason"):
        case "FieldValueForbidden":
            return faults.forbidden(where, detail)
        case "FieldValueRequired":
            return faults.required(where, detail)
        case "FieldValueDuplicate":
            shown = Cause("FieldValueDuplicate", "Duplicate value", where)
            return shown if whole else faults.duplicate(where, value)
    return faults.invalid_whole(where, detail) if whole else faults.invalid(where, value, detail)
