"""Metadata: accessors that never fail, conditions, copies."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seaway.objects import meta

NOW, LATER = "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"
OWNER = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j", "uid": "u"}}


@pytest.mark.parametrize(
    "obj", [{}, {"metadata": None}, {"metadata": {}}], ids=["no metadata", "null", "empty"]
)
def test_nothing_is_read_from_nothing(obj):
    assert (
        meta.name(obj),
        meta.namespace(obj),
        meta.key(obj),
        meta.uid(obj),
        meta.resource_version(obj),
    ) == ("",) * 5
    assert (meta.labels(obj), meta.annotations_of(obj)) == ({}, {})
    assert (meta.owner_references(obj), meta.finalizers(obj)) == ([], [])
    assert meta.deletion_timestamp(obj) is None
    assert meta.controller_of(obj) is None


@pytest.mark.parametrize(
    ("namespace", "key"), [("ns", "ns/n"), ("", "n")], ids=["namespaced", "cluster-scoped"]
)
def test_a_key_splits_into_what_it_was_made_of(namespace, key):
    obj = {"metadata": {"name": "n", "namespace": namespace}}
    assert meta.key(obj) == key
    assert meta.split_key(key) == (namespace, "n")


def test_an_owner_reference_makes_its_owner_the_controller():
    reference = meta.owner_reference(OWNER)
    assert meta.controller_of({"metadata": {"ownerReferences": [{"uid": "x"}, reference]}}) == reference
    assert (reference["uid"], reference["controller"], reference["blockOwnerDeletion"]) == ("u", True, True)


def test_a_condition_changes_its_time_only_with_its_status():
    conditions = []
    assert meta.set_condition(conditions, "Ready", "False", "Starting", "soon", now=NOW)
    assert not meta.set_condition(conditions, "Ready", "False", "Starting", "soon", now=LATER)
    assert meta.set_condition(conditions, "Ready", "False", "Waiting", now=LATER)
    assert conditions == [
        {"type": "Ready", "status": "False", "reason": "Waiting", "lastTransitionTime": NOW}
    ]
    assert meta.set_condition(conditions, "Ready", "True", now=LATER)
    assert meta.get_condition({"status": {"conditions": conditions}}, "Ready") == {
        "type": "Ready", "status": "True", "lastTransitionTime": LATER,
    }  # fmt: skip


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)


@given(json_values)
def test_a_copy_is_equal_and_shares_nothing(value):
    before = json.dumps(value)
    copied = meta.copy(value)
    assert copied == value
    _spoil(copied)
    assert json.dumps(value) == before


def _spoil(value):
    if isinstance(value, dict):
        for item in value.values():
            _spoil(item)
        value["spoiled"] = True
    elif isinstance(value, list):
        for item in value:
            _spoil(item)
        value.append("spoiled")
