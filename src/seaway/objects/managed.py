"""`metadata.managedFields`: who owns which fields, decoded and encoded.

Source: `ManagedFieldsEntry` of meta/v1, and the order and limits of Kubernetes' field manager.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from seaway.objects.fieldsets import FieldSet, union

UPDATE, APPLY = "Update", "Apply"
MOST_UPDATE_MANAGERS = 10
"""More managers that updated than this are joined into one, oldest first."""

_JOINED = "ancient-changes"


class ManagerId(NamedTuple):
    """What makes two entries the same: an applier stays itself whichever version it applies."""

    manager: str
    operation: str
    subresource: str
    api_version: str
    """"" for an applier."""

    def __str__(self) -> str:
        """Return the manager as a conflict names it."""
        where = f' with subresource "{self.subresource}"' if self.subresource else ""
        using = f" using {self.api_version}" if self.operation == UPDATE else ""
        return f'"{self.manager}"{where}{using}'


@dataclass(frozen=True, slots=True)
class Owned:
    """What one manager owns."""

    fields: FieldSet
    api_version: str
    time: str | None
    """When the manager last changed something, RFC 3339."""


Managers = dict[ManagerId, Owned]


def manager_id(manager: str, operation: str, subresource: str, api_version: str) -> ManagerId:
    """Return the identity of who makes a request."""
    return ManagerId(manager or "unknown", operation, subresource, "" if operation == APPLY else api_version)


def readable(entry: Any) -> bool:
    """Tell whether an entry of managedFields can be read."""
    fields = entry.get("fieldsV1") if isinstance(entry, dict) else None
    if not isinstance(fields, dict) or entry.get("operation") not in (UPDATE, APPLY):
        return False
    return all(step == "." or step[:2] in ("f:", "k:", "v:", "i:") for step in fields)


def decode(obj: Mapping[str, Any]) -> Managers:
    """Return an object's managers; an entry that cannot be read is left out, as if it had never been tracked."""
    managers: Managers = {}
    for entry in (obj.get("metadata") or {}).get("managedFields") or ():
        fields, version = entry.get("fieldsV1"), entry.get("apiVersion", "")
        if not readable(entry):
            continue
        found = manager_id(
            entry.get("manager", ""), entry["operation"], entry.get("subresource", ""), version
        )
        managers[found] = Owned(fields, version, entry.get("time"))
    return managers


def encode(managers: Managers) -> list[dict[str, Any]]:
    """Return the entries of the managers that own something, appliers first, then by time and name."""
    entries = []
    for found, owned in managers.items():
        if not owned.fields:
            continue
        entry: dict[str, Any] = {
            "manager": found.manager,
            "operation": found.operation,
            "apiVersion": owned.api_version,
        }
        if owned.time:
            entry["time"] = owned.time
        entry |= {"fieldsType": "FieldsV1", "fieldsV1": owned.fields}
        if found.subresource:
            entry["subresource"] = found.subresource
        entries.append(entry)
    return sorted(entries, key=_order) if len(entries) > 1 else entries


def joined(managers: Managers) -> Managers:
    """Return the managers with the oldest that updated joined, per version, where they are too many."""
    if len(managers) <= MOST_UPDATE_MANAGERS:
        return managers
    updaters = [found for found in managers if found.operation == UPDATE]
    excess = len(updaters) - MOST_UPDATE_MANAGERS
    if excess <= 0:
        return managers
    kept = dict(managers)
    first_of: dict[str, ManagerId] = {}
    for found in sorted(updaters, key=lambda found: (managers[found].time or "", found)):
        if excess <= 0:
            break
        first = first_of.setdefault(found.api_version, found)
        if first == found:
            continue
        bucket = ManagerId(_JOINED, UPDATE, "", found.api_version)
        if bucket not in kept:
            kept[bucket] = kept.pop(first)
        owned = kept.pop(found)
        kept[bucket] = replace(owned, fields=union(kept[bucket].fields, owned.fields))
        excess -= 1
    return kept


def _order(entry: dict[str, Any]) -> tuple[str, ...]:
    return tuple(
        entry.get(part, "") for part in ("operation", "time", "manager", "apiVersion", "subresource")
    )
