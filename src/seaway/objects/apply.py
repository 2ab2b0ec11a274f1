"""Server-side apply, and the bookkeeping of field managers that every other write needs too.

Source: Kubernetes' "Server-Side Apply" and KEP-555.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from seaway.objects.errors import BadRequest, Cause, Conflict
from seaway.objects.fieldsets import FieldSet, difference, intersection, paths, union, with_named_fields
from seaway.objects.managed import (
    APPLY,
    UPDATE,
    ManagerId,
    Managers,
    Owned,
    decode,
    encode,
    joined,
    manager_id,
    readable,
)  # fmt: skip
from seaway.objects.schema import ANY, Schema
from seaway.objects.structured import Comparison, compare, created_fields, field_set, merge, settled, without

Object = dict[str, Any]

BEFORE_FIRST_APPLY = "before-first-apply"
"""The manager of what an object held before anybody's fields were tracked."""

_NEVER_OWNED: FieldSet = {
    "f:apiVersion": {}, "f:kind": {},
    "f:metadata": {".": {}} | {
        f"f:{name}": {}
        for name in (
            "name", "namespace", "creationTimestamp", "selfLink", "uid", "clusterName", "generation", "managedFields",
            "resourceVersion",
        )
    },
}  # fmt: skip


def server_side_apply(
    live: Object | None,
    applied: Object,
    *,
    manager: str,
    force: bool,
    schema: Schema | None,
    api_version: str,
    now: str,
    subresource: str = "",
    ignored: Collection[str] = (),
) -> Object:
    """Return the object with an applied configuration merged in and its managers brought up to date.

    What the manager applied before and left out now is removed, unless somebody else owns it. Neither argument is
    changed. Where nothing changes, what is returned equals `live`.

    Args:
        live: the stored object, None to create one.
        applied: what the manager wants, as far as it cares.
        manager: the field manager's name.
        force: take fields over from others instead of failing.
        schema: of the object; None for one without.
        api_version: of the request, which the configuration must have too.
        now: RFC 3339, seconds.
        subresource: for example "status".
        ignored: top-level fields that this endpoint does not write ("status" for a kind with a status subresource).

    Raises:
        BadRequest: the configuration is for another version, names managedFields, or has an item without its keys.
        Conflict: others own fields that would change; each cause names manager and field.
    """
    schema = schema or ANY
    wanted = _checked(applied, api_version, ignored)
    me = manager_id(manager, APPLY, subresource, api_version)
    before = _without_managers(live or {})
    managers = decode(live or {})
    if live and not managers:
        managers[manager_id(BEFORE_FIRST_APPLY, UPDATE, "", api_version)] = Owned(
            _ownable(compare(schema.unwritten, before, schema).added), api_version, now
        )
    last = managers.get(me)
    named = field_set(wanted, schema)
    managers[me] = Owned(_ownable(named), api_version, last.time if last else None)
    after = merge(before, wanted, schema)
    if last is not None:
        after = _given_up(after, last.fields, managers, named, schema)
    changes = compare(before, after, schema)
    managers = _taken(managers, me, changes, force=force)
    if changes.added or changes.modified or changes.removed:
        managers[me] = replace(managers[me], time=now)
    return _with_managers(settled(after, schema), managers)


def track_update(
    old: Object | None,
    new: Object,
    *,
    manager: str,
    schema: Schema | None,
    api_version: str,
    now: str,
    subresource: str = "",
) -> Object:
    """Return the new object with `metadata.managedFields` saying who changed what; arguments are not changed.

    Managers that the new object itself names win over the old object's (that is how clients move ownership), except
    through a subresource; `[{}]` clears them.

    Args:
        old: the stored object, None on create.
        new: what will be stored, after defaults and admission.
        manager: the field manager's name.
        schema: of the object; None for one without.
        api_version: of the request.
        now: RFC 3339, seconds.
        subresource: for example "status".
    """
    schema = schema or ANY
    managers = _starting_managers(old, new, subresource)
    after = _without_managers(new)
    if old is not None and not managers:
        return _with_managers(after, {})
    me = manager_id(manager, UPDATE, subresource, api_version)
    if old is None and not managers:
        mine = _ownable(created_fields(after, schema))
    else:
        before = schema.unwritten if old is None else _with_structs(_without_managers(old), after, schema)
        changes = compare(before, after, schema)
        mine = _ownable(union(changes.modified, changes.added))
        managers = _taken(managers, None, changes, force=True)
    if mine:
        previous = managers.get(me)
        managers[me] = Owned(union(mine, previous.fields) if previous else mine, api_version, now)
    return _with_managers(after, joined(managers))


def _checked(applied: Object, api_version: str, ignored: Collection[str]) -> Object:
    given = applied.get("apiVersion", "")
    if given != api_version:
        raise BadRequest(
            f"Incorrect version specified in apply patch. Specified patch version: {given}, expected: {api_version}"
        )
    metadata = applied.get("metadata") or {}
    if not isinstance(metadata, dict):
        raise BadRequest("metadata must be an object")
    if metadata.get("managedFields") is not None:
        raise BadRequest("metadata.managedFields must be nil")
    return {name: value for name, value in applied.items() if name not in ignored}


def _given_up(after: Object, last: FieldSet, managers: Managers, named: FieldSet, schema: Schema) -> Object:
    """Return the merged object without what the manager applied last time, not now, and nobody else owns."""
    if not difference(last, named):
        return after
    last = with_named_fields(last, schema)
    there = with_named_fields(field_set(after, schema), schema)
    owned = named
    for other in managers.values():
        owned = union(owned, other.fields)
    left = with_named_fields(field_set(without(after, last, schema) or {}, schema), schema)
    kept = without(after, difference(there, union(left, with_named_fields(owned, schema))), schema) or {}
    gone = difference(there, with_named_fields(field_set(kept, schema), schema))
    return without(after, intersection(gone, last), schema) or {}


def _taken(managers: Managers, me: ManagerId | None, changes: Comparison, *, force: bool) -> Managers:
    """Return the managers after a change, each without what it lost; None owns what nobody tracks."""
    touched = union(changes.modified, changes.added)
    if not touched and not changes.removed:
        return dict(managers)
    contested = {}
    for found, owned in managers.items():
        if found != me:
            conflict = intersection(owned.fields, touched)
            if conflict:
                contested[found] = conflict
    if contested and not force:
        raise _conflict(contested)
    after: Managers = {}
    for found, owned in managers.items():
        fields = owned.fields
        if found != me:
            fields = difference(difference(fields, contested.get(found, {})), changes.removed)
        if fields or found == me:
            after[found] = owned if fields is owned.fields else replace(owned, fields=fields)
    return after


def _conflict(contested: dict[ManagerId, FieldSet]) -> Conflict:
    listed = [(str(found), list(paths(fields))) for found, fields in sorted(contested.items())]
    causes = [
        Cause("FieldManagerConflict", f"conflict with {who}", path)
        for who, fields in listed
        for path in fields
    ]
    if len(causes) == 1:
        return Conflict(
            f"Apply failed with 1 conflict: {causes[0].message}: {causes[0].field}", causes=causes
        )
    lines = [
        line
        for who, fields in listed
        for line in (f"conflicts with {who}:", *(f"- {path}" for path in fields))
    ]
    return Conflict(f"Apply failed with {len(causes)} conflicts: " + "\n".join(lines), causes=causes)


def _starting_managers(old: Object | None, new: Object, subresource: str) -> Managers:
    given = (new.get("metadata") or {}).get("managedFields")
    if given == [{}] and not subresource:
        return {}
    if subresource or not given or not all(map(readable, given)):
        return decode(old or {})
    return decode(new)


def _with_structs(old: Object, new: Object, schema: Schema) -> Object:
    """Return the old object with the structs that only the new one writes out: nobody adds a built-in kind's status."""
    added: Object = {}
    for name, unwritten in schema.unwritten.items():
        child = schema.properties[name]
        if type(new.get(name)) is dict and type(unwritten) is dict and not child.atomic_map:
            before = old.get(name) or {}
            filled = _with_structs(before, new[name], child)
            if filled is not before or name not in old:
                added[name] = filled
    return {**old, **added} if added else old


def _ownable(fields: FieldSet) -> FieldSet:
    return difference(fields, _NEVER_OWNED)


def _without_managers(obj: Object) -> Object:
    metadata = obj.get("metadata")
    if not metadata or "managedFields" not in metadata:
        return obj
    return obj | {"metadata": {name: value for name, value in metadata.items() if name != "managedFields"}}


def _with_managers(obj: Object, managers: Managers) -> Object:
    entries = encode(managers)
    metadata = {name: value for name, value in (obj.get("metadata") or {}).items() if name != "managedFields"}
    return obj | {"metadata": metadata | ({"managedFields": entries} if entries else {})}
