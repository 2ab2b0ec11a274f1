"""What the server itself sets and keeps of an object's metadata; pure. Validation lives in `kinds.metadata`.

Source: Kubernetes' apimachinery, `BeforeCreate` and `BeforeUpdate`, as seen in its answers.
"""

from __future__ import annotations

from typing import Any

from seaway.controlplane.kinds import faults
from seaway.objects.errors import BadRequest, Cause, conflict
from seaway.objects.resource import Resource

Object = dict[str, Any]
FOREGROUND, ORPHAN = "foregroundDeletion", "orphan"
_LONGEST_MANAGER = 128
_KEPT = ("uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation")


def place(resource: Resource, obj: Object, namespace: str, name: str) -> None:
    """Fill in name and namespace from the URL. Raises BadRequest where the object says otherwise."""
    metadata = obj["metadata"]
    given = metadata.get("namespace") or ""
    if resource.namespaced:
        if given and given != namespace:
            raise BadRequest(
                "the namespace of the provided object does not match the namespace sent on the request"
            )
        metadata["namespace"] = namespace
    else:
        metadata.pop("namespace", None)
    if name:
        given = metadata.get("name") or ""
        if given and given != name:
            raise BadRequest(f"the name of the object ({given}) does not match the name on the URL ({name})")
        metadata["name"] = name


def begin(obj: Object, uid: str, now: str) -> None:
    """Set what the server sets on create, drop what only it may set."""
    metadata = obj["metadata"]
    for field in ("deletionTimestamp", "deletionGracePeriodSeconds", "selfLink"):
        metadata.pop(field, None)
    metadata["uid"] = uid
    metadata["creationTimestamp"] = now
    _drop_empty(metadata)


def drop_same_owners(obj: Object) -> list[str]:
    """Drop owner references that are there twice, in place; return the warning that says so."""
    owners = obj["metadata"].get("ownerReferences") or []
    once: list[Object] = []
    twice: list[str] = []
    for owner in owners:
        if owner not in once:
            once.append(owner)
        else:
            twice.append(owner.get("uid", ""))
    if not twice:
        return []
    obj["metadata"]["ownerReferences"] = once
    return [
        ".metadata.ownerReferences contains duplicate entries; API server dedups owner references in 1.20+, and may "
        "reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: "
        + ", ".join(twice)
    ]


def forget_version(obj: Object) -> None:
    """Drop the version that an object to be created says. Raises BadRequest where it is one."""
    version = obj["metadata"].pop("resourceVersion", "")
    if version.isdecimal() and int(version):
        raise BadRequest("resourceVersion should not be set on objects to be created")


def keep(new: Object, old: Object) -> None:
    """Keep in an update what only the server sets."""
    metadata, previous = new["metadata"], old["metadata"]
    for field in _KEPT:
        if field in previous:
            metadata[field] = previous[field]
        else:
            metadata.pop(field, None)
    metadata.pop("selfLink", None)
    _drop_empty(metadata)


def immutable_faults(new: Object, old: Object) -> list[Cause]:
    """Return the faults of an update's metadata as it came, before `keep`: what it may leave out but not change."""
    found = []
    for field in ("uid", "deletionTimestamp", "deletionGracePeriodSeconds"):
        value, previous = new.get(field), old.get(field)
        said = value not in (None, "") and not (field == "deletionTimestamp" and previous)
        if said and value != previous:
            found += faults.immutable(f"metadata.{field}", value, previous)
    for index, entry in enumerate(new.get("managedFields") or ()):
        if isinstance(entry, dict) and len(str(entry.get("manager") or "").encode()) > _LONGEST_MANAGER:
            found.append(faults.too_long(f"metadata.managedFields[{index}].manager", _LONGEST_MANAGER))
    return found


def _drop_empty(metadata: Object) -> None:
    """Drop maps and lists with nothing in them: Kubernetes never shows them."""
    for field in ("labels", "annotations", "finalizers", "ownerReferences", "generateName"):
        if field in metadata and not metadata[field]:
            del metadata[field]


def check_uid(resource: Resource, name: str, wanted: str, actual: str) -> None:
    """Refuse an operation meant for another object of the same name. Raises Conflict."""
    if wanted and wanted != actual:
        why = f"Precondition failed: UID in precondition: {wanted}, UID in object meta: {actual}"
        raise conflict(resource.group_resource, name, why)


def check_preconditions(resource: Resource, metadata: Object, uid: str, version: str, actual: str) -> None:
    """Refuse a delete of another object or version than the one meant. Raises Conflict."""
    kind = f"{resource.kind}.{resource.group}" if resource.group else resource.kind
    if uid and uid != metadata["uid"]:
        why = f"the UID in the precondition ({uid}) does not match the UID in record ({metadata['uid']})."
        raise conflict(kind, metadata["name"], f"{why} The object might have been deleted and then recreated")
    if version and version != actual:
        why = f"the ResourceVersion in the precondition ({version}) does not match the ResourceVersion in record ({actual})."
        raise conflict(kind, metadata["name"], f"{why} The object might have been modified")
