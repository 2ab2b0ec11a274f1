"""Which wishes of a pod have no effect on this node: pure. What is not served is said, never dropped in silence."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

Object = Mapping[str, Any]
_OF_POD: dict[str, Callable[[Any], bool]] = {
    "hostPID": bool,
    "hostIPC": bool,
    "shareProcessNamespace": bool,
    "runtimeClassName": bool,
    "resourceClaims": bool,
}
_PLAIN: dict[str, Callable[[Any], bool]] = {
    "hostAliases": bool,
    "dnsConfig": bool,
    "dnsPolicy": lambda value: value == "None",
    "setHostnameAsFQDN": bool,
}
"""What needs files of the container's own."""
_OF_CONTAINER: dict[str, Callable[[Any], bool]] = {
    "volumeDevices": bool,
    "resizePolicy": bool,
    "targetContainerName": bool,
    "restartPolicyRules": lambda rules: any(rule["action"] != "Restart" for rule in rules),
}
_SECURITY: dict[str, Callable[[Any], bool]] = {
    "privileged": bool,
    "capabilities": bool,
    "allowPrivilegeEscalation": lambda value: value is False,
    "procMount": lambda value: value != "Default",
    "seLinuxOptions": bool,
    "seccompProfile": lambda value: value.get("type") != "Unconfined",
    "appArmorProfile": lambda value: value.get("type") != "Unconfined",
    "sysctls": bool,
    "windowsOptions": bool,
}


def unserved(pod: Object, *, namespaces: bool = True) -> list[str]:
    """Return the paths of a pod's fields that have no effect here, as a user writes them.

    Args:
        pod: that is started.
        namespaces: whether its containers have files of their own.
    """
    spec = pod["spec"]
    found = [f"spec.{name}" for name in _asked(_OF_POD if namespaces else _OF_POD | _PLAIN, spec)]
    found += [f"spec.securityContext.{name}" for name in _asked(_SECURITY, spec.get("securityContext") or {})]
    for group in ("initContainers", "containers"):
        for number, container in enumerate(spec.get(group) or ()):
            found += _by_container(container, f"spec.{group}[{number}]")
    return found


def unserved_by_ephemeral(pod: Object, name: str) -> list[str]:
    """Return the same for an ephemeral container, which comes when the pod's own fields have been told."""
    added = pod["spec"].get("ephemeralContainers") or ()
    number, container = next((n, c) for n, c in enumerate(added) if c["name"] == name)
    return _by_container(container, f"spec.ephemeralContainers[{number}]")


def _by_container(container: Object, path: str) -> list[str]:
    found = [f"{path}.{name}" for name in _asked(_OF_CONTAINER, container)]
    security = container.get("securityContext") or {}
    found += [f"{path}.securityContext.{name}" for name in _asked(_SECURITY, security)]
    return found + [
        f"{path}.volumeMounts[{at}].mountPropagation"
        for at, mount in enumerate(container.get("volumeMounts") or ())
        if mount.get("mountPropagation") not in {None, "None"}
    ]


def message(paths: Iterable[str]) -> str:
    """Return what the event says."""
    return f"No effect on this node: {', '.join(paths)}"


def _asked(table: Mapping[str, Callable[[Any], bool]], values: Object) -> list[str]:
    return [name for name, asks in table.items() if values.get(name) is not None and asks(values[name])]
