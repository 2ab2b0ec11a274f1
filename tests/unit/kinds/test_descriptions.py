"""Descriptions are ours, and name things that exist."""

from __future__ import annotations

from seaway.controlplane.kinds.schemas import components, descriptions
from seaway.objects.builtin import BUILTIN_RESOURCES
from seaway.objects.further import FURTHER_RESOURCES


def test_each_description_is_of_a_known_schema_or_field() -> None:
    known = {name.rpartition(".")[2] for name in components()}
    known |= {
        f"{name.rpartition('.')[2]}.{field}"
        for name, schema in components().items()
        for field in schema.get("properties", ())
    }
    assert [key for key in descriptions() if not key.startswith("*.") and key not in known] == []


def test_every_served_kind_is_described() -> None:
    served = (*BUILTIN_RESOURCES, *FURTHER_RESOURCES)
    assert {resource.kind for resource in served} - descriptions().keys() == set()


def test_the_package_data_holds_facts_only() -> None:
    def described(schema: object) -> bool:
        if isinstance(schema, list):
            return any(described(item) for item in schema)
        if not isinstance(schema, dict):
            return False
        own = isinstance(schema.get("description"), str)
        return own or any(described(value) for value in schema.values())

    assert [name for name, schema in components().items() if described(schema)] == []
