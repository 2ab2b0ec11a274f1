"""The kinds served right now: the built-in ones, and custom ones that come and go.

A `Served` binds a kind to its place in the store; several versions of one kind share a place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from seaway.controlplane.apiserver.content import Content, RecordContent, ValueContent
from seaway.controlplane.kinds.declaration import Kind
from seaway.controlplane.store.log import Record
from seaway.objects.errors import BadRequest
from seaway.objects.resource import Resource
from seaway.objects.selectors import FieldSelector

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Served:
    """A kind and where its objects lie."""

    kind: Kind
    prefix: str
    """Store prefix of all its objects, ends with "/"."""
    custom: bool = False
    """Made by a CustomResourceDefinition."""
    stored_as: Served | None = None
    """The kind in whose form the objects are stored, None for this one."""

    @property
    def resource(self) -> Resource:
        """The resource as clients name it."""
        return self.kind.resource

    @property
    def base(self) -> Served:
        """The kind in whose form the objects are stored: its defaults, rules and selectors count."""
        return self.stored_as or self

    @property
    def own(self) -> Served:
        """The kind whose schema, defaults and columns count: of a custom resource that of the version that is asked for."""
        return self if self.custom else self.base

    @property
    def rules(self) -> Kind:
        """The kind whose validation counts: its own of an alias, that of the stored form of another version."""
        return self.kind if self.kind.alias_of is not None else self.base.kind

    def key(self, namespace: str, name: str) -> str:
        """Return the store key of one object."""
        return f"{self.prefix}{namespace}/{name}" if self.kind.resource.namespaced else f"{self.prefix}{name}"

    def scope(self, namespace: str) -> str:
        """Return the store prefix of a namespace's objects, of all where the namespace is empty."""
        return f"{self.prefix}{namespace}/" if namespace and self.kind.resource.namespaced else self.prefix

    def view(self, record: Record) -> Content:
        """Return a stored object in the served version: the stored bytes where that is the same."""
        return (
            RecordContent(record)
            if self.stored_as is None
            else ValueContent(self.from_storage(record.object))
        )

    def from_storage(self, stored: Object) -> Object:
        """Return a stored object as this version shows it; the argument is not changed."""
        if self.stored_as is None:
            return stored
        shown = self.kind.from_storage(stored)
        return {**shown, "apiVersion": self.kind.resource.api_version}

    def to_storage(self, obj: Object) -> Object:
        """Return an object of this version as it is stored; the argument is not changed."""
        if self.stored_as is None:
            return obj
        stored = self.stored_as.kind.resource
        converted = self.kind.to_storage(obj)
        return {**converted, "apiVersion": stored.api_version, "kind": stored.kind}

    def check_fields(self, selector: FieldSelector) -> None:
        """Refuse a field selector on fields that the kind does not select by. Raises BadRequest."""
        for requirement in selector.requirements:
            if requirement.field not in self.kind.field_labels and requirement.field not in _METADATA_FIELDS:
                raise BadRequest(self._unknown_field(requirement.field))

    def _unknown_field(self, field: str) -> str:
        labels = ("metadata.name", "metadata.namespace", *self.kind.field_labels)
        if self.custom:
            return f"field label not supported: {field}"
        if not self.kind.field_labels:
            return f'"{field}" is not a known field selector: only ' + ", ".join(
                f'"{label}"' for label in labels
            )
        if self.resource.group == "batch":
            return f'field label "{field}" not supported for {self.resource.kind}'
        return f"field label not supported: {field}"

    def field_value(self, obj: Object) -> Callable[[str], str]:
        """Return the function from a selectable field to the object's value of it."""
        labels = self.kind.field_labels

        def value(name: str) -> str:
            if name in labels:
                return labels[name](obj)
            metadata = obj["metadata"]
            return str(metadata.get("name" if name == "metadata.name" else "namespace") or "")

        return value


_METADATA_FIELDS = frozenset({"metadata.name", "metadata.namespace"})


@dataclass(slots=True)
class KindTable:
    """What is served, found by group, version and plural. Changes at run time with custom resource definitions."""

    _kinds: dict[tuple[str, str, str], tuple[Kind, bool]] = field(default_factory=dict)
    _served: dict[tuple[str, str, str], Served] = field(default_factory=dict)
    generation: int = 0
    """One more with each change, so that documents made of the table know when they are stale."""

    def add(self, kinds: Iterable[Kind], *, custom: bool = False) -> None:
        """Serve kinds, in the place of older declarations of them."""
        for kind in kinds:
            self._kinds[_path(kind.resource)] = (kind, custom)
        self._link()

    def remove(self, resources: Iterable[Resource]) -> None:
        """Stop serving resources."""
        for resource in resources:
            self._kinds.pop(_path(resource), None)
        self._link()

    def find(self, group: str, version: str, plural: str) -> Served | None:
        """Return what is served there, None for nothing."""
        served = self._served.get((group, version, plural))
        return served if served is not None and served.kind.served else None

    def kinds(self) -> list[Kind]:
        """Return every kind that is served, in the order in which they came."""
        return [kind for kind, _ in self._kinds.values() if kind.served]

    def __iter__(self) -> Iterator[Served]:
        return iter(tuple(self._served.values()))

    def _link(self) -> None:
        self._served = {path: _serve(kind, custom=custom) for path, (kind, custom) in self._kinds.items()}
        for path, served in self._served.items():
            base = self._served.get(_storage_path(served.kind))
            if base is not None and base is not served:
                self._served[path] = replace(served, stored_as=base)
        self.generation += 1


def _path(resource: Resource) -> tuple[str, str, str]:
    return resource.group, resource.version, resource.plural


def _storage_path(kind: Kind) -> tuple[str, str, str]:
    if kind.alias_of is not None:
        return _path(kind.alias_of)
    return kind.resource.group, kind.storage_version or kind.resource.version, kind.resource.plural


def _serve(kind: Kind, *, custom: bool) -> Served:
    storage = kind.alias_of or kind.resource
    return Served(kind, f"/registry/{storage.group or 'core'}/{storage.plural}/", custom)
