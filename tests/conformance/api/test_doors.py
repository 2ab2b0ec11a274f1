"""Knock on every door with garbage: every answer is a Status of the 4xx kind, never a 500."""

from __future__ import annotations

import asyncio
import ssl

import httpx
import orjson
import pytest

from seaway.controlplane.apiserver.messages import ApiRequest
from seaway.controlplane.apiserver.users import ADMIN
from seaway.objects.builtin import BUILTIN_RESOURCES, CUSTOM_RESOURCE_DEFINITIONS, NAMESPACES, PODS

GARBAGE = [
    b"", b"null", b"[]", b"{}", b"1", b'"text"', b"{", b"\xff\xfe", b'{"metadata": 1}', b'{"metadata": {"name": 5}}',
    b'{"metadata": {"name": "../x"}}', b'{"metadata": {"name": "UPPER"}, "spec": []}', b'{"kind": 3}', b'{"apiVersion": "v9"}',
    b'{"metadata": {"name": "a", "labels": {"a b": "c"}}}', b'{"metadata": {"name": "a", "ownerReferences": [{}]}}',
    b'{"metadata": {"name": "a", "finalizers": [""]}, "spec": {}}', b'{"metadata": {"name": "a", "annotations": {"x": null}}, "spec": null}',
    b'{"metadata": {"name": "a"}, "spec": {"containers": [{}]}}', b'{"metadata": {"name": "a"}, "spec": {"containers": [null]}}',
    b'{"metadata": {"name": "a"}, "spec": {"template": {"spec": {}}, "names": {}, "versions": [{}]}}',
    b'{"metadata": {"name": "a"}, "rules": [{}], "roleRef": {}, "subjects": [{}]}', b"[" * 900, b'{"a":' * 900,
    b'{"metadata": {"name": "a", "managedFields": [{"manager": 1}]}}', b'{"metadata": {"generateName": "-"}}',
]  # fmt: skip


@pytest.fixture
async def http(served):
    context = ssl.create_default_context(cadata=served.ca.decode())
    pair = served.connections("admin", ("system:masters",))
    folder = None
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "c").write_bytes(pair["client_certificate"])
        (folder / "k").write_bytes(pair["client_key"])
        context.load_cert_chain(folder / "c", folder / "k")
    async with httpx.AsyncClient(verify=context, base_url=served.url, timeout=30) as client:
        yield client


def is_status(code, told, body) -> bool:
    if code < 400:
        return True
    status = told()
    assert status["kind"] == "Status", body
    assert status["code"] == code, body
    assert status["message"], body
    assert code < 500, (body, status)
    return True


DOORS = pytest.mark.parametrize(
    ("method", "named", "media"),
    [
        ("POST", False, "application/json"), ("PUT", True, "application/json"), ("POST", False, "application/yaml"),
        ("PATCH", True, "application/merge-patch+json"), ("PATCH", True, "application/json-patch+json"),
        ("PATCH", True, "application/strategic-merge-patch+json"), ("PATCH", True, "application/apply-patch+yaml"),
        ("DELETE", True, "application/json"), ("DELETE", False, "application/json"),
    ],
)  # fmt: skip


def bodies(resources, method, named):
    """Return each path with each body."""
    return [
        (resource.path("default" if resource.namespaced else None, "a" if named else None), body)
        for resource in resources
        if (method, resource) != ("DELETE", NAMESPACES)
        for body in GARBAGE
    ]


@DOORS
async def test_garbage_bodies(api_server, method, named, media):
    for path, body in bodies(BUILTIN_RESOURCES, method, named):
        headers = {"content-type": media}
        call = ApiRequest(method, path, {"fieldManager": "t"}, headers, body, content_type=media, user=ADMIN)
        answer = await api_server.handle(call)
        assert is_status(answer.status, answer.content.parsed, body), path


@DOORS
async def test_garbage_bodies_over_tls(http, method, named, media):
    """The way in is the same for each kind."""
    for path, body in bodies((PODS, CUSTOM_RESOURCE_DEFINITIONS), method, named):
        answer = await http.request(
            method, path, content=body, headers={"content-type": media}, params={"fieldManager": "t"}
        )
        assert is_status(answer.status_code, answer.json, body), path


async def test_garbage_on_subresources(http):
    doors = [
        ("POST", "pods/a/binding"), ("POST", "pods/a/eviction"), ("PUT", "pods/a/status"), ("GET", "pods/a/log"),
        ("POST", "serviceaccounts/a/token"), ("PUT", "jobs/a/status"), ("GET", "pods/a/nothing"), ("POST", "pods/a/log"),
        ("PATCH", "pods/a/status"), ("GET", "nodes/a/proxy/x/y"), ("PUT", "a/finalize"),
    ]  # fmt: skip
    for method, door in doors:
        for body in GARBAGE:
            answer = await http.request(method, f"/api/v1/namespaces/default/{door}", content=body)
            assert is_status(answer.status_code, answer.json, (door, body))
            assert answer.status_code >= 400


@pytest.mark.parametrize(
    ("method", "door", "body", "code"),
    [
        ("POST", "pods/p/binding", {"target": {"name": "n"}, "metadata": {"annotations": "x"}}, 400),
        ("POST", "pods/p/binding", {"target": {"name": "n"}, "metadata": {"annotations": {"a": 1}}}, 400),
        ("POST", "pods/p/eviction", {"deleteOptions": {"propagationPolicy": ["Orphan"]}}, 400),
        ("DELETE", "pods/p", {"propagationPolicy": {"a": 1}}, 400),
        ("POST", "serviceaccounts/default/token", {"spec": {"boundObjectRef": {"kind": ["Pod"], "name": "p"}}}, 400),
    ],
    ids=["annotations", "an annotation", "eviction", "deletion", "token"],
)  # fmt: skip
async def test_wrong_types_on_subresources_of_what_is_there(http, method, door, body, code):
    base = "/api/v1/namespaces/default"
    await http.post(f"{base}/serviceaccounts", json={"metadata": {"name": "default"}})
    pod = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "python"}]}}
    assert (await http.post(f"{base}/pods", json=pod)).status_code == 201
    answer = await http.request(method, f"{base}/{door}", json=body)
    assert (is_status(answer.status_code, answer.json, body), answer.status_code) == (True, code)


REVIEWS = [
    "authorization.k8s.io/v1/selfsubjectaccessreviews", "authorization.k8s.io/v1/subjectaccessreviews",
    "authorization.k8s.io/v1/selfsubjectrulesreviews", "authentication.k8s.io/v1/tokenreviews",
    "authentication.k8s.io/v1/selfsubjectreviews", "authorization.k8s.io/v1/namespaces/default/localsubjectaccessreviews",
]  # fmt: skip
QUESTIONS = [
    b'{"spec": 1}', b'{"spec": {"token": 5}}', b'{"spec": {"resourceAttributes": []}}', b'{"spec": {"user": 4}}',
    b'{"spec": {"resourceAttributes": {"verb": 3}}}', b'{"spec": {"namespace": []}}', b'{"spec": {"token": "a.b"}}',
    b'{"spec": {"token": "e30.e30.e30", "audiences": 5}}', b'{"spec": {"user": "a", "groups": {}}}',
]  # fmt: skip


@pytest.mark.parametrize("review", REVIEWS)
async def test_garbage_questions(http, review):
    for body in GARBAGE + QUESTIONS:
        answer = await http.post(f"/apis/{review}", content=body)
        assert is_status(answer.status_code, answer.json, body)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("limit=x", 400), ("limit=-1", 200), ("labelSelector=a%20b", 400), ("labelSelector=%3D%3D", 400), ("fieldSelector=x", 400),
        ("fieldSelector=nothing%3D1", 400), ("continue=garbage", 400), ("resourceVersion=abc", 400), ("resourceVersion=-1", 400),
        ("resourceVersion=99999999999999999999", 400), ("resourceVersionMatch=Exact", 422), ("resourceVersionMatch=x&resourceVersion=1", 422),
        ("watch=1&resourceVersion=abc", 400), ("watch=1&sendInitialEvents=true", 422), ("unknown=1", 200), ("timeoutSeconds=x", 400),
        ("watch=1&timeoutSeconds=1&resourceVersion=1", 200), ("limit=99999999999999999999999", 400), ("continue=eyJydiI6MX0", 400),
    ],
)  # fmt: skip
async def test_queries(http, query, code):
    answer = await http.get(f"/api/v1/namespaces/default/configmaps?{query}")
    assert answer.status_code == code, answer.text


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", "/api/v1/nothings", 404), ("GET", "/api/v9/pods", 404),
        ("GET", "/api/v1/namespaces/default/pods/a/b/c", 404), ("POST", "/api/v1/pods", 405), ("PUT", "/api/v1/namespaces/default/pods", 405),
        ("PATCH", "/api/v1/namespaces/default/pods", 405), ("POST", "/api/v1/namespaces/default/pods/a", 405),
        ("OPTIONS", "/api/v1/pods", 405), ("TRACE", "/api/v1/pods", 405), ("GET", "/api/v1/pods/a", 404), ("GET", "/api/v1/namespaces/x/nodes", 404),
        ("GET", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", 405), ("GET", "/api/v1/namespaces/default/pods/..%2F..", 404),
        ("GET", "/api//v1/pods", 404), ("GET", "/apis/authentication.k8s.io/v1/x", 404),
    ],
)  # fmt: skip
async def test_paths(http, method, path, code):
    answer = await http.request(method, path)
    assert answer.status_code == code, answer.text
    assert answer.json()["kind"] == "Status"


@pytest.mark.parametrize("path", ["/nothing", "/apis/no.group/v1/things", "/healthz/nothing"])
async def test_outside_of_what_is_served_there_is_plain_text_as_kubernetes_answers(http, path):
    answer = await http.get(path)
    assert (answer.status_code, answer.text) == (404, "404 page not found\n")


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"accept": "text/html"}, 406), ({"accept": "application/vnd.kubernetes.protobuf"}, 406),
        ({"accept": "application/vnd.kubernetes.protobuf, application/json"}, 200), ({"accept": "application/yaml"}, 200),
        ({"accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}, 200), ({"accept": "*/*"}, 200),
        ({"accept": "application/json;as=Nothing;v=v1;g=meta.k8s.io"}, 406), ({"accept": ";;;,,"}, 406),
        ({"impersonate-group": "x"}, 400),
    ],
)  # fmt: skip
async def test_headers(http, headers, code):
    answer = await http.get("/api/v1/namespaces/default/configmaps", headers=headers)
    assert answer.status_code == code, answer.text


async def test_a_body_of_the_wrong_type_or_size_is_refused(http):
    path = "/api/v1/namespaces/default/configmaps"
    answer = await http.post(path, content=b"<x/>", headers={"content-type": "application/xml"})
    assert answer.status_code == 415
    answer = await http.patch(f"{path}/a", content=b"{}", headers={"content-type": "application/json"})
    assert answer.status_code == 415
    large = orjson.dumps({"metadata": {"name": "a"}, "data": {"x": "y" * (3 << 20)}})
    answer = await http.post(path, content=large)
    assert answer.status_code == 413
    assert answer.json()["reason"] == "RequestEntityTooLarge"
    assert (await http.get(path)).json()["items"] == []


async def test_yaml_is_accepted_and_bombs_are_not(http):
    path = "/api/v1/namespaces/default/configmaps"
    yaml = b"metadata: {name: a}\ndata: {day: 2026-01-02}\n"
    answer = await http.post(path, content=yaml, headers={"content-type": "application/yaml"})
    assert answer.status_code == 201
    assert answer.json()["data"] == {"day": "2026-01-02"}
    layers = b"\n".join(b"a%d: &a%d [%s]" % (n, n, b",".join([b"*a%d" % (n - 1)] * 9)) for n in range(1, 12))
    bomb = b"a0: &a0 [x]\n" + layers
    answer = await http.post(path, content=bomb, headers={"content-type": "application/yaml"})
    assert answer.status_code == 400


async def test_a_caller_that_leaves_a_watch_leaves_nothing_behind(http, api_server):
    path = "/api/v1/namespaces/default/configmaps?watch=1"
    fanout = api_server.store._fanout
    before = len(fanout._watchers)
    async with http.stream("GET", path) as answer:
        assert answer.status_code == 200
        async with asyncio.timeout(60):
            while len(fanout._watchers) == before:
                await asyncio.sleep(0.01)
    async with asyncio.timeout(60):
        while len(fanout._watchers) != before:
            await asyncio.sleep(0.01)
