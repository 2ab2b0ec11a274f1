"""PATCH: the four kinds of patch as changes of a live object.

Source: Kubernetes API concepts, "Patches" and "Server-Side Apply".
"""

from __future__ import annotations

from typing import Any

import orjson

from seaway.base.clock import Clock, rfc3339
from seaway.client.request import APPLY_PATCH, JSON_PATCH, MERGE_PATCH, STRATEGIC_MERGE_PATCH
from seaway.controlplane.apiserver.accepting import check_named, typed_object
from seaway.controlplane.apiserver.content import Content
from seaway.controlplane.apiserver.registry import Change, Registry
from seaway.controlplane.apiserver.served import Served
from seaway.controlplane.apiserver.writing import Write
from seaway.controlplane.kinds import faults
from seaway.objects.apply import server_side_apply
from seaway.objects.configuration import configuration_faults
from seaway.objects.decoding import decode_fault
from seaway.objects.errors import AlreadyExists, BadRequest, NotFound, conflict, invalid
from seaway.objects.gotext import json_type
from seaway.objects.patch import json_patch, merge_patch, strategic_merge_patch

Object = dict[str, Any]


async def apply(registry: Registry, write: Write, body: Any, clock: Clock) -> Content:
    """Apply a configuration to an object that is there. Raises BadRequest, Conflict, Forbidden, Invalid, NotFound."""
    return (await _apply(registry, write, body, clock))[0]


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
    if media == MERGE_PATCH and body is None:
        raise BadRequest("Invalid JSON Patch")
    if media == MERGE_PATCH and not isinstance(body, dict):
        into = "Go value of type map[string]interface {}"
        raise BadRequest(f"error decoding patch: json: cannot unmarshal {json_type(body)} into {into}")

    def change(old: Object) -> Object:
        if media == JSON_PATCH:
            patched = json_patch(old, body)
        elif media == MERGE_PATCH:
            patched = merge_patch(old, body)
        else:
            patched = strategic_merge_patch(old, body, served.kind.schema)
        if media == STRATEGIC_MERGE_PATCH and isinstance(patched, dict):  # what it is, its type says
            patched |= {"kind": served.resource.kind, "apiVersion": served.resource.api_version}
        return _patched_object(served, write.name, patched)

    return change


def _other_kind(given: Object) -> BadRequest:
    group, _, version = str(given.get("apiVersion") or "").rpartition("/")
    return BadRequest(f"invalid object type: {group}/{version}, Kind={given.get('kind') or ''}")


def _patched_object(served: Served, name: str, patched: Any) -> Object:
    """Return what a patch made as an object of its kind. Raises BadRequest, Invalid."""
    resource = served.resource
    given = patched if isinstance(patched, dict) else {}
    if (given.get("kind") or resource.kind, given.get("apiVersion") or resource.api_version) != (
        resource.kind, resource.api_version,
    ):  # fmt: skip
        why = f'no kind "{given.get("kind")}" is registered for version "{given.get("apiVersion")}"'
        raise invalid("", "", "", [faults.invalid("patch", orjson.dumps(patched).decode(), why)])
    if not served.custom and not isinstance(given.get("metadata") or {}, dict):
        why = decode_fault(served.kind.schema, given)
        raise invalid("", "", "", [faults.invalid("patch", orjson.dumps(patched).decode(), why)])
    obj = typed_object(served, patched, shared=False)
    check_named(served, name, obj)
    return obj


def _check_configuration(served: Served, wanted: Object) -> None:
    """Refuse unknown fields and wrong types of what is applied. Raises BadRequest."""
    resource = served.resource
    found = configuration_faults(wanted, served.kind.schema)
    if found:
        metadata = wanted["metadata"]
        named = f"{metadata.get('namespace') or ''}/{metadata.get('name') or ''}"
        kind = f"{resource.group}/{resource.version}, Kind={resource.kind}"
        listed = found[0] if len(found) == 1 else "errors:\n" + "\n".join(f"  {fault}" for fault in found)
        raise BadRequest(f"failed to create typed patch object ({named}; {kind}): {listed}")


async def _apply(registry: Registry, write: Write, body: Any, clock: Clock) -> tuple[Content, bool]:
    served = write.served
    resource = served.resource
    given = body if isinstance(body, dict) else {}
    if (given.get("apiVersion"), given.get("kind")) != (resource.api_version, resource.kind):
        raise _other_kind(given)
    wanted = typed_object(served, body, shared=True)
    if wanted["metadata"].get("managedFields") is not None:
        raise BadRequest("metadata.managedFields must be nil")
    _check_configuration(served, wanted)
    uid = wanted["metadata"].get("uid")
    if uid and not registry.exists(served, write.namespace, write.name):
        words = f"uid mismatch: the provided object specified uid {uid}, and no existing object was found"
        raise conflict(resource.group_resource, write.name, words)
    check_named(served, write.name, wanted)
    if served.resource.namespaced:
        wanted["metadata"].setdefault("namespace", write.namespace)
    write.apply = True

    def change(old: Object | None) -> Object:
        ignored = {"status"} if served.kind.has_status and not write.subresource else ()
        return server_side_apply(
            old, wanted, ignored=ignored, manager=write.options.manager, force=write.options.force, schema=served.kind.schema,
            api_version=served.resource.api_version, now=rfc3339(clock.now()), subresource=write.tracked_as or write.subresource,
        )  # fmt: skip

    for _ in range(3):
        try:
            return await registry.modify(write, change), False
        except NotFound:
            if (
                write.subresource
                or write.tracked_as
                or wanted["metadata"].get("uid")
                or registry.exists(served, write.namespace, write.name)
            ):
                raise
        try:
            return await registry.create(write, change(None)), True
        except AlreadyExists:
            continue  # made by another meanwhile: apply to that one
    raise AssertionError("unreachable")
