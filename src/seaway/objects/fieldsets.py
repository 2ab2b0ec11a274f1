"""Sets of field paths, kept in the very form that travels: FieldsV1.

A set is a nested dict. A key names a step: "f:<field>", 'k:{"name":"a"}' (an item of a keyed list), 'v:"x"' (an item
of a set) or "i:<index>". A step whose value is {} is a member of the set; one with further steps below it is itself a
member only where it holds ".".

Source: FieldsV1 of meta/v1 and the structured-merge-diff proposal (KEP-555).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from seaway.objects.schema import ANY, Schema

FieldSet = dict[str, Any]

SELF = "."


def is_member(node: FieldSet) -> bool:
    """Tell whether a step is itself in the set, not only something below it."""
    return not node or SELF in node


def node(member: bool, below: FieldSet) -> FieldSet | None:
    """Return a step's value, None where nothing of it is in the set. `below` holds no "."."""
    if below:
        return {SELF: {}, **below} if member else below
    return {} if member else None


def union(left: FieldSet, right: FieldSet) -> FieldSet:
    """Return the paths that are in one or both."""
    if not left or not right:
        return left or right
    merged = dict(left)
    for step, theirs in right.items():
        ours = merged.get(step)
        if ours is None or step == SELF:
            merged[step] = theirs
        elif ours is not theirs:
            both = union(ours, theirs)
            merged[step] = {SELF: {}, **both} if both and (is_member(ours) or is_member(theirs)) else both
    return merged


def difference(left: FieldSet, right: FieldSet) -> FieldSet:
    """Return the paths of the left that are not in the right; a path does not take those below it along."""
    if not right:
        return left
    kept: FieldSet = {}
    for step, ours in left.items():
        theirs = right.get(step)
        if step == SELF:
            continue
        if theirs is None:
            kept[step] = ours
            continue
        if not ours:  # a leaf, as most are
            if theirs and SELF not in theirs:
                kept[step] = ours
            continue
        rest = node(is_member(ours) and not is_member(theirs), difference(_below(ours), _below(theirs)))
        if rest is not None:
            kept[step] = rest
    return kept


def intersection(left: FieldSet, right: FieldSet) -> FieldSet:
    """Return the paths that are in both."""
    shared: FieldSet = {}
    for step, ours in left.items():
        theirs = right.get(step)
        if theirs is None or step == SELF:
            continue
        both = node(is_member(ours) and is_member(theirs), intersection(_below(ours), _below(theirs)))
        if both is not None:
            shared[step] = both
    return shared


def with_named_fields(fields: FieldSet, schema: Schema) -> FieldSet:
    """Return the set with every declared field on the way to a path as a member too; entries of maps are not added."""
    complete: FieldSet = {}
    for step, ours in fields.items():
        if step == SELF:
            continue
        declared, child = False, ANY
        if step.startswith("f:"):
            declared, child = step[2:] in schema.properties, schema.field(step[2:]) or ANY
        elif step.startswith("k:"):
            child = schema.items
        kept = node(declared or is_member(ours), with_named_fields(_below(ours), child))
        if kept is not None:
            complete[step] = kept
    return complete


def paths(fields: FieldSet, prefix: str = "") -> Iterator[str]:
    """Yield the members as Kubernetes prints them, for example '.spec.containers[name="a"].image'.

    Sorted; those of one level come before those below it.
    """
    steps = [(prefix + _printed(step), fields[step]) for step in sorted(fields) if step != SELF]
    yield from (path for path, below in steps if is_member(below))
    for path, below in steps:
        yield from paths(below, path)


def _below(ours: FieldSet) -> FieldSet:
    if SELF not in ours:
        return ours
    return {step: node for step, node in ours.items() if step != SELF}


def _printed(step: str) -> str:
    kind, _, rest = step.partition(":")
    match kind:
        case "f":
            return f".{rest}"
        case "k":
            return (
                "[" + ",".join(f"{key}={json.dumps(value)}" for key, value in json.loads(rest).items()) + "]"
            )
        case "v":
            return f"[={rest}]"
        case _:
            return f"[{rest}]"
