"""Discovery, OpenAPI and tables: what clients learn of this server."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from seaway.controlplane.apiserver.discovery import Discovery, version_document
from seaway.controlplane.apiserver.openapi import OpenApi
from seaway.controlplane.apiserver.table import include_object, table
from seaway.controlplane.kinds import BUILTIN_KINDS, REVIEW_RESOURCES
from seaway.controlplane.kinds.configs import CONFIG_MAP
from seaway.objects.errors import BadRequest, NotAcceptable
from seaway.objects.resource import version_order

DISCOVERY = Discovery(BUILTIN_KINDS, REVIEW_RESOURCES)
OPENAPI = OpenApi(BUILTIN_KINDS, REVIEW_RESOURCES)
AGGREGATED = (
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
    "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json"
)


def get(source: Discovery | OpenApi, path: str, accept: str = "") -> Any:
    found = source.answer(path, accept)
    assert found is not None, path
    return orjson.loads(found.body)


def test_groups_and_their_resources_are_listed() -> None:
    assert get(DISCOVERY, "/api")["versions"] == ["v1"]
    groups = [group["name"] for group in get(DISCOVERY, "/apis")["groups"]]
    assert "batch" in groups
    assert "" not in groups
    for group in groups:
        preferred = get(DISCOVERY, f"/apis/{group}")["preferredVersion"]["groupVersion"]
        assert get(DISCOVERY, f"/apis/{preferred}")["resources"]
    assert DISCOVERY.answer("/apis/nothing.example") is None
    assert DISCOVERY.answer("/apis/batch/v7") is None


def test_subresources_name_their_own_kind() -> None:
    entries = {entry["name"]: entry for entry in get(DISCOVERY, "/api/v1")["resources"]}
    assert entries["pods"]["shortNames"] == ["po"]
    assert entries["pods/log"]["verbs"] == ["get"]
    assert (entries["pods/eviction"]["kind"], entries["pods/eviction"]["group"]) == ("Eviction", "policy")
    assert entries["serviceaccounts/token"]["kind"] == "TokenRequest"
    assert entries["nodes"]["namespaced"] is False


@pytest.mark.parametrize(
    ("accept", "version"), [(AGGREGATED, "v2"), (AGGREGATED.partition(",")[2], "v2beta1")]
)
def test_aggregated_discovery_holds_everything(accept: str, version: str) -> None:
    found = DISCOVERY.answer("/apis", accept)
    assert found is not None
    assert (
        found.content_type == f"application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList"
    )
    assert orjson.loads(found.body)["apiVersion"] == f"apidiscovery.k8s.io/{version}"
    core = get(DISCOVERY, "/api", accept)["items"]
    pods = next(entry for entry in core[0]["versions"][0]["resources"] if entry["resource"] == "pods")
    assert pods["scope"] == "Namespaced"
    assert {entry["subresource"] for entry in pods["subresources"]} == {
        "binding",
        "eviction",
        "exec",
        "attach",
        "portforward",
        "proxy",
        "ephemeralcontainers",
        "log",
        "status",
    }


@pytest.mark.parametrize("source", [DISCOVERY, OPENAPI], ids=["discovery", "openapi"])
def test_protobuf_alone_is_not_acceptable(source: Discovery | OpenApi) -> None:
    path = "/apis" if source is DISCOVERY else "/openapi/v3"
    with pytest.raises(NotAcceptable):
        source.answer(path, "application/vnd.kubernetes.protobuf")


def test_the_older_form_is_also_served_as_protobuf() -> None:
    found = OPENAPI.answer("/openapi/v2", "application/com.github.proto-openapi.spec.v2@v1.0+protobuf")
    assert found is not None
    assert found.content_type == "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
    assert found.body.startswith(b"\x0a\x032.0")
    assert b"io.k8s.api.core.v1.PodSpec" in found.body


def test_stable_versions_come_first() -> None:
    versions = ["v1beta1", "v2alpha1", "v1", "v2", "weird", "v1beta2"]
    assert sorted(versions, key=version_order) == ["v2", "v1", "v1beta2", "v1beta1", "v2alpha1", "weird"]


def test_the_version_is_kubernetes_own() -> None:
    found = orjson.loads(version_document("0.1.0", python_version="3.11.7", platform="linux/amd64").body)
    assert (found["major"], found["minor"]) == ("1", "36")
    assert found["gitVersion"] == "v1.36.0+seaway.0.1.0"


def test_each_document_of_the_openapi_index_is_served_and_closed() -> None:
    """Every reference leads to a schema of the same document."""
    for path, entry in get(OPENAPI, "/openapi/v3")["paths"].items():
        assert entry["serverRelativeURL"].startswith(f"/openapi/v3/{path}?hash=")
        found = get(OPENAPI, f"/openapi/v3/{path}")
        schemas = found["components"]["schemas"]
        text = orjson.dumps(found).decode()
        referred = {part.partition('"')[0] for part in text.split('"#/components/schemas/')[1:]}
        assert referred <= schemas.keys()


def test_kubectl_learns_that_the_server_validates_fields() -> None:
    item = get(OPENAPI, "/openapi/v3/api/v1")["paths"]["/api/v1/namespaces/{namespace}/pods/{name}"]
    patch = item["patch"]
    assert patch["x-kubernetes-group-version-kind"] == {"group": "", "version": "v1", "kind": "Pod"}
    assert {"fieldValidation", "dryRun", "fieldManager", "force"} <= {p["name"] for p in patch["parameters"]}
    assert "application/strategic-merge-patch+json" in patch["requestBody"]["content"]


def test_explain_finds_our_words_and_merge_keys() -> None:
    schemas = get(OPENAPI, "/openapi/v3/api/v1")["components"]["schemas"]
    containers = schemas["io.k8s.api.core.v1.PodSpec"]["properties"]["containers"]
    assert containers["description"]
    assert containers["x-kubernetes-patch-merge-key"] == "name"


def test_the_older_form_has_definitions() -> None:
    found = get(OPENAPI, "/openapi/v2", "application/json")
    assert found["swagger"] == "2.0"
    pod = found["definitions"]["io.k8s.api.core.v1.Pod"]
    assert pod["properties"]["spec"]["$ref"] == "#/definitions/io.k8s.api.core.v1.PodSpec"
    assert "#/components/" not in orjson.dumps(found).decode()


@pytest.mark.parametrize(
    ("include", "expected"),
    [
        ("None", None),
        (
            "Metadata",
            {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": {"name": "a"}},
        ),
        ("Object", {"metadata": {"name": "a"}, "data": {"k": "v"}}),
    ],
)
def test_a_table_carries_as_much_of_an_object_as_was_asked(include: str, expected: Any) -> None:
    obj = {"metadata": {"name": "a"}, "data": {"k": "v"}}
    made = table(CONFIG_MAP, [obj], 0.0, metadata={"resourceVersion": "7"}, include=include_object(include))
    assert made["metadata"] == {"resourceVersion": "7"}
    assert [column["name"] for column in made["columnDefinitions"]] == ["Name", "Data", "Age"]
    assert made["rows"] == [{"cells": ["a", 1, "<unknown>"], "object": expected}]


def test_an_unknown_include_object_is_refused() -> None:
    with pytest.raises(BadRequest, match="includeObject"):
        include_object("Everything")
