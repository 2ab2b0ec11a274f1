"""Decide, purely, on which addresses and ports a service is answered, and who answers.

Source: Kubernetes documentation, "Virtual IPs and Service Proxies"; KEP-1669 for endpoints that are terminating.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from seaway.objects.meta import key

Object = Mapping[str, Any]
LOAD_BALANCER, NODE_PORT, EXTERNAL_NAME = "LoadBalancer", "NodePort", "ExternalName"
_SERVED = ("TCP", "UDP")


class Bind(NamedTuple):
    """One address that is listened on."""

    protocol: str
    address: str
    port: int


class Endpoint(NamedTuple):
    """Where a connection may be led."""

    address: str
    port: int


class Target(NamedTuple):
    """Who answers on an address."""

    service: str
    """ "namespace/name"."""
    endpoints: tuple[Endpoint, ...]
    sticky_seconds: float = 0.0
    """So long a client's connections go to the same endpoint; 0: to any."""


def has_address(service: Object) -> bool:
    """Tell whether a service has an address of its own."""
    spec = service["spec"]
    return spec.get("type") != EXTERNAL_NAME and spec.get("clusterIP") not in (None, "", "None")


def endpoints_of(slices: Iterable[Object], port: Object) -> tuple[Endpoint, ...]:
    """Return who answers on a service's port: those that are ready, else those that end but still serve.

    Args:
        slices: of the service.
        port: of the service's spec.
    """
    ready: set[Endpoint] = set()
    ending: set[Endpoint] = set()
    named = (port.get("name") or "", port.get("protocol", "TCP"))
    for one in slices:
        numbers = [
            p["port"]
            for p in one.get("ports") or ()
            if (p.get("name") or "", p.get("protocol", "TCP")) == named and p.get("port")
        ]
        for endpoint in one.get("endpoints") or ():
            conditions = endpoint.get("conditions") or {}
            found = {Endpoint(endpoint["addresses"][0], number) for number in numbers}
            if conditions.get("ready") is not False:
                ready |= found
            elif conditions.get("serving") and conditions.get("terminating"):
                ending |= found
    return tuple(sorted(ready or ending))


def targets(service: Object, slices: Iterable[Object], node_address: str) -> dict[Bind, Target]:
    """Return what is listened on for a service; what has no endpoint is not, so that it is refused.

    Args:
        service: with its cluster address.
        slices: of the service.
        node_address: where node ports are opened.
    """
    found: dict[Bind, Target] = {}
    if not has_address(service):
        return found
    spec, slices = service["spec"], list(slices)
    for port in spec.get("ports") or ():
        protocol = port.get("protocol", "TCP")
        endpoints = endpoints_of(slices, port)
        if protocol not in _SERVED or not endpoints:
            continue
        target = Target(key(service), endpoints, sticky_seconds(spec))
        found[Bind(protocol, spec["clusterIP"], port["port"])] = target
        if port.get("nodePort") and spec.get("type") in (NODE_PORT, LOAD_BALANCER):
            found[Bind(protocol, node_address, port["nodePort"])] = target
    return found


def sticky_seconds(spec: Object) -> float:
    """Return how long a service keeps a client with its endpoint."""
    if spec.get("sessionAffinity") != "ClientIP":
        return 0.0
    return float(
        ((spec.get("sessionAffinityConfig") or {}).get("clientIP") or {}).get("timeoutSeconds") or 10800
    )


def unserved(service: Object) -> list[str]:
    """Return the paths of a service's fields that have no effect here, as a user writes them."""
    spec = service["spec"]
    found = [f"spec.{field}" for field in ("externalIPs", "loadBalancerSourceRanges") if spec.get(field)]
    return found + [
        f"spec.ports[{at}] (protocol {port['protocol']})"
        for at, port in enumerate(spec.get("ports") or ())
        if port.get("protocol", "TCP") not in _SERVED
    ]


def is_balanced(service: Object) -> bool:
    """Tell whether a service asks for a load balancer, and for no other one than ours."""
    spec = service["spec"]
    return spec.get("type") == LOAD_BALANCER and not spec.get("loadBalancerClass")


class Picker:
    """Hands out endpoints in turn; with affinity, a client keeps its own as long as that is there and it comes back."""

    def __init__(self) -> None:
        self._turn = 0
        self._clients: dict[str, tuple[Endpoint, float]] = {}

    def order(self, target: Target, client: str, now: float) -> list[Endpoint]:
        """Return the endpoints in the order in which they are to be tried."""
        endpoints = target.endpoints
        self._turn += 1
        start = self._turn % len(endpoints)
        if target.sticky_seconds:
            kept, until = self._clients.get(client, (None, 0.0))
            if kept in endpoints and now < until:
                start = endpoints.index(kept)
        return [*endpoints[start:], *endpoints[:start]]

    def led(self, target: Target, client: str, endpoint: Endpoint, now: float) -> None:
        """Note who answers a client."""
        if not target.sticky_seconds:
            self._clients.clear()
            return
        self._clients.pop(client, None)
        self._clients[client] = (endpoint, now + target.sticky_seconds)
        while (oldest := next(iter(self._clients))) != client and self._clients[oldest][1] < now:
            del self._clients[oldest]
