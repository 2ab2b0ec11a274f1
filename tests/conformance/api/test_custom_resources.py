"""Kinds that come and go at run time."""

from __future__ import annotations

import asyncio

import pytest

from seaway.client.request import MERGE_PATCH, STRATEGIC_MERGE_PATCH, Request
from seaway.controlplane.apiserver.messages import ApiRequest
from seaway.controlplane.apiserver.users import ADMIN
from seaway.objects.builtin import CUSTOM_RESOURCE_DEFINITIONS
from seaway.objects.errors import BadRequest, Invalid, NotFound, UnsupportedMediaType
from seaway.objects.meta import copy, get_condition
from seaway.objects.resource import Resource

BOATS = Resource("sea.example.com", "v1", "Boat", "boats")
OLD_BOATS = Resource("sea.example.com", "v1beta1", "Boat", "boats")
SCHEMA = {
    "type": "object",
    "properties": {
        "spec": {
            "type": "object",
            "required": ["length"],
            "properties": {
                "length": {"type": "integer", "minimum": 1},
                "flag": {"type": "string", "default": "none"},
                "crew": {"type": "integer"},
            },
        },
        "status": {"type": "object", "properties": {"crew": {"type": "integer"}}},
    },
}


def version(name, *, storage=False):
    return {
        "name": name, "served": True, "storage": storage, "schema": {"openAPIV3Schema": SCHEMA},
        "subresources": {"status": {}, "scale": {"specReplicasPath": ".spec.crew", "statusReplicasPath": ".status.crew"}},
    }  # fmt: skip


DEFINITION = {
    "metadata": {"name": "boats.sea.example.com"},
    "spec": {
        "group": "sea.example.com", "scope": "Namespaced",
        "names": {"plural": "boats", "kind": "Boat", "singular": "boat", "shortNames": ["bt"]},
        "versions": [version("v1", storage=True), version("v1beta1")],
    },
}  # fmt: skip


def boat(name, **spec):
    return {"metadata": {"name": name}, "spec": {"length": 5, **spec}}


@pytest.fixture
async def boats(client):
    return await client.create(CUSTOM_RESOURCE_DEFINITIONS, DEFINITION)


async def test_a_definition_without_a_served_version_goes_with_its_objects(client, boats):
    await client.create(BOATS, boat("a"), "default")
    versions = [{**one, "served": False} for one in boats["spec"]["versions"]]
    name = "boats.sea.example.com"
    await client.patch(
        CUSTOM_RESOURCE_DEFINITIONS, name, {"spec": {"versions": versions}}, content_type=MERGE_PATCH
    )
    await client.delete(CUSTOM_RESOURCE_DEFINITIONS, "boats.sea.example.com")
    async with asyncio.timeout(60):
        while (await client.list(CUSTOM_RESOURCE_DEFINITIONS))["items"]:
            await asyncio.sleep(0.01)
    await client.create(CUSTOM_RESOURCE_DEFINITIONS, DEFINITION)
    assert (await client.list(BOATS, "default"))["items"] == []


@pytest.mark.parametrize(
    "part", [{"items": {"type": "object", "properties": 1}, "type": "array"}, {"type": "array", "items": "x"},
             {"type": "object", "additionalProperties": {"type": "object", "required": 5}},
             {"type": "array", "items": {"type": "object", "properties": {"a": None}}},
             {"type": "array", "items": {"type": "object", "not": None}}],
    ids=["properties", "items", "required", "no schema", "not"],
)  # fmt: skip
async def test_a_schema_of_wrong_types_is_refused_with_its_field(client, part):
    definition = copy(DEFINITION)
    schema = {"type": "object", "properties": {"spec": {"type": "object", "properties": {"list": part}}}}
    definition["spec"]["versions"][0]["schema"] = {"openAPIV3Schema": schema}
    with pytest.raises(Invalid, match=r"openAPIV3Schema.properties\[spec\].properties\[list\]"):
        await client.create(CUSTOM_RESOURCE_DEFINITIONS, definition)


async def test_nulls_and_empty_lists_in_a_schema_leave_the_documents_whole(client, api_server):
    definition = copy(DEFINITION)
    odd = {"type": "object", "properties": None, "allOf": [], "required": None, "description": None}
    schema = {"type": "object", "properties": {"spec": {"type": "array", "items": odd}}}
    definition["spec"]["versions"][0]["schema"] = {"openAPIV3Schema": schema}
    await client.create(CUSTOM_RESOURCE_DEFINITIONS, definition)
    for path in ("/openapi/v2", "/openapi/v3/apis/sea.example.com/v1", "/apis/sea.example.com/v1"):
        assert (await api_server.handle(ApiRequest("GET", path, user=ADMIN))).status == 200


@pytest.mark.parametrize("field", ["name", "generateName", "namespace"])
async def test_a_name_of_a_wrong_type_is_refused(client, boats, field):
    with pytest.raises(BadRequest, match=f"metadata.{field} must be a string"):
        await client.create(BOATS, {"metadata": {"name": "a", field: 5}, "spec": {"length": 5}}, "default")


async def test_a_definition_is_established_and_served_at_once(client, boats):
    assert get_condition(boats, "Established")["status"] == "True"
    made = await client.create(BOATS, boat("a"), "default")
    assert made["spec"]["flag"] == "none"
    assert made["metadata"]["generation"] == 1
    listed = await client.list(BOATS, "default")
    assert listed["kind"] == "BoatList"
    groups = await client.send(Request("GET", "/apis"))
    assert "sea.example.com" in [group["name"] for group in groups["groups"]]


@pytest.mark.parametrize(
    ("spec", "words"),
    [({"length": 0}, "spec.length"), ({"length": "long"}, "spec.length")],
    ids=["below the minimum", "wrong type"],
)
async def test_an_object_that_breaks_its_schema_is_invalid(client, boats, spec, words):
    with pytest.raises(Invalid, match=words):
        await client.create(BOATS, boat("a", **spec), "default")


async def test_unknown_fields_are_pruned_or_refused(client, boats):
    made = await client.create(BOATS, boat("a", sails=3), "default")
    assert "sails" not in made["spec"]
    path = "/apis/sea.example.com/v1/namespaces/default/boats"
    body = {"apiVersion": "sea.example.com/v1", "kind": "Boat", **boat("b", sails=3)}
    with pytest.raises(BadRequest, match=r'strict decoding error: unknown field "spec\.sails"'):
        await client.send(Request("POST", path, (("fieldValidation", "Strict"),), body))


async def test_every_version_shows_the_same_object(client, boats):
    await client.create(OLD_BOATS, boat("a"), "default")
    assert (await client.get(BOATS, "a", "default"))["apiVersion"] == "sea.example.com/v1"
    assert (await client.get(OLD_BOATS, "a", "default"))["apiVersion"] == "sea.example.com/v1beta1"
    assert (await client.list(OLD_BOATS, "default"))["items"][0]["apiVersion"] == "sea.example.com/v1beta1"


async def test_status_and_generation(client, boats):
    made = copy(await client.create(BOATS, boat("a"), "default"))
    made["status"] = {"crew": 2}
    updated = await client.replace(BOATS, made, subresource="status")
    assert updated["status"] == {"crew": 2}
    assert updated["metadata"]["generation"] == 1
    changed = await client.patch(BOATS, "a", {"spec": {"length": 9}, "status": {"crew": 7}}, "default")
    assert changed["metadata"]["generation"] == 2
    assert changed["status"] == {"crew": 2}


async def test_scale(client, boats):
    await client.create(BOATS, boat("a", crew=1), "default")
    path = "/apis/sea.example.com/v1/namespaces/default/boats/a/scale"
    scale = await client.send(Request("GET", path))
    assert scale["spec"] == {"replicas": 1}
    scale = copy(scale)
    scale["spec"]["replicas"] = 4
    await client.send(Request("PUT", path, (), scale))
    assert (await client.get(BOATS, "a", "default"))["spec"]["crew"] == 4


async def test_a_strategic_patch_is_no_patch_of_a_custom_resource(client, boats):
    await client.create(BOATS, boat("a"), "default")
    with pytest.raises(UnsupportedMediaType):
        await client.patch(BOATS, "a", {}, "default", content_type=STRATEGIC_MERGE_PATCH)


async def test_apply_on_a_custom_resource(client, boats):
    obj = {
        "apiVersion": "sea.example.com/v1",
        "kind": "Boat",
        "metadata": {"name": "a", "namespace": "default"},
        "spec": {"length": 3},
    }
    await client.apply(BOATS, obj)
    assert (await client.get(BOATS, "a", "default"))["metadata"]["managedFields"][0]["operation"] == "Apply"


async def test_a_definition_takes_its_objects_with_it(client, boats):
    held = boat("held")
    held["metadata"]["finalizers"] = ["example.com/hold"]
    await client.create(BOATS, boat("a"), "default")
    await client.create(BOATS, held, "default")
    await client.delete(CUSTOM_RESOURCE_DEFINITIONS, "boats.sea.example.com")
    async with asyncio.timeout(60):
        while [b["metadata"]["name"] for b in (await client.list(BOATS, "default"))["items"]] != ["held"]:
            await asyncio.sleep(0)
    assert await client.get(CUSTOM_RESOURCE_DEFINITIONS, "boats.sea.example.com")
    await client.patch(BOATS, "held", {"metadata": {"finalizers": None}}, "default")
    async with asyncio.timeout(60):
        while True:
            try:
                await client.list(BOATS, "default")
            except NotFound:
                break
            await asyncio.sleep(0)
    with pytest.raises(NotFound):
        await client.get(CUSTOM_RESOURCE_DEFINITIONS, "boats.sea.example.com")
