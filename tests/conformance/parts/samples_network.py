"""Ingresses, their classes and network policies, good and bad, for both API servers to answer to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Object = dict[str, Any]
Sample = tuple[str, str, Object]
WEB: Object = {"service": {"name": "web", "port": {"number": 80}}}


def _rule(path: str, kind: Any, backend: Object | None = None, host: str | None = None) -> Object:
    found: Object = {"http": {"paths": [{"path": path, "pathType": kind, "backend": backend or WEB}]}}
    return found | ({"host": host} if host is not None else {})


def _ingresses() -> Iterator[Sample]:
    rules = [_rule("/", "Prefix", host="example.com")]
    yield "Ingress", "valid", {"spec": {"rules": rules, "ingressClassName": "seaway"}}
    yield "Ingress", "empty", {}
    yield "Ingress", "empty spec", {"spec": {}}
    yield "Ingress", "default", {"spec": {"defaultBackend": WEB}}
    tls = [
        {"hosts": ["a.example.com", "*.example.com"], "secretName": "pair"},
        {"hosts": ["A", "*.*"], "secretName": "B_"},
    ]
    yield "Ingress", "tls", {"spec": {"rules": rules, "tls": tls[:1]}}
    yield "Ingress", "bad tls", {"spec": {"rules": rules, "tls": tls}}
    hosts = [_rule("/", "Exact", host=host) for host in ("1.2.3.4", "*.example.com", "*bad", "UPPER", "")]
    yield "Ingress", "hosts", {"spec": {"rules": hosts}}
    many = [_rule("/", "Exact", host=f"h{number}.example.com") for number in range(5)]
    yield "Ingress", "many hosts", {"spec": {"rules": many}}
    paths = ["a", "", "/a//b", "/a/./b", "/a/../b", "/a%2fb", "/a/..", "/a/."]
    yield "Ingress", "paths", {"spec": {"rules": [_rule(path, "Prefix") for path in paths]}}
    yield (
        "Ingress",
        "free paths",
        {"spec": {"rules": [_rule(p, "ImplementationSpecific") for p in ("a", "")]}},
    )
    yield "Ingress", "path type", {"spec": {"rules": [_rule("/", "Regex")]}}
    yield (
        "Ingress",
        "no path type",
        {"spec": {"rules": [{"http": {"paths": [{"path": "/", "backend": WEB}]}}]}},
    )
    yield "Ingress", "no paths", {"spec": {"rules": [{"http": {"paths": []}}, {"host": "a.b"}]}}
    resource = {"resource": {"apiGroup": "x.io", "kind": "Bucket", "name": "b"}}
    ports = ({}, {"number": 99999}, {"name": "UPPER"}, {"name": "http", "number": 80}, {"name": "http"})
    backends = [{"service": {"name": "web", "port": port}} for port in ports]
    backends += [resource, resource | WEB, {"service": {"port": {"number": 1}}}, {"service": {"name": "A.b"}}]
    backends += [{"resource": {"apiGroup": "A", "kind": "", "name": "a/b"}}, {}]
    yield "Ingress", "backends", {"spec": {"rules": [_rule("/", "Exact", backend) for backend in backends]}}
    yield "Ingress", "class", {"spec": {"rules": rules, "ingressClassName": "Bad_"}}
    annotated = {"annotations": {"kubernetes.io/ingress.class": "old"}}
    yield "Ingress", "old class", {"metadata": annotated, "spec": {"rules": rules}}
    yield (
        "Ingress",
        "two classes",
        {"metadata": annotated, "spec": {"rules": rules, "ingressClassName": "new"}},
    )


def _classes() -> Iterator[Sample]:
    yield "IngressClass", "valid", {"spec": {"controller": "seaway.dev/ingress"}}
    yield "IngressClass", "empty", {}
    for controller in ("plain", "/x", "Bad_/x", "a.b/c?d", "a.b/" + "c" * 300):
        yield "IngressClass", f"controller {controller[:9]}", {"spec": {"controller": controller}}
    default = {"annotations": {"ingressclass.kubernetes.io/is-default-class": "true"}}
    yield "IngressClass", "default", {"metadata": default, "spec": {"controller": "a.b/c"}}
    for name, parameters in (
        ("cluster", {"apiGroup": "x.io", "kind": "Thing", "name": "t"}),
        ("namespace", {"kind": "Thing", "name": "t", "scope": "Namespace", "namespace": "default"}),
        ("no namespace", {"kind": "Thing", "name": "t", "scope": "Namespace"}),
        ("cluster with namespace", {"kind": "Thing", "name": "t", "namespace": "default"}),
        ("bad", {"apiGroup": "A", "kind": "a/b", "name": "", "scope": "World"}),
    ):
        yield "IngressClass", name, {"spec": {"controller": "a.b/c", "parameters": parameters}}


def _policies() -> Iterator[Sample]:
    peer = {"podSelector": {"matchLabels": {"app": "a"}}}
    yield (
        "NetworkPolicy",
        "valid",
        {"spec": {"podSelector": {}, "ingress": [{"from": [peer], "ports": [{"port": 80}]}]}},
    )
    yield "NetworkPolicy", "empty", {}
    yield "NetworkPolicy", "both", {"spec": {"podSelector": peer["podSelector"], "egress": [{"to": [peer]}]}}
    ports: list[Object] = [
        {"port": 0}, {"port": "UPPER"}, {"port": "http", "endPort": 9}, {"endPort": 9}, {"port": 9, "endPort": 8},
        {"port": 80, "endPort": 70000, "protocol": "ICMP"}, {"port": 80, "endPort": 90, "protocol": "SCTP"},
    ]  # fmt: skip
    yield "NetworkPolicy", "ports", {"spec": {"podSelector": {}, "ingress": [{"ports": ports}]}}
    block = {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}
    peers: list[Object] = [
        {}, peer | {"ipBlock": block}, {"ipBlock": block}, {"ipBlock": {"cidr": ""}}, {"ipBlock": {"cidr": "x"}},
        {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["11.0.0.0/16", "10.0.0.0/8", "y"]}},
        {"namespaceSelector": {"matchExpressions": [{"key": "a", "operator": "Foo"}]}},
    ]  # fmt: skip
    yield "NetworkPolicy", "peers", {"spec": {"podSelector": {}, "egress": [{"to": peers}]}}
    yield "NetworkPolicy", "types", {"spec": {"podSelector": {}, "policyTypes": ["Both", "Egress"]}}
    yield "NetworkPolicy", "three types", {"spec": {"podSelector": {}, "policyTypes": ["Egress"] * 3}}


def network() -> Iterator[Sample]:
    """Yield all of them."""
    yield from _ingresses()
    yield from _classes()
    yield from _policies()
