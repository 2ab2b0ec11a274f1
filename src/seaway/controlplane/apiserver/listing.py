"""LIST: pages of stored records as of one revision, their bytes joined without encoding them again.

Source: Kubernetes API concepts, "Resource versions" (semantics for list) and "Retrieving large results sets in chunks".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from seaway.controlplane.apiserver.options import (
    NOW,
    ListOptions,
    decode_continue,
    encode_continue,
    revision_of,
)
from seaway.controlplane.apiserver.served import Served
from seaway.controlplane.store.log import Compacted, FutureRevision, Page, Record, Store
from seaway.objects.errors import BadRequest, Cause, Expired, Timeout

_SELECT_PAGE = 2000
_DEPTH_OF_ALL = 4
"""Slashes in the prefix of a kind's objects; one more with a namespace."""


class Listed:
    """Records of one list and its metadata."""

    __slots__ = ("metadata", "records")

    def __init__(self, records: Sequence[Record], metadata: dict[str, Any]) -> None:
        self.records = records
        self.metadata = metadata


def matcher(served: Served, options: ListOptions) -> Any:
    """Return the test of a record's object against the selectors. Raises BadRequest for fields that none selects by."""
    labels, fields = options.labels, options.fields
    if fields is not None:
        served.check_fields(fields)

    def matches(obj: dict[str, Any]) -> bool:
        if labels is not None and not labels.matches(obj["metadata"].get("labels") or {}):
            return False
        return fields is None or fields.matches(served.field_value(obj))

    return matches


async def list_records(store: Store, served: Served, namespace: str, options: ListOptions) -> Listed:
    """Return a list. Raises BadRequest, Expired, Invalid, Timeout."""
    prefix = served.scope(namespace)
    revision, after = _start(store, prefix, options)
    limit = 0 if options.resource_version == "0" else max(options.limit, 0)
    try:
        if options.selective:
            return await _select(store, served, prefix, options, limit, revision, after)
        page = await _page(store, prefix, revision, after, limit)
    except Compacted:
        raise _too_old(options, prefix, after) from None
    except FutureRevision:
        raise too_large(revision or 0, store.revision) from None
    metadata = _metadata(page.revision)
    if page.last_key is not None:
        metadata["continue"] = encode_continue(page.revision, prefix, page.last_key)
        metadata["remainingItemCount"] = page.remaining
    return Listed(page.records, metadata)


def _start(store: Store, prefix: str, options: ListOptions) -> tuple[int | None, str | None]:
    """Return (revision to list at, None for now; key to go on after)."""
    if options.continue_:
        if options.resource_version not in {"", "0"}:
            raise BadRequest("specifying resource version is not allowed when using continue")
        revision, after = decode_continue(options.continue_, prefix)
        return None if revision == NOW else revision, after
    if options.resource_version in {"", "0"}:
        return None, None
    revision = revision_of(options.resource_version, "invalid resource version: ")
    if revision > store.revision:
        raise too_large(revision, store.revision)
    exact = options.match == "Exact" or (options.match == "" and options.limit > 0)
    return (revision if exact else None), None


async def _select(
    store: Store, served: Served, prefix: str, options: ListOptions, most: int, revision: int | None, after: str | None
) -> Listed:  # fmt: skip
    """List what the selectors match, reading on until a page is full."""
    matches = matcher(served, options)
    found: list[Record] = []
    while True:
        limit = _SELECT_PAGE if most > 0 else 0
        page = await _page(store, prefix, revision, after, limit)
        revision = page.revision
        for position, record in enumerate(page.records):
            if not matches(record.object):
                continue
            found.append(record)
            if len(found) == most:
                more = position + 1 < len(page.records) or page.last_key is not None
                more = more and not _names_one(options, prefix)
                metadata = _metadata(revision)
                if more:
                    metadata["continue"] = encode_continue(revision, prefix, record.key)
                return Listed(found, metadata)
        if page.last_key is None:
            return Listed(found, _metadata(revision))
        after = page.last_key


def _metadata(revision: int) -> dict[str, Any]:
    return {"resourceVersion": str(revision)}


def _names_one(options: ListOptions, prefix: str) -> bool:
    """Tell whether a list in one namespace asks for one name alone."""
    fields = options.fields.requirements if options.fields is not None else ()
    inside = prefix.count("/") > _DEPTH_OF_ALL
    return inside and any(wanted.field == "metadata.name" and wanted.equal for wanted in fields)


async def _page(store: Store, prefix: str, revision: int | None, after: str | None, limit: int) -> Page:
    if revision is None:
        return store.list(prefix, after=after, limit=limit)
    return await store.list_at(prefix, revision, after=after, limit=limit)


def _too_old(options: ListOptions, prefix: str, after: str | None) -> Expired:
    if options.continue_ and after is not None:
        return Expired(
            "The provided continue parameter is too old to display a consistent list result. You can start a new list "
            "without the continue parameter, or use the continue token in this response to retrieve the remainder of the "
            "results. Continuing with the provided token results in an inconsistent list - objects that were created, "
            "modified, or deleted between the time the first chunk was returned and now may show up in the list.",
            continue_=encode_continue(NOW, prefix, after),
        )
    return Expired("The resourceVersion for the provided list is too old.")


def too_large(revision: int, current: int) -> Timeout:
    """Return the error for a resourceVersion that has not happened yet."""
    message = f"Timeout: Too large resource version: {revision}, current: {current}"
    cause = Cause("ResourceVersionTooLarge", "Too large resource version")
    return Timeout(message, causes=[cause], retry_after=1)
