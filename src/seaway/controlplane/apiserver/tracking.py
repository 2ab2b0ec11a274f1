"""Managed fields of a write: who set what. Pure.

Source: server-side apply's field management in the Kubernetes documentation.
"""

from __future__ import annotations

from typing import Any

from seaway.controlplane.apiserver.writing import Write
from seaway.objects.apply import track_update
from seaway.objects.errors import BadRequest

Object = dict[str, Any]


def track(write: Write, old: Object | None, new: Object, now: str) -> Object:
    """Return an object with its managers after a write; `now` is in RFC 3339."""
    try:
        return track_update(
            old, new, manager=write.options.manager, schema=write.served.own.kind.schema,
            api_version=write.served.resource.api_version, now="" if write.tracked_as else now,
            subresource=write.tracked_as or write.subresource,
        )  # fmt: skip
    except BadRequest:
        new["metadata"].pop("managedFields", None)
        return new  # a keyed list without its keys cannot be tracked; nothing forbids to store it


def track_new(write: Write, obj: Object, now: str) -> Object:
    """Return a new object with its managers; its status, which the server sets, is nobody's."""
    if not write.served.base.kind.has_status or "status" not in obj:
        return track(write, None, obj, now)
    without = {name: value for name, value in obj.items() if name != "status"}
    return {**track(write, None, without, now), "status": obj["status"]}
