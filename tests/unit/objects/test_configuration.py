"""What is wrong with an applied configuration, in Kubernetes' words."""

from __future__ import annotations

import pytest

from seaway.objects.configuration import configuration_faults
from seaway.objects.gotext import go_text, json_type
from seaway.objects.schema import Schema

TEXT = {"type": "string"}
ITEM = {"type": "object", "properties": {"name": TEXT, "port": {"type": "integer"}}}
ROOT = Schema.from_openapi({
    "type": "object",
    "properties": {
        "size": {"type": "integer"}, "on": {"type": "boolean"}, "either": {"x-kubernetes-int-or-string": True},
        "table": {"type": "object", "additionalProperties": TEXT}, "list": {"type": "array", "items": TEXT},
        "set": {"type": "array", "x-kubernetes-list-type": "set", "items": TEXT},
        "keyed": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"], "items": ITEM},
    },
}, {})  # fmt: skip


@pytest.mark.parametrize(
    ("value", "faults"),
    [
        ({"size": 1, "on": True, "table": {"a": "b"}, "either": "x", "list": ["a", "a"]}, []),
        ({"size": None}, []),
        ({"none": 1}, [".none: field not declared in schema"]),
        ({"size": "x"}, ['.size: expected numeric (int or float), got &value.valueUnstructured{Value:"x"}']),
        (
            {"size": True},
            [".size: expected numeric (int or float), got &value.valueUnstructured{Value:true}"],
        ),
        ({"on": 1}, [".on: expected boolean, got &value.valueUnstructured{Value:1}"]),
        ({"table": ["a"]}, [".table: expected map, got &{[a]}"]),
        ({"list": {"a": 1}}, [".list: expected list, got &{map[a:1]}"]),
        ({"set": ["a", "a"]}, ['.set: duplicate entries for key [="a"]']),
        ({"keyed": [{"name": "a"}, {"name": "a"}]}, ['.keyed: duplicate entries for key [name="a"]']),
        ({"keyed": [{"name": "a", "x": 1}]}, ['.keyed[name="a"].x: field not declared in schema']),
    ],
)
def test_faults_of_a_configuration(value, faults):
    assert configuration_faults(value, ROOT) == faults


def test_an_item_without_its_key():
    (fault,) = configuration_faults({"keyed": [{"port": 1}]}, ROOT)
    assert fault.startswith(".keyed: element 0: associative list with keys has an element that omits all key")


@pytest.mark.parametrize(
    ("value", "shown", "kind"),
    [
        (None, "<nil>", "null"),
        (True, "true", "bool"),
        (1.5, "1.5", "number"),
        ("x", "x", "string"),
        (["x", "y"], "[x y]", "array"),
        ({"b": ["x"], "a": 1}, "map[a:1 b:[x]]", "object"),
    ],
)
def test_values_as_go_prints_them(value, shown, kind):
    assert (go_text(value), json_type(value)) == (shown, kind)
