"""Decide, purely, what the older Endpoints object of a service says, and what slices mirror one made by hand.

Source: Kubernetes documentation, "Services", "Services without selectors" and "Endpoints"; KEP-752.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterable
from typing import Any

from seaway.controlplane.controllers.endpointplan import (
    HEADLESS,
    MANAGED_BY,
    MIRROR,
    SERVICE_NAME,
    Group,
    Marks,
    belongs,
    hostname_of,
    is_headless,
    is_ready,
    ports_of,
    reference,
)
from seaway.objects.meta import labels, name

Object = dict[str, Any]
ENDPOINTS_MANAGED_BY, ENDPOINTS_CONTROLLER = "endpoints.kubernetes.io/managed-by", "endpoint-controller"
SKIP_MIRROR = "endpointslice.kubernetes.io/skip-mirror"
OVER_CAPACITY = "endpoints.kubernetes.io/over-capacity"
_LEADER = "control-plane.alpha.kubernetes.io/leader"
_OWN_ANNOTATIONS = (
    "endpoints.kubernetes.io/last-change-trigger-time", "kubectl.kubernetes.io/last-applied-configuration",
)  # fmt: skip
MOST_ADDRESSES = 1000
"""Addresses of one Endpoints object, and of one mirrored subset."""


def _annotations(obj: Object) -> Object:
    found: Object = obj["metadata"].get("annotations") or {}
    return found


def endpoints_of(service: Object, pods: Iterable[Object]) -> Object:
    """Return a service's Endpoints: ports that the same pods answer on together, pods that are not ready apart."""
    published = bool(service["spec"].get("publishNotReadyAddresses"))
    ordered = sorted((pod for pod in pods if belongs(pod, terminating=published)), key=_ready_first)
    marks = {key: value for key, value in labels(service).items() if key != HEADLESS}
    marks |= {HEADLESS: ""} if is_headless(service) else {}
    marks[ENDPOINTS_MANAGED_BY] = ENDPOINTS_CONTROLLER
    metadata: Object = {"name": name(service), "namespace": service["metadata"]["namespace"], "labels": marks}
    if len(ordered) > MOST_ADDRESSES:
        metadata["annotations"] = {OVER_CAPACITY: "truncated"}
    found: Object = {"metadata": metadata}
    subsets = _subsets(service, ordered[:MOST_ADDRESSES], published=published)
    return found | ({"subsets": subsets} if subsets else {})


def _subsets(service: Object, pods: Iterable[Object], *, published: bool) -> list[Object]:
    by_port: dict[str, Object] = {}
    for pod in sorted(pods, key=lambda pod: ipaddress.ip_address(pod["status"]["podIP"])):
        field = "addresses" if published or is_ready(pod) else "notReadyAddresses"
        ports = ports_of(service, pod) if service["spec"].get("ports") else [{}]
        for port in ports:
            subset = by_port.setdefault(json.dumps(port), {})
            subset.setdefault(field, []).append(_address(service, pod))
    together: dict[str, Object] = {}
    for text, subset in by_port.items():
        whole = together.setdefault(json.dumps(subset, sort_keys=True), {**subset, "ports": []})
        whole["ports"].append(json.loads(text))
    return [_without_empty_ports(subset) for subset in together.values()]


def _without_empty_ports(subset: Object) -> Object:
    """Return a subset of a service that names no port, without any."""
    return subset if subset["ports"] != [{}] else {k: v for k, v in subset.items() if k != "ports"}


def _ready_first(pod: Object) -> tuple[bool, str]:
    return not is_ready(pod), name(pod)


def _address(service: Object, pod: Object) -> Object:
    found: Object = {"ip": pod["status"]["podIP"], "targetRef": reference(pod)}
    if node := pod["spec"].get("nodeName"):
        found["nodeName"] = node
    if hostname := hostname_of(service, pod):
        found["hostname"] = hostname
    return found


def same_endpoints(found: Object, wanted: Object) -> bool:
    """Tell whether an Endpoints says what it should."""
    capacity = [_annotations(obj).get(OVER_CAPACITY) for obj in (found, wanted)]
    return (
        found.get("subsets") == wanted.get("subsets")
        and labels(found) == labels(wanted)
        and capacity[0] == capacity[1]
    )


def is_mirrored(endpoints: Object, service: Object | None) -> bool:
    """Tell whether slices are made of an Endpoints: somebody wrote it for a service without a selector."""
    if service is None or service["spec"].get("selector"):
        return False
    return labels(endpoints).get(SKIP_MIRROR) != "true" and _LEADER not in _annotations(endpoints)


def mirrored_groups(endpoints: Object) -> list[Group]:
    """Return the endpoints that an Endpoints lists, of IPv4; each group is a subset."""
    groups: dict[str, Group] = {}
    for subset in endpoints.get("subsets") or ():
        ports = [_slice_port(port) for port in subset.get("ports") or ()]
        group = groups.setdefault(json.dumps(ports, sort_keys=True), Group(ports, []))
        for field in ("addresses", "notReadyAddresses"):
            for address in subset.get(field) or ():
                if ":" not in address["ip"] and len(group.endpoints) < MOST_ADDRESSES:
                    group.endpoints.append(_mirrored(address, ready=field == "addresses"))
    return [group for group in groups.values() if group.endpoints]


def _slice_port(port: Object) -> Object:
    found = {"name": port.get("name") or "", "port": port["port"], "protocol": port.get("protocol", "TCP")}
    return found | ({"appProtocol": port["appProtocol"]} if "appProtocol" in port else {})


def _mirrored(address: Object, *, ready: bool) -> Object:
    kept = {field: address[field] for field in ("targetRef", "nodeName", "hostname") if address.get(field)}
    return {"addresses": [address["ip"]], "conditions": {"ready": ready}, **kept}


def mirror_marks(endpoints: Object) -> Marks:
    """Return labels and annotations of mirrored slices: those of the Endpoints, but for what is its own."""
    notes = {k: v for k, v in _annotations(endpoints).items() if k not in _OWN_ANNOTATIONS}
    return Marks(labels(endpoints) | {SERVICE_NAME: name(endpoints), MANAGED_BY: MIRROR}, notes)
