"""Services. The cluster address is chosen by the API server's allocator, not here."""

from __future__ import annotations

from typing import Any

from seaway.controlplane.kinds.cells import AGE, NAME, NONE, UNKNOWN, at, format_labels, joined, read
from seaway.controlplane.kinds.declaration import Column, Kind, Object
from seaway.controlplane.kinds.faults import duplicate, forbidden, immutable, invalid, required, unsupported
from seaway.controlplane.kinds.metadata import label_faults, validate_metadata, validate_metadata_update
from seaway.controlplane.kinds.ports import PROTOCOLS, port_number_faults, port_reference_faults
from seaway.controlplane.kinds.schemas import schema_of
from seaway.objects import names
from seaway.objects.builtin import SERVICES
from seaway.objects.errors import Cause

CLUSTER_IP, NODE_PORT, LOAD_BALANCER, EXTERNAL_NAME = "ClusterIP", "NodePort", "LoadBalancer", "ExternalName"
TYPES = (CLUSTER_IP, EXTERNAL_NAME, LOAD_BALANCER, NODE_PORT)
SESSION_AFFINITIES = ("ClientIP", "None")
CLIENT_IP_TIMEOUT = 10800
"""Seconds for which a client stays with its endpoint where nothing else is said."""
HEADLESS = "None"


def default(service: Object) -> None:
    """Fill in type, affinity, ports, families and traffic policies."""
    spec = service.get("spec")
    if not isinstance(spec, dict):
        return
    spec.setdefault("type", CLUSTER_IP)
    spec.setdefault("sessionAffinity", "None")
    if spec["sessionAffinity"] == "ClientIP":
        client_ip = spec.setdefault("sessionAffinityConfig", {}).setdefault("clientIP", {})
        client_ip.setdefault("timeoutSeconds", CLIENT_IP_TIMEOUT)
    for port in spec.get("ports") or ():
        if not port.get("protocol"):
            port["protocol"] = "TCP"
        if not port.get("targetPort") and "port" in port:
            port["targetPort"] = port["port"]
    if spec["type"] == EXTERNAL_NAME:
        return
    spec.setdefault("internalTrafficPolicy", "Cluster")
    spec.setdefault("ipFamilyPolicy", "SingleStack")
    spec.setdefault("ipFamilies", ["IPv4"])
    if spec.get("clusterIP") and not spec.get("clusterIPs"):
        spec["clusterIPs"] = [spec["clusterIP"]]
    if spec["type"] in (NODE_PORT, LOAD_BALANCER):
        spec.setdefault("externalTrafficPolicy", "Cluster")
    if spec["type"] == LOAD_BALANCER:
        spec.setdefault("allocateLoadBalancerNodePorts", True)


def prepare_create(service: Object) -> None:
    """Begin without a load balancer."""
    service["status"] = {"loadBalancer": {}}


def prepare_update(new: Object, old: Object) -> None:
    """Keep what the server allocated where the new object leaves it out."""
    after, before = new.get("spec") or {}, old.get("spec") or {}
    if EXTERNAL_NAME in (after.get("type"), before.get("type")):
        return
    if not after.get("clusterIP") and not after.get("clusterIPs"):
        for field in ("clusterIP", "clusterIPs"):
            if before.get(field):
                after[field] = before[field]
    node_ports = {(p.get("port"), p.get("protocol")): p.get("nodePort") for p in before.get("ports") or ()}
    if after.get("type") in (NODE_PORT, LOAD_BALANCER):
        for port in after.get("ports") or ():
            kept = node_ports.get((port.get("port"), port.get("protocol")))
            if kept and not port.get("nodePort"):
                port["nodePort"] = kept


def validate(service: Object) -> list[Cause]:
    """Return the faults of a Service."""
    spec = service.get("spec") or {}
    faults = validate_metadata(service, name_faults=names.dns_1035_label_faults)
    kind = spec.get("type")
    if kind not in TYPES:
        faults.append(unsupported("spec.type", kind, TYPES))
    if spec.get("sessionAffinity") not in SESSION_AFFINITIES:
        faults.append(unsupported("spec.sessionAffinity", spec.get("sessionAffinity"), SESSION_AFFINITIES))
    if kind == EXTERNAL_NAME:
        faults += _external_name_faults(spec)
    elif not spec.get("ports") and spec.get("clusterIP") != HEADLESS:
        faults.append(required("spec.ports"))
    if kind in (NODE_PORT, LOAD_BALANCER) and spec.get("clusterIP") == HEADLESS:
        detail = "may not be set to 'None' for LoadBalancer services" if kind == LOAD_BALANCER else (
            "may not be set to 'None' for NodePort services"
        )  # fmt: skip
        faults.append(invalid("spec.clusterIPs[0]", HEADLESS, detail))
    faults += label_faults(spec.get("selector"), "spec.selector")
    return faults + _ports_faults(spec.get("ports") or [], "spec.ports")


def validate_update(new: Object, old: Object) -> list[Cause]:
    """Return the faults of a change: a cluster address stays."""
    faults = validate_metadata_update(new, old)
    after, before = new.get("spec") or {}, old.get("spec") or {}
    if EXTERNAL_NAME not in (after.get("type"), before.get("type")) and before.get("clusterIP"):
        if after.get("clusterIP") != before["clusterIP"]:
            listed = [after.get("clusterIP") or ""]
            faults.append(invalid("spec.clusterIPs[0]", listed, "may not change once set"))
        faults += immutable(
            "spec.ipFamilies[0]", *(tuple(s.get("ipFamilies") or ())[:1] for s in (after, before))
        )
    return faults


def _external_name_faults(spec: Object) -> list[Cause]:
    faults: list[Cause] = []
    if spec.get("clusterIP"):
        faults.append(forbidden("spec.clusterIPs", "may not be set for ExternalName services"))
    name = str(spec.get("externalName") or "").removesuffix(".")
    if not name:
        return [*faults, required("spec.externalName")]
    return faults + [invalid("spec.externalName", name, f) for f in names.dns_subdomain_faults(name)]


def _ports_faults(ports: list[Object], field: str) -> list[Cause]:
    faults: list[Cause] = []
    seen_names: set[str] = set()
    seen: set[tuple[Any, Any]] = set()
    for index, port in enumerate(ports):
        at_ = f"{field}[{index}]"
        name, number, protocol = port.get("name") or "", port.get("port", 0), port.get("protocol")
        if not name and len(ports) > 1:
            faults.append(required(f"{at_}.name"))
        elif name:
            faults += [invalid(f"{at_}.name", name, f) for f in names.dns_label_faults(name)]
            faults += [duplicate(f"{at_}.name", name)] if name in seen_names else []
            seen_names.add(name)
        faults += port_number_faults(f"{at_}.port", number)
        if protocol not in PROTOCOLS:
            faults.append(unsupported(f"{at_}.protocol", protocol, PROTOCOLS))
        faults += port_reference_faults(f"{at_}.targetPort", port.get("targetPort", number))
        if (number, protocol) in seen:
            faults.append(duplicate(at_, {"port": number, "protocol": protocol}))
        seen.add((number, protocol))
    return faults


def _external_ip(service: Object, _now: float) -> str:
    external = read(service, "spec", "externalIPs", default=())
    match read(service, "spec", "type"):
        case "ClusterIP" | "NodePort":
            return joined(external) or NONE
        case "LoadBalancer":
            ingress = read(service, "status", "loadBalancer", "ingress", default=())
            balancers = [str(entry.get("ip") or entry.get("hostname")) for entry in ingress]
            return joined([*balancers, *external]) or "<pending>"
        case "ExternalName":
            return str(read(service, "spec", "externalName"))
    return UNKNOWN


def _ports(service: Object, _now: float) -> str:
    shown = [
        f"{port.get('port')}{':' + str(port['nodePort']) if port.get('nodePort') else ''}/{port.get('protocol')}"
        for port in read(service, "spec", "ports", default=())
    ]
    return joined(shown) or NONE


def _cluster_ip(service: Object, _now: float) -> str:
    return str(
        (read(service, "spec", "clusterIPs", default=()) or [read(service, "spec", "clusterIP")])[0] or NONE
    )


SERVICE = Kind(
    SERVICES,
    schema_of(SERVICES),
    default=default,
    validate=validate,
    validate_update=validate_update,
    prepare_create=prepare_create,
    prepare_update=prepare_update,
    columns=(
        NAME,
        Column("Type", at("spec", "type"), description="How it can be reached."),
        Column("Cluster-IP", _cluster_ip, description="Its address inside the cluster."),
        Column("External-IP", _external_ip, description="Its addresses outside the cluster."),
        Column("Port(s)", _ports, description="Ports it listens on."),
        AGE,
        Column("Selector", lambda s, _: format_labels(read(s, "spec", "selector", default={})), priority=1, description="Labels of the pods behind it."),
    ),
    field_labels={
        "spec.clusterIP": lambda service: str(read(service, "spec", "clusterIP")),
        "spec.type": lambda service: str(read(service, "spec", "type")),
    },
    has_status=True,
    generation=False,
)  # fmt: skip
