"""Validation of a Job's policies: what failed pods mean and when it has succeeded."""

from __future__ import annotations

import re
from typing import Any

from seaway.controlplane.kinds.cells import read
from seaway.controlplane.kinds.declaration import Object
from seaway.controlplane.kinds.faults import (
    duplicate,
    invalid,
    invalid_whole,
    required,
    too_long,
    too_many,
    unsupported,
)  # fmt: skip
from seaway.objects import names
from seaway.objects.errors import Cause

INDEXED = "Indexed"
FAILURE_ACTIONS = ("Count", "FailIndex", "FailJob", "Ignore")
_EXIT_OPERATORS, _CONDITION_STATUSES = ("In", "NotIn"), ("False", "True", "Unknown")
_MOST_RULES, _MOST_CODES, _LONGEST_INDEXES = 20, 255, 64 * 1024
_NOT_NEGATIVE = "must be greater than or equal to 0"


def failure_policy_faults(spec: Object) -> list[Cause]:
    """Return the faults of what a job makes of failed pods."""
    field, rules = "spec.podFailurePolicy.rules", read(spec, "podFailurePolicy", "rules", default=())
    faults = [too_many(field, len(rules), _MOST_RULES)] if len(rules) > _MOST_RULES else []
    template = read(spec, "template", "spec", default={})
    containers = {
        c.get("name") for kind in ("containers", "initContainers") for c in template.get(kind) or ()
    }
    for index, rule in enumerate(rules):
        at, action = f"{field}[{index}]", rule.get("action") or ""
        codes, conditions = rule.get("onExitCodes"), rule.get("onPodConditions") or ()
        if not action:
            faults.append(required(f"{at}.action", f"valid values: {_listed(FAILURE_ACTIONS)}"))
        elif action == "FailIndex" and spec.get("backoffLimitPerIndex") is None:
            faults.append(invalid(f"{at}.action", action, "requires the backoffLimitPerIndex to be set"))
        elif action not in FAILURE_ACTIONS:
            faults.append(unsupported(f"{at}.action", action, FAILURE_ACTIONS))
        if codes is not None:
            faults += _exit_code_faults(codes, f"{at}.onExitCodes", containers)
        faults += _condition_faults(conditions, f"{at}.onPodConditions")
        if (codes is not None) == bool(conditions):
            which = "both OnExitCodes and OnPodConditions is not supported"
            which = which if conditions else "one of OnExitCodes and OnPodConditions is required"
            faults.append(invalid_whole(at, f"specifying {which}"))
    return faults


def _exit_code_faults(codes: Object, field: str, containers: set[Any]) -> list[Cause]:
    operator, values, name = (
        codes.get("operator") or "",
        codes.get("values") or [],
        codes.get("containerName"),
    )
    faults: list[Cause] = []
    if not operator:
        faults.append(required(f"{field}.operator", f"valid values: {_listed(_EXIT_OPERATORS)}"))
    elif operator not in _EXIT_OPERATORS:
        faults.append(unsupported(f"{field}.operator", operator, _EXIT_OPERATORS))
    if name is not None and name not in containers:
        detail = "must be one of the container or initContainer names in the pod template"
        faults.append(invalid(f"{field}.containerName", name, detail))
    if not values:
        faults.append(invalid(f"{field}.values", codes.get("values"), "at least one value is required"))
    elif len(values) > _MOST_CODES:
        faults.append(too_many(f"{field}.values", len(values), _MOST_CODES))
    for index, value in enumerate(values):
        if operator == "In" and value == 0:
            faults.append(invalid(f"{field}.values[{index}]", value, "must not be 0 for the In operator"))
        if value in values[:index]:
            faults.append(duplicate(f"{field}.values[{index}]", value))
    if values != sorted(values):
        faults.append(invalid(f"{field}.values", values, "must be ordered"))
    return faults


def _condition_faults(conditions: Any, field: str) -> list[Cause]:
    faults = [too_many(field, len(conditions), _MOST_RULES)] if len(conditions) > _MOST_RULES else []
    for index, pattern in enumerate(conditions):
        at, kind, status = f"{field}[{index}]", pattern.get("type") or "", pattern.get("status") or ""
        faults += [invalid(f"{at}.type", kind, f) for f in names.qualified_name_faults(kind)]
        if not status:
            faults.append(required(f"{at}.status", f"valid values: {_listed(_CONDITION_STATUSES)}"))
        elif status not in _CONDITION_STATUSES:
            faults.append(unsupported(f"{at}.status", status, _CONDITION_STATUSES))
    return faults


def success_policy_faults(spec: Object) -> list[Cause]:
    """Return the faults of when a job has succeeded."""
    policy, field = spec.get("successPolicy"), "spec.successPolicy"
    if policy is None:
        return []
    if spec.get("completionMode") != INDEXED:
        rules = [
            {"SucceededIndexes": r.get("succeededIndexes"), "SucceededCount": r.get("succeededCount")}
            for r in policy.get("rules") or ()
        ]
        return [invalid(field, {"Rules": rules or None}, "requires indexed completion mode")]
    rules = policy.get("rules") or []
    faults: list[Cause] = []
    if not rules:
        detail = "at least one rules must be specified when the successPolicy is specified"
        faults.append(required(f"{field}.rules", detail))
    if len(rules) > _MOST_RULES:
        faults.append(too_many(f"{field}.rules", len(rules), _MOST_RULES))
    for index, rule in enumerate(rules):
        faults += _success_rule_faults(rule, f"{field}.rules[{index}]", spec.get("completions") or 0)
    return faults


def _success_rule_faults(rule: Object, field: str, completions: int) -> list[Cause]:
    count, indexes = rule.get("succeededCount"), rule.get("succeededIndexes")
    faults: list[Cause] = []
    if count is None and indexes is None:
        detail = "at least one of succeededCount or succeededIndexes must be specified"
        faults.append(required(field, detail))
    total = 0
    if indexes is not None:
        if len(indexes) > _LONGEST_INDEXES:
            faults.append(too_long(f"{field}.succeededIndexes", _LONGEST_INDEXES))
        intervals, wrong = index_intervals(indexes, completions)
        total = sum(last - first + 1 for first, last in intervals)
        if wrong:
            detail = f"error parsing succeededIndexes: {wrong}"
            faults.append(invalid(f"{field}.succeededIndexes", indexes, detail))
    if count is None:
        return faults
    if count < 0:
        faults.append(invalid(f"{field}.succeededCount", count, _NOT_NEGATIVE))
    limits = [(completions, "the number of specified completions")]
    if indexes is not None:
        limits.append((total, "the number of indexes in the specified succeededIndexes field"))
    for limit, what in limits:
        if count > limit:
            detail = f"must be less than or equal to {limit} ({what})"
            faults.append(invalid(f"{field}.succeededCount", count, detail))
    return faults


def index_intervals(text: str, completions: int) -> tuple[list[tuple[int, int]], str]:
    """Return the first and last index of each interval of "0-2,5", and what is wrong with the text."""
    found: list[tuple[int, int]] = []
    for part in text.split(",") if text else ():
        ends: list[int] = []
        pieces = part.split("-")
        if len(pieces) > 2:
            return (
                [],
                f"the fragment {_quoted(part)} violates the requirement that an index interval can have at most two parts separated by '-'",
            )
        for piece in pieces:
            if not re.fullmatch(r"[+-]?\d+", piece):
                return [], f"cannot convert string to integer for index: {_quoted(piece)}"
            ends.append(int(piece))
        if found and ends[0] <= found[-1][1]:
            return [], f"non-increasing order, previous: {found[-1][1]}, current: {ends[0]}"
        if ends[-1] >= completions or ends[0] < 0:
            wrong = next(piece for piece, end in zip(pieces, ends, strict=True) if not 0 <= end < completions)
            return [], f"too large index: {_quoted(wrong)}"
        if len(ends) == 2 and ends[0] >= ends[1]:
            return [], f"non-increasing order, previous: {ends[0]}, current: {ends[1]}"
        found.append((ends[0], ends[-1]))
    return found, ""


def _listed(words: tuple[str, ...]) -> str:
    return "[" + " ".join(map(_quoted, words)) + "]"


def _quoted(word: str) -> str:
    return names.go_quoted(word)
