"""What both servers say that they serve: the documents agree about everything that ours serves."""

from __future__ import annotations

import pytest

from tools.compare.differences import differences
from tools.compare.listed import PAGE, read_listed, unlisted
from tools.compare.messages import Message

pytestmark = pytest.mark.real

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
LISTED = [row for row in read_listed(PAGE.read_text()) if row.id.startswith("discovery-")]
NOT_COMPARED = ("example.com", "metrics.k8s.io")
"""Groups of other tests, and one that an API server of its own answers elsewhere."""


def fetched(wire, target, accept="application/json"):
    answer = wire.send(Message("GET", target, headers=(("Accept", accept),)))
    assert answer.status == 200, (target, answer.body)
    return answer.body


def plain(value):
    """Return a schema without words, without defaults that are zero, with its references written in one way."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "$ref" in value or len(value.get("allOf") or ()) == 1:
        return value.get("$ref") or plain(value["allOf"][0])
    zero = "default" in value and value["default"] in ("", 0, False, {})
    dropped = {"description", "default"} if zero else {"description"}
    return {name: plain(item) for name, item in value.items() if name not in dropped}


def not_ours_alone(group):
    return not any(part in group for part in NOT_COMPARED)


def paths(wire):
    """Return the paths of the groups and versions that a server serves."""
    groups = [g for g in fetched(wire, "/apis")["groups"] if not_ours_alone(g["name"])]
    return ["/api/v1", *(f"/apis/{v['groupVersion']}" for group in groups for v in group["versions"])]


def resources(ours, theirs):
    """Yield (call, ours, theirs) of every resource list."""
    for path in paths(ours):
        mine, others = fetched(ours, path), fetched(theirs, path)
        by_name = {entry["name"]: entry for entry in others.pop("resources")}
        for entry in mine.pop("resources"):
            other = dict(by_name[entry["name"]])
            other.pop("storageVersionHash", None)
            yield f"GET {path}", {entry["name"]: entry}, {entry["name"]: other}
        yield f"GET {path}", mine, others


def _aggregated_entries(document):
    for group in document["items"]:
        name = group["metadata"].get("name", "")
        for version in group["versions"] if not_ours_alone(name) else ():
            for resource in version["resources"]:
                yield (name, version["version"], resource["resource"]), resource


def aggregated(ours, theirs):
    """Yield (call, ours, theirs) of every resource of the aggregated documents, with the subresources that ours has."""
    for path in ("/api", "/apis"):
        others = dict(_aggregated_entries(fetched(theirs, path, AGGREGATED)))
        for identity, resource in _aggregated_entries(fetched(ours, path, AGGREGATED)):
            mine = {part["subresource"] for part in resource.get("subresources") or ()}
            other = dict(others[identity])
            kept = [part for part in other.pop("subresources", ()) if part["subresource"] in mine]
            yield f"GET {path} aggregated", resource, other | ({"subresources": kept} if kept else {})


def groups(ours, theirs):
    """Yield (call, ours, theirs) of every group."""
    for path in paths(ours)[1:]:
        group = path.rpartition("/")[0]
        yield f"GET {group}", fetched(ours, group), fetched(theirs, group)
    yield "GET /api", fetched(ours, "/api")["versions"], fetched(theirs, "/api")["versions"]


def schemas(ours, theirs):
    """Yield (call, ours, theirs) of every schema in both forms."""
    for path in paths(ours):
        mine, others = (
            fetched(wire, f"/openapi/v3{path}")["components"]["schemas"] for wire in (ours, theirs)
        )
        for name, schema in mine.items():
            yield f"GET /openapi/v3{path}", {name: plain(schema)}, {name: plain(others.get(name))}
    mine, others = (fetched(wire, "/openapi/v2")["definitions"] for wire in (ours, theirs))
    for name, schema in mine.items():
        if "com.example" not in name:
            yield "GET /openapi/v2", {name: plain(schema)}, {name: plain(others.get(name))}


DOCUMENTS = [resources, aggregated, groups, schemas]


@pytest.fixture(scope="module")
def found(stage):
    """Every difference, by documents."""
    return {
        documents.__name__: [
            difference
            for call, mine, other in documents(stage.ours, stage.theirs)
            for difference in differences(call, {"body": mine}, {"body": other})
        ]
        for documents in DOCUMENTS
    }


@pytest.mark.parametrize("documents", [documents.__name__ for documents in DOCUMENTS])
def test_the_documents_agree(stage, found, documents):
    left = unlisted(found[documents], stage.listed)
    assert not left, "\n".join(map(str, left[:40]))


@pytest.mark.parametrize("row", LISTED, ids=lambda row: row.id)
def test_the_difference_is_there(found, row):
    assert any(row.covers(difference) for listed in found.values() for difference in listed), (
        "this row can go"
    )
