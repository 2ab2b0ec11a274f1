"""Who wrote what of an object, from its managed fields (server-side apply's bookkeeping). Pure.

An API server keeps, for each manager and operation, the fields that it wrote and when
(https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management). An entry that is not as it was in
the revision before is a write of that manager; the fields that differ between the revisions are what it wrote.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from seaway.objects.fieldsets import difference

Object = dict[str, Any]
_MOST_FIELDS = 12
_NO_NEWS = ("resourceVersion", "managedFields", "generation")
_NAMES = ("name", "type", "containerPort", "key", "uid")
"""What tells the items of a list apart, as far as one of them is there."""


def written_by(new: Mapping[str, Any], old: Mapping[str, Any] | None) -> list[Object]:
    """Return who wrote a revision: manager, operation, time, subresource, and the fields that differ where one wrote alone.

    Args:
        new: the revision.
        old: the one before; None where there is none.
    """
    before = [_entry(entry) for entry in (old or {}).get("metadata", {}).get("managedFields") or ()]
    entries = [_entry(entry) for entry in new["metadata"].get("managedFields") or ()]
    writers = [entry for entry in entries if entry not in before]
    wrote = [entry for entry in writers if not _lost_fields_only(entry, before)]
    writers = wrote or [{**entry, "time": None} for entry in writers]
    if old is None:
        return [_shown(entry) for entry in writers]
    fields = changed_fields(new, old)
    return [{**_shown(entry), "fields": _of(entry, fields, alone=len(writers) == 1)} for entry in writers]


def _lost_fields_only(entry: Object, before: Sequence[Object]) -> bool:
    """Tell whether all that happened to an entry is that fields went: somebody took them over, or removed them.

    Kubernetes notes neither who removed a field nor when: the entry's time stays that of an earlier write.
    """
    same = ("manager", "operation", "subresource", "time")
    was = next((one for one in before if all(one[key] == entry[key] for key in same)), None)
    return was is not None and not difference(entry["owned"], was["owned"])


def changed_fields(new: Mapping[str, Any], old: Mapping[str, Any]) -> list[str]:
    """Return the paths of what differs, such as status.conditions[Ready].status; at most a dozen."""
    found: list[str] = []
    for path in _differences(_without(new), _without(old), ""):
        found.append(path)
        if len(found) == _MOST_FIELDS:
            break
    return found


def _without(obj: Mapping[str, Any]) -> Object:
    metadata = {key: value for key, value in (obj.get("metadata") or {}).items() if key not in _NO_NEWS}
    return {**obj, "metadata": metadata}


def _differences(new: Any, old: Any, path: str) -> Iterator[str]:
    if new == old:
        return
    if isinstance(new, Mapping) and isinstance(old, Mapping):
        for key in dict.fromkeys((*new, *old)):
            yield from _differences(new.get(key), old.get(key), f"{path}.{key}" if path else str(key))
    elif (named := _by_name(new)) is not None and (before := _by_name(old)) is not None:
        for name in dict.fromkeys((*named, *before)):
            yield from _differences(named.get(name), before.get(name), f"{path}[{name}]")
    else:
        yield path


def _by_name(value: Any) -> dict[str, Any] | None:
    """Return a list's items by what names them; None where that cannot be told."""
    if not isinstance(value, Sequence) or isinstance(value, str) or not value:
        return None
    key = next(
        (key for key in _NAMES if all(isinstance(item, Mapping) and key in item for item in value)), None
    )
    return {str(item[key]): item for item in value} if key is not None else None


def _entry(entry: Mapping[str, Any]) -> Object:
    return {
        "manager": entry.get("manager") or "",
        "operation": entry.get("operation") or "",
        "time": entry.get("time"),
        "subresource": entry.get("subresource") or "",
        "owned": entry.get("fieldsV1") or {},
    }


def _shown(entry: Mapping[str, Any]) -> Object:
    return {key: value for key, value in entry.items() if key != "owned" and value}


def _of(entry: Mapping[str, Any], fields: Sequence[str], *, alone: bool) -> list[str]:
    """Return which of the changed fields are a manager's: all of them where it wrote alone, else those under what it owns."""
    if alone:
        return list(fields)
    owned = entry["owned"]
    return [field for field in fields if _owns(owned, field)]


def _owns(owned: Mapping[str, Any], field: str) -> bool:
    first, _, second = field.partition(".")
    below = owned.get(f"f:{first}")
    return isinstance(below, Mapping) and (not below or f"f:{second.split('.')[0].split('[')[0]}" in below)
