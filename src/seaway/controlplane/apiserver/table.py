"""Objects as the rows that kubectl prints.

Source: KEP-555 (server-side get) and `Table` of meta.k8s.io/v1.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from seaway.controlplane.kinds.cells import DEFAULT_COLUMNS
from seaway.controlplane.kinds.declaration import Column, Kind, Object
from seaway.objects.errors import BadRequest

IncludeObject = Literal["None", "Metadata", "Object"]


def include_object(query: str | None) -> IncludeObject:
    """Return what each row carries of its object, from the query parameter `includeObject`.

    Raises:
        BadRequest: the value is none of None, Metadata, Object.
    """
    match query or "Metadata":
        case "None":
            return "None"
        case "Metadata":
            return "Metadata"
        case "Object":
            return "Object"
    words = "must be 'Metadata', 'Object', 'None', or empty"
    raise BadRequest(
        f'Unable to convert to Table as requested: includeObject: Invalid value: "{query}": {words}'
    )


def table(
    kind: Kind,
    objects: Iterable[Object],
    now: float,
    *,
    metadata: Mapping[str, Any] | None = None,
    include: IncludeObject = "Metadata",
    with_columns: bool = True,
    version: str = "v1",
) -> dict[str, Any]:
    """Return a `Table` of objects.

    Args:
        kind: whose columns.
        objects: one a row.
        now: seconds since the epoch, for ages.
        metadata: list metadata (resourceVersion, continue, remainingItemCount); for one object, {"resourceVersion": ...}.
        include: what each row carries of its object.
        with_columns: False for all but the first event of a watch.
        version: of meta.k8s.io.
    """
    columns = kind.columns or DEFAULT_COLUMNS
    api_version = f"meta.k8s.io/{version}"
    return {
        "kind": "Table",
        "apiVersion": api_version,
        "metadata": dict(metadata or {}),
        "columnDefinitions": [_definition(column) for column in columns] if with_columns else None,
        "rows": [_row(kind, columns, obj, now, include, api_version) for obj in objects] or None,
    }


def _definition(column: Column) -> dict[str, Any]:
    return {
        "name": column.name,
        "type": column.type,
        "format": column.format,
        "description": column.description,
        "priority": column.priority,
    }


def _row(
    kind: Kind, columns: Sequence[Column], obj: Object, now: float, include: IncludeObject, api_version: str
) -> dict[str, Any]:  # fmt: skip
    row: dict[str, Any] = {"cells": [column.cell(obj, now) for column in columns]}
    if conditions := kind.row_conditions(obj):
        row["conditions"] = list(conditions)
    if include == "Metadata":
        row["object"] = {
            "kind": "PartialObjectMetadata",
            "apiVersion": api_version,
            "metadata": obj["metadata"],
        }
    else:
        row["object"] = obj if include == "Object" else None
    return row
