"""What a kind is: one declaration per resource, served generically by the API server.

A built-in kind and a custom resource definition produce the same value; adding a kind is adding a declaration to the
table in `seaway.controlplane.kinds` (`BUILTIN_KINDS`), never machinery.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from seaway.objects.errors import Cause
from seaway.objects.resource import Resource
from seaway.objects.schema import Schema

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Column:
    """One column of kubectl's table."""

    name: str
    cell: Callable[[Object, float], Any]
    """Given the object and now (seconds since the epoch), the cell's value."""
    type: str = "string"
    format: str = ""
    description: str = ""
    priority: int = 0
    """0 is always shown, 1 only with `-o wide`."""


def _nothing(_: Object) -> None: ...


def _nothing_on_update(_new: Object, _old: Object) -> None: ...


def _same(obj: Object) -> Object:
    return obj


def _no_faults(_: Object) -> Sequence[Cause]:
    return ()


def _no_warnings(_new: Object, _old: Object | None) -> Sequence[str]:
    return ()


def _no_conditions(_: Object) -> Sequence[Object]:
    return ()


def _no_rules(
    _new: Object, _old: Object | None, _known: list[Cause]
) -> tuple[Sequence[Cause], Sequence[str]]:
    return (), ()


def _no_update_faults(_new: Object, _old: Object) -> Sequence[Cause]:
    return ()


@dataclass(frozen=True, slots=True)
class Scale:
    """Dotted paths of what the scale subresource shows and changes, such as ".spec.replicas"."""

    spec_replicas: str
    status_replicas: str
    label_selector: str = ""
    """Path of the selector in its text form, "" for none."""


@dataclass(frozen=True, slots=True)
class Kind:
    """All that the API server must know of a kind. Functions are pure; `default` and `prepare_*` change their first argument."""

    resource: Resource
    schema: Schema
    """Structure of the whole object: unknown fields, wrong types, list and map keys for merges."""
    structure: Mapping[str, Any] | None = None
    """OpenAPI schema of a kind made at run time, for publishing; None for built-in kinds, whose structure is package data."""
    default: Callable[[Object], None] = _nothing
    """Fill defaults into the object in place; idempotent."""
    validate: Callable[[Object], Sequence[Cause]] = _no_faults
    """Faults of a new or changed object beyond its schema, every one with its field path."""
    validate_update: Callable[[Object, Object], Sequence[Cause]] = _no_update_faults
    """Faults of the change (new, old): immutable fields."""
    validate_status: Callable[[Object, Object], Sequence[Cause]] | None = None
    """Faults of a status write (new, old); None for those of any change."""
    rules: Callable[[Object, Object | None, list[Cause]], tuple[Sequence[Cause], Sequence[str]]] = _no_rules
    """Faults and warnings by the rules of a custom resource's schema; given the object, what it replaces, known faults."""
    validate_subresource: Mapping[str, Callable[[Object, Object], Sequence[Cause]]] = field(
        default_factory=dict
    )
    """Faults of a write (new, old) to another subresource, by its name; where none is said, those of a status write."""
    revalidated: bool = True
    """An update is validated as a new object too, besides the change itself."""
    judges_metadata: bool = True
    """Its own rules judge the metadata of a change too, as those of all kinds do: a fault is told twice."""
    prepare_create: Callable[[Object], None] = _nothing
    """What the server sets or clears on create besides metadata (for example, drop `status`, phase Pending).

    Called after `default`, when the name, the namespace, the uid and the creation time are already set.
    """
    prepare_update: Callable[[Object, Object], None] = _nothing_on_update
    """What the server keeps or clears of a plain write (new, old), in place in new; status is handled generically."""
    warnings: Callable[[Object, Object | None], Sequence[str]] = _no_warnings
    """What the caller should know of a write (new, old or None) that succeeds."""
    prepare_status: Callable[[Object, Object], None] = _nothing_on_update
    """What the server keeps or fills of a status write (new, old), in place in new."""
    columns: Sequence[Column] = ()
    row_conditions: Callable[[Object], Sequence[Object]] = _no_conditions
    """Conditions of an object's row in a table: that it is done, for example."""
    field_labels: Mapping[str, Callable[[Object], str]] = field(default_factory=dict)
    """Field selectors beyond metadata.name and metadata.namespace."""
    has_status: bool = False
    """The object has a status subresource: plain writes keep the old status, status writes keep the old spec."""
    generation: bool = True
    """metadata.generation counts changes outside metadata and status."""
    generation_counts: bool = True
    """False where the generation begins at 1 and stays."""
    generation_metadata: Sequence[str] = ()
    """What of the metadata the generation counts too, for example "labels"."""
    default_grace_seconds: int = 0
    """Deletion grace where neither the request nor the object says (30 for pods)."""
    conditional_updates: bool = False
    """An update must say which resourceVersion it changes."""
    returns_deleted: bool = False
    """A delete answers with the object instead of a Status."""
    orphans_by_default: bool = False
    """A delete that says nothing leaves the objects that this one owns."""
    orphan_warning: str = ""
    """What the caller is told of such a delete, "" for nothing."""
    served: bool = True
    deprecation: str = ""
    """What every caller is told of a kind that is to go, "" of others."""
    storage_version: str = ""
    """Version stored where it differs from `resource.version` (custom resources with several versions, conversion None)."""
    alias_of: Resource | None = None
    """Stored as this other resource and converted (events.k8s.io Events are core Events)."""
    to_storage: Callable[[Object], Object] = _same
    """Return the object as it is stored where more than its apiVersion differs (of an alias). Defaults and validation
    are those of the stored kind."""
    from_storage: Callable[[Object], Object] = _same
    """Return a stored object as this kind shows it, the reverse of `to_storage`."""
    scale: Scale | None = None
    """Where the numbers of the scale subresource lie, None where it is not served."""
