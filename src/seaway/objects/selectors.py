"""Label and field selectors: parsed once, matched often, printed as Kubernetes prints them.

Source: Kubernetes' "Labels and Selectors" and "Field Selectors", and apimachinery's grammar of both.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from seaway.objects.errors import BadRequest
from seaway.objects.names import label_value_faults, qualified_name_faults

Operator = Literal["=", "==", "!=", "in", "notin", "exists", "!", "gt", "lt"]

_TOKEN = re.compile(r"==|!=|[=!<>(),]|[^\s=!<>(),]+")
_SYMBOLS = frozenset({"==", "!=", "=", "!", "<", ">", "(", ")", ","})
_FROM_OBJECT: dict[str, Operator] = {"In": "in", "NotIn": "notin", "Exists": "exists", "DoesNotExist": "!"}


@dataclass(frozen=True, slots=True)
class Requirement:
    """One condition on one label."""

    key: str
    operator: Operator
    values: frozenset[str] = frozenset()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Tell whether labels meet the condition; a missing label meets "!=", "notin" and "!"."""
        value = labels.get(self.key)
        match self.operator:
            case "=" | "==" | "in":
                return value in self.values
            case "!=" | "notin":
                return value not in self.values
            case "exists":
                return value is not None
            case "!":
                return value is None
            case _:
                return self._compares(value)

    def _compares(self, value: str | None) -> bool:
        try:
            number, limit = int(value or ""), int(next(iter(self.values)))
        except ValueError:
            return False
        return number > limit if self.operator == "gt" else number < limit

    def __str__(self) -> str:
        values = ",".join(sorted(self.values))
        match self.operator:
            case "exists":
                return self.key
            case "!":
                return f"!{self.key}"
            case "in" | "notin":
                return f"{self.key} {self.operator} ({values})"
            case "gt" | "lt":
                return f"{self.key}{'>' if self.operator == 'gt' else '<'}{values}"
            case _:
                return f"{self.key}{self.operator}{values}"


@dataclass(frozen=True, slots=True)
class LabelSelector:
    """Conditions on labels, all of which must hold; without any it matches everything."""

    requirements: tuple[Requirement, ...] = ()
    nothing: bool = False
    """It matches no object: what a missing selector object means."""

    @classmethod
    def parse(cls, text: str) -> LabelSelector:
        """Parse the text form, for example "app=web,tier in (a, b),!canary".

        Raises:
            BadRequest: worded as Kubernetes words it.
        """
        if not text.strip():
            return EVERYTHING
        try:
            return cls(tuple(sorted(_parse_requirements(text), key=lambda requirement: requirement.key)))
        except ValueError as error:
            raise BadRequest(str(error)) from None

    @classmethod
    def from_object(cls, selector: Mapping[str, Any] | None) -> LabelSelector:
        """Build one from a `LabelSelector` object (matchLabels, matchExpressions); None matches nothing, {} everything.

        Raises:
            BadRequest: an unknown operator, or values that the operator does not take.
        """
        if selector is None:
            return NOTHING
        found = [Requirement(k, "in", frozenset({v})) for k, v in (selector.get("matchLabels") or {}).items()]
        for expression in selector.get("matchExpressions") or ():
            operator = _FROM_OBJECT.get(expression.get("operator", ""))
            if operator is None:
                raise BadRequest(f'"{expression.get("operator", "")}" is not a valid label selector operator')
            try:
                found.append(_checked(expression.get("key", ""), operator, expression.get("values") or ()))
            except ValueError as error:
                raise BadRequest(str(error)) from None
        return cls(tuple(sorted(found, key=lambda requirement: requirement.key)))

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Tell whether labels meet every condition."""
        if self.nothing:
            return False
        return all(requirement.matches(labels) for requirement in self.requirements)

    def __str__(self) -> str:
        return ",".join(map(str, self.requirements))


EVERYTHING = LabelSelector()
NOTHING = LabelSelector(nothing=True)


@dataclass(frozen=True, slots=True)
class FieldRequirement:
    """One condition on one field."""

    field: str
    value: str
    equal: bool = True


@dataclass(frozen=True, slots=True)
class FieldSelector:
    """Conditions on fields ("status.phase=Running"), all of which must hold. Which fields exist is the kind's business."""

    requirements: tuple[FieldRequirement, ...] = ()

    @classmethod
    def parse(cls, text: str) -> FieldSelector:
        r"""Parse the text form; "\\", "\," and "\=" escape.

        Raises:
            BadRequest: worded as Kubernetes words it.
        """
        terms = [term for term in re.findall(r"(?:\\.|[^\\,]|\\$)+", text) if term]
        return cls(tuple(sorted((_field_requirement(term) for term in terms), key=lambda found: found.field)))

    def matches(self, value_of: Callable[[str], str]) -> bool:
        """Tell whether every condition holds.

        Args:
            value_of: given a field's name, its value ("" where it is not set).
        """
        return all((value_of(wanted.field) == wanted.value) is wanted.equal for wanted in self.requirements)

    def __str__(self) -> str:
        return ",".join(map(_print_field, self.requirements))


def _print_field(found: FieldRequirement) -> str:
    escaped = re.sub(r"([\\,=])", r"\\\1", found.value)
    return f"{found.field}{'=' if found.equal else '!='}{escaped}"


def _field_requirement(term: str) -> FieldRequirement:
    match = re.match(r"(?P<field>.*?)(?P<operator>!=|==|=)(?P<value>.*)", term, re.DOTALL)
    if match is None:
        raise BadRequest(f"invalid selector: '{term}'; can't understand '{term}'")
    value = match["value"]
    for found in re.finditer(r"\\(.?)|=", value):
        if found[0] == "=":
            raise BadRequest(f"invalid field selector: unescaped character in value: {ord('=')}")
        if found[1] not in ("\\", ",", "="):
            raise BadRequest(f"invalid field selector: invalid escape sequence: {found[0]}")
    return FieldRequirement(match["field"], re.sub(r"\\(.)", r"\1", value), match["operator"] != "!=")


def _parse_requirements(text: str) -> list[Requirement]:
    tokens = _tokens(text)
    found, position = [], 0
    while True:
        if tokens[position] in _SYMBOLS - {"!"}:
            raise ValueError(f"found '{tokens[position]}', expected: !, identifier, or 'end of string'")
        try:
            requirement, position = _parse_one(tokens, position)
        except ValueError as error:
            raise ValueError(f"unable to parse requirement: {error}") from None
        found.append(requirement)
        if tokens[position] == "":
            return found
        if tokens[position] != ",":
            raise ValueError(f"found '{tokens[position]}', expected: ',' or 'end of string'")
        position += 1
        if not tokens[position] or tokens[position] in _SYMBOLS - {"!"}:
            raise ValueError(f"found '{tokens[position]}', expected: identifier after ','")


def _tokens(text: str) -> list[str]:
    """Split a selector; two empty tokens mark its end."""
    return [*_TOKEN.findall(text), "", ""]


def _parse_one(tokens: list[str], position: int) -> tuple[Requirement, int]:
    negated = tokens[position] == "!"
    position += negated
    key = tokens[position]
    if key in _SYMBOLS or not key:
        raise ValueError(f"found '{key}', expected: identifier")
    faults = qualified_name_faults(key)
    if faults:
        raise ValueError(f'<nil>: Invalid value: "{key}": {"; ".join(faults)}')
    position += 1
    after = tokens[position]
    if negated or after in ("", ","):
        return _checked(key, "!" if negated else "exists", ()), position
    match after:
        case "=" | "==" | "!=" | "<" | ">":
            value, position = _parse_value(tokens, position + 1)
            operator: Operator = "lt" if after == "<" else "gt" if after == ">" else after
            return _checked(key, operator, (value,)), position
        case "in" | "notin":
            values, position = _parse_values(tokens, position + 1)
            return _checked(key, after, values), position
    raise ValueError(f"found '{after}', expected: in, notin, =, ==, !=, gt, lt")


def _parse_value(tokens: list[str], position: int) -> tuple[str, int]:
    """Read one value, which may be missing at the end of a condition."""
    found = tokens[position]
    if found in ("", ","):
        return "", position
    if found in _SYMBOLS:
        raise ValueError(f"found '{found}', expected: identifier")
    return found, position + 1


def _parse_values(tokens: list[str], position: int) -> tuple[list[str], int]:
    if tokens[position] != "(":
        raise ValueError(f"found '{tokens[position]}' expected: '('")
    values, expects_value = [], True
    while True:
        position += 1
        item = tokens[position]
        if item in (",", ")"):
            if expects_value:
                values.append("")
            if item == ")":
                return values, position + 1
            expects_value = True
        elif not expects_value:
            raise ValueError(f"found '{item}', expected: ',' or ')'")
        elif item in _SYMBOLS or not item:
            raise ValueError(f"found '{item}', expected: ',', or identifier")
        else:
            values.append(item)
            expects_value = False


def _checked(key: str, operator: Operator, values: list[str] | tuple[str, ...]) -> Requirement:
    faults = [f'key: Invalid value: "{key}": {fault}' for fault in qualified_name_faults(key)]
    match operator:
        case "in" | "notin" if not values:
            faults.append("values: Invalid value: []: for 'in', 'notin' operators, values set can't be empty")
        case "exists" | "!" if values:
            shown = "[" + ",".join(f'"{value}"' for value in values) + "]"
            faults.append(
                f"values: Invalid value: {shown}: values set must be empty for exists and does not exist"
            )
        case "gt" | "lt" if not re.fullmatch(r"[+-]?[0-9]+", values[0]):
            faults.append(
                f"values[0]: Invalid value: \"{values[0]}\": for 'Gt', 'Lt' operators, the value must be an integer"
            )
    for index, value in enumerate(values):
        faults += [
            f'values[{index}][{key}]: Invalid value: "{value}": {fault}'
            for fault in label_value_faults(value)
        ]
    if faults:
        raise ValueError(faults[0] if len(faults) == 1 else "[" + ", ".join(faults) + "]")
    return Requirement(key, operator, frozenset(values))
