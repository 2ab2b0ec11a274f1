"""Validation of containers: image, ports, environment, mounts, probes, hooks, resources."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from seaway.controlplane.kinds.configs import key_faults
from seaway.controlplane.kinds.declaration import Object
from seaway.controlplane.kinds.faults import duplicate, forbidden, invalid, not_found, required, unsupported
from seaway.controlplane.kinds.paths import backstep_faults, descending_path_faults
from seaway.controlplane.kinds.pod_probes import role_faults
from seaway.controlplane.kinds.pod_security import container_security_faults
from seaway.controlplane.kinds.ports import PROTOCOLS, named_port_faults, port_number_faults
from seaway.controlplane.kinds.resources import amount_of, container_resource_faults
from seaway.objects import names
from seaway.objects.errors import Cause

PULL_POLICIES = ("Always", "IfNotPresent", "Never")
MESSAGE_POLICIES = ("File", "FallbackToLogsOnError")
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
_PROPAGATIONS = ("Bidirectional", "HostToContainer", "None")
_READ_ONLY_MODES = ("Disabled", "Enabled", "IfPossible")
_RESIZED, _RESIZE_POLICIES = ("cpu", "memory"), ("NotRequired", "RestartContainer")
_BLOCK_SOURCES = ("persistentVolumeClaim", "ephemeral")


@dataclass(frozen=True, slots=True)
class Context:
    """What a container is validated against."""

    volumes: Mapping[str, Object]
    """Volumes of the pod by name."""
    host_users: bool = True
    """Whether user ids in the pod are those of its host."""
    restart_policy: str = ""
    """Of the pod."""
    grace: int | None = None
    """Seconds that the pod gets to end."""


def container_faults(container: Object, field: str, context: Context, *, initial: bool) -> list[Cause]:
    """Return the faults of one container.

    Args:
        container: as written, with defaults.
        field: its path.
        context: the rest of the pod.
        initial: whether it is an init container.
    """
    name = container.get("name") or ""
    faults = [] if name else [required(f"{field}.name")]
    faults += [invalid(f"{field}.name", name, f) for f in names.dns_label_faults(name)] if name else []
    faults += [] if container.get("image") else [required(f"{field}.image")]
    words = (("imagePullPolicy", PULL_POLICIES), ("terminationMessagePolicy", MESSAGE_POLICIES))
    for word, supported in words:
        value = container.get(word)
        if not value:
            faults.append(required(f"{field}.{word}"))
        elif value not in supported:
            faults.append(unsupported(f"{field}.{word}", value, supported))
    faults += _port_faults(container.get("ports") or (), f"{field}.ports")
    faults += env_faults(container, field)
    faults += _mount_faults(container, f"{field}.volumeMounts", context.volumes)
    faults += _device_faults(container, f"{field}.volumeDevices", context.volumes)
    faults += container_resource_faults(container.get("resources") or {}, f"{field}.resources")
    faults += _resize_faults(container, field, context.restart_policy, initial=initial)
    faults += container_security_faults(
        container.get("securityContext"), f"{field}.securityContext", host_users=context.host_users
    )
    return faults + role_faults(container, field, context.grace, initial=initial)


def trimmed_image_faults(container: Object, field: str) -> list[Cause]:
    """Return the fault of an image with blanks around it, which a pod may not have but a template may."""
    image = container.get("image") or ""
    if image == image.strip():
        return []
    return [invalid(f"{field}.image", image, "must not have leading or trailing whitespace")]


def _resize_faults(container: Object, field: str, restart_policy: str, *, initial: bool) -> list[Cause]:
    at, faults = f"{field}.resizePolicy", []
    seen: set[str] = set()
    for index, rule in enumerate(container.get("resizePolicy") or ()):
        name, policy = rule.get("resourceName") or "", rule.get("restartPolicy") or ""
        if name in seen:
            faults.append(duplicate(f"{at}[{index}]", name))
        seen.add(name)
        for value, supported in ((name, _RESIZED), (policy, _RESIZE_POLICIES)):
            if not value:
                faults.append(required(at))
            elif value not in supported:
                faults.append(unsupported(at, value, supported))
        if restart_policy == "Never" and policy != "NotRequired":
            detail = "must be 'NotRequired' when pod `restartPolicy` is 'Never'"
            faults.append(invalid(at, policy, detail))
        if initial and container.get("restartPolicy") != "Always" and policy == "RestartContainer":
            detail = "must not be set to 'RestartContainer' for non-sidecar initContainers"
            faults.append(invalid(f"{at}[{index}].restartPolicy", policy, detail))
    return faults


def _port_faults(ports: Iterable[Object], field: str) -> list[Cause]:
    faults: list[Cause] = []
    taken: set[str] = set()
    for index, port in enumerate(ports):
        at = f"{field}[{index}]"
        name, number, host = port.get("name"), port.get("containerPort"), port.get("hostPort")
        if name:
            wrong = named_port_faults(f"{at}.name", name)
            faults += wrong or ([duplicate(f"{at}.name", name)] if name in taken else [])
            taken.add(name)
        if not number:
            faults.append(required(f"{at}.containerPort"))
        else:
            faults += port_number_faults(f"{at}.containerPort", number)
        if host:
            faults += port_number_faults(f"{at}.hostPort", host)
        if port.get("protocol") not in PROTOCOLS:
            faults.append(unsupported(f"{at}.protocol", port.get("protocol"), PROTOCOLS))
    return faults


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


def _mount_faults(container: Object, field: str, volumes: Mapping[str, Object]) -> list[Cause]:
    devices = container.get("volumeDevices") or ()
    faults: list[Cause] = []
    taken: set[str] = set()
    for index, mount in enumerate(container.get("volumeMounts") or ()):
        at = f"{field}[{index}]"
        name, path = mount.get("name") or "", mount.get("mountPath") or ""
        faults += [] if name else [required(f"{at}.name")]
        faults += [] if name in volumes else [not_found(f"{at}.name", name)]
        faults += [] if path else [required(f"{at}.mountPath")]
        if path in taken:
            faults.append(invalid(f"{at}.mountPath", path, "must be unique"))
        taken.add(path)
        if any(device.get("name") == name for device in devices):
            faults.append(invalid(f"{at}.name", name, "must not already exist in volumeDevices"))
        if any(device.get("devicePath") == path for device in devices):
            detail = "must not already exist as a path in volumeDevices"
            faults.append(invalid(f"{at}.mountPath", path, detail))
        for part in ("subPath", "subPathExpr"):
            faults += descending_path_faults(mount.get(part) or "", f"{field}.{part}")
        faults += _mount_mode_faults(container, mount, field)
        if mount.get("subPath") and mount.get("subPathExpr"):
            faults.append(
                invalid(
                    f"{at}.subPathExpr",
                    mount["subPathExpr"],
                    "subPathExpr and subPath are mutually exclusive",
                )
            )
    return faults


def _mount_mode_faults(container: Object, mount: Object, field: str) -> list[Cause]:
    """Return the faults of how a mount is shared and whether all below it is read-only."""
    propagation, recursive = mount.get("mountPropagation"), mount.get("recursiveReadOnly")
    faults: list[Cause] = []
    if propagation is not None and propagation not in _PROPAGATIONS:
        faults.append(unsupported(f"{field}.mountPropagation", propagation, _PROPAGATIONS))
    if propagation == "Bidirectional" and not (container.get("securityContext") or {}).get("privileged"):
        detail = "Bidirectional mount propagation is available only to privileged containers"
        faults.append(forbidden(f"{field}.mountPropagation", detail))
    at = f"{field}.recursiveReadOnly"
    if recursive is not None and recursive not in _READ_ONLY_MODES:
        faults.append(unsupported(at, recursive, _READ_ONLY_MODES))
    elif recursive in ("Enabled", "IfPossible"):
        if not mount.get("readOnly"):
            faults.append(forbidden(at, "may only be specified when readOnly is true"))
        if propagation not in (None, "None"):
            detail = "may only be specified when mountPropagation is None or not specified"
            faults.append(forbidden(at, detail))
    return faults


def _device_faults(container: Object, field: str, volumes: Mapping[str, Object]) -> list[Cause]:
    mounts = container.get("volumeMounts") or ()
    faults: list[Cause] = []
    seen: set[str] = set()
    paths: set[str] = set()
    for index, device in enumerate(container.get("volumeDevices") or ()):
        at = f"{field}[{index}]"
        name, path = device.get("name") or "", device.get("devicePath") or ""
        faults += [] if name else [required(f"{at}.name")]
        faults += [invalid(f"{at}.name", name, "must be unique")] if name in seen else []
        if name not in volumes:
            faults.append(not_found(f"{at}.name", name))
        elif not any(volumes[name].get(source) is not None for source in _BLOCK_SOURCES):
            detail = "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode"
            faults.append(invalid(f"{at}.name", name, detail))
        faults += [] if path else [required(f"{at}.devicePath")]
        faults += [invalid(f"{at}.devicePath", path, "must be unique")] if path in paths else []
        if backstep_faults(path, at):
            faults.append(invalid(f"{at}.devicePath", path, "can not contain backsteps ('..')"))
        else:
            paths.add(path)
        if any(mount.get("name") == name for mount in mounts):
            faults.append(invalid(f"{at}.name", name, "must not already exist in volumeMounts"))
        if any(mount.get("mountPath") == path for mount in mounts):
            detail = "must not already exist as a path in volumeMounts"
            faults.append(invalid(f"{at}.devicePath", path, detail))
        seen |= {name} if name else set()
    return faults
