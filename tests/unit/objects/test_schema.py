"""Schemas: unknown fields, pruning, defaults and faults, for built-in kinds and for custom resources."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seaway.objects.schema import ANY, Schema

UNKNOWN = {
    "none": ({"metadata": {"name": "a"}, "spec": {"containers": [{"name": "a"}]}}, []),
    "at the top": ({"specs": {}}, ["specs"]),
    "in an item": ({"spec": {"containers": [{"name": "a"}, {"imagee": "x"}]}}, ["spec.containers[1].imagee"]),
    "in a recursive type": ({"spec": {"template": {"spec": {"bogus": 1}}}}, ["spec.template.spec.bogus"]),
    "several, as met": ({"a": 1, "spec": {"b": 1}}, ["a", "spec.b"]),
    "keys of a map are free": ({"metadata": {"labels": {"any": "x"}}}, []),
    "a free-form object is free": ({"spec": {"free": {"a": {"b": [{"c": 1}]}}}}, []),
    "a value of the wrong type is not looked into": ({"spec": [{"bogus": 1}]}, []),
}


@pytest.mark.parametrize(("obj", "expected"), UNKNOWN.values(), ids=UNKNOWN.keys())
def test_unknown_fields_are_named_by_path(schema, obj, expected):
    assert schema.unknown_fields(obj) == expected


@pytest.mark.parametrize("obj", [case[0] for case in UNKNOWN.values()], ids=UNKNOWN.keys())
def test_what_is_pruned_has_no_unknown_fields(schema, obj):
    pruned = copy.deepcopy(obj)
    schema.prune(pruned)
    assert schema.unknown_fields(pruned) == []


def test_pruning_drops_nulls_and_keeps_the_rest(schema):
    obj = {"metadata": {"name": None, "labels": {"a": "b"}}, "spec": {"free": {"x": None}, "bogus": 1}}
    schema.prune(obj)
    assert obj == {"metadata": {"labels": {"a": "b"}}, "spec": {"free": {"x": None}}}


NULLS = {
    "a field is absent": ({"metadata": {"name": None}}, {"metadata": {}}),
    "a map's entry is its type's zero": (
        {"metadata": {"labels": {"a": None}}},
        {"metadata": {"labels": {"a": ""}}},
    ),
    "a list's item is its type's zero": ({"spec": {"containers": [None]}}, {"spec": {"containers": [{}]}}),
    "free-form nulls stay": ({"spec": {"free": {"a": None}}}, {"spec": {"free": {"a": None}}}),
}


@pytest.mark.parametrize(("obj", "expected"), NULLS.values(), ids=NULLS.keys())
def test_a_null_in_a_built_in_kind_means_what_go_decodes(schema, obj, expected):
    schema.prune(obj)
    assert obj == expected


TYPES = {
    "right": ({"metadata": {"name": "a"}, "spec": {"containers": []}}, []),
    "a number for a string": ({"metadata": {"name": 1}}, ["metadata.name"]),
    "a list for an object": ({"spec": []}, ["spec"]),
    "an object for a list": ({"spec": {"containers": {}}}, ["spec.containers"]),
    "in a map": ({"metadata": {"labels": {"a": 1}}}, ["metadata.labels.a"]),
    "true is no integer": ({"spec": {"containers": [{"ports": [{"containerPort": True}]}]}}, ["spec.containers[0].ports[0].containerPort"]),
    "too large an integer": ({"spec": {"containers": [{"ports": [{"containerPort": 2**31}]}]}}, ["spec.containers[0].ports[0].containerPort"]),
    "a quantity may be a number": ({"spec": {"containers": [{"limits": {"cpu": 1.5, "memory": "1Gi"}}]}}, []),
    "a quantity may not be a list": ({"spec": {"containers": [{"limits": {"cpu": []}}]}}, ["spec.containers[0].limits.cpu"]),
    "an integer or a string": ({"spec": {"port": "http"}}, []),
    "neither integer nor string": ({"spec": {"port": 1.5}}, ["spec.port"]),
    "null is absence": ({"metadata": None}, []),
    "required is not the schema's business": ({"spec": {}}, []),
}  # fmt: skip


@pytest.mark.parametrize(("obj", "fields"), TYPES.values(), ids=TYPES.keys())
def test_a_built_in_kind_is_checked_for_types(schema, obj, fields):
    assert [cause.field for cause in schema.validate(obj)] == fields


def test_references_are_compiled_once(schema):
    assert schema.properties["spec"] is schema.properties["spec"].properties["template"].properties["spec"]


CUSTOM = {
    "type": "object",
    "required": ["spec"],
    "properties": {
        "spec": {
            "type": "object",
            "required": ["size"],
            "properties": {
                "size": {"type": "integer", "minimum": 1, "maximum": 5},
                "mode": {"type": "string", "enum": ["fast", "safe"], "default": "safe"},
                "name": {"type": "string", "pattern": "^[a-z]+$", "minLength": 2, "maxLength": 4},
                "tags": {"type": "array", "items": {"type": "string"}, "maxItems": 2, "x-kubernetes-list-type": "set"},
                "steps": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["id"],
                          "items": {"type": "object", "properties": {"id": {"type": "string"}, "wait": {"type": "integer", "default": 3}}}},
                "maybe": {"type": "string", "nullable": True},
                "extra": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                "nested": {"type": "object", "default": {}, "properties": {"deep": {"type": "boolean", "default": True}}},
                "when": {"type": "string", "format": "date-time"},
                "either": {"anyOf": [{"type": "integer"}, {"type": "string"}], "x-kubernetes-int-or-string": True},
                "ratio": {"type": "number", "exclusiveMinimum": True, "minimum": 0, "multipleOf": 0.5},
                "one": {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}},
                        "oneOf": [{"required": ["a"]}, {"required": ["b"]}]},
            },
        }
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def custom(metadata_schema):
    return Schema.from_crd(CUSTOM, metadata_schema)


FAULTS = {
    "valid": ({"size": 1}, []),
    "missing": ({}, ["spec.size: Required value"]),
    "wrong type": ({"size": "x"}, ['spec.size: Invalid value: "string": spec.size in body must be of type integer: "string"']),
    "a whole float is an integer": ({"size": 1.0}, []),
    "too small": ({"size": 0}, ["spec.size: Invalid value: 0: spec.size in body should be greater than or equal to 1"]),
    "too large": ({"size": 6}, ["spec.size: Invalid value: 6: spec.size in body should be less than or equal to 5"]),
    "not of the set": ({"size": 1, "mode": "x"}, ['spec.mode: Unsupported value: "x": supported values: "fast", "safe"']),
    "no match": ({"size": 1, "name": "AB"}, ["spec.name: Invalid value: \"AB\": spec.name in body should match '^[a-z]+$'"]),
    "too short": ({"size": 1, "name": "a"}, ['spec.name: Invalid value: "a": spec.name in body should be at least 2 chars long']),
    "too long": ({"size": 1, "name": "abcde"}, ["spec.name: Too long: may not be more than 4 bytes"]),
    "too many": ({"size": 1, "tags": ["a", "b", "c"]}, ["spec.tags: Too many: 3: must have at most 2 items"]),
    "twice in a set": ({"size": 1, "tags": ["a", "a"]}, ['spec.tags[1]: Duplicate value: "a"']),
    "twice by key": ({"size": 1, "steps": [{"id": "a"}, {"id": "a"}]}, ['spec.steps[1]: Duplicate value: {"id":"a"}']),
    "null where none may be": ({"size": None}, ['spec.size: Invalid value: "null": spec.size in body must be of type integer: "null"']),
    "null where one may be": ({"size": 1, "maybe": None}, []),
    "no date": ({"size": 1, "when": "soon"}, ['spec.when: Invalid value: "soon": spec.when in body must be of type date-time: "soon"']),
    "either of two types": ({"size": 1, "either": "x"}, []),
    "at an excluded bound": ({"size": 1, "ratio": 0}, ["spec.ratio: Invalid value: 0: spec.ratio in body should be greater than 0"]),
    "between steps": ({"size": 1, "ratio": 0.7}, ["spec.ratio: Invalid value: 0.7: spec.ratio in body should be a multiple of 0.5"]),
    "both of one": ({"size": 1, "one": {"a": "", "b": ""}}, ['spec.one: Invalid value: "": "spec.one" must validate one and only one schema (oneOf)']),
}  # fmt: skip


@pytest.mark.parametrize(("spec", "expected"), FAULTS.values(), ids=FAULTS.keys())
def test_a_custom_resource_is_checked_for_every_constraint(custom, spec, expected):
    obj = {"apiVersion": "g/v1", "kind": "K", "metadata": {"name": "a"}, "spec": spec}
    assert [f"{cause.field}: {cause.message}" for cause in custom.validate(obj)] == expected


def test_a_custom_resource_loses_what_it_does_not_declare(custom):
    obj = {
        "apiVersion": "g/v1",
        "kind": "K",
        "metadata": {"name": "a"},
        "spec": {"bogus": 1, "extra": {"any": 1}},
        "x": 1,
    }
    assert custom.unknown_fields(obj) == ["spec.bogus", "x"]
    custom.prune(obj)
    assert obj == {
        "apiVersion": "g/v1",
        "kind": "K",
        "metadata": {"name": "a"},
        "spec": {"extra": {"any": 1}},
    }


def test_defaults_fill_in_from_the_outside_and_leave_what_is_there(custom):
    obj = {"spec": {"mode": "fast", "steps": [{"id": "a"}]}}
    custom.apply_defaults(obj)
    assert obj == {"spec": {"mode": "fast", "steps": [{"id": "a", "wait": 3}], "nested": {"deep": True}}}
    again = copy.deepcopy(obj)
    custom.apply_defaults(again)
    assert again == obj


def test_a_default_is_not_shared_between_objects(custom):
    first, second = {"spec": {}}, {"spec": {}}
    custom.apply_defaults(first)
    first["spec"]["nested"]["deep"] = False
    custom.apply_defaults(second)
    assert second["spec"]["nested"] == {"deep": True}


def test_anything_goes_where_nothing_is_declared():
    assert ANY.unknown_fields({"a": [{"b": 1}]}) == []
    assert ANY.validate({"a": None}) == []


FIELDS = "metadata spec name labels containers image args ports containerPort limits nodeSelector port free template other"
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**33), 2**33)
    | st.floats(allow_nan=False)
    | st.text("ab", max_size=2),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(FIELDS.split()), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(json_values)
def test_what_is_tidy_has_no_faults_and_is_pruned(schema, value):
    tidied, pruned = copy.deepcopy(value), copy.deepcopy(value)
    tidy = schema.tidy(tidied)
    unknown, _ = schema.unknown_fields(tidied), schema.prune(pruned)
    if tidy:
        schema.tidy(pruned)
        assert (unknown, schema.validate(tidied), tidied) == ([], [], pruned)
    else:
        assert unknown == schema.unknown_fields(value)
        schema.prune(tidied)
        assert (schema.tidy(tidied), tidied) == (schema.tidy(pruned), pruned)


TIDY = {
    "an empty object": ({}, True),
    "a container": (
        {"spec": {"containers": [{"name": "a", "args": ["x"], "limits": {"cpu": "1", "memory": 2}}]}},
        True,
    ),
    "an undeclared field": ({"spec": {"containers": [{"name": "a", "imagee": "x"}]}}, False),
    "a wrong type": ({"spec": {"containers": [{"name": 1}]}}, False),
    "a null of a field": ({"metadata": {"name": None}}, True),
    "a null in a list": ({"spec": {"containers": [None]}}, False),
    "an integer too large": (
        {"spec": {"containers": [{"name": "a", "ports": [{"containerPort": 2**40}]}]}},
        False,
    ),
}


@pytest.mark.parametrize(("value", "expected"), TIDY.values(), ids=TIDY.keys())
def test_an_ordinary_object_is_tidy(schema, value, expected):
    assert schema.tidy(value) is expected
