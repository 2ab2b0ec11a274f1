"""Validation of what a pod's processes may do: security contexts, sysctls, the operating system."""

from __future__ import annotations

import re
from collections.abc import Iterator

from seaway.controlplane.kinds.declaration import Object
from seaway.controlplane.kinds.faults import duplicate, forbidden, invalid, required, unsupported
from seaway.controlplane.kinds.paths import descending_path_faults
from seaway.objects.errors import Cause

LARGEST_ID = 2**31 - 1
OPERATING_SYSTEMS = ("linux", "windows")
_RANGE = f"must be between 0 and {LARGEST_ID}, inclusive"
_PROC_MOUNTS = ("Default", "Unmasked")
_PROFILES = ("Localhost", "RuntimeDefault", "Unconfined")
_GROUP_CHANGES = ("Always", "OnRootMismatch")
_GROUP_POLICIES = ("Merge", "Strict")
_SELINUX_POLICIES = ("MountOption", "Recursive")
_SYSCTL = r"([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?"
_LONGEST_SYSCTL = 253
_CONTAINERS = ("initContainers", "containers", "ephemeralContainers")
_NOT_ON_WINDOWS = (
    "appArmorProfile", "seLinuxOptions", "seccompProfile", "fsGroup", "fsGroupChangePolicy", "sysctls", "runAsUser",
    "runAsGroup", "supplementalGroups", "supplementalGroupsPolicy", "seLinuxChangePolicy",
)  # fmt: skip
_CONTAINER_NOT_ON_WINDOWS = (
    "appArmorProfile", "seLinuxOptions", "seccompProfile", "capabilities", "readOnlyRootFilesystem", "privileged",
    "allowPrivilegeEscalation", "procMount", "runAsUser", "runAsGroup",
)  # fmt: skip


def container_security_faults(context: Object | None, field: str, *, host_users: bool) -> list[Cause]:
    """Return the faults of a container's security context."""
    if context is None:
        return []
    faults = _id_faults(context, field, ("runAsUser", "runAsGroup"))
    mount = context.get("procMount")
    if mount is not None and mount not in _PROC_MOUNTS:
        faults.append(unsupported(f"{field}.procMount", mount, _PROC_MOUNTS))
    if mount == "Unmasked" and host_users:
        faults.append(invalid(f"{field}.procMount", mount, "`hostUsers` must be false to use `Unmasked`"))
    faults += _profile_faults(context, field)
    if context.get("allowPrivilegeEscalation") is False:
        if context.get("privileged"):
            detail = "cannot set `allowPrivilegeEscalation` to false and `privileged` to true"
            faults.append(invalid(field, context, detail))
        if "CAP_SYS_ADMIN" in ((context.get("capabilities") or {}).get("add") or ()):
            detail = "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN"
            faults.append(invalid(field, context, detail))
    return faults


def pod_security_faults(spec: Object, field: str) -> list[Cause]:
    """Return the faults of a pod's security context and of what it shares with its host."""
    context, at = spec.get("securityContext") or {}, f"{field}.securityContext"
    faults = _id_faults(context, at, ("fsGroup", "runAsUser", "runAsGroup"))
    for index, group in enumerate(context.get("supplementalGroups") or ()):
        if not 0 <= group <= LARGEST_ID:
            faults.append(invalid(f"{at}.supplementalGroups[{index}]", group, _RANGE))
    if spec.get("shareProcessNamespace") and spec.get("hostPID"):
        detail = "ShareProcessNamespace and HostPID cannot both be enabled"
        faults.append(invalid(f"{at}.shareProcessNamespace", True, detail))
    faults += _sysctl_faults(context.get("sysctls") or [], f"{at}.sysctls")
    words = (
        ("fsGroupChangePolicy", _GROUP_CHANGES), ("supplementalGroupsPolicy", _GROUP_POLICIES),
        ("seLinuxChangePolicy", _SELINUX_POLICIES),
    )  # fmt: skip
    for name, supported in words:
        value = context.get(name)
        if value is not None and value not in supported:
            faults.append(unsupported(f"{at}.{name}", value, supported))
    faults += _profile_faults(context, at)
    return faults + _host_users_faults(spec, field) + _system_faults(spec, field)


def _id_faults(context: Object, field: str, ids: tuple[str, ...]) -> list[Cause]:
    return [
        invalid(f"{field}.{name}", context[name], _RANGE)
        for name in ids
        if context.get(name) is not None and not 0 <= context[name] <= LARGEST_ID
    ]


def _profile_faults(context: Object, field: str) -> list[Cause]:
    faults: list[Cause] = []
    for name, what in (("seccompProfile", "seccomp"), ("appArmorProfile", "AppArmor")):
        profile, at = context.get(name), f"{field}.{name}"
        if profile is None:
            continue
        kind, file = profile.get("type") or "", profile.get("localhostProfile")
        if not kind:
            faults.append(required(f"{at}.type", f"type is required when {name} is set"))
        elif kind not in _PROFILES:
            faults.append(unsupported(f"{at}.type", kind, _PROFILES))
        if kind != "Localhost":
            if file is not None:
                detail = f"can only be set when {what} type is Localhost"
                shown = {"Type": kind, "LocalhostProfile": file} if what == "seccomp" else file
                faults.append(invalid(f"{at}.localhostProfile", shown, detail))
        elif file is None:
            faults.append(required(f"{at}.localhostProfile", f"must be set when {what} type is Localhost"))
        elif what == "seccomp":
            faults += descending_path_faults(file, f"{at}.localhostProfile")
    return faults


def _sysctl_faults(sysctls: list[Object], field: str) -> list[Cause]:
    faults: list[Cause] = []
    seen: set[str] = set()
    for index, sysctl in enumerate(sysctls):
        at, name = f"{field}[{index}].name", sysctl.get("name") or ""
        if not name:
            faults.append(required(at))
        elif len(name) > _LONGEST_SYSCTL or not re.fullmatch(_SYSCTL, name):
            detail = f"must have at most {_LONGEST_SYSCTL} characters and match regex ^{_SYSCTL}$"
            faults.append(invalid(at, name, detail))
        elif name in seen:
            faults.append(duplicate(at, name))
        seen.add(name)
    return faults


def _host_users_faults(spec: Object, field: str) -> list[Cause]:
    if spec.get("hostUsers") is not False:
        return []
    shared = (("hostNetwork", "hostNetwork"), ("hostPID", "HostPID"), ("hostIPC", "HostIPC"))
    detail = "when `hostUsers` is false"
    faults = [forbidden(f"{field}.{shown}", detail) for name, shown in shared if spec.get(name)]
    return faults + [
        forbidden(f"{at}.volumeDevices", detail)
        for at, container in _containers(spec, field)
        if container.get("volumeDevices")
    ]


def _system_faults(spec: Object, field: str) -> list[Cause]:
    system = spec.get("os")
    if system is None:
        return []
    name = system.get("name") or ""
    if not name:
        return [required(f"{field}.os.name")]
    if name not in OPERATING_SYSTEMS:
        return [unsupported(f"{field}.os", name, OPERATING_SYSTEMS)]
    context = spec.get("securityContext") or {}
    if name == "linux":
        detail = "windows options cannot be set for a linux pod"
        faults = _foreign(context, f"{field}.securityContext", ("windowsOptions",), detail)
        for at, container in _containers(spec, field):
            own = container.get("securityContext") or {}
            faults += _foreign(own, f"{at}.securityContext", ("windowsOptions",), detail)
        return faults
    detail = "cannot be set for a windows pod"
    faults = _foreign(context, f"{field}.securityContext", _NOT_ON_WINDOWS, detail)
    faults += _foreign(spec, field, ("hostUsers", "shareProcessNamespace"), detail)
    faults += [forbidden(f"{field}.{word}", detail) for word in ("hostPID", "hostIPC") if spec.get(word)]
    for at, container in _containers(spec, field):
        own = container.get("securityContext") or {}
        faults += _foreign(own, f"{at}.securityContext", _CONTAINER_NOT_ON_WINDOWS, detail)
    return faults


def _foreign(values: Object, field: str, words: tuple[str, ...], detail: str) -> list[Cause]:
    return [forbidden(f"{field}.{word}", detail) for word in words if values.get(word) is not None]


def _containers(spec: Object, field: str) -> Iterator[tuple[str, Object]]:
    for kind in _CONTAINERS:
        for index, container in enumerate(spec.get(kind) or ()):
            yield f"{field}.{kind}[{index}]", container
