"""Metadata of plain Kubernetes objects: accessors that never fail, owners, conditions, copies.

Objects are JSON values (dicts); these functions read them, `set_condition` alone writes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Object = dict[str, Any]


def name(obj: Mapping[str, Any]) -> str:
    """Return the object's name, "" where it has none yet."""
    return (obj.get("metadata") or {}).get("name") or ""


def namespace(obj: Mapping[str, Any]) -> str:
    """Return the object's namespace, "" for cluster-scoped objects."""
    return (obj.get("metadata") or {}).get("namespace") or ""


def key(obj: Mapping[str, Any]) -> str:
    """Return "namespace/name", or "name" for a cluster-scoped object."""
    within = namespace(obj)
    return f"{within}/{name(obj)}" if within else name(obj)


def split_key(text: str) -> tuple[str, str]:
    """Return (namespace, name) of a key; the namespace is "" where the key has none."""
    within, _, last = text.rpartition("/")
    return within, last


def uid(obj: Mapping[str, Any]) -> str:
    """Return the object's uid, "" before it is stored."""
    return (obj.get("metadata") or {}).get("uid") or ""


def resource_version(obj: Mapping[str, Any]) -> str:
    """Return the object's resourceVersion, opaque to all but the server; "" before it is stored."""
    return (obj.get("metadata") or {}).get("resourceVersion") or ""


def labels(obj: Mapping[str, Any]) -> dict[str, str]:
    """Return the object's labels: a view, not a copy, where there are some."""
    return (obj.get("metadata") or {}).get("labels") or {}


def annotations_of(obj: Mapping[str, Any]) -> dict[str, str]:
    """Return the object's annotations: a view, not a copy, where there are some."""
    return (obj.get("metadata") or {}).get("annotations") or {}


def finalizers(obj: Mapping[str, Any]) -> list[str]:
    """Return the object's finalizers: a view, not a copy, where there are some."""
    return (obj.get("metadata") or {}).get("finalizers") or []


def deletion_timestamp(obj: Mapping[str, Any]) -> str | None:
    """Return when the object's deletion was asked for (RFC 3339), None where it was not."""
    return (obj.get("metadata") or {}).get("deletionTimestamp")


def owner_references(obj: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the object's owner references: a view, not a copy, where there are some."""
    return (obj.get("metadata") or {}).get("ownerReferences") or []


def controller_of(obj: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the owner reference of the one controller that manages the object, None where there is none."""
    return next((owner for owner in owner_references(obj) if owner.get("controller")), None)


def owner_reference(owner: Mapping[str, Any]) -> dict[str, Any]:
    """Return the reference by which a controller's objects name their owner; its foreground deletion waits for them.

    Args:
        owner: a stored object, with apiVersion, kind, name and uid.
    """
    return {
        "apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": name(owner), "uid": uid(owner),
        "controller": True, "blockOwnerDeletion": True,
    }  # fmt: skip


def get_condition(obj: Mapping[str, Any], type_: str) -> dict[str, Any] | None:
    """Return the condition of a type from the object's status, None where there is none."""
    conditions = (obj.get("status") or {}).get("conditions") or ()
    return next((condition for condition in conditions if condition.get("type") == type_), None)


def set_condition(
    conditions: list[dict[str, Any]],
    type_: str,
    status: str,
    reason: str = "",
    message: str = "",
    *,
    now: str,
) -> bool:
    """Set a condition in place and return whether anything changed; the transition time moves only with the status.

    Args:
        conditions: the list to change.
        type_: for example "Ready".
        status: "True", "False" or "Unknown".
        reason: one CamelCase word.
        message: for humans.
        now: RFC 3339.
    """
    wanted = (
        {"type": type_, "status": status}
        | ({"reason": reason} if reason else {})
        | ({"message": message} if message else {})
    )
    for condition in conditions:
        if condition.get("type") != type_:
            continue
        turned = condition.get("status") != status
        if not turned and all(
            condition.get(field, "") == wanted.get(field, "") for field in ("reason", "message")
        ):
            return False
        for stale in {"reason", "message"} - wanted.keys():
            condition.pop(stale, None)
        condition.update(wanted)
        if turned:
            condition["lastTransitionTime"] = now
        return True
    conditions.append(wanted | {"lastTransitionTime": now})
    return True


def copy(value: Any) -> Any:
    """Return a deep copy of a JSON value; several times faster than `copy.deepcopy`."""
    kind = type(value)
    if kind is dict:
        return {k: copy(v) if type(v) is dict or type(v) is list else v for k, v in value.items()}
    if kind is list:
        return [copy(v) if type(v) is dict or type(v) is list else v for v in value]
    return value
