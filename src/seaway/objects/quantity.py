"""Quantities: "500m", "2Gi", "1e3", as exact decimals and back in canonical form.

Source: `Quantity` of Kubernetes' apimachinery (resource), and the API reference's "Quantity".
"""

from __future__ import annotations

import re
from decimal import ROUND_CEILING, ROUND_UP, Context, Decimal, localcontext
from functools import lru_cache
from typing import Literal

Format = Literal["decimal", "binary", "exponent"]

_PATTERN = re.compile(
    r"(?P<number>[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+))(?:(?P<unit>[numkMGTPE]|[KMGTPE]i)|[eE](?P<exponent>[+-]?[0-9]+))?",
    re.ASCII,
)
_SHAPE = re.compile(r"(?P<number>[+-]?[0-9]*(?:\.[0-9]*)?)(?P<suffix>[eEinumkKMGTP]*[-+]?[0-9]*)", re.ASCII)
_SUFFIX = re.compile(r"|[numkMGTPE]|[KMGTPE]i|[eE][+-]?[0-9]+", re.ASCII)
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}
_DECIMAL_UNIT = {power: unit for unit, power in _DECIMAL.items()}
_BINARY_UNIT = {power: unit for unit, power in _BINARY.items()}
_NANO = Decimal(1).scaleb(-9)
_MILLI = Decimal(1).scaleb(-3)
_LARGEST = Decimal(2**63 - 1)
_MOST_DIGITS = 64
_EXACT = Context(prec=4 * _MOST_DIGITS)


def parse_quantity(value: str | float | Decimal) -> Decimal:
    """Return the exact value of a quantity, rounded away from zero to nano and capped at 2^63 - 1 as Kubernetes does.

    Raises:
        ValueError: it is not a quantity; the message says what to write.
    """
    return _parse(str(value))[0]


@lru_cache(maxsize=4096)
def decoding_fault(text: str) -> str:
    """Return what Kubernetes' decoder says of a text that is no quantity, "" where it is one."""
    text = text.strip()
    match = _SHAPE.fullmatch(text)
    if not text or match is None:
        return "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
    if text.lstrip("+-").strip("0") and not _SUFFIX.fullmatch(match["suffix"]):
        return "unable to parse quantity's suffix"
    return (
        "" if any(sign.isdigit() for sign in match["number"]) else "unable to parse numeric part of quantity"
    )


def cpu_millis(value: str | float | Decimal) -> int:
    """Return a quantity of CPU in thousandths of a core, rounded up."""
    return int((parse_quantity(value) * 1000).to_integral_value(ROUND_CEILING))


def whole(value: str | float | Decimal) -> int:
    """Return a quantity of bytes or of things as an integer, rounded up."""
    return int(parse_quantity(value).to_integral_value(ROUND_CEILING))


@lru_cache(maxsize=4096)
def canonical(text: str) -> str:
    """Return how Kubernetes writes the same quantity: "0.5" is "500m", "1024Mi" is "1Gi", "1000" is "1k".

    Raises:
        ValueError: it is not a quantity.
    """
    value, style = _parse(text)
    return _as_written(text, format_quantity(value, style))


def _as_written(text: str, shown: str) -> str:
    """Return the text itself where only the sign of its exponent is a large one: Kubernetes leaves that as it is."""
    return text if text.replace("E", "e") == shown and shown[-1].isdigit() else shown


@lru_cache(maxsize=4096)
def canonical_amount(text: str) -> str:
    """Return the same for an amount of a resource, which Kubernetes rounds up to thousandths.

    Raises:
        ValueError: it is not a quantity.
    """
    value, style = _parse(text)
    rounded = value.quantize(_MILLI, ROUND_UP) if value % _MILLI else value
    return _as_written(text, format_quantity(rounded, style))


@lru_cache(maxsize=4096)
def added(first: str, second: str) -> str:
    """Return the sum of two quantities, written as the first one is, or as the second where the first is nothing.

    Raises:
        ValueError: one of them is not a quantity.
    """
    value, style = _parse(first)
    more, other = _parse(second)
    return format_quantity(value + more, style if value else other)


@lru_cache(maxsize=4096)
def subtracted(first: str, second: str) -> str:
    """Return the difference of two quantities, written as the first one is.

    Raises:
        ValueError: one of them is not a quantity.
    """
    value, style = _parse(first)
    return format_quantity(value - _parse(second)[0], style if value else _parse(second)[1])


def format_quantity(value: Decimal | int, style: Format = "decimal") -> str:
    """Write a value with the largest unit that needs no fraction.

    Args:
        value: what to write; digits beyond nano are rounded up.
        style: units of 1000 ("decimal"), of 1024 ("binary"; small and fractional values are written decimal) or
            powers of ten ("exponent").
    """
    if not value:
        return "0"
    with localcontext(_EXACT):
        exact = Decimal(value)
        if style == "binary" and abs(exact) >= 1024 and exact == exact.to_integral_value():
            return _format_binary(int(exact))
        return _format_decimal(exact, style)


@lru_cache(maxsize=4096)
def _parse(text: str) -> tuple[Decimal, Format]:
    match = _PATTERN.fullmatch(text.strip()) if len(text) <= _MOST_DIGITS else None
    if match is None:
        shown = text if len(text) <= _MOST_DIGITS else text[:_MOST_DIGITS] + "..."
        raise ValueError(
            f"{shown!r} is not a quantity: write a number and an optional unit, as in 500m, 2, 1.5, 4Gi or 512M"
        )
    unit, exponent = match["unit"] or "", match["exponent"]
    with localcontext(_EXACT):
        number = Decimal(match["number"])
        if exponent is not None:
            return _bounded(number, int(exponent)), "exponent"
        if unit in _BINARY:
            return _bounded(number * 1024 ** _BINARY[unit], 0), "binary"
        return _bounded(number, _DECIMAL[unit]), "decimal"


def _bounded(number: Decimal, power: int) -> Decimal:
    power = max(-200, min(power, 200))
    scaled = number.scaleb(power)
    if abs(scaled) >= _LARGEST:
        return _LARGEST.copy_sign(scaled)
    return scaled.quantize(_NANO, ROUND_UP).normalize()


def _format_binary(number: int) -> str:
    power = 0
    while number % 1024 == 0 and power < 6:
        number //= 1024
        power += 1
    return f"{number}{_BINARY_UNIT.get(power, '')}"


def _format_decimal(value: Decimal, style: Format) -> str:
    sign, digits, power = value.quantize(_NANO, ROUND_UP).normalize().as_tuple()
    assert isinstance(power, int)
    mantissa = int("".join(map(str, digits)))
    while power % 3 or (style != "exponent" and power > 18):
        mantissa, power = mantissa * 10, power - 1
    minus = "-" if sign else ""
    if style == "exponent":
        return f"{minus}{mantissa}e{power}" if power else f"{minus}{mantissa}"
    return f"{minus}{mantissa}{_DECIMAL_UNIT[power]}"
