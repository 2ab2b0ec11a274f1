"""What URLs ask for."""

from __future__ import annotations

import pytest

from seaway.controlplane.apiserver.requestinfo import parse_request_info

P = "/api/v1/namespaces/ns/pods"


@pytest.mark.parametrize(
    ("method", "path", "query", "wanted"),
    [
        ("GET", "/api/v1/pods", {}, ("list", "", "v1", "", "pods", "", "")),
        ("GET", P, {}, ("list", "", "v1", "ns", "pods", "", "")),
        ("GET", P, {"watch": "true"}, ("watch", "", "v1", "ns", "pods", "", "")),
        ("GET", P, {"watch": "0"}, ("list", "", "v1", "ns", "pods", "", "")),
        ("GET", "/api/v1/watch/namespaces/ns/pods", {}, ("watch", "", "v1", "ns", "pods", "", "")),
        ("GET", P, {"fieldSelector": "metadata.name=a"}, ("list", "", "v1", "ns", "pods", "", "a")),
        ("GET", f"{P}/a", {}, ("get", "", "v1", "ns", "pods", "", "a")),
        ("GET", f"{P}/a/log", {}, ("get", "", "v1", "ns", "pods", "log", "a")),
        ("POST", P, {}, ("create", "", "v1", "ns", "pods", "", "")),
        ("POST", f"{P}/a/binding", {}, ("create", "", "v1", "ns", "pods", "binding", "a")),
        ("PUT", f"{P}/a", {}, ("update", "", "v1", "ns", "pods", "", "a")),
        ("PATCH", f"{P}/a/status", {}, ("patch", "", "v1", "ns", "pods", "status", "a")),
        ("DELETE", f"{P}/a", {}, ("delete", "", "v1", "ns", "pods", "", "a")),
        ("DELETE", P, {}, ("deletecollection", "", "v1", "ns", "pods", "", "")),
        ("GET", "/api/v1/namespaces", {}, ("list", "", "v1", "", "namespaces", "", "")),
        ("GET", "/api/v1/namespaces/ns", {}, ("get", "", "v1", "ns", "namespaces", "", "ns")),
        (
            "PUT",
            "/api/v1/namespaces/ns/finalize",
            {},
            ("update", "", "v1", "ns", "namespaces", "finalize", "ns"),
        ),
        ("GET", "/apis/batch/v1/namespaces/ns/jobs/j", {}, ("get", "batch", "v1", "ns", "jobs", "", "j")),
        ("GET", "/api/v1/namespaces/ns/pods/a%2Fb", {}, ("get", "", "v1", "ns", "pods", "b", "a")),
        ("OPTIONS", P, {}, ("", "", "v1", "ns", "pods", "", "")),
    ],
)
def test_resources(method, path, query, wanted):
    info = parse_request_info(method, path, query)
    assert info.is_resource
    found = (info.verb, info.group, info.version, info.namespace, info.resource, info.subresource, info.name)
    assert found == wanted


@pytest.mark.parametrize(
    "path", ["/", "/api", "/api/v1", "/apis", "/apis/batch", "/apis/batch/v1", "/healthz", ""]
)
def test_paths_that_are_no_resource(path):
    info = parse_request_info("GET", path, {})
    assert not info.is_resource
    assert (info.verb, info.path) == ("get", path)
