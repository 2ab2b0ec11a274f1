"""Validation of pods and pod templates, with Kubernetes' field paths and words.

Source: the pod validation of Kubernetes 1.36.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from seaway.controlplane.kinds.cells import read
from seaway.controlplane.kinds.declaration import Object
from seaway.controlplane.kinds.faults import duplicate, forbidden, invalid, required, unsupported
from seaway.controlplane.kinds.metadata import annotation_faults, label_faults, validate_metadata
from seaway.controlplane.kinds.pod_containers import Context, container_faults
from seaway.controlplane.kinds.pod_placement import placement_faults
from seaway.controlplane.kinds.pod_volumes import volume_faults
from seaway.objects import names
from seaway.objects.errors import Cause

RESTART_POLICIES = ("Always", "OnFailure", "Never")
DNS_POLICIES = ("ClusterFirst", "ClusterFirstWithHostNet", "Default", "None")
PREEMPTION_POLICIES = ("Never", "PreemptLowerPriority")
LARGEST_SECONDS = 2**31 - 1


def validate_pod(pod: Object) -> list[Cause]:
    """Return the faults of a Pod."""
    return validate_metadata(pod) + spec_faults(pod.get("spec") or {}, "spec")


def template_faults(template: Object, field: str) -> list[Cause]:
    """Return the faults of a pod template."""
    faults = label_faults(read(template, "metadata", "labels", default={}), f"{field}.metadata.labels")
    annotations = read(template, "metadata", "annotations", default={})
    faults += annotation_faults(annotations, f"{field}.metadata.annotations")
    return faults + spec_faults(template.get("spec") or {}, f"{field}.spec")


def spec_faults(spec: Object, field: str) -> list[Cause]:
    """Return the faults of a pod's spec."""
    faults, volumes = volume_faults(spec.get("volumes") or (), f"{field}.volumes")
    context = Context(volumes, bool(spec.get("hostNetwork")))
    faults += _all_container_faults(spec, field, context)
    faults += _word_faults(spec, field)
    faults += _number_faults(spec, field)
    faults += _name_faults(spec, field)
    return faults + placement_faults(spec, field)


def _all_container_faults(spec: Object, field: str, context: Context) -> list[Cause]:
    faults: list[Cause] = []
    taken: set[str] = set()
    for kind in ("initContainers", "containers"):
        for index, container in enumerate(spec.get(kind) or ()):
            at = f"{field}.{kind}[{index}]"
            faults += container_faults(container, at, context, initial=kind == "initContainers")
            name = container.get("name")
            if name in taken:
                faults.append(duplicate(f"{at}.name", name))
            taken.add(name)
    if not spec.get("containers"):
        faults.append(required(f"{field}.containers"))
    return faults + _host_port_faults(spec.get("containers") or (), field)


def _host_port_faults(containers: Iterable[Object], field: str) -> list[Cause]:
    faults: list[Cause] = []
    taken: set[tuple[Any, ...]] = set()
    for index, container in enumerate(containers):
        for position, port in enumerate(container.get("ports") or ()):
            if not port.get("hostPort"):
                continue
            key = (port.get("protocol"), port.get("hostIP"), port["hostPort"])
            if key in taken:
                at = f"{field}.containers[{index}].ports[{position}].hostPort"
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
    if spec.get("dnsPolicy") == "None" and not read(spec, "dnsConfig", "nameservers", default=()):
        detail = "must provide at least one DNS nameserver when `dnsPolicy` is None"
        faults.append(required(f"{field}.dnsConfig", detail))
    return faults


def _number_faults(spec: Object, field: str) -> list[Cause]:
    faults: list[Cause] = []
    deadline, grace = spec.get("activeDeadlineSeconds"), spec.get("terminationGracePeriodSeconds")
    if deadline is not None and not 1 <= deadline <= LARGEST_SECONDS:
        detail = f"must be between 1 and {LARGEST_SECONDS}, inclusive"
        faults.append(invalid(f"{field}.activeDeadlineSeconds", deadline, detail))
    if grace is not None and grace < 0:
        faults.append(
            invalid(f"{field}.terminationGracePeriodSeconds", grace, "must be greater than or equal to 0")
        )
    return faults


def _name_faults(spec: Object, field: str) -> list[Cause]:
    faults: list[Cause] = []
    for name in ("serviceAccountName", "priorityClassName", "nodeName"):
        if value := spec.get(name):
            faults += [invalid(f"{field}.{name}", value, f) for f in names.dns_subdomain_faults(value)]
    for name in ("hostname", "subdomain"):
        if value := spec.get(name):
            faults += [invalid(f"{field}.{name}", value, f) for f in names.dns_label_faults(value)]
    if scheduler := spec.get("schedulerName"):
        faults += [
            invalid(f"{field}.schedulerName", scheduler, f) for f in names.dns_subdomain_faults(scheduler)
        ]
    for index, reference in enumerate(spec.get("imagePullSecrets") or ()):
        if not reference.get("name"):
            faults.append(required(f"{field}.imagePullSecrets[{index}].name"))
    if spec.get("nodeName") and spec.get("schedulingGates"):
        detail = "cannot be set until all schedulingGates have been cleared"
        faults.append(forbidden(f"{field}.nodeName", detail))
    for index, alias in enumerate(spec.get("hostAliases") or ()):
        for hostname in alias.get("hostnames") or ():
            at = f"{field}.hostAliases[{index}].hostnames"
            faults += [invalid(at, hostname, f) for f in names.dns_subdomain_faults(hostname)]
    return faults
