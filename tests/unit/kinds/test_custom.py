"""Custom resource definitions: which are refused, and the kinds that they make."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from seaway.controlplane.kinds.apiextensions import CUSTOM_RESOURCE_DEFINITION as CRD
from seaway.controlplane.kinds.custom import kinds_of
from seaway.controlplane.kinds.jsonpath import compile_path, find

NOW = 1_800_000_000.0
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "spec": {
            "type": "object",
            "required": ["size"],
            "properties": {
                "size": {"type": "integer", "minimum": 1},
                "color": {"type": "string", "default": "red"},
            },
        },
        "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
    },
}


def definition() -> dict[str, Any]:
    """Return a defaulted definition with two versions."""
    columns = [
        {"name": "Size", "type": "integer", "jsonPath": ".spec.size"},
        {"name": "Ready", "type": "string", "jsonPath": '.status.conditions[?(@.type=="Ready")].status'},
        {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp", "priority": 1},
    ]
    versions = [
        {
            "name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": copy.deepcopy(SCHEMA)},
            "additionalPrinterColumns": columns,
            "subresources": {
                "status": {}, "scale": {"specReplicasPath": ".spec.size", "statusReplicasPath": ".status.size"},
            },
        },
        {"name": "v1beta1", "served": False, "storage": False, "schema": {"openAPIV3Schema": {"type": "object"}}},
    ]  # fmt: skip
    made = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.seaway.dev", "creationTimestamp": "2027-01-15T08:00:00Z"},
        "spec": {
            "group": "seaway.dev",
            "scope": "Namespaced",
            "names": {"plural": "widgets", "kind": "Widget", "shortNames": ["wd"]},
            "versions": versions,
        },
    }
    CRD.default(made)
    return made


def test_names_are_filled_in_and_it_begins_established() -> None:
    made = definition()
    CRD.prepare_create(made)
    assert made["spec"]["names"] == {
        "plural": "widgets", "kind": "Widget", "singular": "widget", "listKind": "WidgetList", "shortNames": ["wd"],
    }  # fmt: skip
    assert made["status"]["storedVersions"] == ["v1"]
    assert {c["type"]: c["status"] for c in made["status"]["conditions"]} == {
        "NamesAccepted": "True",
        "Established": "True",
    }
    assert CRD.validate(made) == []


def _set(*path: Any, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(obj: dict[str, Any]) -> None:
        for step in path[:-1]:
            obj = obj[step]
        obj[path[-1]] = value

    return change


ROOT = ("spec", "versions", 0, "schema", "openAPIV3Schema")
AT = "spec.versions[0].schema.openAPIV3Schema"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (_set("metadata", "name", value="gadgets.seaway.dev"), 'metadata.name: Invalid value: "gadgets.seaway.dev": must be spec.names.plural+"."+spec.group'),
        (_set("spec", "scope", value="Global"), 'spec.scope: Unsupported value: "Global": supported values: "Cluster", "Namespaced"'),
        (_set("spec", "versions", 1, "storage", value=True), 'spec.versions: Invalid value: ["v1","v1beta1"]: must have exactly one version marked as storage version'),
        (_set("spec", "versions", 1, "name", value="v1"), 'spec.versions: Invalid value: ["v1","v1"]: must contain unique version names'),
        (_set("spec", "versions", 1, "schema", value={}), "spec.versions[1].schema.openAPIV3Schema: Required value"),
        (_set(*ROOT, value={"properties": {}}), f"{AT}.type: Required value: must not be empty at the root"),
        (_set(*ROOT, "properties", "spec", value={}), f"{AT}.properties[spec].type: Required value: must not be empty for specified object fields"),
        (_set(*ROOT, "properties", "spec", value={"type": "array"}), f"{AT}.properties[spec].items: Required value: must be specified"),
        (_set(*ROOT, "properties", "spec", value={"type": "object", "anyOf": [{"type": "object"}]}), f"{AT}.properties[spec].anyOf[0].type: Forbidden: must be empty to be structural"),
        (_set("spec", "versions", 0, "additionalPrinterColumns", 0, "type", value="text"), 'spec.versions[0].additionalPrinterColumns[0].type: Invalid value: "text": must be one of boolean,date,integer,number,string'),
        (_set("spec", "conversion", value={"strategy": "Webhook"}), "spec.conversion.strategy: Forbidden: webhook conversion is not served by the embedded cluster; use the strategy None"),
        (_set("spec", "names", "kind", value=""), "spec.names.kind: Required value"),
    ],
)  # fmt: skip
def test_a_bad_definition_is_refused(change: Callable[[dict[str, Any]], None], expected: str) -> None:
    made = definition()
    change(made)
    assert expected in [f"{cause.field}: {cause.message}" for cause in CRD.validate(made)]


def test_a_default_must_fit_its_schema() -> None:
    made = definition()
    made["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["color"][
        "default"
    ] = 5
    assert [cause.field for cause in CRD.validate(made)] == [
        f"{AT}.properties[spec].properties[color].default"
    ]


def test_kind_group_and_scope_are_fixed() -> None:
    old, new = definition(), definition()
    new["spec"]["scope"] = "Cluster"
    assert [cause.field for cause in CRD.validate_update(new, old)] == ["spec.scope"]


def test_a_stored_version_must_stay_declared() -> None:
    old, new = definition(), definition()
    CRD.prepare_create(old)
    new["spec"]["versions"] = [new["spec"]["versions"][1] | {"served": True, "storage": True}]
    assert [cause.field for cause in CRD.validate_update(new, old)] == ["status.storedVersions[0]"]


def test_the_kind_of_a_definition() -> None:
    kind, other = kinds_of(definition())
    assert (kind.resource.api_version, kind.resource.plural, kind.resource.short_names) == (
        "seaway.dev/v1",
        "widgets",
        ("wd",),
    )
    assert kind.resource.subresources == {"status", "scale"}
    assert kind.scale is not None
    assert (kind.has_status, kind.storage_version, other.served) == (True, "v1", False)
    widget = {
        "apiVersion": "seaway.dev/v1", "kind": "Widget",
        "metadata": {"name": "a", "namespace": "default", "creationTimestamp": "2027-01-15T07:59:00Z"},
        "spec": {"size": 2}, "status": {"conditions": [{"type": "Other"}, {"type": "Ready", "status": "True"}]},
    }  # fmt: skip
    kind.default(widget)
    assert widget["spec"] == {"size": 2, "color": "red"}
    assert kind.validate(widget) == []
    assert [column.cell(widget, NOW) for column in kind.columns] == ["a", 2, "True", "60s"]
    assert [cause.field for cause in kind.schema.validate({"spec": {"size": 0}})] == ["spec.size"]


VALUE = {"a": {"b.c/d": 1, "x.y": 2}, "list": [{"n": "one", "v": 1}, {"n": "two", "v": 2}]}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (".a['b.c/d']", [1]),
        (r".a.x\.y", [2]),
        (".list[1].v", [2]),
        (".list[-1].n", ["two"]),
        (".list[*].v", [1, 2]),
        ('.list[?(@.n=="two")].v', [2]),
        ("{.list[0].n}", ["one"]),
        (".gone.b", []),
        (".list[9]", []),
    ],
)
def test_paths_find_values(path: str, found: list[Any]) -> None:
    assert find(path, VALUE) == found


@pytest.mark.parametrize("path", ["", "..a", ".a[?(@.b>1)]", "a b"])
def test_a_path_outside_the_subset_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match=r"JSONPath|empty"):
        compile_path(path)
