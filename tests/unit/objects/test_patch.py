"""JSON patch, merge patch and strategic merge patch."""

from __future__ import annotations

import copy

import jsonpatch
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seaway.objects.errors import BadRequest, Invalid, RequestEntityTooLarge
from seaway.objects.patch import MOST_OPERATIONS, json_patch, merge_patch, strategic_merge_patch

OBJECT = {"metadata": {"name": "a", "labels": {"x": "1"}}, "list": [1, 2]}

OPERATIONS = {
    "add": ([{"op": "add", "path": "/metadata/labels/y", "value": "2"}], {"metadata": {"name": "a", "labels": {"x": "1", "y": "2"}}, "list": [1, 2]}),
    "append": ([{"op": "add", "path": "/list/-", "value": 3}], {**OBJECT, "list": [1, 2, 3]}),
    "remove": ([{"op": "remove", "path": "/metadata/labels"}], {"metadata": {"name": "a"}, "list": [1, 2]}),
    "test, then replace": ([{"op": "test", "path": "/list/0", "value": 1}, {"op": "replace", "path": "/list", "value": []}], {**OBJECT, "list": []}),
    "escaped path": ([{"op": "add", "path": "/metadata/labels/a~1b", "value": ""}], {"metadata": {"name": "a", "labels": {"x": "1", "a/b": ""}}, "list": [1, 2]}),
    "null is a value": ([{"op": "add", "path": "/n", "value": None}], {**OBJECT, "n": None}),
}  # fmt: skip


@pytest.mark.parametrize(("operations", "expected"), OPERATIONS.values(), ids=OPERATIONS.keys())
def test_json_patch_applies(operations, expected):
    before = copy.deepcopy(OBJECT)
    assert json_patch(OBJECT, operations) == expected
    assert before == OBJECT


MISTAKES = {
    "no list": ({"op": "add"}, BadRequest),
    "a text": ("x", BadRequest),
    "no operation": (["x"], BadRequest),
    "unknown operation": ([{"op": "frob", "path": "/a"}], Invalid),
    "no path": ([{"op": "remove"}], Invalid),
    "a path that is no text": ([{"op": "add", "path": 1}], BadRequest),
    "no source": ([{"op": "move", "path": "/a"}], Invalid),
    "missing target": ([{"op": "remove", "path": "/nope"}], Invalid),
    "failed test": ([{"op": "test", "path": "/list/0", "value": 9}], Invalid),
    "index out of range": ([{"op": "add", "path": "/list/9", "value": 1}], Invalid),
    "no index": ([{"op": "add", "path": "/list/x", "value": 1}], Invalid),
    "through a text": ([{"op": "add", "path": "/metadata/name/x", "value": 1}], Invalid),
    "no pointer": ([{"op": "add", "path": "list", "value": 1}], Invalid),
    "too many": ([{"op": "test", "path": "", "value": 1}] * (MOST_OPERATIONS + 1), RequestEntityTooLarge),
}


@pytest.mark.parametrize(("operations", "error"), MISTAKES.values(), ids=MISTAKES.keys())
def test_json_patch_refuses_and_changes_nothing(operations, error):
    before = copy.deepcopy(OBJECT)
    with pytest.raises(error):
        json_patch(OBJECT, operations)
    assert before == OBJECT


values = st.recursive(
    st.booleans() | st.integers(-5, 5) | st.text("ab/~", max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abc/~", max_size=2), inner, max_size=3)
    ),
    max_leaves=12,
)
objects = st.dictionaries(st.text("abc", max_size=2), values, max_size=4)


@given(objects, objects)
def test_a_json_patch_made_of_a_difference_brings_it_about(old, new):
    assert json_patch(old, jsonpatch.make_patch(old, new).patch) == new


def _difference(old, new):
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return new
    changed = {
        k: _difference(old.get(k), v)
        for k, v in new.items()
        if k not in old or old[k] != v or type(old[k]) is not type(v)
    }
    return {k: None for k in old if k not in new} | changed


@given(objects, objects)
def test_a_merge_patch_made_of_a_difference_brings_it_about(old, new):
    assert merge_patch(old, _difference(old, new)) == new


MERGES = {
    "null removes": ({"a": 1, "b": 2}, {"a": None}, {"b": 2}),
    "objects merge": ({"a": {"x": 1}}, {"a": {"y": 2}}, {"a": {"x": 1, "y": 2}}),
    "lists are replaced": ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
    "an object replaces a scalar, without its nulls": ({"a": 1}, {"a": {"b": None, "c": 2}}, {"a": {"c": 2}}),
    "no object replaces all": ({"a": 1}, [1], [1]),
}


@pytest.mark.parametrize(("old", "patch", "expected"), MERGES.values(), ids=MERGES.keys())
def test_merge_patch_follows_its_rfc(old, patch, expected):
    before = copy.deepcopy((old, patch))
    assert merge_patch(old, patch) == expected
    assert before == (old, patch)


def pod(*containers, **spec):
    return {"spec": {"containers": list(containers), **spec}}


A, B, C = {"name": "a", "image": "1"}, {"name": "b", "image": "2"}, {"name": "c"}

STRATEGIC = {
    "items merge by key": (pod(A, B), pod({"name": "b", "image": "9"}), pod(A, {"name": "b", "image": "9"})),
    "a new item comes in front of what the patch does not name": (pod(A), pod(C), pod(C, A)),
    "an item is deleted": (pod(A, B), pod({"$patch": "delete", "name": "a"}), pod(B)),
    "a list is replaced": (pod(A, B), pod(C, {"$patch": "replace"}), pod(C)),
    "an object is replaced": (pod(A, nodeSelector={"x": "1"}), {"spec": {"containers": [C], "$patch": "replace"}}, pod(C)),
    "an object is emptied": ({"metadata": {"labels": {"a": "1"}}}, {"metadata": {"labels": {"$patch": "delete"}}}, {"metadata": {"labels": {}}}),
    "null removes": (pod(A, nodeSelector={"x": "1"}), {"spec": {"nodeSelector": None}}, pod(A)),
    "an atomic list is replaced": (pod(A, tolerations=[{"key": "x"}]), {"spec": {"tolerations": [{"key": "y"}]}}, pod(A, tolerations=[{"key": "y"}])),
    "a map merges": ({"metadata": {"labels": {"a": "1"}}}, {"metadata": {"labels": {"b": "2"}}}, {"metadata": {"labels": {"a": "1", "b": "2"}}}),
    "an order is set": (
        pod(A, B, C), {"spec": {"$setElementOrder/containers": [{"name": "c"}, {"name": "a"}]}}, pod(B, C, A),
    ),
    "an order is set for what is changed": (
        pod(A, B), {"spec": {"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}], "containers": [{"name": "a", "image": "9"}]}},
        pod(B, {"name": "a", "image": "9"}),
    ),
    "a primitive list merges": (
        {"metadata": {"finalizers": ["x", "y"]}}, {"metadata": {"finalizers": ["z", "x"]}}, {"metadata": {"finalizers": ["z", "x", "y"]}},
    ),
    "primitives are deleted": (
        {"metadata": {"finalizers": ["x", "y"]}}, {"metadata": {"$deleteFromPrimitiveList/finalizers": ["x"]}}, {"metadata": {"finalizers": ["y"]}},
    ),
    "only named keys are retained": (
        pod(A, volumes=[{"name": "v", "emptyDir": {}}]),
        {"spec": {"volumes": [{"name": "v", "$retainKeys": ["name", "hostPath"], "hostPath": {"path": "/"}}]}},
        pod(A, volumes=[{"name": "v", "hostPath": {"path": "/"}}]),
    ),
    "directives do not survive where nothing was": (
        {}, {"spec": {"containers": [{"$patch": "delete", "name": "a"}, {"name": "b", "env": [], "$setElementOrder/env": []}]}},
        pod({"name": "b", "env": []}),
    ),
    "a numeric key": (
        pod({"name": "a", "ports": [{"containerPort": 80}]}), pod({"name": "a", "ports": [{"containerPort": 80, "name": "h"}]}),
        pod({"name": "a", "ports": [{"containerPort": 80, "name": "h"}]}),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("old", "patch", "expected"), STRATEGIC.values(), ids=STRATEGIC.keys())
def test_strategic_merge_patch_merges_as_the_schema_says(schema, old, patch, expected):
    before = copy.deepcopy((old, patch))
    assert strategic_merge_patch(old, patch, schema) == expected
    assert before == (old, patch)


BAD = {
    "no object": [],
    "an item without its key": pod({"image": "x"}),
    "an unknown directive": pod({"$patch": "frob", "name": "a"}),
    "an unknown directive in a map": {"metadata": {"labels": {"$patch": "frob"}}},
    "an order that does not name what changes": {
        "spec": {"$setElementOrder/containers": [], "containers": [A]}
    },
    "an order that is no list": {"spec": {"$setElementOrder/containers": "a"}},
    "deletions that are no list": {"metadata": {"$deleteFromPrimitiveList/finalizers": "x"}},
    "retained keys that miss one": {"spec": {"$retainKeys": ["volumes"], "containers": [A]}},
}


@pytest.mark.parametrize("patch", BAD.values(), ids=BAD.keys())
def test_strategic_merge_patch_refuses_what_it_cannot_understand(schema, patch):
    with pytest.raises(BadRequest):
        strategic_merge_patch(
            {"metadata": {"labels": {"a": "1"}, "finalizers": ["x"]}, **pod(A)}, patch, schema
        )


containers = st.lists(
    st.builds(lambda n, i: {"name": n, "image": i}, st.sampled_from("abcd"), st.sampled_from("12")),
    unique_by=lambda c: c["name"],
    max_size=4,
)


@given(old=containers, new=containers)
def test_a_strategic_patch_of_the_whole_new_list_brings_it_about(schema, old, new):
    """What kubectl sends: new and changed items, deletions, and the order of all."""
    kept = {item["name"] for item in new}
    deletions = [{"$patch": "delete", "name": item["name"]} for item in old if item["name"] not in kept]
    order = [{"name": item["name"]} for item in new]
    patch = {"spec": {"containers": [*new, *deletions], "$setElementOrder/containers": order}}
    assert strategic_merge_patch(pod(*old), patch, schema)["spec"]["containers"] == new
    assert strategic_merge_patch(pod(*new), patch, schema) == pod(*new)
