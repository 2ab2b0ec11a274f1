"""Validation of containers' environments, and of references to a pod's own fields and amounts."""

from __future__ import annotations

import re

from seaway.controlplane.kinds.configs import key_faults
from seaway.controlplane.kinds.declaration import Object
from seaway.controlplane.kinds.faults import invalid, required, unsupported
from seaway.controlplane.kinds.paths import backstep_faults
from seaway.controlplane.kinds.resources import amount_of
from seaway.objects import names
from seaway.objects.errors import Cause

POD_FIELDS = (
    "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName", "status.hostIP",
    "status.hostIPs", "status.podIP", "status.podIPs",
)  # fmt: skip
"""Fields that the downward API gives as environment variables."""
CONTAINER_AMOUNTS = tuple(
    f"{kind}.{name}" for kind in ("limits", "requests") for name in ("cpu", "ephemeral-storage", "memory")
)
"""Resources of a container that the downward API gives."""
_KNOWN_FIELDS = frozenset({
    *POD_FIELDS, "metadata.annotations", "metadata.labels", "spec.restartPolicy", "spec.schedulerName", "status.phase",
})  # fmt: skip
_CPU_DIVISORS = ("1m", "1")
_BYTE_DIVISORS = ("1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei")
_SOURCES = ("fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef")


def env_faults(container: Object, field: str) -> list[Cause]:
    """Return the faults of a container's environment."""
    faults: list[Cause] = []
    for index, variable in enumerate(container.get("env") or ()):
        at, name = f"{field}.env[{index}]", variable.get("name")
        if not name:
            faults.append(required(f"{at}.name"))
        else:
            faults += [invalid(f"{at}.name", name, f) for f in names.variable_faults(name)]
        if variable.get("valueFrom") is not None:
            faults += _value_source_faults(variable, f"{at}.valueFrom")
    for index, source in enumerate(container.get("envFrom") or ()):
        at = f"{field}.envFrom[{index}]"
        given = [kind for kind in ("configMapRef", "secretRef") if source.get(kind) is not None]
        if prefix := source.get("prefix"):
            faults += [invalid(f"{at}.prefix", prefix, f) for f in names.variable_faults(prefix)]
        if len(given) != 1:
            detail = (
                "must specify one of: `configMapRef` or `secretRef`"
                if not given
                else "may not have more than one field specified at a time"
            )
            faults.append(invalid(f"{field}.envFrom", "", detail))
        for kind in given:
            faults += _reference_name_faults(source[kind].get("name") or "", f"{at}.{kind}.name", missing="")
    return faults


def _reference_name_faults(name: str, field: str, *, missing: str | None = None) -> list[Cause]:
    if not name and missing is not None:
        return [required(field, missing)]
    return [invalid(field, name, f) for f in names.dns_subdomain_faults(name)]


def _value_source_faults(variable: Object, field: str) -> list[Cause]:
    source = variable["valueFrom"]
    given = [kind for kind in _SOURCES if source.get(kind) is not None]
    faults: list[Cause] = []
    for kind in given:
        faults += _source_faults(kind, source[kind], f"{field}.{kind}")
    if not given:
        listed = ", ".join(f"`{name}`" for name in _SOURCES[:-1]) + f" or `{_SOURCES[-1]}`"
        faults.append(invalid(field, "", f"must specify one of: {listed}"))
    elif variable.get("value"):
        faults.append(invalid(field, "", "may not be specified when `value` is not empty"))
    elif len(given) > 1:
        faults.append(invalid(field, "", "may not have more than one field specified at a time"))
    return faults


def _source_faults(kind: str, reference: Object, field: str) -> list[Cause]:
    if kind == "fieldRef":
        return field_reference_faults(reference, field, POD_FIELDS)
    if kind == "resourceFieldRef":
        return resource_reference_faults(reference, field, volume=False)
    key = reference.get("key") or ""
    faults = [] if key else [required(f"{field}.key")]
    if kind != "fileKeyRef":
        faults += _reference_name_faults(reference.get("name") or "", f"{field}.name")
        return faults + [invalid(f"{field}.key", key, f) for f in (key_faults(key) if key else ())]
    faults += [invalid(f"{field}.key", key, f) for f in (names.variable_faults(key) if key else ())]
    volume, path = reference.get("volumeName") or "", reference.get("path") or ""
    if volume:
        faults += [invalid(f"{field}.volumeName", volume, f) for f in names.dns_label_faults(volume)]
    else:
        faults.append(required(f"{field}.volumeName"))
    return faults + (backstep_faults(path, f"{field}.path") if path else [required(f"{field}.path")])


def field_reference_faults(reference: Object, field: str, supported: tuple[str, ...]) -> list[Cause]:
    """Return the faults of a reference to a field of the pod itself."""
    path = reference.get("fieldPath") or ""
    if not reference.get("apiVersion"):
        return [required(f"{field}.apiVersion")]
    if not path:
        return [required(f"{field}.fieldPath")]
    match = re.fullmatch(r"(metadata\.(?:labels|annotations))\['(.*)'\]", path)
    if match:
        key = match[2].lower() if match[1].endswith("annotations") else match[2]
        return [invalid(field, key, f) for f in names.qualified_name_faults(key)]
    if path not in _KNOWN_FIELDS or reference["apiVersion"] != "v1":
        why = f"field label not supported: {path}"
        if reference["apiVersion"] != "v1":
            why = f"unsupported pod version: {reference['apiVersion']}"
        return [invalid(f"{field}.fieldPath", path, f"error converting fieldPath: {why}")]
    return [] if path in supported else [unsupported(f"{field}.fieldPath", path, supported)]


def resource_reference_faults(reference: Object, field: str, *, volume: bool) -> list[Cause]:
    """Return the faults of a reference to a container's requests or limits; in a volume it names the container."""
    resource = reference.get("resource") or ""
    faults: list[Cause] = []
    if volume and not reference.get("containerName"):
        faults.append(required(f"{field}.containerName"))
    elif not resource:
        faults.append(required(f"{field}.resource"))
    elif resource not in CONTAINER_AMOUNTS and not resource.partition(".")[2].startswith("hugepages-"):
        faults.append(unsupported(f"{field}.resource", resource, CONTAINER_AMOUNTS))
    divisor, kind = reference.get("divisor") or "0", resource.partition(".")[2]
    allowed = _CPU_DIVISORS if kind == "cpu" else _BYTE_DIVISORS
    if amount_of(divisor) and resource in CONTAINER_AMOUNTS and divisor not in allowed:
        what = {"cpu": "cpu", "memory": "memory"}.get(kind, "local ephemeral storage")
        listed = " and ".join(allowed) if kind == "cpu" else ", ".join(allowed)
        detail = f"only divisor's values {listed} are supported with the {what} resource"
        faults.append(invalid(f"{field}.divisor", resource, detail))
    return faults
