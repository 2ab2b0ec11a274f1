"""What the server itself sets and keeps of an object's metadata; pure. Validation lives in `kinds.metadata`.

Source: Kubernetes' apimachinery, `BeforeCreate` and `BeforeUpdate`, as seen in its answers.
"""

from __future__ import annotations

from typing import Any

from seaway.objects.errors import BadRequest, conflict
from seaway.objects.resource import Resource

Object = dict[str, Any]
FOREGROUND, ORPHAN = "foregroundDeletion", "orphan"
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
    """Set what the server sets on create, drop what only it may set. Raises BadRequest."""
    metadata = obj["metadata"]
    if metadata.get("resourceVersion"):
        raise BadRequest("resourceVersion should not be set on objects to be created")
    for field in (
        "resourceVersion",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "selfLink",
        "generation",
    ):
        metadata.pop(field, None)
    metadata["uid"] = uid
    metadata["creationTimestamp"] = now
    _drop_empty(metadata)


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


def check_version(resource: Resource, name: str, wanted: str, actual: str) -> None:
    """Refuse a delete of another version than the one meant. Raises Conflict."""
    if wanted and wanted != actual:
        why = f"Precondition failed: ResourceVersion in precondition: {wanted}, ResourceVersion in object meta: {actual}"
        raise conflict(resource.group_resource, name, why)
