"""What differs between two answers, field by field. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

ABSENT = "(absent)"
_LONGEST = 600
"""Signs of a value that a person is shown."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One field of one answer that is not the same."""

    call: str
    """Method and resource."""
    field: str
    """For example "body.spec.containers[0].image"."""
    ours: str
    """As JSON; "(absent)" for a field that is not there."""
    theirs: str

    def __str__(self) -> str:
        """Return it for a person."""
        ours, theirs = (text[:_LONGEST] for text in (self.ours, self.theirs))
        return f"{self.call}  {self.field}\n    ours:   {ours}\n    theirs: {theirs}"


def differences(call: str, ours: dict[str, Any], theirs: dict[str, Any]) -> list[Difference]:
    """Return what differs between two normalised answers to a call.

    Answers of different codes or kinds (an object here, a Status there) are one difference, not one a field.
    """
    if _kind(ours) != _kind(theirs) or ours.get("status") != theirs.get("status"):
        return [Difference(call, "answer", _shown(_summary(ours)), _shown(_summary(theirs)))]
    return [
        Difference(call, field.lstrip("."), _shown(mine), _shown(other))
        for field, mine, other in _compare("", ours, theirs)
    ]


def _compare_causes(field: str, ours: list[Any], theirs: list[Any]) -> Iterator[tuple[str, Any, Any]]:
    """Pair up what is said of the same field; their order does not count."""
    mine, others = list(ours), list(theirs)
    for cause in ours:
        if cause in others:
            mine.remove(cause)
            others.remove(cause)
    for cause in list(mine):
        alike = next((o for o in others if all(o.get(k) == cause.get(k) for k in ("field", "reason"))), None)
        if alike is not None:
            mine.remove(cause)
            others.remove(alike)
            yield f"{field}[{cause.get('field', '')}].message", cause.get("message"), alike.get("message")
    for cause in mine:
        yield f"{field}[{cause.get('field', '')}]", cause, ABSENT
    for cause in others:
        yield f"{field}[{cause.get('field', '')}]", ABSENT, cause


def _kind(answer: Any) -> Any:
    body = answer.get("body")
    return body.get("kind") if isinstance(body, dict) else type(body).__name__


def _summary(answer: Any) -> dict[str, Any]:
    body = answer.get("body")
    if not isinstance(body, dict):
        return dict(answer)
    said = {k: body[k] for k in ("message", "details") if body.get("kind") == "Status" and k in body}
    return {"status": answer.get("status"), "kind": body.get("kind"), **said}


def _compare(field: str, ours: Any, theirs: Any) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for name in sorted(ours.keys() | theirs.keys()):
            yield from _compare(f"{field}.{name}", ours.get(name, ABSENT), theirs.get(name, ABSENT))
    elif field.endswith(".causes") and isinstance(ours, list) and isinstance(theirs, list):
        yield from _compare_causes(field, ours, theirs)
    elif isinstance(ours, list) and isinstance(theirs, list):
        for index in range(max(len(ours), len(theirs))):
            mine = ours[index] if index < len(ours) else ABSENT
            other = theirs[index] if index < len(theirs) else ABSENT
            yield from _compare(f"{field}[{index}]", mine, other)
    elif ours != theirs or type(ours) is not type(theirs):
        yield field, ours, theirs


def _shown(value: Any) -> str:
    text: str = ABSENT if value is ABSENT else json.dumps(value, ensure_ascii=False, sort_keys=True)
    return text
