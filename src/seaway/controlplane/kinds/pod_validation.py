"""Validation of pods and pod templates, with Kubernetes' field paths and words.

Source: the pod validation of Kubernetes 1.36.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from seaway.controlplane.kinds.addresses import address_faults
from seaway.controlplane.kinds.cells import read
from seaway.controlplane.kinds.declaration import Object
from seaway.controlplane.kinds.faults import duplicate, forbidden, invalid, required, too_long, unsupported
from seaway.controlplane.kinds.metadata import annotation_faults, label_faults, validate_metadata
from seaway.controlplane.kinds.pod_containers import Context, container_faults, trimmed_image_faults
from seaway.controlplane.kinds.pod_placement import placement_faults
from seaway.controlplane.kinds.pod_security import pod_security_faults
from seaway.controlplane.kinds.pod_volumes import volume_faults
from seaway.controlplane.kinds.resources import pod_resource_faults
from seaway.objects import names
from seaway.objects.errors import Cause

RESTART_POLICIES = ("Always", "OnFailure", "Never")
DNS_POLICIES = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
PREEMPTION_POLICIES = ("PreemptLowerPriority", "Never")
LARGEST_SECONDS = 2**31 - 1
MOST_NAMESERVERS, MOST_SEARCHES, LONGEST_SEARCHES = 3, 32, 2048
LONGEST_HOSTNAME = 64


def validate_pod(pod: Object) -> list[Cause]:
    """Return the faults of a new Pod."""
    spec = pod.get("spec") or {}
    faults = pod_faults(pod)
    if spec.get("ephemeralContainers"):
        faults.append(forbidden("spec.ephemeralContainers", "cannot be set on create"))
    if spec.get("nodeName") and spec.get("schedulingGates"):
        detail = "cannot be set until all schedulingGates have been cleared"
        faults.append(forbidden("spec.nodeName", detail))
    return faults


def pod_faults(pod: Object) -> list[Cause]:
    """Return the faults of a new or changed Pod as it stands."""
    spec = pod.get("spec") or {}
    faults = validate_metadata(pod) + spec_faults(spec, "spec", whole=True)
    for kind in ("containers", "initContainers"):
        for index, container in enumerate(spec.get(kind) or ()):
            faults += trimmed_image_faults(container, f"spec.{kind}[{index}]")
    if spec.get("serviceAccountName"):
        return faults
    for index, volume in enumerate(spec.get("volumes") or ()):
        for position, source in enumerate((volume.get("projected") or {}).get("sources") or ()):
            if source.get("serviceAccountToken") is not None:
                at = f"spec.volumes[{index}].projected.sources[{position}].serviceAccountToken"
                faults.append(forbidden(at, "must not be specified when serviceAccountName is not set"))
    return faults


def template_faults(template: Object, field: str) -> list[Cause]:
    """Return the faults of a pod template."""
    faults = label_faults(read(template, "metadata", "labels", default={}), f"{field}.labels")
    annotations = read(template, "metadata", "annotations", default={})
    faults += annotation_faults(annotations, f"{field}.annotations")
    spec = template.get("spec") or {}
    if spec.get("ephemeralContainers"):
        detail = "ephemeral containers not allowed in pod template"
        faults.append(forbidden(f"{field}.spec.ephemeralContainers", detail))
    return faults + spec_faults(spec, f"{field}.spec", whole=False)


def spec_faults(spec: Object, field: str, *, whole: bool) -> list[Cause]:
    """Return the faults of a pod's spec.

    Args:
        spec: as written, with defaults.
        field: its path.
        whole: of a pod, False for a template's.
    """
    faults, volumes = volume_faults(spec.get("volumes") or (), f"{field}.volumes")
    host_users = spec.get("hostUsers") is not False
    policy, grace = spec.get("restartPolicy") or "", spec.get("terminationGracePeriodSeconds")
    claims = tuple(claim.get("name") or "" for claim in spec.get("resourceClaims") or ())
    context = Context(volumes, host_users, claims, policy, grace)
    faults += _all_container_faults(spec, field, context)
    faults += pod_resource_faults(spec, field)
    faults += pod_security_faults(spec, field)
    faults += _word_faults(spec, field)
    faults += _dns_faults(spec, field)
    faults += _number_faults(spec, field)
    faults += _name_faults(spec, field)
    faults += _host_network_faults(spec, field, whole=whole)
    return faults + placement_faults(spec, field)


def _host_network_faults(spec: Object, field: str, *, whole: bool) -> list[Cause]:
    detail = "must match `containerPort` when `hostNetwork` is true"
    faults: list[Cause] = []
    for index, container in enumerate(spec.get("containers") or () if spec.get("hostNetwork") else ()):
        for position, port in enumerate(container.get("ports") or ()):
            host, number = port.get("hostPort") or 0, port.get("containerPort") or 0
            if (whole or host) and host != number:
                at = f"{field}.containers[{index}].ports[{position}].hostPort"
                faults.append(invalid(at, host, detail))
    return faults


def _all_container_faults(spec: Object, field: str, context: Context) -> list[Cause]:
    faults: list[Cause] = []
    taken: set[str] = set()
    for kind in ("containers", "initContainers"):
        for index, container in enumerate(spec.get(kind) or ()):
            at = f"{field}.{kind}[{index}]"
            faults += container_faults(container, at, context, initial=kind == "initContainers")
            name = container.get("name") or ""
            if name in taken:
                faults.append(duplicate(f"{at}.name", name))
            if name or kind == "containers":
                taken.add(name)
            if kind == "initContainers":
                faults += _host_port_faults([container], f"{field}.initContainers")
    if not spec.get("containers"):
        faults.append(required(f"{field}.containers"))
    return faults + _host_port_faults(spec.get("containers") or (), f"{field}.containers")


def _host_port_faults(containers: Iterable[Object], field: str) -> list[Cause]:
    faults: list[Cause] = []
    taken: set[tuple[Any, ...]] = set()
    for index, container in enumerate(containers):
        for position, port in enumerate(container.get("ports") or ()):
            if not port.get("hostPort"):
                continue
            key = (port.get("protocol"), port.get("hostIP"), port["hostPort"])
            if key in taken:
                at = f"{field}[{index}].ports[{position}].hostPort"
                faults.append(duplicate(at, f"{key[0]}/{key[1] or ''}/{key[2]}"))
            taken.add(key)
    return faults


def _word_faults(spec: Object, field: str) -> list[Cause]:
    faults: list[Cause] = []
    policies = (
        ("restartPolicy", RESTART_POLICIES), ("dnsPolicy", DNS_POLICIES), ("preemptionPolicy", PREEMPTION_POLICIES),
    )  # fmt: skip
    for name, supported in policies:
        value = spec.get(name)
        if value is None and name == "preemptionPolicy":
            continue
        if not value:
            faults.append(required(f"{field}.{name}"))
        elif value not in supported:
            faults.append(unsupported(f"{field}.{name}", value, supported))
    return faults


def _dns_faults(spec: Object, field: str) -> list[Cause]:
    config, at = spec.get("dnsConfig"), f"{field}.dnsConfig"
    if spec.get("dnsPolicy") == "None":
        if config is None:
            return [required(at, "must provide `dnsConfig` when `dnsPolicy` is None")]
        if not config.get("nameservers"):
            detail = "must provide at least one DNS nameserver when `dnsPolicy` is None"
            return [required(f"{at}.nameservers", detail)]
    config = config or {}
    servers, searches = config.get("nameservers") or [], config.get("searches") or []
    faults: list[Cause] = []
    if len(servers) > MOST_NAMESERVERS:
        detail = f"must not have more than {MOST_NAMESERVERS} nameservers"
        faults.append(invalid(f"{at}.nameservers", servers, detail))
    if len(searches) > MOST_SEARCHES:
        detail = f"must not have more than {MOST_SEARCHES} search paths"
        faults.append(invalid(f"{at}.searches", searches, detail))
    if len(" ".join(searches)) > LONGEST_SEARCHES:
        detail = (
            f"must not have more than {LONGEST_SEARCHES} characters (including spaces) in the search list"
        )
        faults.append(invalid(f"{at}.searches", searches, detail))
    for index, server in enumerate(servers):
        faults += address_faults(f"{at}.nameservers[{index}]", server)
    for index, search in enumerate(searches):
        name = search.removesuffix(".")
        wrong = () if search == "." else names.dns_subdomain_underscore_faults(name)
        faults += [invalid(f"{at}.searches[{index}]", name, f) for f in wrong]
    for index, option in enumerate(config.get("options") or ()):
        if not option.get("name"):
            faults.append(required(f"{at}.options[{index}]", "must not be empty"))
    return faults


def _number_faults(spec: Object, field: str) -> list[Cause]:
    faults: list[Cause] = []
    deadline = spec.get("activeDeadlineSeconds")
    if deadline is not None and not 1 <= deadline <= LARGEST_SECONDS:
        detail = f"must be between 1 and {LARGEST_SECONDS}, inclusive"
        faults.append(invalid(f"{field}.activeDeadlineSeconds", deadline, detail))
    return faults


def _name_faults(spec: Object, field: str) -> list[Cause]:
    faults: list[Cause] = []
    for name in ("serviceAccountName", "priorityClassName", "nodeName"):
        if value := spec.get(name):
            faults += [invalid(f"{field}.{name}", value, f) for f in names.dns_subdomain_faults(value)]
    for name in ("hostname", "subdomain"):
        if value := spec.get(name):
            faults += [invalid(f"{field}.{name}", value, f) for f in names.dns_label_faults(value)]
    if (runtime := spec.get("runtimeClassName")) is not None:
        faults += [
            invalid(f"{field}.runtimeClassName", runtime, f) for f in names.dns_subdomain_faults(runtime)
        ]
    for index, alias in enumerate(spec.get("hostAliases") or ()):
        at = f"{field}.hostAliases[{index}]"
        faults += address_faults(f"{at}.ip", alias.get("ip") or "")
        for position, hostname in enumerate(alias.get("hostnames") or ()):
            here = f"{at}.hostnames[{position}]"
            faults += [invalid(here, hostname, f) for f in names.dns_subdomain_faults(hostname)]
    faults += _gate_faults(spec, field)
    return faults + _own_hostname_faults(spec, field)


def _gate_faults(spec: Object, field: str) -> list[Cause]:
    faults: list[Cause] = []
    for index, gate in enumerate(spec.get("readinessGates") or ()):
        at, name = f"{field}.readinessGates[{index}].conditionType", gate.get("conditionType") or ""
        faults += [invalid(at, name, f) for f in names.qualified_name_faults(name)]
    seen: set[str] = set()
    for index, gate in enumerate(spec.get("schedulingGates") or ()):
        at, name = f"{field}.schedulingGates[{index}]", gate.get("name") or ""
        faults += [invalid(at, name, f) for f in names.qualified_name_faults(name)]
        faults += [duplicate(at, name)] if name in seen else []
        seen.add(name)
    return faults


def _own_hostname_faults(spec: Object, field: str) -> list[Cause]:
    name, at = spec.get("hostnameOverride"), f"{field}.hostnameOverride"
    if name is None:
        return []
    faults: list[Cause] = []
    if spec.get("setHostnameAsFQDN"):
        faults.append(forbidden(at, "may not be specified when setHostnameAsFQDN is true"))
    if spec.get("hostNetwork"):
        faults.append(forbidden(at, "may not be specified when hostNetwork is true"))
    faults += [too_long(at, LONGEST_HOSTNAME)] if len(name) > LONGEST_HOSTNAME else []
    return faults + [invalid(at, name, f) for f in names.dns_subdomain_faults(name)]
