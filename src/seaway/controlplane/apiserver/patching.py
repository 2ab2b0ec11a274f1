"""PATCH: the four kinds of patch as changes of a live object.

Source: Kubernetes API concepts, "Patches" and "Server-Side Apply".
"""

from __future__ import annotations

from typing import Any

from seaway.base.clock import Clock, rfc3339
from seaway.client.request import APPLY_PATCH, JSON_PATCH, MERGE_PATCH, STRATEGIC_MERGE_PATCH
from seaway.controlplane.apiserver.accepting import check_structure, typed_object
from seaway.controlplane.apiserver.content import Content
from seaway.controlplane.apiserver.registry import Change, Registry, Write
from seaway.objects.apply import server_side_apply
from seaway.objects.errors import AlreadyExists, BadRequest, Cause, NotFound, UnsupportedMediaType, invalid
from seaway.objects.patch import json_patch, merge_patch, strategic_merge_patch

Object = dict[str, Any]


async def patch(
    registry: Registry, write: Write, body: Any, media: str, clock: Clock
) -> tuple[Content, bool]:
    """Patch a live object; an apply makes it where it is missing.

    Returns:
        The object, and whether it was created.

    Raises:
        BadRequest, Conflict, Forbidden, Invalid, NotFound, UnsupportedMediaType: it may not be.
    """
    if media == APPLY_PATCH:
        return await _apply(registry, write, body, clock)
    return await registry.modify(write, _change(write, body, media)), False


def _change(write: Write, body: Any, media: str) -> Change:
    served = write.served
    if media == STRATEGIC_MERGE_PATCH and served.custom:
        listed = f"{JSON_PATCH}, {MERGE_PATCH}, {APPLY_PATCH}"
        raise UnsupportedMediaType(
            f"the body of the request was in an unknown format - accepted media types include: {listed}"
        )
    if media != JSON_PATCH and not isinstance(body, dict):
        raise BadRequest("error decoding patch: the patch must be an object")

    def change(old: Object) -> Object:
        if media == JSON_PATCH:
            patched = json_patch(old, body)
        elif media == MERGE_PATCH:
            patched = merge_patch(old, body)
        else:
            patched = strategic_merge_patch(old, body, served.kind.schema)
        return typed_object(served, patched, shared=False)

    return change


async def _apply(registry: Registry, write: Write, body: Any, clock: Clock) -> tuple[Content, bool]:
    served = write.served
    if write.options.manager == "":
        cause = Cause("FieldValueRequired", "Required value: is required for apply patch", "fieldManager")
        raise invalid("meta.k8s.io", "PatchOptions", "", [cause])
    wanted = typed_object(served, body, shared=True)
    if wanted["metadata"].get("managedFields"):
        raise BadRequest("metadata.managedFields must be nil")
    check_structure(served, wanted, write.options, write.warnings)
    wanted["metadata"].setdefault("name", write.name)
    if served.resource.namespaced:
        wanted["metadata"].setdefault("namespace", write.namespace)
    write.apply = True

    def change(old: Object | None) -> Object:
        ignored = {"status"} if served.kind.has_status and not write.subresource else ()
        return server_side_apply(
            old, wanted, ignored=ignored, manager=write.options.manager, force=write.options.force, schema=served.kind.schema,
            api_version=served.resource.api_version, now=rfc3339(clock.now()), subresource=write.subresource,
        )  # fmt: skip

    for _ in range(3):
        try:
            return await registry.modify(write, change), False
        except NotFound:
            if (
                write.subresource
                or wanted["metadata"].get("uid")
                or registry.exists(served, write.namespace, write.name)
            ):
                raise
        try:
            return await registry.create(write, change(None)), True
        except AlreadyExists:
            continue  # made by another meanwhile: apply to that one
    raise AssertionError("unreachable")
