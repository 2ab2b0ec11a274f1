"""Validation of Services.

Source: the service validation of Kubernetes 1.36.
"""

from __future__ import annotations

from seaway.controlplane.kinds.addresses import address_faults, endpoint_address_faults, network_faults
from seaway.controlplane.kinds.cells import read
from seaway.controlplane.kinds.declaration import Object
from seaway.controlplane.kinds.faults import duplicate, forbidden, invalid, required, unsupported
from seaway.controlplane.kinds.metadata import label_faults, validate_metadata, validate_metadata_update
from seaway.controlplane.kinds.ports import PROTOCOLS, port_number_faults, port_reference_faults
from seaway.objects import names
from seaway.objects.errors import Cause

CLUSTER_IP, NODE_PORT, LOAD_BALANCER, EXTERNAL_NAME = "ClusterIP", "NodePort", "LoadBalancer", "ExternalName"
TYPES = (CLUSTER_IP, EXTERNAL_NAME, LOAD_BALANCER, NODE_PORT)
SESSION_AFFINITIES = ("ClientIP", "None")
LONGEST_AFFINITY = 86400
HEADLESS = "None"
_POLICIES = ("Cluster", "Local")
_DISTRIBUTIONS = ("PreferClose", "PreferSameZone", "PreferSameNode")
_FAMILIES = ("IPv4", "IPv6")
_FAMILY_POLICIES = ("PreferDualStack", "RequireDualStack", "SingleStack")
_BALANCED_ONLY = "may only be used when `type` is 'LoadBalancer'"
_FIXED = "may not change once set"


def needs_health_check(spec: Object) -> bool:
    """Tell whether a service's nodes say on a port of their own whether they have endpoints."""
    return spec.get("type") == LOAD_BALANCER and spec.get("externalTrafficPolicy") == "Local"


def validate(service: Object) -> list[Cause]:
    """Return the faults of a new Service."""
    return validate_metadata(service, name_faults=names.dns_label_faults) + _spec_faults(service)


def validate_update(new: Object, old: Object) -> list[Cause]:
    """Return the faults of a change: a cluster address stays."""
    after, before = new.get("spec") or {}, old.get("spec") or {}
    faults = validate_metadata_update(new, old)
    if EXTERNAL_NAME not in (after.get("type"), before.get("type")):
        faults += _address_change_faults(after, before)
    both = after.get("type") == before.get("type") == LOAD_BALANCER
    if both and after.get("loadBalancerClass") != before.get("loadBalancerClass"):
        faults.append(invalid("spec.loadBalancerClass", after.get("loadBalancerClass"), _FIXED))
    faults += _class_faults(after)
    checked = needs_health_check(before) and needs_health_check(after)
    if checked and after.get("healthCheckNodePort") != before.get("healthCheckNodePort"):
        faults.append(forbidden("spec.healthCheckNodePort", "field is immutable"))
    return faults + _spec_faults(new)


def _address_change_faults(after: Object, before: Object) -> list[Cause]:
    new, old = after.get("clusterIPs") or [], before.get("clusterIPs") or []
    headless = (after.get("clusterIP") == HEADLESS, before.get("clusterIP") == HEADLESS)
    faults: list[Cause] = []
    if not all(headless):
        if old and not new:
            faults.append(invalid("spec.clusterIPs[0]", new or None, "primary clusterIP can not be unset"))
        elif old and new[0] != old[0]:
            faults.append(invalid("spec.clusterIPs[0]", new, _FIXED))
    families, old_families = after.get("ipFamilies") or [], before.get("ipFamilies") or []
    if not any(headless) and families and old_families and families[0] != old_families[0]:
        faults.append(invalid("spec.ipFamilies[0]", families, _FIXED))
    return faults


def _spec_faults(service: Object) -> list[Cause]:
    spec = service.get("spec") or {}
    kind, headless = spec.get("type"), spec.get("clusterIP") == HEADLESS
    faults: list[Cause] = []
    if not spec.get("ports") and not headless and kind != EXTERNAL_NAME:
        faults.append(required("spec.ports"))
    if kind in (NODE_PORT, LOAD_BALANCER) and headless:
        detail = f"may not be set to 'None' for {kind} services"
        faults.append(invalid("spec.clusterIPs[0]", HEADLESS, detail))
    if kind == EXTERNAL_NAME:
        faults += _external_name_faults(spec)
    faults += _ports_faults(spec.get("ports") or [], "spec.ports")
    faults += label_faults(spec.get("selector"), "spec.selector")
    faults += _affinity_faults(spec) + cluster_address_faults(spec)
    for index, address in enumerate(spec.get("externalIPs") or ()):
        at = f"spec.externalIPs[{index}]"
        faults += address_faults(at, address) or endpoint_address_faults(at, address)
    if kind not in TYPES:
        faults.append(unsupported("spec.type", kind, TYPES))
    faults += _taken_twice_faults(spec)
    return faults + _balancer_faults(spec) + _traffic_faults(spec)


def _external_name_faults(spec: Object) -> list[Cause]:
    faults = [
        forbidden(f"spec.{field}", "may not be set for ExternalName services")
        for field in ("clusterIPs", "ipFamilies", "ipFamilyPolicy")
        if spec.get(field)
    ]
    name = str(spec.get("externalName") or "").removesuffix(".")
    if not name:
        return [*faults, required("spec.externalName")]
    return faults + [invalid("spec.externalName", name, f) for f in names.dns_subdomain_faults(name)]


def _ports_faults(ports: list[Object], field: str) -> list[Cause]:
    faults: list[Cause] = []
    seen: set[str] = set()
    for index, port in enumerate(ports):
        at = f"{field}[{index}]"
        name, number, protocol = port.get("name") or "", port.get("port", 0), port.get("protocol")
        if not name and len(ports) > 1:
            faults.append(required(f"{at}.name"))
        elif name:
            faults += [invalid(f"{at}.name", name, f) for f in names.dns_label_faults(name)]
            faults += [duplicate(f"{at}.name", name)] if name in seen else []
            seen.add(name)
        faults += port_number_faults(f"{at}.port", number)
        if protocol not in PROTOCOLS:
            faults.append(unsupported(f"{at}.protocol", protocol, PROTOCOLS))
        faults += port_reference_faults(f"{at}.targetPort", port.get("targetPort", number))
        if (application := port.get("appProtocol")) is not None:
            at += ".appProtocol"
            faults += [invalid(at, application, f) for f in names.qualified_name_faults(application)]
    return faults


def _affinity_faults(spec: Object) -> list[Cause]:
    affinity, field = spec.get("sessionAffinity"), "spec.sessionAffinityConfig"
    if affinity not in SESSION_AFFINITIES:
        return [unsupported("spec.sessionAffinity", affinity, SESSION_AFFINITIES)]
    if affinity != "ClientIP":
        return []
    seconds = read(spec, "sessionAffinityConfig", "clientIP", "timeoutSeconds", default=None)
    if seconds is None:
        return [required(f"{field}.clientIP.timeoutSeconds")]
    if 0 < seconds <= LONGEST_AFFINITY:
        return []
    detail = f"must be greater than 0 and less than {LONGEST_AFFINITY}"
    return [invalid(f"{field}.clientIP.timeoutSeconds", seconds, detail)]


def cluster_address_faults(spec: Object) -> list[Cause]:
    """Return the faults of the cluster addresses and their families."""
    if spec.get("type") == EXTERNAL_NAME:
        return []
    single, several = spec.get("clusterIP") or "", spec.get("clusterIPs") or []
    faults: list[Cause] = []
    if single and several and several[0] != single:
        faults.append(invalid("spec.clusterIPs", several, "first value must match `clusterIP`"))
    elif not single and several:
        detail = "must be empty when `clusterIP` is not specified"
        faults.append(invalid("spec.clusterIPs", several, detail))
    faults += _family_faults(spec)
    wrong: list[Cause] = []
    for index, address in enumerate(several):
        if index == 0 and address == HEADLESS:
            if len(several) > 1:
                wrong.append(invalid("spec.clusterIPs", several, "'None' must be the first and only value"))
            continue
        wrong += address_faults(f"spec.clusterIPs[{index}]", address)
    if len(several) > 2:
        faults.append(invalid("spec.clusterIPs", several, "may only hold up to 2 values"))
    if wrong:
        return faults + wrong
    if len(several) > 1 and len({":" in address for address in several}) != len(several):
        detail = "may specify no more than one IP for each IP family"
        faults.append(invalid("spec.clusterIPs", several, detail))
    return faults + _family_match_faults(several, spec.get("ipFamilies") or [])


def _family_faults(spec: Object) -> list[Cause]:
    faults: list[Cause] = []
    families = spec.get("ipFamilies") or []
    for index, family in enumerate(families):
        at = f"spec.ipFamilies[{index}]"
        if family not in _FAMILIES:
            faults.append(unsupported(at, family, _FAMILIES))
        if family in families[:index]:
            faults.append(duplicate(at, family))
    policy = spec.get("ipFamilyPolicy")
    if policy is not None and policy not in _FAMILY_POLICIES:
        faults.append(unsupported("spec.ipFamilyPolicy", policy, _FAMILY_POLICIES))
    return faults


def _family_match_faults(addresses: list[str], families: list[str]) -> list[Cause]:
    faults: list[Cause] = []
    for index, (address, family) in enumerate(zip(addresses, families, strict=False)):
        if address != HEADLESS and family in _FAMILIES and (family == "IPv6") != (":" in address):
            detail = f"expected an {family} value as indicated by `ipFamilies[{index}]`"
            faults.append(invalid(f"spec.clusterIPs[{index}]", address, detail))
    return faults


def _taken_twice_faults(spec: Object) -> list[Cause]:
    faults: list[Cause] = []
    ports = spec.get("ports") or []
    if spec.get("type") == CLUSTER_IP:
        detail = "may not be used when `type` is 'ClusterIP'"
        faults += [
            forbidden(f"spec.ports[{index}].nodePort", detail)
            for index, port in enumerate(ports)
            if port.get("nodePort")
        ]
    for field, at in (("nodePort", ".nodePort"), ("port", "")):
        seen: set[tuple[object, object]] = set()
        for index, port in enumerate(ports):
            number, protocol = port.get(field) or 0, port.get("protocol") or ""
            if (number, protocol) in seen and (number or field == "port"):
                shown = number if at else _port_key(protocol, number)
                faults.append(duplicate(f"spec.ports[{index}]{at}", shown))
            seen.add((number, protocol))
    return faults


def _port_key(protocol: str, number: int) -> Object:
    return {
        "Name": "", "Protocol": protocol, "AppProtocol": None, "Port": number, "TargetPort": 0, "NodePort": 0
    }  # fmt: skip


def _balancer_faults(spec: Object) -> list[Cause]:
    balanced = spec.get("type") == LOAD_BALANCER
    faults: list[Cause] = []
    ranges = spec.get("loadBalancerSourceRanges") or []
    if ranges and not balanced:
        faults.append(forbidden("spec.LoadBalancerSourceRanges", _BALANCED_ONLY))
    for index, network in enumerate(ranges):
        faults += network_faults(f"spec.LoadBalancerSourceRanges[{index}]", network.strip())
    if spec.get("allocateLoadBalancerNodePorts") is not None and not balanced:
        faults.append(forbidden("spec.allocateLoadBalancerNodePorts", _BALANCED_ONLY))
    return faults + _class_faults(spec)


def _class_faults(spec: Object) -> list[Cause]:
    name, field = spec.get("loadBalancerClass"), "spec.loadBalancerClass"
    if name is None:
        return []
    if spec.get("type") != LOAD_BALANCER:
        return [forbidden(field, _BALANCED_ONLY)]
    return [invalid(field, name, f) for f in names.qualified_name_faults(name)]


def _traffic_faults(spec: Object) -> list[Cause]:
    kind, external = spec.get("type"), spec.get("externalTrafficPolicy") or ""
    reachable = kind in (NODE_PORT, LOAD_BALANCER) or (kind == CLUSTER_IP and bool(spec.get("externalIPs")))
    faults: list[Cause] = []
    if external and not reachable:
        detail = "may only be set for externally-accessible services"
        faults.append(invalid("spec.externalTrafficPolicy", external, detail))
    elif reachable and external not in _POLICIES:
        faults.append(unsupported("spec.externalTrafficPolicy", external, _POLICIES))
    number = spec.get("healthCheckNodePort") or 0
    if number and not needs_health_check(spec):
        detail = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"
        faults.append(invalid("spec.healthCheckNodePort", number, detail))
    elif number:
        faults += port_number_faults("spec.healthCheckNodePort", number)
    internal, distribution = spec.get("internalTrafficPolicy"), spec.get("trafficDistribution")
    if internal is not None and internal not in _POLICIES:
        faults.append(unsupported("spec.internalTrafficPolicy", internal, _POLICIES))
    if distribution is not None and distribution not in _DISTRIBUTIONS:
        faults.append(unsupported("spec.trafficDistribution", distribution, _DISTRIBUTIONS))
    return faults
