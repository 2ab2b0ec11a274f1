"""Strategies of hypothesis: stories about one object, created, changed, shown and deleted, valid and not."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from seaway.controlplane.kinds.schemas import schema_of
from seaway.objects.resource import Resource
from seaway.objects.schema import Schema
from tools.compare import mutations
from tools.compare.calls import Call, Edit, Story
from tools.compare.mutations import DOUBLE, REMOVE, Mutation, Path
from tools.compare.seeds.objects import SEEDS

Object = dict[str, Any]
_LEVELS = ("Strict", "Warn", "Ignore")
_UNKNOWN = ("unknownField", "Spec", "metadata.x")
_DEPTH = 4
_SCHEMA = "openAPIV3Schema"
"""The inside of a custom resource's schema is left alone: that is a language of its own."""
_SCHEMA_TYPE = "v1.JSONSchemaProps"
_FREE = frozenset({"managedFields", "apiVersion", "kind"})


def collection(resource: Resource) -> str:
    """Return the path of a resource's collection."""
    base = f"/apis/{resource.group}/{resource.version}" if resource.group else f"/api/{resource.version}"
    return base + ("/namespaces/{namespace}" if resource.namespaced else "") + "/" + resource.plural


@st.composite
def objects(draw: st.DrawFn, resource: Resource) -> Object:
    """Draw an object of a kind: a seed, with up to two fields changed."""
    seed = draw(st.sampled_from(SEEDS[resource]))
    obj: Object = {"apiVersion": resource.api_version, "kind": resource.kind} | seed
    for _ in range(draw(st.sampled_from((0, 1, 1, 1, 1, 2)))):
        obj = draw(changes(resource, obj)).apply(obj)
    return obj


@st.composite
def changes(draw: st.DrawFn, resource: Resource, obj: Object) -> Mutation:
    """Draw a change of one field: of those that are there, or one that the kind has."""
    schema = schema_of(resource)
    if draw(st.booleans()):
        every = [
            p for p in mutations.paths(obj) if p[0] not in ("apiVersion", "kind") and _SCHEMA not in p[:-1]
        ]
        path = draw(st.sampled_from(every))
        return Mutation(path, draw(_values(_at(schema, path))))
    places = [p for p in ((), *mutations.paths(obj)) if _SCHEMA not in p]
    holders = [p for p in places if (s := _at(schema, p)) is not None and s.properties]
    holder = draw(st.sampled_from([p for p in holders if isinstance(_get(obj, p), dict)]))
    inner = _at(schema, holder)
    assert inner is not None
    names = [name for name in sorted(inner.properties) if name not in {*_FREE, _SCHEMA}]
    name = draw(st.sampled_from([*names, *names, *_UNKNOWN]))
    return Mutation((*holder, name), draw(_values(inner.properties.get(name))))


def _values(schema: Schema | None) -> st.SearchStrategy[Any]:
    any_value = st.sampled_from(
        (REMOVE, DOUBLE, *mutations.OTHERS, *mutations.STRINGS[:8], *mutations.NUMBERS[:4])
    )
    if schema is None:
        return any_value
    return st.one_of(typed(schema, _DEPTH), typed(schema, _DEPTH), typed(schema, _DEPTH), any_value)


def typed(schema: Schema, depth: int) -> st.SearchStrategy[Any]:
    """Return a strategy of values of the type that a schema declares, seldom valid beyond that."""
    if schema.int_or_string:
        return st.sampled_from((*mutations.NUMBERS[:8], *mutations.STRINGS))
    if schema.type == "string,number":
        return st.sampled_from((*mutations.QUANTITIES, 1, 0.5))
    if schema.type == "string":
        return st.sampled_from(mutations.STRINGS)
    if schema.type in ("integer", "number"):
        return st.sampled_from(mutations.NUMBERS)
    if schema.type == "boolean":
        return st.booleans()
    if schema.go_name == _SCHEMA_TYPE:
        return st.just({"type": "object"})
    if depth <= 0:
        return st.sampled_from(([],) if schema.type == "array" else ({},))
    if schema.type == "array":
        return st.lists(typed(schema.items, depth - 1), max_size=2)
    return _maps(schema, depth)


def _maps(schema: Schema, depth: int) -> st.SearchStrategy[Any]:
    if schema.properties:
        fields = {name: st.deferred(lambda c=c: typed(c, depth - 1)) for name, c in schema.properties.items()}
        needed = schema.definition.get("required") or ()
        some = st.lists(st.sampled_from(sorted(fields)), max_size=2)
        return some.flatmap(
            lambda names: st.fixed_dictionaries(
                {name: fields[name] for name in dict.fromkeys([*needed, *names])}
            )
        )
    if schema.additional is not None and not schema.additional.opaque:
        names = st.sampled_from(mutations.STRINGS[2:10])
        return st.dictionaries(names, typed(schema.additional, depth - 1), max_size=1)
    return st.sampled_from(({}, {"a": "b"}))


def _at(schema: Schema, path: Path) -> Schema | None:
    found: Schema | None = schema
    for step in path:
        if found is None or found.leaf:
            return None
        found = found.items if isinstance(step, int) else found.field(step)
    return found


def _get(obj: Any, path: Path) -> Any:
    for step in path:
        obj = obj[step]
    return obj


@st.composite
def stories(draw: st.DrawFn, resource: Resource) -> Story:
    """Draw a story: create an object, show it, change it (also its status), delete it."""
    obj = draw(objects(resource))
    where = collection(resource)
    query = draw(st.sampled_from(({}, {}, {}, *({"fieldValidation": level} for level in _LEVELS))))
    calls = [Call("POST", where, obj, query)]
    seed_name = next(
        (s["metadata"].get("name") for s in SEEDS[resource] if s["metadata"] == obj.get("metadata")), None
    )
    metadata = obj.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else seed_name
    if not isinstance(name, str) or not name or "/" in name or name in (".", "..", " "):
        return Story(tuple(calls))
    there = f"{where}/{name}"
    for _ in range(draw(st.integers(0, 2))):
        status = "status" in resource.subresources and draw(st.sampled_from((False, False, True)))
        mutation = draw(changes(resource, obj))
        calls.append(Call("PUT", there + "/status" if status else there, Edit(0, _patch(mutation)), query))
    calls.append(Call("GET", there))
    calls.append(Call("DELETE", there))
    return Story(tuple(calls))


def _patch(mutation: Mutation) -> tuple[dict[str, Any], ...]:
    """Return a mutation as JSON patch operations on what the server shows; the resourceVersion stays out of it."""
    pointer = "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in mutation.path)
    free = {"op": "remove", "path": "/metadata/resourceVersion"}
    if mutation.value == REMOVE:
        return free, {"op": "remove", "path": pointer}
    if mutation.value == DOUBLE:
        return free, {"op": "copy", "from": pointer, "path": pointer.rpartition("/")[0] + "/-"}
    return free, {
        "op": "add" if isinstance(mutation.path[-1], str) else "replace",
        "path": pointer,
        "value": mutation.value,
    }
