"""The single checks of the Pod Security Standards. Each returns its reason and detail, None for a pod that passes.

Source: Kubernetes' "Pod Security Standards", and the words of its pod-security-admission.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

Object = dict[str, Any]
Found = tuple[str, str] | None
Check = Callable[[Object, Object], Found]
"""Given a pod's metadata and specification."""
_CAPABILITIES = frozenset({
    "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "SETFCAP", "SETGID",
    "SETPCAP", "SETUID", "SYS_CHROOT",
})  # fmt: skip
_VOLUMES = frozenset({
    "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image", "persistentVolumeClaim", "projected", "secret",
})  # fmt: skip
_OTHER_VOLUMES = frozenset({
    "hostPath", "gcePersistentDisk", "awsElasticBlockStore", "gitRepo", "nfs", "iscsi", "glusterfs", "rbd", "flexVolume",
    "cinder", "cephfs", "flocker", "fc", "azureFile", "vsphereVolume", "quobyte", "azureDisk", "photonPersistentDisk",
    "portworxVolume", "scaleIO", "storageos",
})  # fmt: skip
_SELINUX = frozenset({"", "container_t", "container_init_t", "container_kvm_t"})
_SYSCTLS = {
    0: ("kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.tcp_syncookies",
        "net.ipv4.ping_group_range", "net.ipv4.ip_unprivileged_port_start"),
    27: ("net.ipv4.ip_local_reserved_ports",),
    29: ("net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl",
         "net.ipv4.tcp_keepalive_probes"),
    32: ("net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem"),
}  # fmt: skip
_APP_ARMOR = "container.apparmor.security.beta.kubernetes.io/"
_SECCOMP_POD = "seccomp.security.alpha.kubernetes.io/pod"
_SECCOMP_CONTAINER = "container.seccomp.security.alpha.kubernetes.io/"


def _containers(spec: Object) -> Iterator[Object]:
    for field in ("initContainers", "containers", "ephemeralContainers"):
        yield from spec.get(field) or ()


def _context(holder: Object) -> Object:
    return holder.get("securityContext") or {}


def _quoted(words: Iterable[Any]) -> str:
    return ", ".join(f'"{word}"' for word in words)


def _counted(one: str, words: Iterable[Any]) -> str:
    """Return "container "a"" or "containers "a", "b""."""
    listed = list(words)
    return f"{one}{'' if len(listed) == 1 else 's'} {_quoted(listed)}"


def _named(containers: Iterable[Object]) -> list[str]:
    return [str(container.get("name")) for container in containers]


def _setters(pod: bool, containers: list[str]) -> str:  # one of the two values of a pair
    said = ["pod"] if pod else []
    return " and ".join(said + ([_counted("container", containers)] if containers else []))


def unless_windows(check: Check) -> Check:
    """Return a check that lets pods for Windows pass."""

    def checked(metadata: Object, spec: Object) -> Found:
        return None if (spec.get("os") or {}).get("name") == "windows" else check(metadata, spec)

    return checked


def unless_own_users(check: Check) -> Check:
    """Return a check that lets pods with a user namespace of their own pass. Source: KEP-127."""

    def checked(metadata: Object, spec: Object) -> Found:
        return None if spec.get("hostUsers") is False else check(metadata, spec)

    return checked


def app_armor(metadata: Object, spec: Object) -> Found:
    """Refuse AppArmor profiles other than the runtime's or local ones."""

    def wrong(holder: Object) -> str | None:
        profile = _context(holder).get("appArmorProfile")
        kind = None if profile is None else str(profile.get("type") or "")
        return None if kind in (None, "RuntimeDefault", "Localhost") else kind

    pod, bad = wrong(spec), [c for c in _containers(spec) if wrong(c) is not None]
    values = sorted({kind for kind in (pod, *map(wrong, bad)) if kind is not None})
    notes = sorted(
        f"{key}={json.dumps(value, ensure_ascii=False)}"
        for key, value in (metadata.get("annotations") or {}).items()
        if key.startswith(_APP_ARMOR)
        and not (value in ("", "runtime/default") or value.startswith("localhost/"))
    )
    said = [part for part in (_setters(pod is not None, _named(bad)),) if part]
    said += ["annotation" if len(notes) == 1 else "annotations"] if notes else []
    if not said:
        return None
    listed = [*values, *notes]
    reason = f"forbidden AppArmor profile{'' if len(listed) == 1 else 's'}"
    return reason, f"{' and '.join(said)} must not set AppArmor profile type to {_quoted(listed)}"


def added_capabilities(_: Object, spec: Object) -> Found:
    """Refuse capabilities beyond those that runtimes give anyway."""

    def wrong(container: Object) -> set[str]:
        return set((_context(container).get("capabilities") or {}).get("add") or ()) - _CAPABILITIES

    bad = [container for container in _containers(spec) if wrong(container)]
    added = _quoted(sorted({name for container in bad for name in wrong(container)}))
    detail = (
        f"{_counted('container', _named(bad))} must not include {added} in securityContext.capabilities.add"
    )
    return ("non-default capabilities", detail) if bad else None


def dropped_capabilities(_: Object, spec: Object) -> Found:
    """Require that all capabilities are dropped and none but one added."""
    keeping, adding, added = [], [], set()
    for container in _containers(spec):
        capabilities = _context(container).get("capabilities") or {}
        if "ALL" not in (capabilities.get("drop") or ()):
            keeping.append(container)
        if more := set(capabilities.get("add") or ()) - {"NET_BIND_SERVICE"}:
            adding.append(container)
            added |= more
    details = []
    if keeping:
        details.append(
            f'{_counted("container", _named(keeping))} must set securityContext.capabilities.drop=["ALL"]'
        )
    if adding:
        details.append(
            f"{_counted('container', _named(adding))} must not include {_quoted(sorted(added))} in securityContext.capabilities.add"
        )
    return ("unrestricted capabilities", "; ".join(details)) if details else None


def host_namespaces(_: Object, spec: Object) -> Found:
    """Refuse the host's namespaces."""
    shared = [f"{name}=true" for name in ("hostNetwork", "hostPID", "hostIPC") if spec.get(name)]
    return ("host namespaces", ", ".join(shared)) if shared else None


def host_paths(_: Object, spec: Object) -> Found:
    """Refuse volumes that are folders of the host."""
    bad = [volume for volume in spec.get("volumes") or () if volume.get("hostPath") is not None]
    return ("hostPath volumes", _counted("volume", _named(bad))) if bad else None


def volume_types(_: Object, spec: Object) -> Found:
    """Refuse all volumes but those of the cluster's own kinds."""
    bad = [v for v in spec.get("volumes") or () if not any(v.get(kind) is not None for kind in _VOLUMES)]
    if not bad:
        return None
    kinds = sorted(
        {
            next((k for k in volume if k in _OTHER_VOLUMES and volume[k] is not None), "unknown")
            for volume in bad
        }
    )
    use, plural = ("uses" if len(bad) == 1 else "use"), ("" if len(kinds) == 1 else "s")
    detail = f"{_counted('volume', _named(bad))} {use} restricted volume type{plural} {_quoted(kinds)}"
    return "restricted volume types", detail


def host_ports(_: Object, spec: Object) -> Found:
    """Refuse ports of the host."""
    bad = [c for c in _containers(spec) if any(port.get("hostPort") for port in c.get("ports") or ())]
    if not bad:
        return None
    ports = sorted({str(port["hostPort"]) for c in bad for port in c["ports"] if port.get("hostPort")})
    use, plural = ("uses" if len(bad) == 1 else "use"), ("" if len(ports) == 1 else "s")
    return "hostPort", f"{_counted('container', _named(bad))} {use} hostPort{plural} {', '.join(ports)}"


def probed_hosts(_: Object, spec: Object) -> Found:
    """Refuse probes and hooks that call other hosts than the pod."""
    bad: dict[str, set[str]] = {}
    for container in _containers(spec):
        life = container.get("lifecycle") or {}
        handlers = [container.get(name) for name in ("livenessProbe", "readinessProbe", "startupProbe")]
        handlers += [life.get("postStart"), life.get("preStop")]
        hosts = {
            str((handler.get(kind) or {}).get("host") or "")
            for handler in handlers
            if handler
            for kind in ("httpGet", "tcpSocket")
        } - {""}
        if hosts:
            bad.setdefault(str(container.get("name")), set()).update(hosts)
    if not bad:
        return None
    hosts = set().union(*bad.values())
    use, plural = ("uses" if len(bad) == 1 else "use"), ("" if len(hosts) == 1 else "s")
    detail = (
        f"{_counted('container', sorted(bad))} {use} probe or lifecycle host{plural} {_quoted(sorted(hosts))}"
    )
    return "probe or lifecycle host", detail


def privileged(_: Object, spec: Object) -> Found:
    """Refuse privileged containers."""
    bad = [container for container in _containers(spec) if _context(container).get("privileged")]
    detail = f"{_counted('container', _named(bad))} must not set securityContext.privileged=true"
    return ("privileged", detail) if bad else None


def privilege_escalation(_: Object, spec: Object) -> Found:
    """Require that containers forbid to gain privileges."""
    bad = [c for c in _containers(spec) if _context(c).get("allowPrivilegeEscalation") is not False]
    detail = f"{_counted('container', _named(bad))} must set securityContext.allowPrivilegeEscalation=false"
    return ("allowPrivilegeEscalation != false", detail) if bad else None


def proc_mount(_: Object, spec: Object) -> Found:
    """Refuse other views of /proc than the default."""
    bad = [c for c in _containers(spec) if _context(c).get("procMount") not in (None, "Default")]
    values = sorted({str(_context(container)["procMount"]) for container in bad})
    detail = (
        f"{_counted('container', _named(bad))} must not set securityContext.procMount to {_quoted(values)}"
    )
    return ("procMount", detail) if bad else None


def selinux_until_30(_: Object, spec: Object) -> Found:
    """Refuse SELinux users, roles and unusual types."""
    return _selinux(spec, _SELINUX)


def selinux(_: Object, spec: Object) -> Found:
    """Refuse SELinux users, roles and unusual types; that of container engines may be."""
    return _selinux(spec, _SELINUX | {"container_engine_t"})


def _selinux(spec: Object, allowed: frozenset[str]) -> Found:
    def options(holder: Object) -> Object:
        return _context(holder).get("seLinuxOptions") or {}

    def wrong(holder: Object) -> bool:
        own = options(holder)
        return (own.get("type") or "") not in allowed or bool(own.get("user") or own.get("role"))

    bad = [container for container in _containers(spec) if wrong(container)]
    if not bad and not wrong(spec):
        return None
    holders = [options(holder) for holder in (spec, *_containers(spec))]
    types = sorted({own.get("type") or "" for own in holders} - allowed)
    data = [_counted("type", types)] if types else []
    data += [f"{name} may not be set" for name in ("user", "role") if any(own.get(name) for own in holders)]
    setters = _setters(wrong(spec), _named(bad))
    return "seLinuxOptions", f"{setters} set forbidden securityContext.seLinuxOptions: {'; '.join(data)}"


def seccomp_annotations(metadata: Object, spec: Object) -> Found:
    """Refuse unusual seccomp profiles, as they were named before they had a field."""
    annotations = metadata.get("annotations") or {}
    keys = {_SECCOMP_POD, *(_SECCOMP_CONTAINER + name for name in _named(_containers(spec)))}
    bad = sorted(
        f"{key}={json.dumps(annotations[key], ensure_ascii=False)}"
        for key in keys & annotations.keys()
        if annotations[key] not in ("runtime/default", "docker/default")
        and not annotations[key].startswith("localhost/")
    )
    plural = "" if len(bad) == 1 else "s"
    return ("seccompProfile", f"forbidden annotation{plural} {', '.join(bad)}") if bad else None


def _profile(holder: Object) -> str | None:
    profile = _context(holder).get("seccompProfile")
    return None if profile is None else str(profile.get("type") or "")


def seccomp_baseline(_: Object, spec: Object) -> Found:
    """Refuse to go without a seccomp profile on purpose."""
    good = (None, "Localhost", "RuntimeDefault")
    pod, bad = _profile(spec), [c for c in _containers(spec) if _profile(c) not in good]
    values = sorted({str(value) for value in (pod, *map(_profile, bad)) if value not in good})
    setters = _setters(pod not in good, _named(bad))
    detail = f"{setters} must not set securityContext.seccompProfile.type to {_quoted(values)}"
    return ("seccompProfile", detail) if setters else None


def seccomp_restricted(metadata: Object, spec: Object) -> Found:
    """Require a seccomp profile."""
    if (found := seccomp_baseline(metadata, spec)) is not None:
        return found
    if _profile(spec) is not None:
        return None
    bad = [container for container in _containers(spec) if _profile(container) is None]
    words = 'must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"'
    return ("seccompProfile", f"pod or {_counted('container', _named(bad))} {words}") if bad else None


def non_root(_: Object, spec: Object) -> Found:
    """Require that no container runs as root."""
    reason, pod = "runAsNonRoot != true", _context(spec).get("runAsNonRoot")
    bad = [c for c in _containers(spec) if _context(c).get("runAsNonRoot") is False]
    if setters := _setters(pod is False, _named(bad)):
        return reason, f"{setters} must not set securityContext.runAsNonRoot=false"
    silent = [c for c in _containers(spec) if _context(c).get("runAsNonRoot") is None]
    if pod or not silent:
        return None
    return (
        reason,
        f"pod or {_counted('container', _named(silent))} must set securityContext.runAsNonRoot=true",
    )


def run_as_user(_: Object, spec: Object) -> Found:
    """Refuse the user root by its number."""
    bad = [container for container in _containers(spec) if _context(container).get("runAsUser") == 0]
    setters = _setters(_context(spec).get("runAsUser") == 0, _named(bad))
    return ("runAsUser=0", f"{setters} must not set runAsUser=0") if setters else None


def sysctls_since(version: int) -> Check:
    """Return the check for kernel settings as of a minor version."""
    allowed = {name for since, names in _SYSCTLS.items() if since <= version for name in names}

    def sysctls(_: Object, spec: Object) -> Found:
        bad = [
            str(one.get("name"))
            for one in _context(spec).get("sysctls") or ()
            if one.get("name") not in allowed
        ]
        return ("forbidden sysctls", ", ".join(bad)) if bad else None

    return sysctls


def windows_host_process(_: Object, spec: Object) -> Found:
    """Refuse processes of the host on Windows."""

    def wrong(holder: Object) -> bool:
        return bool((_context(holder).get("windowsOptions") or {}).get("hostProcess"))

    setters = _setters(wrong(spec), _named(c for c in _containers(spec) if wrong(c)))
    return (
        ("hostProcess", f"{setters} must not set securityContext.windowsOptions.hostProcess=true")
        if setters
        else None
    )
