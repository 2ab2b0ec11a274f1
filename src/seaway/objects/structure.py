"""Walks over a value and its schema: unknown fields, pruning, defaults, validation.

`Schema`'s methods of these names are what others call. The first walk runs on every write of every object: it builds
a path only where it descends, and does not descend into scalars.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from seaway.objects import meta
from seaway.objects.constraints import constraint_faults, null_fault, type_fault
from seaway.objects.decoding import decode_fault
from seaway.objects.errors import Cause
from seaway.objects.quantity import canonical, canonical_amount

if TYPE_CHECKING:
    from seaway.objects.schema import Definition, Schema


_MAPS, _LISTS = ("object", ""), ("array", "")
_ZEROS: dict[str, Callable[[], Any]] = {
    "object": dict, "array": list, "string": str, "integer": int, "number": int, "boolean": bool,
}  # fmt: skip


def tidy(schema: Schema, value: Any) -> bool:
    """Drop nulls that stand for nothing, in place, and tell whether the walks below have nothing else to do.

    So it is with nearly every object of a built-in kind: one walk instead of three. A False says nothing; of custom
    resources, which have constraints, it says so at once.
    """
    kind = type(value)
    if kind in schema.plain_types:
        return True
    if schema.structural or schema.int_or_string or value is None:
        return False
    if schema.opaque:
        return True
    if schema.self_reading:
        return not decode_fault(schema, value)
    if kind is dict and schema.type in _MAPS:
        return _tidy_map(schema, value)
    if kind is list and schema.type in _LISTS:
        items = schema.items
        return all(type(item) in items.plain_types or tidy(items, item) for item in value)
    return kind is int and type_fault(value, "", schema.type, schema.format, False, False) is None


def _tidy_map(schema: Schema, value: dict[str, Any]) -> bool:
    properties, additional, droppable = schema.properties, schema.additional, schema.droppable
    nothing: list[str] = []
    for name, item in value.items():
        child = properties.get(name, additional)
        if child is None:
            return False
        if item is None:
            if name not in properties or child.opaque:
                return False
            nothing.append(name)
        elif not (type(item) in child.plain_types or tidy(child, item)):
            return False
        elif child.quantity:
            value[name] = canonical(str(item)) if name in properties else canonical_amount(str(item))
        elif type(item) is list and child.format == "byte":
            value[name] = b64encode(bytes(byte or 0 for byte in item)).decode()
        elif not item and name in droppable:
            nothing.append(name)
    for name in nothing:
        del value[name]
    spell_out(schema, value)
    return True


def spell_out(schema: Schema, value: dict[str, Any]) -> None:
    """Fill in, in place, the fields of a built-in kind's struct that are written also when nothing was set."""
    for name, zero in schema.spelled_out.items():
        item = value.get(name)
        if item is None or item == []:
            value[name] = meta.copy(zero) if type(zero) is dict else zero


def find_unknown(schema: Schema, value: Any, path: str, found: list[str]) -> None:
    """Append the paths of undeclared fields."""
    kind = type(value)
    if schema.leaf or schema.opaque:
        return
    if kind is dict:
        properties, additional = schema.properties, schema.additional
        for name, item in value.items():
            child = properties.get(name, additional)
            if child is None:
                found.append(f"{path}.{name}" if path else name)
            elif type(item) is dict or type(item) is list:
                find_unknown(child, item, f"{path}.{name}" if path else name, found)
    elif kind is list:
        items = schema.items
        if not items.leaf:
            for index, item in enumerate(value):
                find_unknown(items, item, f"{path}[{index}]", found)


def prune(schema: Schema, value: Any) -> None:
    """Remove, in place, undeclared fields and nulls that stand for nothing."""
    if schema.leaf or schema.opaque:
        return
    if type(value) is list:
        for index, item in enumerate(value):
            if item is None and not schema.structural:
                value[index] = _zero(schema.items)
            prune(schema.items, value[index])
    elif type(value) is dict:
        properties, additional = schema.properties, schema.additional
        for name in list(value):
            child, item = properties.get(name, additional), value[name]
            if item is None and name not in properties and child is not None and not schema.structural:
                value[name] = _zero(child)
            elif child is None or (item is None and _null_is_nothing(child)):
                del value[name]
            elif type(item) is dict or type(item) is list:
                prune(child, item)


def _zero(schema: Schema) -> Any:
    """Return what a null in a built-in kind's list or map stands for, as Go decodes it: the zero value of its type."""
    make = _ZEROS.get(schema.type)
    return make() if make is not None else None


def apply_defaults(schema: Schema, value: Any) -> None:
    """Fill declared defaults in, in place, parents before children, as Kubernetes does."""
    if schema.leaf or schema.opaque:
        return
    if type(value) is list:
        for item in value:
            apply_defaults(schema.items, item)
    elif type(value) is dict:
        for name, child in schema.properties.items():
            if child.default is not None and (
                name not in value or (value[name] is None and not child.nullable)
            ):
                value[name] = meta.copy(child.default)
        for name, item in value.items():
            declared = schema.field(name)
            if declared is not None:
                apply_defaults(declared, item)


def validate(schema: Schema, value: Any, path: str, found: list[Cause]) -> None:
    """Append faults of type, and for custom resources of every declared constraint."""
    if value is None:
        if not schema.nullable:
            found.append(null_fault(path, schema.type or "object"))
        return
    fault = type_fault(value, path, schema.type, schema.format, schema.int_or_string, schema.structural)
    if fault is not None:
        found.append(fault)
        return
    if schema.structural:
        found.extend(constraint_faults(value, path, schema.definition))
        found.extend(_junctor_faults(schema, value, path))
    if schema.opaque:
        return
    if type(value) is dict:
        for name, item in value.items():
            child = schema.field(name)
            if child is not None:
                validate(child, item, f"{path}.{name}" if path else name, found)
    elif type(value) is list:
        for index, item in enumerate(value):
            validate(schema.items, item, f"{path}[{index}]", found)


def _null_is_nothing(schema: Schema) -> bool:
    if schema.opaque:
        return False
    return not schema.structural or (not schema.nullable and schema.default is None)


def _junctor_faults(schema: Schema, value: Any, path: str) -> Iterator[Cause]:
    def valid(part: Definition) -> bool:
        return not schema.alternative(part).validate(value, path)

    for part in schema.definition.get("allOf") or ():
        yield from schema.alternative(part).validate(value, path)
    any_of, one_of, forbidden = (schema.definition.get(word) for word in ("anyOf", "oneOf", "not"))
    if any_of and not any(map(valid, any_of)):
        yield _junctor_fault(path, "must validate at least one schema (anyOf)")
    if one_of and sum(map(valid, one_of)) != 1:
        yield _junctor_fault(path, "must validate one and only one schema (oneOf)")
    if forbidden and valid(forbidden):
        yield _junctor_fault(path, "must not validate the schema (not)")


def _junctor_fault(path: str, rule: str) -> Cause:
    return Cause("FieldValueInvalid", f'Invalid value: "": "{path}" {rule}', path)
