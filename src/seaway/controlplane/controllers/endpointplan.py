"""Decide, purely, which addresses stand behind a service: its EndpointSlices.

Source: Kubernetes documentation, "EndpointSlices"; KEP-752, KEP-1672 (terminating endpoints).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from seaway.objects.meta import (
    deletion_timestamp,
    get_condition,
    labels,
    name,
    namespace,
    owner_reference,
    uid,
)
from seaway.objects.pods import has_ended

Object = dict[str, Any]
SERVICE_NAME = "kubernetes.io/service-name"
MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
HEADLESS = "service.kubernetes.io/headless"
ZONE = "topology.kubernetes.io/zone"
CONTROLLER, MIRROR = "endpointslice-controller.k8s.io", "endpointslicemirroring-controller.k8s.io"
MOST_ENDPOINTS = 100
"""Endpoints of one slice."""
_RESERVED = (SERVICE_NAME, MANAGED_BY, HEADLESS)


@dataclass(slots=True)
class Changes:
    """What is to be written so that the slices are as wanted."""

    create: list[Object] = field(default_factory=list)
    update: list[Object] = field(default_factory=list)
    delete: list[Object] = field(default_factory=list)


class Marks(NamedTuple):
    """What all slices of a service have in their metadata."""

    labels: dict[str, str]
    annotations: dict[str, str] | None = None
    """None: those that others gave a slice stay."""

    def on(self, metadata: Object) -> Object:
        """Return metadata with these."""
        kept = {
            field: value
            for field, value in metadata.items()
            if field != "annotations" or self.annotations is None
        }
        return {**kept, "labels": self.labels} | (
            {"annotations": self.annotations} if self.annotations else {}
        )


class Group(NamedTuple):
    """Endpoints that answer on the same ports: they share slices."""

    ports: list[Object]
    endpoints: list[Object]


def selects(service: Object, pod: Object) -> bool:
    """Tell whether a service's selector matches a pod of its namespace."""
    selector = service["spec"].get("selector")
    if not selector or namespace(service) != namespace(pod):
        return False
    own = labels(pod)
    return all(own.get(key) == value for key, value in selector.items())


def is_headless(service: Object) -> bool:
    """Tell whether a service has no address of its own."""
    return service["spec"].get("clusterIP") in (None, "", "None")


def is_ready(pod: Object) -> bool:
    """Tell whether a pod's condition says that it takes work."""
    condition = get_condition(pod, "Ready")
    return condition is not None and condition.get("status") == "True"


def belongs(pod: Object, *, terminating: bool) -> bool:
    """Tell whether a pod is an endpoint at all: it has an address and has not ended."""
    if has_ended(pod) or not (pod.get("status") or {}).get("podIP"):
        return False
    return terminating or deletion_timestamp(pod) is None


def find_port(pod: Object, port: Object) -> int | None:
    """Return the number of a service's port in a pod, None where the pod has no port of that name."""
    target = port.get("targetPort", port["port"])
    if isinstance(target, int):
        return target
    spec = pod["spec"]
    sidecars = [c for c in spec.get("initContainers") or () if c.get("restartPolicy") == "Always"]
    for container in (*spec["containers"], *sidecars):
        for found in container.get("ports") or ():
            if (found.get("name"), found.get("protocol", "TCP")) == (target, port.get("protocol", "TCP")):
                return int(found["containerPort"])
    return None


def ports_of(service: Object, pod: Object) -> list[Object]:
    """Return the ports that a pod has for a service, as a slice shows them."""
    found = []
    for port in service["spec"].get("ports") or ():
        number = find_port(pod, port)
        if number is None:
            continue
        shown = {"name": port.get("name") or "", "port": number, "protocol": port.get("protocol", "TCP")}
        found.append(shown | ({"appProtocol": port["appProtocol"]} if "appProtocol" in port else {}))
    return found


def reference(pod: Object) -> Object:
    """Return the reference to the pod behind an address."""
    return {"kind": "Pod", "namespace": namespace(pod), "name": name(pod), "uid": uid(pod)}


def hostname_of(service: Object, pod: Object) -> str:
    """Return the pod's own name below a service's, "" where it asks for none there."""
    spec = pod["spec"]
    return str(spec.get("hostname") or "") if spec.get("subdomain") == name(service) else ""


def endpoint_of(service: Object, pod: Object, nodes: Mapping[str, Object]) -> Object:
    """Return a pod as an endpoint of a service.

    Args:
        service: that it is of.
        pod: that is selected.
        nodes: by name, for the zone.
    """
    serving, terminating = is_ready(pod), deletion_timestamp(pod) is not None
    published = bool(service["spec"].get("publishNotReadyAddresses"))
    ready = published or (serving and not terminating)
    found: Object = {
        "addresses": [pod["status"]["podIP"]],
        "conditions": {"ready": ready, "serving": serving, "terminating": terminating},
        "targetRef": reference(pod),
    }
    node = pod["spec"].get("nodeName")
    if node:
        found["nodeName"] = node
        if zone := labels(nodes.get(node) or {"metadata": {}}).get(ZONE):
            found["zone"] = zone
    if hostname := hostname_of(service, pod):
        found["hostname"] = hostname
    return found


def groups_of(service: Object, pods: Iterable[Object], nodes: Mapping[str, Object]) -> list[Group]:
    """Return a service's endpoints, grouped by the ports that they answer on."""
    groups: dict[str, Group] = {}
    for pod in sorted(pods, key=name):
        if belongs(pod, terminating=True) and ":" not in pod["status"]["podIP"]:
            ports = ports_of(service, pod)
            group = groups.setdefault(_ports_key(ports), Group(ports, []))
            group.endpoints.append(endpoint_of(service, pod, nodes))
    return list(groups.values())


def marks_of(service: Object, manager: str) -> Marks:
    """Return the labels of a service's slices: the service's own, and what they are found by."""
    found = {key: value for key, value in labels(service).items() if key not in _RESERVED}
    if is_headless(service):
        found[HEADLESS] = ""
    return Marks(found | {SERVICE_NAME: name(service), MANAGED_BY: manager})


def plan(owner: Object, wanted: Sequence[Group], existing: Iterable[Object], marks: Marks) -> Changes:
    """Return the writes that bring the slices of a service to the wanted groups; what is right stays untouched.

    Args:
        owner: the Service or Endpoints, with kind, that the slices belong to.
        wanted: the endpoints; without any, one empty slice stays.
        existing: slices of the same manager and service.
        marks: their labels and annotations.
    """
    changes = Changes()
    by_ports: dict[str, list[Object]] = {}
    for found in sorted(existing, key=name):
        if any(r.get("uid") == uid(owner) for r in found["metadata"].get("ownerReferences") or ()):
            by_ports.setdefault(_ports_key(found.get("ports") or []), []).append(found)
        else:
            changes.delete.append(found)
    for group in wanted or [Group([], [])]:
        slices = by_ports.pop(_ports_key(group.ports), [])
        _fill(owner, group, slices, marks, changes)
    changes.delete += [found for left in by_ports.values() for found in left]
    return changes


def _fill(owner: Object, group: Group, slices: list[Object], marks: Marks, changes: Changes) -> None:
    """Bring the slices of one group to its endpoints: each stays in its slice, new ones go where there is room."""
    left = {_identity(endpoint): endpoint for endpoint in group.endpoints}
    contents: list[tuple[Object, list[Object]]] = []
    for found in slices:
        kept = [left.pop(key) for e in found.get("endpoints") or () if (key := _identity(e)) in left]
        contents.append((found, kept))
    new = list(left.values())
    for _, kept in contents:
        room = MOST_ENDPOINTS - len(kept)
        kept += new[:room]
        del new[:room]
    filled = [found for found, kept in contents if kept]
    for found, kept in contents:
        if not kept and (filled or found is not contents[0][0] or new):
            changes.delete.append(found)
        elif found.get("endpoints", []) != kept or marks.on(found["metadata"]) != found["metadata"]:
            metadata = marks.on(found["metadata"])
            changes.update.append({**found, "metadata": metadata, "endpoints": kept})
    for start in range(0, len(new), MOST_ENDPOINTS):
        changes.create.append(_new(owner, group, new[start : start + MOST_ENDPOINTS], marks))
    if not group.endpoints and not slices:
        changes.create.append(_new(owner, group, [], marks))


def _new(owner: Object, group: Group, endpoints: list[Object], marks: Marks) -> Object:
    metadata = {
        "generateName": f"{name(owner)}-", "namespace": namespace(owner),
        "ownerReferences": [owner_reference(owner)],
    }  # fmt: skip
    return {
        "metadata": marks.on(metadata),
        "addressType": "IPv4",
        "ports": group.ports,
        "endpoints": endpoints,
    }


def _ports_key(ports: Sequence[Object]) -> str:
    return json.dumps(sorted(json.dumps(port, sort_keys=True) for port in ports))


def _identity(endpoint: Object) -> tuple[Any, ...]:
    return (*endpoint["addresses"], (endpoint.get("targetRef") or {}).get("uid"), endpoint.get("hostname"))
