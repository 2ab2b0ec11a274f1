"""How verbs become requests."""

from __future__ import annotations

import pytest

from seaway.client import build
from seaway.client.logs import LogOptions
from seaway.client.request import APPLY_PATCH, JSON, MERGE_PATCH, Request
from seaway.objects.builtin import JOBS, NODES, PODS

POD = {"metadata": {"name": "a", "namespace": "ns"}}
TYPED = {"apiVersion": "v1", "kind": "Pod", **POD}
PATH = "/api/v1/namespaces/ns/pods"


@pytest.mark.parametrize(
    ("built", "expected"),
    [
        (build.get(PODS, "a", "ns"), Request("GET", f"{PATH}/a")),
        (build.get(NODES, "n"), Request("GET", "/api/v1/nodes/n")),
        (build.get(NODES, "n", "ignored"), Request("GET", "/api/v1/nodes/n")),
        (build.list_(PODS), Request("GET", "/api/v1/pods")),
        (
            build.list_(JOBS, "ns", label_selector="a=b", limit=5, continue_="x"),
            Request(
                "GET",
                "/apis/batch/v1/namespaces/ns/jobs",
                (("labelSelector", "a=b"), ("limit", "5"), ("continue", "x")),
            ),
        ),
        (
            build.watch(PODS, "ns", resource_version="7", timeout_seconds=60),
            Request(
                "GET",
                PATH,
                (
                    ("watch", "true"),
                    ("resourceVersion", "7"),
                    ("timeoutSeconds", "60"),
                    ("allowWatchBookmarks", "true"),
                ),
            ),
        ),
        (
            build.create(PODS, POD, field_manager="me"),
            Request("POST", PATH, (("fieldManager", "me"),), TYPED),
        ),
        (build.create(PODS, POD, dry_run=True), Request("POST", PATH, (("dryRun", "All"),), TYPED)),
        (build.replace(PODS, POD, subresource="status"), Request("PUT", f"{PATH}/a/status", (), TYPED)),
        (build.patch(PODS, "a", {"x": 1}, "ns"), Request("PATCH", f"{PATH}/a", (), {"x": 1}, MERGE_PATCH)),
        (
            build.apply(PODS, POD, field_manager="me", force=True),
            Request("PATCH", f"{PATH}/a", (("fieldManager", "me"), ("force", "true")), TYPED, APPLY_PATCH),
        ),
        (build.delete(PODS, "a", "ns"), Request("DELETE", f"{PATH}/a", (), None, JSON)),
        (
            build.delete(
                PODS, "a", "ns", grace_seconds=0, propagation="Foreground", uid="u", resource_version="9"
            ),
            Request(
                "DELETE",
                f"{PATH}/a",
                (),
                {
                    "apiVersion": "v1",
                    "kind": "DeleteOptions",
                    "gracePeriodSeconds": 0,
                    "propagationPolicy": "Foreground",
                    "preconditions": {"uid": "u", "resourceVersion": "9"},
                },
            ),
        ),
        (
            build.logs("a", "ns", "main", LogOptions(follow=True, tail_lines=0)),
            Request("GET", f"{PATH}/a/log", (("container", "main"), ("follow", "true"), ("tailLines", "0"))),
        ),
        (
            build.create_subresource(PODS, "a", "binding", {}, "ns"),
            Request("POST", f"{PATH}/a/binding", (), {}),
        ),
    ],
    ids=lambda value: f"{value.method} {value.path}" if isinstance(value, Request) else "",
)
def test_a_verb_becomes_exactly_this_request(built: Request, expected: Request) -> None:
    assert built == expected


def test_the_object_given_is_not_changed() -> None:
    given = {"metadata": {"name": "a", "namespace": "ns"}}
    build.create(PODS, given)
    assert given == {"metadata": {"name": "a", "namespace": "ns"}}


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda: build.get(PODS, "", "ns"), id="no name"),
        pytest.param(lambda: build.get(PODS, "a"), id="no namespace"),
        pytest.param(lambda: build.create(PODS, {"metadata": {"name": "a"}}), id="no namespace to create in"),
    ],
)
def test_what_would_hit_another_url_is_refused(call) -> None:
    """An empty name would turn the delete of one into the delete of all."""
    with pytest.raises(ValueError, match="name"):
        call()
