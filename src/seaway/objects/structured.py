"""Walks over objects as structured merge sees them: which paths a value has, how two values differ and merge.

Maps and keyed lists are walked into, item by item; scalars, atomic lists and atomic maps are single leaves.

Source: the structured-merge-diff proposal (KEP-555) and the merge rules of Kubernetes' "Server-Side Apply".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson

from seaway.objects.errors import BadRequest
from seaway.objects.fieldsets import SELF, FieldSet, is_member, node, union
from seaway.objects.schema import ANY, Schema

_MISSING = object()


@dataclass(slots=True)
class Comparison:
    """How one object differs from another."""

    removed: FieldSet = field(default_factory=dict)
    modified: FieldSet = field(default_factory=dict)
    added: FieldSet = field(default_factory=dict)


def field_set(value: dict[str, Any], schema: Schema) -> FieldSet:
    """Return the paths that applying the value owns: leaves, items and map entries, but no declared containers."""
    found: FieldSet = {}
    declared = schema.properties
    for name, item in value.items():
        child = declared.get(name) or schema.additional or ANY
        below = _owned_below(item, child)
        member = below is None or item is None or item == {} or name not in declared
        kept = node(member, below or {})
        if kept is not None:
            found[f"f:{name}"] = kept
    return found


def created_fields(value: dict[str, Any], schema: Schema) -> FieldSet:
    """Return what `compare` finds added to or modified of `schema.unwritten` in a new object, in one walk."""
    found: FieldSet = {}
    unwritten = schema.unwritten
    for name, item in value.items():
        child = schema.properties.get(name) or schema.additional or ANY
        if name not in unwritten:
            found[f"f:{name}"] = _everything(item, child)
        elif type(unwritten[name]) is dict and type(item) is dict and not child.atomic_map:
            if below := created_fields(item, child):
                found[f"f:{name}"] = below
        else:
            changes = Comparison()
            _compare_at(f"f:{name}", unwritten[name], item, child, changes)
            found |= union(changes.modified, changes.added)
    return found


def compare(old: dict[str, Any], new: dict[str, Any], schema: Schema) -> Comparison:
    """Return the paths by which `new` differs from `old`."""
    found = Comparison()
    _compare_maps(old, new, schema, found)
    return found


def merge(live: Any, applied: Any, schema: Schema) -> Any:
    """Return the live value with the applied one merged over it; neither is changed, parts of both are shared."""
    if _is_map(live, schema) and _is_map(applied, schema):
        return _merge_maps(live, applied, schema)
    if _is_list(live, schema) and _is_list(applied, schema):
        return _merge_lists(live, applied, schema)
    return applied


def without(value: Any, gone: FieldSet, schema: Schema) -> Any:
    """Return the value without the paths of a set; None stands for a container that lost everything."""
    if _is_map(value, schema):
        kept = {}
        for name, item in value.items():
            found = gone.get(f"f:{name}")
            if found is None:
                kept[name] = item
            elif not is_member(found):
                kept[name] = without(item, found, schema.field(name) or ANY)
        return kept or None
    if _is_list(value, schema):
        rest = []
        for item in value:
            found = gone.get(_step(item, schema))
            if found is None or not is_member(found):
                rest.append(item if not found else without(item, found, schema.items) or {})
        return rest or None
    return value


def settled(value: Any, schema: Schema) -> Any:
    """Return a copy that shares nothing, without the nulls that stand for nothing."""
    if type(value) is dict:
        copied = {}
        for name, item in value.items():
            child = schema.field(name) or ANY
            if item is not None or (child.structural and child.nullable):
                copied[name] = settled(item, child) if type(item) is dict or type(item) is list else item
        return copied
    if type(value) is list:
        return [settled(item, schema.items) for item in value]
    return value


def _is_map(value: Any, schema: Schema) -> bool:
    return type(value) is dict and not schema.atomic_map


def _is_list(value: Any, schema: Schema) -> bool:
    return type(value) is list and schema.list_type != "atomic"


_NAMED_EMPTY = frozenset({"v1.LocalObjectReference"})
"""Types whose key is an empty text where it is left out."""


def _step(item: Any, schema: Schema) -> str:
    """Return the step that names an item of a keyed list or of a set."""
    if schema.list_type == "set":
        if type(item) in (dict, list) or item is None:
            raise BadRequest("an item of a set must be a string, a number or a boolean")
        return "v:" + orjson.dumps(item).decode()
    if type(item) is not dict:
        raise BadRequest("an item of a list with keys must be an object")
    identity = {}
    for key in schema.list_map_keys:
        value = item.get(key)
        if value is None:
            declared = schema.items.properties.get(key)
            value = declared.default if declared is not None else None
            if value is None and schema.items.go_name in _NAMED_EMPTY:
                value = ""
        if value is not None:
            identity[key] = value
    if not identity:
        keys = " ".join(f'"{key}"' for key in schema.list_map_keys)
        raise BadRequest(
            f"associative list with keys has an element that omits all key fields [{keys}] "
            "(and doesn't have default values for any key fields)"
        )
    return "k:" + orjson.dumps(identity, option=orjson.OPT_SORT_KEYS).decode()


def _owned_below(value: Any, schema: Schema) -> FieldSet | None:
    """Return the owned paths inside a container, None where the value is a leaf."""
    if _is_map(value, schema):
        return field_set(value, schema)
    if _is_list(value, schema):
        return {_step(item, schema): _owned_item(item, schema.items) for item in value}
    return None


def _owned_item(item: Any, schema: Schema) -> FieldSet:
    below = _owned_below(item, schema)
    return {SELF: {}, **below} if below else {}


def _everything(value: Any, schema: Schema) -> FieldSet:
    """Return a whole value as a step of which every part is a member."""
    if not value:
        return {}
    if _is_map(value, schema):
        return {SELF: {}, **_fields_below(value, schema)}
    if _is_list(value, schema):
        return {SELF: {}, **{_step(item, schema): _everything(item, schema.items) for item in value}}
    return {}


def _fields_below(value: dict[str, Any], schema: Schema) -> FieldSet:
    """Return all of a map but itself."""
    properties = schema.properties
    below: FieldSet = {}
    for name, item in value.items():
        if type(item) is dict or type(item) is list:
            below[f"f:{name}"] = _everything(item, properties.get(name) or schema.additional or ANY)
        else:
            below[f"f:{name}"] = {}
    return below


def _compare_maps(old: dict[str, Any], new: dict[str, Any], schema: Schema, found: Comparison) -> None:
    for name in old.keys() | new.keys():
        before, after = old.get(name, _MISSING), new.get(name, _MISSING)
        if before is not after:
            _compare_at(f"f:{name}", before, after, schema.field(name) or ANY, found)


def _compare_at(step: str, before: Any, after: Any, schema: Schema, found: Comparison) -> None:
    if before is _MISSING:
        found.added[step] = _everything(after, schema)
    elif after is _MISSING:
        found.removed[step] = _everything(before, schema)
    elif before == after and type(before) is type(after):
        return
    elif (before or after) and _can_be(_is_map, before, after, schema):
        below = compare(before or {}, after or {}, schema)
        _put(step, below, found)
    elif (before or after) and _can_be(_is_list, before, after, schema):
        below = Comparison()
        _compare_lists(before or [], after or [], schema, below)
        _put(step, below, found)
    else:
        found.modified[step] = {}


def _can_be(kind: Any, before: Any, after: Any, schema: Schema) -> bool:
    """Tell whether both are of the kind; a null stands for an empty one."""
    return (before is None or kind(before, schema)) and (after is None or kind(after, schema))


def _put(step: str, below: Comparison, found: Comparison) -> None:
    if below.removed:
        found.removed[step] = below.removed
    if below.modified:
        found.modified[step] = below.modified
    if below.added:
        found.added[step] = below.added


def _compare_lists(old: list[Any], new: list[Any], schema: Schema, found: Comparison) -> None:
    before, after = _by_step(old, schema), _by_step(new, schema)
    for step in before.keys() | after.keys():
        left, right = before.get(step, ()), after.get(step, ())
        if len(left) > 1 or len(right) > 1:
            if left != right:
                found.modified[step] = {}
            continue
        _compare_at(step, left[0] if left else _MISSING, right[0] if right else _MISSING, schema.items, found)


def _by_step(items: list[Any], schema: Schema) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for item in items:
        found.setdefault(_step(item, schema), []).append(item)
    return found


def _merge_maps(live: dict[str, Any], applied: dict[str, Any], schema: Schema) -> dict[str, Any]:
    merged = dict(live)
    for name, value in applied.items():
        child = schema.field(name) or ANY
        if value is not None:
            merged[name] = merge(live.get(name), value, child)
        elif child.structural and child.nullable:
            merged[name] = None
        elif not (live.get(name) and (_is_map(live[name], child) or _is_list(live[name], child))):
            merged.pop(name, None)
    return merged


def _merge_lists(live: list[Any], applied: list[Any], schema: Schema) -> list[Any]:
    """Merge items by their step: applied items in their order, the others at their places between them."""
    ours = {step: items[0] for step, items in _by_step(live, schema).items()}
    theirs = _by_step(applied, schema)
    for step, items in theirs.items():
        if len(items) > 1:
            raise BadRequest(f"duplicate entries for key [{step.partition(':')[2]}]")
    return [
        live[index] if step not in theirs
        else merge(ours[step], theirs[step][0], schema.items) if step in ours
        else theirs[step][0]
        for step, index in _merged_order([_step(item, schema) for item in live], list(theirs), ours)
    ]  # fmt: skip


def _merged_order(left: list[str], right: list[str], known: dict[str, Any]) -> Iterator[tuple[str, int]]:
    """Yield each step of the merged list and, for steps of the left alone, its index there."""
    shared = iter([step for step in right if step in known])
    next_shared, in_right, done = next(shared, None), set(right), set[str]()
    i = j = 0
    while i < len(left) or j < len(right):
        both = i < len(left) and j < len(right)
        if both and left[i] != right[j] and left[i] in in_right and next_shared not in (None, left[i]):
            i += 1
            continue
        if i < len(left) and left[i] not in in_right:
            yield left[i], i
            i += 1
            continue
        if i < len(left) and (left[i] in done or (both and left[i] == right[j])):
            i += 1
        if j < len(right):
            yield right[j], -1
            done.add(right[j])
            next_shared = next(shared, None) if next_shared == right[j] else next_shared
            j += 1
