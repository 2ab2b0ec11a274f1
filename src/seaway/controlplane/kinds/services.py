"""Services. The cluster address is chosen by the API server's allocator, not here."""

from __future__ import annotations

from seaway.controlplane.kinds.cells import AGE, NAME, NONE, UNKNOWN, at, format_labels, joined, read
from seaway.controlplane.kinds.declaration import Column, Kind, Object
from seaway.controlplane.kinds.metadata import validate_metadata_update
from seaway.controlplane.kinds.schemas import schema_of
from seaway.controlplane.kinds.service_validation import (
    CLUSTER_IP,
    EXTERNAL_NAME,
    HEADLESS,
    LOAD_BALANCER,
    NODE_PORT,
    needs_health_check,
    validate,
    validate_update,
)  # fmt: skip
from seaway.objects.builtin import SERVICES

CLIENT_IP_TIMEOUT = 10800
"""Seconds for which a client stays with its endpoint where nothing else is said."""
_CLUSTER_FIELDS = ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy")


def default(service: Object) -> None:
    """Fill in type, affinity, ports and traffic policies."""
    spec = service.get("spec")
    if not isinstance(spec, dict):
        return
    spec.setdefault("type", CLUSTER_IP)
    spec.setdefault("sessionAffinity", "None")
    if spec["sessionAffinity"] == "None":
        spec.pop("sessionAffinityConfig", None)
    seconds = read(spec, "sessionAffinityConfig", "clientIP", "timeoutSeconds", default=None)
    if spec["sessionAffinity"] == "ClientIP" and seconds is None:
        spec["sessionAffinityConfig"] = {"clientIP": {"timeoutSeconds": CLIENT_IP_TIMEOUT}}
    for port in spec.get("ports") or ():
        if not port.get("protocol"):
            port["protocol"] = "TCP"
        if not port.get("targetPort") and "port" in port:
            port["targetPort"] = port["port"]
    _default_policies(service, spec)


def _default_policies(service: Object, spec: Object) -> None:
    kind = spec["type"]
    external = kind in (NODE_PORT, LOAD_BALANCER)
    if external or (kind == CLUSTER_IP and spec.get("externalIPs")):
        spec.setdefault("externalTrafficPolicy", "Cluster")
    if external or kind == CLUSTER_IP:
        spec.setdefault("internalTrafficPolicy", "Cluster")
    if kind == LOAD_BALANCER:
        spec.setdefault("allocateLoadBalancerNodePorts", True)
        for ingress in read(service, "status", "loadBalancer", "ingress", default=()):
            if ingress.get("ip"):
                ingress.setdefault("ipMode", "VIP")


def prepare_create(service: Object) -> None:
    """Begin without a load balancer."""
    service["status"] = {"loadBalancer": {}}


def prepare_update(new: Object, old: Object) -> None:
    """Keep what the server allocated where the new object leaves it out, drop what its type no longer needs."""
    after, before = new.get("spec") or {}, old.get("spec") or {}
    _level_addresses(after, before)
    if before.get("type") != EXTERNAL_NAME and after.get("type") != EXTERNAL_NAME:
        for field in ("clusterIP", "clusterIPs"):
            if not after.get(field) and before.get(field):
                after[field] = before[field]
    _keep_node_ports(after, before)
    if needs_health_check(before) and needs_health_check(after) and before.get("healthCheckNodePort"):
        after.setdefault("healthCheckNodePort", before["healthCheckNodePort"])
    _drop_unneeded(new, after, before)


def _level_addresses(after: Object, before: Object) -> None:
    """Let clusterIP follow clusterIPs, or the other way round, whichever was changed."""
    single, several = after.get("clusterIP") or "", after.get("clusterIPs") or []
    if single and not several:
        after["clusterIPs"] = [single]
    elif not single and several and before.get("clusterIP"):
        if several == before.get("clusterIPs"):
            after.pop("clusterIPs")
    elif single != before.get("clusterIP") and several == before.get("clusterIPs"):
        after["clusterIPs"] = [single, *several[1:]]


def _keep_node_ports(after: Object, before: Object) -> None:
    exposed = (NODE_PORT, LOAD_BALANCER)
    if before.get("type") not in exposed or after.get("type") not in exposed:
        return
    kept = {port.get("name") or "": port.get("nodePort") for port in before.get("ports") or ()}
    used = {port.get("nodePort") for port in after.get("ports") or ()} & set(kept.values())
    for port in after.get("ports") or ():
        number = kept.get(port.get("name") or "")
        if number and not port.get("nodePort") and number not in used:
            port["nodePort"] = number


def _drop_unneeded(new: Object, after: Object, before: Object) -> None:
    """Drop what the old type needed, the new one does not, and the caller did not change."""
    kind, old_kind = after.get("type"), before.get("type")
    fields: list[str] = []
    if old_kind != EXTERNAL_NAME and kind == EXTERNAL_NAME:
        fields += _CLUSTER_FIELDS
    if old_kind == LOAD_BALANCER and kind != LOAD_BALANCER:
        fields += ("allocateLoadBalancerNodePorts", "loadBalancerClass")
    if needs_health_check(before) and not needs_health_check(after):
        fields.append("healthCheckNodePort")
    if old_kind in (NODE_PORT, LOAD_BALANCER) and kind not in (NODE_PORT, LOAD_BALANCER):
        if not (kind == CLUSTER_IP and after.get("externalIPs")):
            fields.append("externalTrafficPolicy")
        there = {port.get("nodePort") for port in before.get("ports") or ()}
        for port in after.get("ports") or ():
            if port.get("nodePort") in there:
                port.pop("nodePort", None)
    for field in fields:
        if field in after and after[field] == before.get(field):
            del after[field]
    if kind != LOAD_BALANCER and isinstance(new.get("status"), dict):
        new["status"] = {**new["status"], "loadBalancer": {}}


def warnings(service: Object, _old: Object | None) -> list[str]:
    """Name what has no effect or will have none."""
    spec = service.get("spec") or {}
    kind, headless = spec.get("type"), spec.get("clusterIP") == HEADLESS
    told: list[str] = []
    if headless:
        told += ["spec.loadBalancerIP is ignored for headless services"] if spec.get("loadBalancerIP") else []
        told += ["spec.externalIPs is ignored for headless services"] if spec.get("externalIPs") else []
        if spec.get("sessionAffinity") != "None":
            told.append("spec.SessionAffinity is ignored for headless services")
    elif spec.get("externalIPs") and kind != EXTERNAL_NAME:
        told.append("spec.externalIPs is deprecated and may no longer be implemented in some clusters")
    if kind == EXTERNAL_NAME and spec.get("externalIPs"):
        told.append(f'spec.externalIPs is ignored when spec.type is "{EXTERNAL_NAME}"')
    if kind != EXTERNAL_NAME and spec.get("externalName"):
        told.append(f'spec.externalName is ignored when spec.type is not "{EXTERNAL_NAME}"')
    if spec.get("trafficDistribution") == "PreferClose":
        told.append('spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"')
    return told


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
    validate_status=validate_metadata_update,
    revalidated=False,
    warnings=warnings,
    returns_deleted=True,
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
