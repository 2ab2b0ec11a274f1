"""networking.k8s.io: Ingresses, which say what HTTP requests go to which service, and their classes.

Source: the networking validation of Kubernetes 1.36.
"""

from __future__ import annotations

from collections.abc import Iterable

from seaway.controlplane.kinds.addresses import address_faults
from seaway.controlplane.kinds.cells import AGE, NAME, NONE, read
from seaway.controlplane.kinds.declaration import Column, Kind, Object
from seaway.controlplane.kinds.faults import invalid, required, unsupported
from seaway.controlplane.kinds.ingress_classes import INGRESS_CLASS
from seaway.controlplane.kinds.metadata import (
    path_segment_faults,
    validate_metadata,
    validate_metadata_update,
)
from seaway.controlplane.kinds.ports import named_port_faults, port_number_faults
from seaway.controlplane.kinds.schemas import schema_of
from seaway.objects import names
from seaway.objects.builtin import INGRESSES
from seaway.objects.errors import Cause

__all__ = ["INGRESS", "INGRESS_CLASS"]
PATH_TYPES = ("Exact", "ImplementationSpecific", "Prefix")
CLASS_ANNOTATION = "kubernetes.io/ingress.class"
_NOT_IN_PATHS = ("//", "/./", "/../", "%2f", "%2F")
_NOT_AT_ENDS = ("/..", "/.")
_ADDRESS_WIDTH, _SHOWN_HOSTS = 16, 3


def _annotations(obj: Object) -> Object:
    found: Object = obj["metadata"].get("annotations") or {}
    return found


def prepare_create(ingress: Object) -> None:
    """Begin without a status."""
    ingress["status"] = {"loadBalancer": {}}


def validate(ingress: Object) -> list[Cause]:
    """Return the faults of an Ingress."""
    spec = ingress.get("spec") or {}
    faults = validate_metadata(ingress)
    rules, default = spec.get("rules") or [], spec.get("defaultBackend")
    if not rules and default is None:
        faults.append(
            invalid("spec", spec.get("rules"), "either `defaultBackend` or `rules` must be specified")
        )
    if default is not None:
        faults += _backend_faults(default, "spec.defaultBackend")
    for index, rule in enumerate(rules):
        faults += _rule_faults(rule, f"spec.rules[{index}]")
    for index, tls in enumerate(spec.get("tls") or ()):
        faults += _tls_faults(tls, f"spec.tls[{index}]")
    if (name := spec.get("ingressClassName")) is not None:
        faults += [invalid("spec.ingressClassName", name, f) for f in names.dns_subdomain_faults(name)]
    return faults + _annotation_faults(ingress)


def _annotation_faults(ingress: Object) -> list[Cause]:
    """Return the fault of a class that is named twice, which only a create is asked about."""
    named = _annotations(ingress).get(CLASS_ANNOTATION)
    chosen = read(ingress, "spec", "ingressClassName", default=None)
    if named is None or chosen is None or named == chosen or "resourceVersion" in ingress["metadata"]:
        return []
    detail = "must match `ingressClassName` when both are specified"
    return [invalid(f"annotations.{CLASS_ANNOTATION}", named, detail)]


def _host_faults(host: str, field: str) -> list[Cause]:
    check = names.wildcard_faults if "*" in host else names.dns_subdomain_faults
    return [invalid(field, host, fault) for fault in check(host)]


def _rule_faults(rule: Object, field: str) -> list[Cause]:
    faults: list[Cause] = []
    if host := rule.get("host"):
        if not address_faults("", host):
            faults.append(invalid(f"{field}.host", host, "must be a DNS name, not an IP address"))
        faults += _host_faults(host, f"{field}.host")
    http = rule.get("http")
    if http is None:
        return faults
    paths = http.get("paths") or ()
    if not paths:
        faults.append(required(f"{field}.http.paths"))
    for index, path in enumerate(paths):
        faults += _path_faults(path, f"{field}.http.paths[{index}]")
    return faults


def _path_faults(path: Object, field: str) -> list[Cause]:
    kind, text = path.get("pathType"), path.get("path") or ""
    if kind is None:
        return [required(f"{field}.pathType", "pathType must be specified")]
    faults: list[Cause] = []
    if kind not in PATH_TYPES:
        faults.append(unsupported(f"{field}.pathType", kind, PATH_TYPES))
    elif not text.startswith("/") and (text or kind != "ImplementationSpecific"):
        faults.append(invalid(f"{field}.path", text, "must be an absolute path"))
    if kind in ("Exact", "Prefix"):
        details = [f"must not contain '{part}'" for part in _NOT_IN_PATHS if part in text]
        details += [f"cannot end with '{end}'" for end in _NOT_AT_ENDS if text.endswith(end)]
        faults += [invalid(f"{field}.path", text, detail) for detail in details]
    return faults + _backend_faults(path.get("backend") or {}, f"{field}.backend")


def _backend_faults(backend: Object, field: str) -> list[Cause]:
    service, resource = backend.get("service"), backend.get("resource")
    if service is not None and resource is not None:
        return [invalid(field, "", "cannot set both resource and service backends")]
    if resource is not None:
        return _resource_faults(resource, f"{field}.resource")
    if service is None:
        return [invalid(field, "", "resource or service backend is required")]
    name, port = service.get("name"), service.get("port") or {}
    faults = [] if name else [required(f"{field}.service.name")]
    if name:
        faults += [invalid(f"{field}.service.name", name, f) for f in names.dns_label_faults(name)]
    if port.get("name") and port.get("number"):
        return [*faults, invalid(field, "", "cannot set both port name & port number")]
    if port.get("name"):
        return faults + named_port_faults(f"{field}.service.port.name", port["name"])
    if port.get("number"):
        return faults + port_number_faults(f"{field}.service.port.number", port["number"])
    return [*faults, required(field, "port name or number is required")]


def _resource_faults(reference: Object, field: str) -> list[Cause]:
    group = reference.get("apiGroup")
    faults = (
        [invalid(f"{field}.apiGroup", group, f) for f in names.dns_subdomain_faults(group)] if group else []
    )
    for part in ("kind", "name"):
        text = reference.get(part)
        if not text:
            faults.append(required(f"{field}.{part}"))
            continue
        faults += [invalid(f"{field}.{part}", text, f) for f in path_segment_faults(text)]
    return faults


def _tls_faults(tls: Object, field: str) -> list[Cause]:
    faults = [
        fault
        for index, host in enumerate(tls.get("hosts") or ())
        for fault in _host_faults(host, f"{field}.hosts[{index}]")
    ]
    name = tls.get("secretName")
    return faults + [invalid(f"{field}.secretName", name, f) for f in names.dns_subdomain_faults(name or "x")]


def warnings(new: Object, old: Object | None) -> list[str]:
    """Tell that the annotation is the old way to name a class."""
    annotated = CLASS_ANNOTATION in _annotations(new)
    if old is not None or not annotated or read(new, "spec", "ingressClassName", default=None) is not None:
        return []
    return [f"annotation \"{CLASS_ANNOTATION}\" is deprecated, please use 'spec.ingressClassName' instead"]


def validate_status(new: Object, old: Object) -> list[Cause]:
    """Return the faults of a status: addresses and names."""
    faults = validate_metadata_update(new, old)
    for index, point in enumerate(read(new, "status", "loadBalancer", "ingress", default=())):
        field = f"status.loadBalancer.ingress[{index}]"
        faults += address_faults(f"{field}.ip", point["ip"]) if point.get("ip") else []
        if host := point.get("hostname"):
            faults += [invalid(f"{field}.hostname", host, f) for f in names.dns_subdomain_faults(host)]
            if not address_faults("", host):
                faults.append(invalid(f"{field}.hostname", host, "must be a DNS name, not an IP address"))
    return faults


def _class(ingress: Object, _now: float) -> str:
    return str(read(ingress, "spec", "ingressClassName", default=NONE))


def _hosts(ingress: Object, _now: float) -> str:
    rules = read(ingress, "spec", "rules", default=())
    hosts = [str(rule["host"]) for rule in rules if rule.get("host")]
    more = len(hosts) >= _SHOWN_HOSTS and len(rules) > _SHOWN_HOSTS
    shown = ",".join(hosts[:_SHOWN_HOSTS])
    return (f"{shown} + {len(rules) - _SHOWN_HOSTS} more..." if more else shown) or "*"


def _addresses(ingress: Object, _now: float) -> str:
    points: Iterable[Object] = read(ingress, "status", "loadBalancer", "ingress", default=())
    text = ",".join(sorted({str(point.get("ip") or point.get("hostname")) for point in points if point}))
    return text if len(text) <= _ADDRESS_WIDTH else text[: _ADDRESS_WIDTH - 3] + "..."


def _ports(ingress: Object, _now: float) -> str:
    return "80, 443" if read(ingress, "spec", "tls", default=()) else "80"


INGRESS = Kind(
    INGRESSES,
    schema_of(INGRESSES),
    validate=validate,
    validate_update=validate_metadata_update,
    validate_status=validate_status,
    prepare_create=prepare_create,
    warnings=warnings,
    columns=(
        NAME,
        Column("Class", _class, description="The class, whose controller serves it."),
        Column("Hosts", _hosts, description="Names that requests are for."),
        Column("Address", _addresses, description="Where it is served."),
        Column("Ports", _ports, description="Ports that it is served on."),
        AGE,
    ),
    has_status=True,
)
