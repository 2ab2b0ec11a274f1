"""Validation of containers: image, ports, environment, mounts, probes, hooks, resources."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from seaway.controlplane.kinds.cells import read
from seaway.controlplane.kinds.configs import key_faults
from seaway.controlplane.kinds.declaration import Object
from seaway.controlplane.kinds.faults import duplicate, forbidden, invalid, not_found, required, unsupported
from seaway.controlplane.kinds.ports import (
    PROTOCOLS,
    named_port_faults,
    port_number_faults,
    port_reference_faults,
)
from seaway.controlplane.kinds.resources import container_resource_faults, quantity_faults
from seaway.objects import names
from seaway.objects.errors import Cause

PULL_POLICIES = ("Always", "IfNotPresent", "Never")
MESSAGE_POLICIES = ("FallbackToLogsOnError", "File")
POD_FIELDS = (
    "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName", "status.hostIP",
    "status.hostIPs", "status.podIP", "status.podIPs",
)  # fmt: skip
"""Fields that the downward API gives as environment variables."""
CONTAINER_AMOUNTS = tuple(
    f"{kind}.{name}" for kind in ("limits", "requests") for name in ("cpu", "ephemeral-storage", "memory")
)
"""Resources of a container that the downward API gives."""
_SOURCES = ("configMapKeyRef", "fieldRef", "resourceFieldRef", "secretKeyRef")
_HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc")
_NOT_NEGATIVE = "must be greater than or equal to 0"


@dataclass(frozen=True, slots=True)
class Context:
    """What a container is validated against."""

    volumes: Mapping[str, Object]
    """Volumes of the pod by name."""
    host_network: bool


def container_faults(container: Object, field: str, context: Context, *, initial: bool) -> list[Cause]:
    """Return the faults of one container.

    Args:
        container: as written, with defaults.
        field: its path.
        context: the rest of the pod.
        initial: whether it is an init container.
    """
    name, image = container.get("name") or "", container.get("image") or ""
    faults = [] if name else [required(f"{field}.name")]
    faults += [invalid(f"{field}.name", name, f) for f in names.dns_label_faults(name)] if name else []
    if not image.strip():
        faults.append(required(f"{field}.image"))
    elif image != image.strip():
        faults.append(invalid(f"{field}.image", image, "must not have leading or trailing whitespace"))
    words = (("imagePullPolicy", PULL_POLICIES), ("terminationMessagePolicy", MESSAGE_POLICIES))
    for word, supported in words:
        value = container.get(word)
        if not value:
            faults.append(required(f"{field}.{word}"))
        elif value not in supported:
            faults.append(unsupported(f"{field}.{word}", value, supported))
    faults += _port_faults(container.get("ports") or (), f"{field}.ports", context)
    faults += env_faults(container, field)
    faults += _mount_faults(container.get("volumeMounts") or (), f"{field}.volumeMounts", context.volumes)
    faults += container_resource_faults(container.get("resources") or {}, f"{field}.resources")
    return faults + _role_faults(container, field, initial=initial)


def _role_faults(container: Object, field: str, *, initial: bool) -> list[Cause]:
    """Return the faults of probes and hooks, which plain init containers may not have."""
    faults: list[Cause] = []
    restart = container.get("restartPolicy")
    if restart is not None and not initial:
        faults.append(forbidden(f"{field}.restartPolicy", "may not be set for non-init containers"))
    elif restart is not None and restart != "Always":
        faults.append(unsupported(f"{field}.restartPolicy", restart, ("Always",)))
    plain = initial and restart != "Always"
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        probe = container.get(name)
        if probe is None:
            continue
        if plain:
            detail = "may not be set for init containers without restartPolicy=Always"
            faults.append(forbidden(f"{field}.{name}", detail))
        else:
            faults += _probe_faults(probe, f"{field}.{name}", one_success=name != "readinessProbe")
    hooks = container.get("lifecycle")
    if hooks and plain:
        faults.append(
            forbidden(f"{field}.lifecycle", "may not be set for init containers without restartPolicy=Always")
        )
    for name, hook in (hooks or {}).items() if not plain else ():
        if isinstance(hook, dict):
            faults += _handler_faults(hook, f"{field}.lifecycle.{name}")
    return faults


def _port_faults(ports: Iterable[Object], field: str, context: Context) -> list[Cause]:
    faults: list[Cause] = []
    taken: set[str] = set()
    for index, port in enumerate(ports):
        at = f"{field}[{index}]"
        name, number, host = port.get("name"), port.get("containerPort"), port.get("hostPort")
        if name:
            faults += named_port_faults(f"{at}.name", name)
            faults += [duplicate(f"{at}.name", name)] if name in taken else []
            taken.add(name)
        if not number:
            faults.append(required(f"{at}.containerPort"))
        else:
            faults += port_number_faults(f"{at}.containerPort", number)
        if host:
            faults += port_number_faults(f"{at}.hostPort", host)
            if context.host_network and host != number:
                detail = "must match `containerPort` when `hostNetwork` is true"
                faults.append(invalid(f"{at}.hostPort", host, detail))
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
            faults.append(invalid(at, "", detail))
        faults += [required(f"{at}.{kind}.name") for kind in given if not source[kind].get("name")]
    return faults


def _value_source_faults(variable: Object, field: str) -> list[Cause]:
    source = variable["valueFrom"]
    given = [kind for kind in _SOURCES if source.get(kind) is not None]
    if variable.get("value"):
        return [invalid(field, "", "may not be specified when `value` is not empty")]
    if len(given) != 1:
        detail = f"must specify one of: {', '.join(f'`{s}`' for s in _SOURCES)}"
        return [
            invalid(field, "", "may not have more than one field specified at a time" if given else detail)
        ]
    kind, reference = given[0], source[given[0]]
    at = f"{field}.{kind}"
    if kind == "fieldRef":
        return _field_reference_faults(reference, at)
    if kind == "resourceFieldRef":
        return resource_reference_faults(reference, at)
    faults = [] if reference.get("name") else [required(f"{at}.name")]
    if not reference.get("key"):
        return [*faults, required(f"{at}.key")]
    return faults + [invalid(f"{at}.key", reference["key"], f) for f in key_faults(reference["key"])]


def _field_reference_faults(reference: Object, field: str) -> list[Cause]:
    path = reference.get("fieldPath") or ""
    if not path:
        return [required(f"{field}.fieldPath")]
    base, bracket, _ = path.partition("[")
    subscripted = base in ("metadata.labels", "metadata.annotations") and bracket and path.endswith("']")
    if path not in POD_FIELDS and not subscripted:
        return [unsupported(f"{field}.fieldPath", path, POD_FIELDS)]
    return []


def resource_reference_faults(reference: Object, field: str) -> list[Cause]:
    """Return the faults of a reference to a container's own requests or limits."""
    resource = reference.get("resource") or ""
    if not resource:
        return [required(f"{field}.resource")]
    known = resource in CONTAINER_AMOUNTS or resource.partition(".")[2].startswith("hugepages-")
    faults = [] if known else [unsupported(f"{field}.resource", resource, CONTAINER_AMOUNTS)]
    divisor = reference.get("divisor")
    return faults + (quantity_faults(f"{field}.divisor", divisor) if divisor else [])


def _mount_faults(mounts: Iterable[Object], field: str, volumes: Mapping[str, Object]) -> list[Cause]:
    faults: list[Cause] = []
    taken: set[str] = set()
    for index, mount in enumerate(mounts):
        at = f"{field}[{index}]"
        name, path = mount.get("name"), mount.get("mountPath")
        if not name:
            faults.append(required(f"{at}.name"))
        elif name not in volumes:
            faults.append(not_found(f"{at}.name", name))
        if not path:
            faults.append(required(f"{at}.mountPath"))
        elif path in taken:
            faults.append(invalid(f"{at}.mountPath", path, "must be unique"))
        taken.add(path or "")
        for part in ("subPath", "subPathExpr"):
            faults += relative_path_faults(mount.get(part) or "", f"{at}.{part}")
        if mount.get("subPath") and mount.get("subPathExpr"):
            faults.append(
                invalid(
                    f"{at}.subPathExpr",
                    mount["subPathExpr"],
                    "subPathExpr and subPath are mutually exclusive",
                )
            )
    return faults


def relative_path_faults(path: str, field: str) -> list[Cause]:
    """Return the faults of a path that must stay inside its volume."""
    faults = [invalid(field, path, "must be a relative path")] if path.startswith("/") else []
    return faults + ([invalid(field, path, "must not contain '..'")] if ".." in path.split("/") else [])


def _probe_faults(probe: Object, field: str, *, one_success: bool) -> list[Cause]:
    faults = _handler_faults(probe, field)
    for name in (
        "initialDelaySeconds",
        "timeoutSeconds",
        "periodSeconds",
        "successThreshold",
        "failureThreshold",
    ):
        if (probe.get(name) or 0) < 0:
            faults.append(invalid(f"{field}.{name}", probe[name], _NOT_NEGATIVE))
    if one_success and probe.get("successThreshold", 1) != 1:
        faults.append(invalid(f"{field}.successThreshold", probe["successThreshold"], "must be 1"))
    return faults


def _handler_faults(handler: Object, field: str) -> list[Cause]:
    given = [kind for kind in (*_HANDLERS, "sleep") if handler.get(kind) is not None]
    if not given:
        return [required(field, "must specify a handler type")]
    faults = [forbidden(f"{field}.{kind}", "may not specify more than 1 handler type") for kind in given[1:]]
    at = f"{field}.{given[0]}"
    match given[0]:
        case "exec":
            faults += [] if read(handler, "exec", "command", default=()) else [required(f"{at}.command")]
        case "httpGet":
            faults += port_reference_faults(f"{at}.port", handler["httpGet"].get("port", 0))
            scheme: Any = handler["httpGet"].get("scheme")
            if scheme not in ("HTTP", "HTTPS"):
                faults.append(unsupported(f"{at}.scheme", scheme, ("HTTP", "HTTPS")))
        case "tcpSocket" | "grpc":
            faults += port_reference_faults(f"{at}.port", handler[given[0]].get("port", 0))
    return faults
