"""Functions of quantities and of versions."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from seaway.controlplane.cel.libraries import Function, tagged
from seaway.objects.quantity import parse_quantity

_QUANTITY, _SEMVER = "kubernetes.Quantity", "kubernetes.Semver"
_SEMVER_SHAPE = re.compile(
    r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-([0-9A-Za-z.-]+))?(?:\+([0-9A-Za-z.-]+))?", re.ASCII
)
_MOST = 2**63


def quantity(text: str) -> dict[str, str]:
    """Return a quantity. Raises ValueError."""
    return _made(parse_quantity(text))


def _made(value: Decimal) -> dict[str, str]:
    return {_QUANTITY: format(value.normalize(), "f")}


def _amount(value: Any) -> Decimal:
    return Decimal(value) if isinstance(value, int) else Decimal(tagged(value, _QUANTITY))


def _is_quantity(text: str) -> bool:
    try:
        parse_quantity(text)
    except ValueError:
        return False
    return True


def _integral(value: Any) -> bool:
    amount = _amount(value)
    return amount == amount.to_integral_value() and -_MOST <= amount < _MOST


def _as_integer(value: Any) -> int:
    if not _integral(value):
        raise ValueError("cannot convert value to integer")
    return int(_amount(value))


def _version(text: str, normalize: bool = False) -> dict[str, list[Any]]:
    given = _normalized(text) if normalize else text
    match = _SEMVER_SHAPE.fullmatch(given)
    if match is None:
        raise ValueError(f"semver parse error: {text!r} is no semantic version")
    early = match[4].split(".") if match[4] else []
    return {_SEMVER: [int(match[1]), int(match[2]), int(match[3]), early]}


def _normalized(text: str) -> str:
    head, sign, rest = re.fullmatch(r"(?s)v?([^-+]*)([-+]?)(.*)", text).groups()  # type: ignore[union-attr]  # fits any text
    parts = [part.lstrip("0") or "0" for part in head.split(".")] if head else [""]
    return ".".join(parts + ["0"] * (3 - len(parts))) + sign + rest


def _is_version(text: str, normalize: bool = False) -> bool:
    try:
        _version(text, normalize)
    except ValueError:
        return False
    return True


def _rank(parts: list[Any]) -> tuple[Any, ...]:
    """Return what versions are ordered by: one before a release is less than the release."""
    early = tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts[3])
    return (*parts[:3], not early, early)


def compare(left: Any, right: Any) -> int:
    """Return -1, 0 or 1 as the left one is less than, equal to or greater than the right one."""
    if isinstance(left, dict) and _SEMVER in left:
        one, other = _rank(tagged(left, _SEMVER)), _rank(tagged(right, _SEMVER))
        return (one > other) - (one < other)
    return (_amount(left) > _amount(right)) - (_amount(left) < _amount(right))


def _number(index: int) -> Callable[[Any], int]:
    return lambda value: int(tagged(value, _SEMVER)[index])


FUNCTIONS = (
    Function("quantity", ["string"], "dyn", quantity, member=False),
    Function("isQuantity", ["string"], "bool", _is_quantity, member=False),
    Function("sign", ["dyn"], "int", lambda value: compare(value, 0)),
    Function("isInteger", ["dyn"], "bool", _integral),
    Function("asInteger", ["dyn"], "int", _as_integer),
    Function("asApproximateFloat", ["dyn"], "double", lambda value: float(_amount(value))),
    Function("add", ["dyn", "dyn"], "dyn", lambda left, right: _made(_amount(left) + _amount(right))),
    Function("sub", ["dyn", "dyn"], "dyn", lambda left, right: _made(_amount(left) - _amount(right))),
    Function("isGreaterThan", ["dyn", "dyn"], "bool", lambda left, right: compare(left, right) > 0),
    Function("isLessThan", ["dyn", "dyn"], "bool", lambda left, right: compare(left, right) < 0),
    Function("compareTo", ["dyn", "dyn"], "int", compare),
    Function("semver", ["string"], "dyn", _version, member=False),
    Function("semver", ["string", "bool"], "dyn", _version, member=False),
    Function("isSemver", ["string"], "bool", _is_version, member=False),
    Function("isSemver", ["string", "bool"], "bool", _is_version, member=False),
    Function("major", ["dyn"], "int", _number(0)),
    Function("minor", ["dyn"], "int", _number(1)),
    Function("patch", ["dyn"], "int", _number(2)),
)
