"""Server-side apply and the tracking of updates; each expectation was compared with Kubernetes' own field manager."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seaway.objects.apply import server_side_apply, track_update
from seaway.objects.errors import BadRequest, Conflict
from seaway.objects.fieldsets import difference, union
from seaway.objects.managed import MOST_UPDATE_MANAGERS
from seaway.objects.schema import ANY, Schema
from seaway.objects.structured import compare, created_fields
from tests.unit.objects.conftest import COMPONENTS


@pytest.fixture(scope="module")
def schema():
    """The kind's schema, with the facts of its Go types."""
    go_fields = {
        "Meta": {"name": "string?"},
        "Spec": {"containers": "[]v1.Container"},
        "Pod": {"metadata": "v1.Meta?", "spec": "v1.Spec?", "status": "v1.Status?"},
    }
    told = {name: schema | {"x-go-fields": go_fields.get(name) or {}} for name, schema in COMPONENTS.items()}
    return Schema.from_openapi(told["Pod"], told)


NOW, LATER = "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"


def obj(spec=None, labels=None, **top):
    metadata = {"name": "a"} | ({"labels": labels} if labels is not None else {})
    return (
        {"apiVersion": "v1", "kind": "Pod", "metadata": metadata}
        | ({"spec": spec} if spec is not None else {})
        | top
    )


def apply(schema, live, applied, manager="a", *, force=False, now=NOW, **more):
    return server_side_apply(
        live, applied, manager=manager, force=force, schema=schema, api_version="v1", now=now, **more
    )


def update(schema, old, new, manager="u", *, now=NOW, **more):
    return track_update(old, new, manager=manager, schema=schema, api_version="v1", now=now, **more)


def owned(stored):
    """Return what each manager owns, by "name/operation" and subresource."""
    return {
        f"{entry['manager']}/{entry['operation']}"
        + (f"/{entry['subresource']}" if "subresource" in entry else ""): entry["fieldsV1"]
        for entry in stored["metadata"].get("managedFields", [])
    }


def bare(stored):
    """Return the object without its managers."""
    return stored | {
        "metadata": {name: value for name, value in stored["metadata"].items() if name != "managedFields"}
    }


ENCODINGS = {
    "an entry of a map": (obj(labels={"x": "1"}), {"f:metadata": {"f:labels": {"f:x": {}}}}),
    "an empty map": (obj(labels={}), {"f:metadata": {"f:labels": {}}}),
    "an item by its key": (
        obj({"containers": [{"name": "c", "image": "i"}]}),
        {"f:spec": {"f:containers": {'k:{"name":"c"}': {".": {}, "f:image": {}, "f:name": {}}}}},
    ),
    "an item by two keys, one by its default": (
        obj({"containers": [{"name": "c", "ports": [{"containerPort": 80}]}]}),
        {"f:spec": {"f:containers": {'k:{"name":"c"}': {".": {}, "f:name": {}, "f:ports": {
            'k:{"containerPort":80,"protocol":"TCP"}': {".": {}, "f:containerPort": {}}}}}}},
    ),
    "an item of a set": (
        obj() | {"metadata": {"name": "a", "finalizers": ["x"]}}, {"f:metadata": {"f:finalizers": {'v:"x"': {}}}},
    ),
    "an atomic list": (obj({"tolerations": [{"key": "k"}]}), {"f:spec": {"f:tolerations": {}}}),
    "an atomic map": (obj({"nodeSelector": {"k": "v"}}), {"f:spec": {"f:nodeSelector": {}}}),
    "an empty list of items is nobody's": (obj({"containers": [], "port": 1}), {"f:spec": {"f:port": {}}}),
}  # fmt: skip


@pytest.mark.parametrize(("applied", "fields"), ENCODINGS.values(), ids=ENCODINGS.keys())
def test_what_is_applied_is_owned_in_the_exact_encoding(schema, applied, fields):
    assert owned(apply(schema, None, applied)) == {"a/Apply": fields}


def test_an_entry_says_who_when_and_how(schema):
    stored = apply(schema, None, obj(labels={"x": "1"}))
    assert stored["metadata"]["managedFields"] == [
        {"manager": "a", "operation": "Apply", "apiVersion": "v1", "time": NOW, "fieldsType": "FieldsV1",
         "fieldsV1": {"f:metadata": {"f:labels": {"f:x": {}}}}}
    ]  # fmt: skip


def test_two_managers_share_an_object(schema):
    live = apply(schema, None, obj({"containers": [{"name": "c", "image": "1"}]}, labels={"x": "1"}))
    live = apply(schema, live, obj(labels={"y": "2"}), "b")
    assert live["metadata"]["labels"] == {"x": "1", "y": "2"}
    assert live["spec"] == {"containers": [{"name": "c", "image": "1"}]}
    assert owned(live)["b/Apply"] == {"f:metadata": {"f:labels": {"f:y": {}}}}


def test_the_same_value_is_owned_by_both_and_no_conflict(schema):
    live = apply(schema, apply(schema, None, obj(labels={"x": "1"})), obj(labels={"x": "1"}), "b")
    assert owned(live) == {name: {"f:metadata": {"f:labels": {"f:x": {}}}} for name in ("a/Apply", "b/Apply")}


def test_one_conflict_is_worded_as_kubernetes_words_it(schema):
    live = update(schema, None, obj(labels={"x": "1"}), "kubectl")
    with pytest.raises(Conflict) as caught:
        apply(schema, live, obj(labels={"x": "2"}))
    assert (
        caught.value.message
        == 'Apply failed with 1 conflict: conflict with "kubectl" using v1: .metadata.labels.x'
    )
    (cause,) = caught.value.causes
    assert (cause.reason, cause.message, cause.field) == (
        "FieldManagerConflict",
        'conflict with "kubectl" using v1',
        ".metadata.labels.x",
    )


def test_several_conflicts_are_listed_by_manager(schema):
    live = apply(schema, None, obj({"containers": [{"name": "c", "image": "1"}]}, labels={"x": "1"}))
    live = apply(schema, live, obj(labels={"x": "1"}), "b")
    with pytest.raises(Conflict) as caught:
        apply(schema, live, obj({"containers": [{"name": "c", "image": "2"}]}, labels={"x": "2"}), "c")
    assert caught.value.message == (
        'Apply failed with 3 conflicts: conflicts with "a":\n- .metadata.labels.x\n- .spec.containers[name="c"].image\n'
        'conflicts with "b":\n- .metadata.labels.x'
    )


def test_force_takes_the_fields_over(schema):
    live = apply(schema, None, obj(labels={"x": "1", "y": "1"}))
    live = apply(schema, live, obj(labels={"x": "2"}), "b", force=True)
    assert live["metadata"]["labels"] == {"x": "2", "y": "1"}
    assert owned(live) == {
        "a/Apply": {"f:metadata": {"f:labels": {"f:y": {}}}},
        "b/Apply": {"f:metadata": {"f:labels": {"f:x": {}}}},
    }


GIVEN_UP = {
    "a label": (obj(labels={"x": "1", "y": "1"}), obj(labels={"x": "1"}), obj(labels={"x": "1"})),
    "the last label": (obj(labels={"x": "1"}), obj(), obj()),
    "an item": (
        obj({"containers": [{"name": "c"}, {"name": "d"}]}), obj({"containers": [{"name": "d"}]}), obj({"containers": [{"name": "d"}]}),
    ),
    "a field of an item": (
        obj({"containers": [{"name": "c", "image": "i"}]}), obj({"containers": [{"name": "c"}]}), obj({"containers": [{"name": "c"}]}),
    ),
    "an atomic list": (obj({"port": 1, "tolerations": [{"key": "k"}]}), obj({"port": 1}), obj({"port": 1})),
}  # fmt: skip


@pytest.mark.parametrize(("first", "second", "left"), GIVEN_UP.values(), ids=GIVEN_UP.keys())
def test_what_is_left_out_is_removed(schema, first, second, left):
    assert bare(apply(schema, apply(schema, None, first), second)) == left


def test_what_is_left_out_stays_where_somebody_else_owns_it(schema):
    live = apply(schema, None, obj(labels={"x": "1", "y": "1"}))
    live = apply(schema, live, obj(labels={"x": "1"}), "b")
    live = apply(schema, live, obj())
    assert live["metadata"]["labels"] == {"x": "1"}
    assert owned(live) == {"b/Apply": {"f:metadata": {"f:labels": {"f:x": {}}}}}


def test_what_an_update_added_is_not_removed_by_an_applier(schema):
    live = apply(schema, None, obj({"containers": [{"name": "c"}]}))
    live = update(schema, live, bare(live) | {"spec": {"containers": [{"name": "c", "image": "i"}]}})
    live = apply(schema, live, obj({"containers": [{"name": "c"}]}))
    assert live["spec"] == {"containers": [{"name": "c", "image": "i"}]}


def test_applying_again_changes_nothing_not_even_the_time(schema):
    live = apply(schema, None, obj({"containers": [{"name": "c", "image": "i"}]}, labels={"x": "1"}))
    assert (
        apply(schema, live, obj({"containers": [{"name": "c", "image": "i"}]}, labels={"x": "1"}), now=LATER)
        == live
    )


def test_arguments_are_not_changed(schema):
    live, applied = (
        update(schema, None, obj({"containers": [{"name": "c"}]})),
        obj({"containers": [{"name": "d"}]}, labels={"x": "1"}),
    )
    before = copy.deepcopy((live, applied))
    stored = apply(schema, live, applied)
    stored["spec"]["containers"].clear()
    stored["metadata"]["labels"].clear()
    assert (live, applied) == before


def test_an_object_that_nobody_tracked_gets_a_manager_at_its_first_apply(schema):
    live = apply(schema, obj(labels={"x": "1"}), obj(labels={"y": "1"}))
    assert owned(live)["before-first-apply/Update"] == {"f:metadata": {"f:labels": {".": {}, "f:x": {}}}}


BAD = {
    "another version": (obj() | {"apiVersion": "v2"}, "Incorrect version specified in apply patch. Specified patch version: v2, expected: v1"),
    "managers of its own": (obj() | {"metadata": {"managedFields": []}}, "metadata.managedFields must be nil"),
    "an item without its key": (obj({"containers": [{"image": "i"}]}), 'omits all key fields ["name"]'),
    "a key twice": (obj({"containers": [{"name": "c"}, {"name": "c"}]}), "duplicate entries for key"),
}  # fmt: skip


@pytest.mark.parametrize(("applied", "message"), BAD.values(), ids=BAD.keys())
def test_a_bad_configuration_is_refused(schema, applied, message):
    with pytest.raises(BadRequest) as caught:
        apply(schema, obj({"containers": []}), applied)
    assert message in caught.value.message


def test_a_field_that_the_endpoint_does_not_write_is_neither_set_nor_owned(schema):
    stored = apply(schema, None, obj(labels={"x": "1"}, status={"phase": "Running"}), ignored=("status",))
    assert "status" not in stored
    assert owned(stored) == {"a/Apply": {"f:metadata": {"f:labels": {"f:x": {}}}}}


def test_a_create_is_tracked_with_what_it_brought(schema):
    stored = update(
        schema, None, obj({"containers": [{"name": "c", "image": "i"}]}, labels={"x": "1"}), "kubectl"
    )
    assert owned(stored) == {
        "kubectl/Update": {
            "f:metadata": {"f:labels": {".": {}, "f:x": {}}},
            "f:spec": {"f:containers": {'k:{"name":"c"}': {".": {}, "f:image": {}, "f:name": {}}}},
        }
    }


def test_an_update_takes_what_it_changes_and_only_that(schema):
    old = update(schema, None, obj({"containers": [{"name": "c", "image": "1"}]}, labels={"x": "1"}), "one")
    new = update(
        schema, old, obj({"containers": [{"name": "c", "image": "2"}]}, labels={"x": "1"}), "two", now=LATER
    )
    assert owned(new)["two/Update"] == {"f:spec": {"f:containers": {'k:{"name":"c"}': {"f:image": {}}}}}
    assert owned(new)["one/Update"]["f:spec"] == {"f:containers": {'k:{"name":"c"}': {".": {}, "f:name": {}}}}


def test_what_an_update_removes_is_nobodys(schema):
    old = apply(schema, None, obj(labels={"x": "1", "y": "1"}))
    new = update(schema, old, obj(labels={"x": "1"}))
    assert owned(new) == {"a/Apply": {"f:metadata": {"f:labels": {"f:x": {}}}}}


def test_an_update_without_a_change_tracks_nothing(schema):
    old = update(schema, None, obj(labels={"x": "1"}))
    assert update(schema, old, bare(old), "other", now=LATER) == old


def test_managers_are_kept_apart_by_subresource(schema):
    old = update(schema, None, obj(labels={"x": "1"}), "m")
    new = update(schema, old, bare(old) | {"status": {"phase": "Running"}}, "m", subresource="status")
    assert owned(new)["m/Update/status"] == {"f:status": {"f:phase": {}}}
    assert "m/Update" in owned(new)


def test_an_update_may_move_ownership_itself(schema):
    """Clients that migrate from client-side apply rewrite the entries."""
    old = update(schema, None, obj(labels={"x": "1"}), "kubectl")
    moved = copy.deepcopy(old)
    moved["metadata"]["managedFields"][0] |= {"manager": "kubectl", "operation": "Apply"}
    assert list(owned(update(schema, old, moved, "patcher"))) == ["kubectl/Apply"]


def test_one_empty_entry_clears_all_managers(schema):
    old = update(schema, None, obj(labels={"x": "1"}))
    cleared = bare(old) | {"metadata": {**bare(old)["metadata"], "managedFields": [{}]}}
    assert owned(update(schema, old, cleared)) == {}


def test_too_many_updaters_are_joined_oldest_first(schema):
    live = update(schema, None, obj(labels={"x": "1"}), "m00")
    for number in range(1, 15):
        labels = {**live["metadata"]["labels"], f"l{number}": "1"}
        live = update(
            schema,
            live,
            bare(live) | {"metadata": {"name": "a", "labels": labels}},
            f"m{number:02}",
            now=f"2026-01-01T00:00:{number:02}Z",
        )
    entries = live["metadata"]["managedFields"]
    assert len(entries) == MOST_UPDATE_MANAGERS
    assert {"ancient-changes", "m14"} <= {entry["manager"] for entry in entries}
    assert "m00" not in {entry["manager"] for entry in entries}


def test_updaters_of_the_same_second_are_joined_in_the_order_of_their_names(schema):
    live = update(schema, None, obj(labels={"x": "1"}), "m0")
    for number in range(1, 14):
        labels = {**live["metadata"]["labels"], f"l{number}": "1"}
        live = update(schema, live, bare(live) | {"metadata": {"name": "a", "labels": labels}}, f"m{number}")
    entries = live["metadata"]["managedFields"]
    assert [entry["manager"] for entry in entries] == [
        "ancient-changes",
        "m13",
        *(f"m{number}" for number in range(2, 10)),
    ]


def test_a_custom_resource_merges_by_its_own_schema(metadata_schema):
    """Without the structs of a built-in kind even `spec` is new."""
    custom = Schema.from_crd(
        {"properties": {"spec": {"type": "object", "properties": {"size": {"type": "integer"}}}}},
        metadata_schema,
    )
    stored = track_update(None, obj({"size": 1}), manager="u", schema=custom, api_version="v1", now=NOW)
    assert owned(stored) == {"u/Update": {"f:spec": {".": {}, "f:size": {}}}}


def test_without_a_schema_maps_merge_and_lists_are_replaced():
    live = apply(ANY, None, obj({"a": {"x": 1}, "l": [1]}))
    live = apply(ANY, live, obj({"a": {"y": 2}, "l": [2]}), "b", force=True)
    assert live["spec"] == {"a": {"x": 1, "y": 2}, "l": [2]}


names = st.sampled_from("abc")
containers = st.lists(
    st.fixed_dictionaries({"name": names}, optional={
        "image": st.sampled_from("12"), "args": st.lists(names, max_size=2),
        "env": st.lists(st.fixed_dictionaries({"name": names, "value": names}), unique_by=lambda e: e["name"], max_size=2),
    }), unique_by=lambda item: item["name"], max_size=3,
)  # fmt: skip
configurations = st.builds(
    obj,
    st.fixed_dictionaries({}, optional={"containers": containers, "port": st.integers(1, 2)}),
    st.dictionaries(names, names, max_size=2),
)


@given(configurations, configurations)
def test_applying_twice_is_applying_once(schema, first, second):
    live = apply(schema, update(schema, None, first), second, force=True)
    assert apply(schema, live, second, now=LATER) == live


@given(configurations, configurations)
def test_what_is_applied_holds_and_is_owned(schema, first, second):
    """After a forced apply every applied value stands, and applying it as another causes no conflict."""
    live = apply(schema, update(schema, None, first), second, force=True)
    assert bare(apply(schema, live, second, "other")) == bare(live)


@given(configurations, configurations)
def test_a_manager_that_applies_nothing_leaves_no_trace(schema, first, second):
    live = apply(schema, None, first)
    gone = apply(schema, apply(schema, live, second, "b", force=True), obj(), "b", force=True)
    assert "b/Apply" not in owned(gone)


@given(configurations, configurations)
def test_owners_own_only_what_is_there(schema, first, second):
    live = update(schema, apply(schema, None, first), second)
    there = compare({}, bare(live), schema).added
    for entry in live["metadata"].get("managedFields", []):
        assert difference(entry["fieldsV1"], there) == {}


@given(configurations)
def test_what_is_created_is_what_comparing_with_nothing_finds(schema, new):
    changes = compare(schema.unwritten, new, schema)
    assert created_fields(new, schema) == union(changes.modified, changes.added)
