"""Validation of containers: image, ports, environment, mounts, probes, hooks, resources."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from seaway.controlplane.kinds.declaration import Object
from seaway.controlplane.kinds.faults import duplicate, forbidden, invalid, not_found, required, unsupported
from seaway.controlplane.kinds.paths import backstep_faults, descending_path_faults
from seaway.controlplane.kinds.pod_environment import env_faults
from seaway.controlplane.kinds.pod_probes import role_faults
from seaway.controlplane.kinds.pod_security import container_security_faults
from seaway.controlplane.kinds.ports import PROTOCOLS, named_port_faults, port_number_faults
from seaway.controlplane.kinds.resources import container_resource_faults
from seaway.objects import names
from seaway.objects.errors import Cause

PULL_POLICIES = ("Always", "IfNotPresent", "Never")
MESSAGE_POLICIES = ("File", "FallbackToLogsOnError")
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
    claims: tuple[str, ...] = ()
    """Names of the pod's resource claims."""
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
    resources = container.get("resources") or {}
    faults += container_resource_faults(resources, f"{field}.resources")
    faults += _claim_faults(resources.get("claims") or (), f"{field}.resources.claims", context.claims)
    faults += _resize_faults(container, field, context.restart_policy, initial=initial)
    faults += container_security_faults(
        container.get("securityContext"), f"{field}.securityContext", host_users=context.host_users
    )
    return faults + role_faults(container, field, context.grace, initial=initial)


def _claim_faults(claims: Iterable[Object], field: str, known: tuple[str, ...]) -> list[Cause]:
    faults: list[Cause] = []
    seen: set[str] = set()
    where = f": {', '.join(sorted(known))}" if known else " which is empty"
    for index, claim in enumerate(claims):
        at, name, request = f"{field}[{index}]", claim.get("name") or "", claim.get("request") or ""
        if not name:
            faults.append(required(at))
            continue
        key = f"{name}/{request}" if request else name
        if name not in seen:
            wrong = names.dns_label_faults(request) if request else ()
            faults += [invalid(f"{at}.request", request, f) for f in wrong]
        overlaps = not request and any(other.startswith(f"{name}/") for other in seen)
        if name in seen or key in seen or overlaps:
            faults.append(duplicate(at, name if name in seen or overlaps else key))
        seen.add(key)
        if name not in known:
            detail = f"must be one of the names in pod.spec.resourceClaims{where}"
            faults.append(not_found(at, name, detail))
    return faults


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
