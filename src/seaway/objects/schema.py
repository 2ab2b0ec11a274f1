"""Schemas of objects: which fields exist, of which type, and how lists and maps merge.

One compiled form serves built-in kinds (made from OpenAPI components, references followed lazily, so that recursive
types are fine) and custom resources (structural schemas). Children are compiled when first visited and then kept:
most of a Pod's schema is never looked at.

Source: OpenAPI v3 with Kubernetes' `x-kubernetes-*` extensions; "structural schemas" of apiextensions/v1.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from seaway.objects import structure
from seaway.objects.constraints import plain_types
from seaway.objects.errors import Cause

Definition = Mapping[str, Any]

_REFERENCE = "#/components/schemas/"
_EXTENSION = "x-kubernetes-"
_QUANTITY = "string,number"
_SELF_READING = frozenset({"date-time", "byte"})
_MAY_BE_INTEGER_OR_STRING = frozenset({"int-or-string", "int32-or-string", "quantity"})


_ANY_MAP = frozenset({"type", "description", "default", "x-go-name", "x-go-fields"})
"""All that is said of a map of which nothing is declared."""


class Schema:
    """The structure of one value."""

    def __init__(
        self, definition: Definition, components: Definition, compiled: dict[str, Schema], structural: bool
    ) -> None:
        """Use `from_openapi` or `from_crd` instead."""
        self.definition = definition
        self._components = components
        self._compiled = compiled
        self.structural = structural
        """Of a custom resource: constraints are checked, null is a value, and what is not declared is pruned."""
        self.type: str = definition.get("type", "") or ("" if structural else _one_of(definition))
        """"object", "array", "string", "integer", "number", "boolean", several with commas, or "" for any."""
        self.list_type: str = self._extension("list-type") or "atomic"
        """"atomic", "set" or "map"."""
        self.list_map_keys: tuple[str, ...] = tuple(self._extension("list-map-keys") or ())
        self.any_map: bool = (
            not structural and definition.keys() <= _ANY_MAP and definition.get("type") == "object"
        )
        """A map of a built-in kind of which nothing is declared: one value, kept as it was sent."""
        self.atomic_map: bool = self._extension("map-type") == "atomic" or self.any_map
        self.patch_strategies = frozenset(filter(None, (self._extension("patch-strategy") or "").split(",")))
        """Of "merge", "replace" and "retainKeys"."""
        self.patch_merge_key: str = self._extension("patch-merge-key") or ""
        self.nullable: bool = bool(definition.get("nullable")) or not structural
        self.embedded: bool = bool(self._extension("embedded-resource"))
        self.int_or_string: bool = (
            bool(self._extension("int-or-string")) or definition.get("format") in _MAY_BE_INTEGER_OR_STRING
        )
        self.format: str = definition.get("format", "")
        self.quantity: bool = self.type == _QUANTITY and not structural
        self.self_reading: bool = not structural and (self.quantity or self.format in _SELF_READING)
        """Of a type that reads its text itself: a quantity, a time, bytes."""
        self.go_name: str = definition.get("x-go-name", "")
        """Name of the Go type, "" where it has none of its own."""
        declared: Mapping[str, str] = definition.get("x-go-fields") or {}
        self.go_fields = {name: text.rpartition("/")[2] for name, text in declared.items()}
        """Go types of the fields; "?" at the end: left out when empty, "!": left out when zero."""
        self.go_embedded = {name: text.rpartition("/")[0] for name, text in declared.items() if "/" in text}
        """Fields that Go has in a struct within the struct, and that struct's name."""
        self.plain_types: frozenset[type] = (
            frozenset()
            if structural or self.self_reading
            else plain_types(self.type, self.format, self.int_or_string)
        )
        """Scalar types of which any value is right."""
        self.opaque: bool = not definition
        """Nothing is declared: any value."""
        self.leaf: bool = self.type not in ("object", "array", "") or self.int_or_string
        """A scalar: it has no fields and no items."""

    @classmethod
    def from_openapi(
        cls, definition: Definition, components: Definition, compiled: dict[str, Schema] | None = None
    ) -> Schema:
        """Return the schema of a built-in kind.

        Args:
            definition: an OpenAPI v3 schema.
            components: what its references name ("#/components/schemas/<name>").
            compiled: schemas of these that are there already, shared by kinds that refer to the same; added to.
        """
        return _compile(definition, components, {} if compiled is None else compiled, structural=False)

    @classmethod
    def from_crd(cls, definition: Definition, metadata: Schema) -> Schema:
        """Return the schema of a custom resource.

        Args:
            definition: `openAPIV3Schema` of one version; {} for a version without.
            metadata: the schema of ObjectMeta, which no custom resource may change.
        """
        declared = dict(definition) | {"type": "object", _EXTENSION + "embedded-resource": True}
        schema = _compile(declared, {}, {}, structural=True)
        schema.properties["metadata"] = metadata
        return schema

    @cached_property
    def properties(self) -> dict[str, Schema]:
        """The declared fields."""
        found = {
            name: self._child(child) for name, child in (self.definition.get("properties") or {}).items()
        }
        if self.embedded:
            for name, type_ in (("apiVersion", "string"), ("kind", "string"), ("metadata", "object")):
                found.setdefault(name, _compile({"type": type_}, {}, {}, structural=False))
        return found

    @cached_property
    def additional(self) -> Schema | None:
        """The schema of fields that are not declared; None where there may be none."""
        declared = self.definition.get("additionalProperties")
        if isinstance(declared, Mapping) and declared:
            return self._child(declared)
        if declared or self._extension("preserve-unknown-fields"):
            return ANY
        no_structure = not self.definition.get("properties") and not self.embedded
        return ANY if not self.structural and no_structure and self.type in ("", "object") else None

    @cached_property
    def items(self) -> Schema:
        """The schema of a list's items."""
        declared = self.definition.get("items")
        return self._child(declared) if declared else ANY

    @cached_property
    def unwritten(self) -> dict[str, Any]:
        """What a struct of a built-in kind holds before anything is written.

        A custom resource holds nothing. Shared: do not change.
        """
        return {} if self.structural else self.spelled_out

    @cached_property
    def droppable(self) -> frozenset[str]:
        """The fields that are not written when empty: "", 0, false, [] or {}."""
        return frozenset(name for name in self.go_fields if name in self.properties and self._drops(name))

    def _drops(self, name: str) -> bool:
        declared = self.go_fields[name]
        return (
            declared.endswith(("?", "!"))
            and not declared.startswith("*")
            and not self.properties[name].is_struct
            and not self.properties[name].any_map
        )

    @property
    def is_struct(self) -> bool:
        """A Go struct: it is never empty, so what leaves out empty fields writes it all the same."""
        reading = self.quantity or self.format in ("date-time", "int-or-string")
        return bool(self.properties) or reading

    @cached_property
    def spelled_out(self) -> dict[str, Any]:
        """The fields that are written also when nothing was set, with what is written then. Shared: copy structs."""
        found: dict[str, Any] = {}
        for name, declared in self.go_fields.items():
            child = self.properties.get(name)
            if child is None or declared.endswith("!"):
                continue
            if not declared.startswith("*") and child.is_struct:
                found[name] = child.zero
            elif not declared.endswith("?"):
                found[name] = None if declared.startswith("*") else child.zero
        return found

    @cached_property
    def zero(self) -> Any:
        """What is written of a value of this type in which nothing was set. Shared: copy it where it is a map."""
        if self.properties:
            return dict(self.spelled_out)
        if self.format == "date-time" or self.type in ("array", "object", ""):
            return None
        if self.quantity:
            return "0"
        if self.int_or_string:
            return 0
        return {"string": "", "boolean": False}.get(self.type, 0)

    @property
    def default(self) -> Any:
        """The declared default, shared; None where there is none."""
        return self.definition.get("default")

    def field(self, name: str) -> Schema | None:
        """Return the schema of a field, None where the field is unknown."""
        return self.properties.get(name) or self.additional

    def tidy(self, value: Any) -> bool:
        """Prune nulls, in place; True says that the methods below find nothing more, False says nothing."""
        return structure.tidy(self, value)

    def unknown_fields(self, value: Any, path: str = "") -> list[str]:
        """Return the paths of undeclared fields, for example "spec.containers[0].imagee", in the order met."""
        found: list[str] = []
        structure.find_unknown(self, value, path, found)
        return found

    def prune(self, value: Any) -> None:
        """Remove, in place, undeclared fields and nulls that stand for nothing."""
        structure.prune(self, value)

    def apply_defaults(self, value: Any) -> None:
        """Fill, in place, declared defaults of missing fields (a custom resource's; built-in kinds have functions)."""
        structure.apply_defaults(self, value)

    def validate(self, value: Any, path: str = "") -> list[Cause]:
        """Return what is wrong: types, and for custom resources also every declared constraint."""
        found: list[Cause] = []
        structure.validate(self, value, path, found)
        return found

    def alternative(self, definition: Definition) -> Schema:
        """Return one of the schemas below allOf, anyOf, oneOf or not, compiled."""
        return self._child(definition)

    def _extension(self, name: str) -> Any:
        return self.definition.get(_EXTENSION + name)

    def _child(self, definition: Definition) -> Schema:
        return _compile(definition, self._components, self._compiled, structural=self.structural)


def _one_of(definition: Definition) -> str:
    return ",".join(part.get("type", "") for part in definition.get("oneOf") or ())


def _compile(
    definition: Definition, components: Definition, compiled: dict[str, Schema], *, structural: bool
) -> Schema:
    """Follow references, each compiled once; what stands beside a reference overrides what it refers to."""
    reference = _reference(definition)
    if structural or reference is None:
        return Schema(definition, components, compiled, structural)
    beside = {key: value for key, value in definition.items() if key not in ("$ref", "allOf", "description")}
    if beside and beside != {"default": {}}:
        return Schema({**components[reference], **beside}, components, compiled, structural)
    if reference not in compiled:
        compiled[reference] = Schema(components[reference], components, compiled, structural)
    return compiled[reference]


def _reference(definition: Definition) -> str | None:
    target = definition.get("$ref")
    all_of = definition.get("allOf")
    if target is None and all_of and len(all_of) == 1:
        target = all_of[0].get("$ref")
    return target.removeprefix(_REFERENCE) if isinstance(target, str) else None


ANY = Schema({}, {}, {}, False)
"""Any value: unknown fields of a kind that keeps them. Its maps merge, its lists are replaced."""
