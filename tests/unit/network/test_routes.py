"""Which service a request is for, and how its beginning is read and sent on."""

from __future__ import annotations

from typing import Any

import pytest

from seaway.controlplane.network.http import BadHead, forwarded, once, parse_head
from seaway.controlplane.network.routes import certificate_for, certificates_of, find, is_ours, rules_of


def path(text: str, service: str, kind: str = "Prefix", port: Any = None) -> dict[str, Any]:
    return {
        "path": text,
        "pathType": kind,
        "backend": {"service": {"name": service, "port": port or {"number": 80}}},
    }


def ingress(name: str, *rules: dict[str, Any], **spec: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "d", "creationTimestamp": f"2027-01-01T00:00:0{len(name)}Z"}
    return {"metadata": metadata, "spec": {"rules": list(rules), **spec}}


def rule(host: str, *paths: dict[str, Any]) -> dict[str, Any]:
    return {"host": host, "http": {"paths": list(paths)}} if host else {"http": {"paths": list(paths)}}


RULES = rules_of([
    ingress("a", rule("x.example", path("/", "root"), path("/api", "api"), path("/api", "exact", "Exact"), path("/api/v2/", "two"))),
    ingress("bb", rule("*.example", path("/", "wild")), rule("", path("/any", "any")), rule("x.example", path("/", "later"))),
    ingress("ccc", defaultBackend={"service": {"name": "default", "port": {"name": "http"}}}),
])  # fmt: skip


@pytest.mark.parametrize(
    ("host", "asked", "service"),
    [
        ("x.example", "/", "root"), ("x.example", "/other", "root"), ("x.example", "/api", "exact"),
        ("x.example", "/api/", "api"), ("x.example", "/apis", "root"), ("x.example", "/api/v2", "two"),
        ("x.example", "/api/v2/x", "two"), ("y.example", "/", "wild"), ("a.b.example", "/", "default"),
        ("example", "/any/x", "any"), ("", "/any", "any"), ("z", "/", "default"),
    ],
)  # fmt: skip
def test_rules(host: str, asked: str, service: str) -> None:
    found = find(RULES, host, asked)
    assert found is not None
    assert found.service == f"d/{service}"


def test_nothing_is_for_nobody() -> None:
    assert find(rules_of([ingress("a", rule("x", path("/a", "s")))]), "x", "/b") is None


OURS = {"metadata": {"name": "seaway"}, "spec": {"controller": "seaway.dev/ingress"}}
DEFAULT = {
    **OURS,
    "metadata": {"name": "seaway", "annotations": {"ingressclass.kubernetes.io/is-default-class": "true"}},
}
NGINX = {"metadata": {"name": "nginx"}, "spec": {"controller": "k8s.io/ingress-nginx"}}


@pytest.mark.parametrize(
    ("named", "classes", "expected"),
    [
        ("seaway", [OURS], True), ("nginx", [OURS, NGINX], False), ("gone", [OURS], False), (None, [OURS], False),
        (None, [DEFAULT, NGINX], True), (None, [], False),
    ],
)  # fmt: skip
def test_classes(named: str | None, classes: list[Any], expected: bool) -> None:
    spec = {"ingressClassName": named} if named else {}
    assert is_ours(ingress("a", **spec), classes) is expected


def test_certificates() -> None:
    found = certificates_of([
        ingress("a", tls=[{"hosts": ["x.example"], "secretName": "x"}, {"hosts": ["*.example"], "secretName": "w"}]),
        ingress("bb", tls=[{"secretName": "all"}, {"hosts": ["x.example"], "secretName": "late"}, {"hosts": ["n"]}]),
    ])  # fmt: skip
    assert found == {"x.example": "d/x", "*.example": "d/w", "": "d/all"}
    shown = [certificate_for(found, host) for host in ("x.example", "y.example", "a.b.example", "")]
    assert shown == ["d/x", "d/w", "d/all", "d/all"]


@pytest.mark.parametrize(
    "data",
    [
        b"GET\r\n\r\n", b"GET / HTTP/2\r\n\r\n", b"GET http://x/ HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost : x\r\n\r\n", b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\ncontent-length: 2\r\n\r\n", b"GET / HTTP/1.1\r\nA: b\nC: d\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", b"GET / HTTP/1.1\r\n folded: x\r\n\r\n",
    ],
)  # fmt: skip
def test_what_two_programs_could_read_in_two_ways_is_refused(data: bytes) -> None:
    with pytest.raises(BadHead):
        parse_head(data)


def test_a_request_is_sent_on_with_who_asked() -> None:
    head = parse_head(
        b"GET /a?b HTTP/1.1\r\nHost: X.Example:8080\r\nConnection: keep-alive\r\nX-Forwarded-For: 6.6.6.6\r\nCookie: c\r\n\r\n"
    )
    assert (head.host, head.path, head.upgrade) == ("x.example", "/a", "")
    assert forwarded(head, "127.0.0.1", "https").decode().split("\r\n") == [
        "GET /a?b HTTP/1.1", "Host: X.Example:8080", "Cookie: c", "X-Forwarded-For: 127.0.0.1",
        "X-Forwarded-Host: X.Example:8080", "X-Forwarded-Proto: https", "X-Real-IP: 127.0.0.1", "Connection: close", "", "",
    ]  # fmt: skip
    socket = parse_head(b"GET / HTTP/1.1\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n")
    assert socket.upgrade == "websocket"
    assert b"Connection: Upgrade" in forwarded(socket, "", "http")
    assert (
        once(b"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nA: b\r\n\r\n")
        == b"HTTP/1.1 200 OK\r\nA: b\r\nConnection: close\r\n\r\n"
    )
