"""Faults of single values against OpenAPI constraints, in the words of Kubernetes' validation of custom resources."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import itertools
import json
import re
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from seaway.objects.errors import Cause

_PYTHON_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,), "array": (list,), "string": (str,), "boolean": (bool,), "integer": (int,), "number": (int, float),
    "string,number": (str, int, float),
}  # fmt: skip
_NAMES = {dict: "object", list: "array", str: "string", bool: "boolean", int: "integer", float: "number"}
_INTEGER_BITS = {"int32": 31, "int64": 63}


def plain_types(type_: str, format_: str, int_or_string: bool) -> frozenset[type]:
    """Return the scalar types of which any value is of a declared type: those for which `type_fault` finds none."""
    if int_or_string:
        return frozenset({int, str})
    found = set(_PYTHON_TYPES.get(type_, ())) if type_ else {str, int, float, bool}
    return frozenset(found - {dict, list} - ({int} if format_ in _INTEGER_BITS else set()))


def type_fault(
    value: Any, path: str, type_: str, format_: str, int_or_string: bool, whole_floats: bool
) -> Cause | None:
    """Return the fault of a value (not None) that is not of its declared type, None where it is.

    Args:
        value: any JSON value but null.
        path: the field.
        type_: declared OpenAPI type, "" for any.
        format_: declared format; int32 and int64 limit an integer.
        int_or_string: an integer or a string, whatever `type_` says.
        whole_floats: 1.0 is an integer.
    """
    kind = type(value)
    if int_or_string:
        return None if kind in (int, str) else _must_be(path, "integer,string", value)
    if not type_ or kind in _PYTHON_TYPES.get(type_, ()):
        bits = _INTEGER_BITS.get(format_)
        if bits and kind is int and not -(2**bits) <= value < 2**bits:
            return _invalid(path, value, f"{path} in body must be of type {format_}: {_show(value)}")
        return None
    if type_ == "integer" and whole_floats and kind is float and value.is_integer():
        return None
    return _must_be(path, type_, value)


def null_fault(path: str, type_: str) -> Cause:
    """Return the fault of a null where none may be."""
    return Cause(
        "FieldValueInvalid", f'Invalid value: "null": {path} in body must be of type {type_}: "null"', path
    )


def constraint_faults(value: Any, path: str, definition: Mapping[str, Any]) -> list[Cause]:
    """Return the faults of a value of the right type against every constraint that its schema declares."""
    found = list(_enum_faults(value, path, definition))
    if isinstance(value, bool):
        return found
    if isinstance(value, int | float):
        found += itertools.islice(_number_faults(value, path, definition), 1)
    elif isinstance(value, str):
        found += itertools.islice(_string_faults(value, path, definition), 1)
        found += _format_faults(value, path, definition)
    elif isinstance(value, list):
        found += _list_faults(value, path, definition)
    elif isinstance(value, dict):
        found += _map_faults(value, path, definition)
    return found


def _enum_faults(value: Any, path: str, definition: Mapping[str, Any]) -> Iterator[Cause]:
    allowed = definition.get("enum")
    if allowed and value not in allowed:
        supported = ", ".join(json.dumps(item) for item in allowed)
        yield Cause(
            "FieldValueNotSupported",
            f"Unsupported value: {_show(value)}: supported values: {supported}",
            path,
        )


def _number_faults(value: float, path: str, definition: Mapping[str, Any]) -> Iterator[Cause]:
    low, high, step = (definition.get(word) for word in ("minimum", "maximum", "multipleOf"))
    if low is not None and (value < low or (value == low and definition.get("exclusiveMinimum"))):
        words = "greater than" if definition.get("exclusiveMinimum") else "greater than or equal to"
        yield _invalid(path, value, f"{path} in body should be {words} {low}")
    if high is not None and (value > high or (value == high and definition.get("exclusiveMaximum"))):
        words = "less than" if definition.get("exclusiveMaximum") else "less than or equal to"
        yield _invalid(path, value, f"{path} in body should be {words} {high}")
    if step and value % step:
        yield _invalid(path, value, f"{path} in body should be a multiple of {step}")


def _string_faults(value: str, path: str, definition: Mapping[str, Any]) -> Iterator[Cause]:
    shortest, longest, pattern = (definition.get(word) for word in ("minLength", "maxLength", "pattern"))
    if longest is not None and len(value) > longest:
        yield Cause("FieldValueTooLong", f"Too long: may not be more than {longest} bytes", path)
    if shortest is not None and len(value) < shortest:
        yield _invalid(path, value, f"{path} in body should be at least {shortest} chars long")
    if pattern and not _matches(pattern, value):
        yield _invalid(path, value, f"{path} in body should match '{pattern}'")


def _format_faults(value: str, path: str, definition: Mapping[str, Any]) -> Iterator[Cause]:
    check = _FORMATS.get(definition.get("format", ""))
    if check is not None and not check(value):
        words = f"Invalid value: {_show(value)}: {path} in body must be of type {definition['format']}: {_show(value)}"
        yield Cause("FieldValueTypeInvalid", words, path)


def _list_faults(value: Sequence[Any], path: str, definition: Mapping[str, Any]) -> Iterator[Cause]:
    fewest, most = definition.get("minItems"), definition.get("maxItems")
    if fewest is not None and len(value) < fewest:
        yield _invalid(path, len(value), f"{path} in body should have at least {fewest} items")
    if most is not None and len(value) > most:
        yield Cause("FieldValueTooMany", f"Too many: {len(value)}: must have at most {most} items", path)
    keys = definition.get("x-kubernetes-list-map-keys") or ()
    if definition.get("x-kubernetes-list-type") not in ("set", "map"):
        return
    seen: set[str] = set()
    for index, item in enumerate(value):
        identity = (
            {key: item[key] for key in keys if key in item} if keys and isinstance(item, dict) else item
        )
        shown = json.dumps(identity, sort_keys=True, separators=(",", ":"))
        if shown in seen:
            yield Cause("FieldValueDuplicate", f"Duplicate value: {shown}", f"{path}[{index}]")
        seen.add(shown)


def _map_faults(value: Mapping[str, Any], path: str, definition: Mapping[str, Any]) -> Iterator[Cause]:
    fewest, most = definition.get("minProperties"), definition.get("maxProperties")
    for name in definition.get("required") or ():
        if name not in value:
            yield Cause("FieldValueRequired", "Required value", f"{path}.{name}" if path else name)
    if fewest is not None and len(value) < fewest:
        yield _invalid(path, len(value), f"{path} in body should have at least {fewest} properties")
    if most is not None and len(value) > most:
        yield Cause("FieldValueTooMany", f"Too many: {len(value)}: must have at most {most} items", path)


def _invalid(path: str, value: Any, detail: str) -> Cause:
    return Cause("FieldValueInvalid", f"Invalid value: {_show(value)}: {detail}", path)


def _must_be(path: str, type_: str, value: Any) -> Cause:
    name = _NAMES.get(type(value), "null")
    return Cause(
        "FieldValueTypeInvalid",
        f'Invalid value: "{name}": {path} in body must be of type {type_}: "{name}"',
        path,
    )


def _show(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))[:200]


def _matches(pattern: str, value: str) -> bool:
    try:
        return re.search(pattern, value) is not None
    except re.error:
        # Go's syntax has a few forms that Python's lacks; what cannot be judged here is not refused.
        return True


def _parses(parse: Callable[[str], Any]) -> Callable[[str], bool]:
    def check(value: str) -> bool:
        try:
            parse(value)
        except (ValueError, binascii.Error):
            return False
        return True

    return check


def _is_email(value: str) -> bool:
    return re.fullmatch(r"[^@\s]+@[^@\s]+", value) is not None


_FORMATS: dict[str, Callable[[str], bool]] = {
    "date": _parses(date.fromisoformat),
    "date-time": _parses(lambda value: datetime.fromisoformat(value).utcoffset()),
    "byte": _parses(lambda value: base64.b64decode(value, validate=True)),
    "ipv4": _parses(ipaddress.IPv4Address),
    "ipv6": _parses(ipaddress.IPv6Address),
    "cidr": _parses(lambda value: ipaddress.ip_network(value, strict=False)),
    "uuid": _parses(uuid.UUID),
    "email": _is_email,
}
