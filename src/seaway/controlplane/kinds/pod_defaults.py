"""What Kubernetes fills into pods and pod templates.

Source: the defaulting functions of Kubernetes' core/v1, version 1.36.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from seaway.controlplane.kinds.declaration import Object
from seaway.objects.quantity import canonical

FILE_MODE = 0o644
TOKEN_SECONDS = 3600
"""Life of a projected service account token where nothing else is said."""
_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_CONTAINER_LISTS = ("initContainers", "containers", "ephemeralContainers")


def default_pod(pod: Object) -> None:
    """Fill in what a Pod gets beyond its template's defaults: requests from limits, service links."""
    spec = pod.get("spec")
    if not isinstance(spec, dict):
        return
    default_spec(spec)
    _set(spec, "enableServiceLinks", True)
    for container in containers(spec, "initContainers", "containers"):
        resources = container["resources"]
        if resources.get("limits"):
            resources["requests"] = resources["limits"] | (resources.get("requests") or {})
        for port in container.get("ports") or () if spec.get("hostNetwork") else ():
            _set(port, "hostPort", port.get("containerPort"))


def default_spec(spec: Object) -> None:
    """Fill in what the spec of a pod or a pod template gets."""
    _set(spec, "restartPolicy", "Always")
    _set(spec, "dnsPolicy", "ClusterFirst")
    _set(spec, "schedulerName", "default-scheduler")
    if spec.get("terminationGracePeriodSeconds") is None:
        spec["terminationGracePeriodSeconds"] = 30
    if spec.get("securityContext") is None:
        spec["securityContext"] = {}
    if spec.get("serviceAccountName"):
        spec["serviceAccount"] = spec["serviceAccountName"]
    elif spec.get("serviceAccount"):
        spec["serviceAccountName"] = spec["serviceAccount"]
    for container in containers(spec, *_CONTAINER_LISTS):
        _default_container(container)
    for volume in _dicts(spec.get("volumes")):
        _default_volume(volume)


def containers(spec: Object, *lists: str) -> Iterable[Object]:
    """Return the containers of a pod's spec, those of the named lists in order."""
    return [container for name in lists for container in _dicts(spec.get(name))]


_IMAGE = re.compile(
    r"(?:[A-Za-z0-9][-A-Za-z0-9.]*(?::\d+)?/)?"
    r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*"
    r"(?::\w[\w.-]{0,127})?(?:@[A-Za-z][A-Za-z0-9]*:[0-9a-fA-F]{32,})?",
    re.ASCII,
)
"""A reference to an image."""


def image_tag(image: str) -> str:
    """Return an image's tag; "latest" where it has none, "" where it is pinned by digest alone."""
    name, at, _ = image.partition("@")
    tag = name.rpartition("/")[2].partition(":")[2]
    return tag or ("" if at else "latest")


def pull_policy(image: str) -> str:
    """Return the policy of an image that says none."""
    return "Always" if image_tag(image) == "latest" and _IMAGE.fullmatch(image) else "IfNotPresent"


def canonical_quantities(amounts: Any) -> Any:
    """Return resource amounts as Kubernetes writes them back; what is no quantity stays for validation to name."""
    if not isinstance(amounts, dict):
        return amounts
    return {name: _canonical(value) for name, value in amounts.items()}


def _canonical(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return value
    try:
        return canonical(str(value))
    except ValueError:
        return value


def _default_container(container: Object) -> None:
    _set(container, "terminationMessagePath", "/dev/termination-log")
    _set(container, "terminationMessagePolicy", "File")
    _set(container, "imagePullPolicy", pull_policy(str(container.get("image") or "")))
    resources = container["resources"] = container.get("resources") or {}
    for kind in ("limits", "requests"):
        if kind in resources:
            resources[kind] = canonical_quantities(resources[kind])
    for port in _dicts(container.get("ports")):
        _set(port, "protocol", "TCP")
    for probe in _PROBES:
        if isinstance(container.get(probe), dict):
            _default_probe(container[probe])
    for hook in _dicts(list((container.get("lifecycle") or {}).values())):
        _default_http_get(hook.get("httpGet"))
    for variable in _dicts(container.get("env")):
        reference = (variable.get("valueFrom") or {}).get("fieldRef")
        if isinstance(reference, dict):
            _set(reference, "apiVersion", "v1")


def _default_probe(probe: Object) -> None:
    for field, value in (
        ("timeoutSeconds", 1),
        ("periodSeconds", 10),
        ("successThreshold", 1),
        ("failureThreshold", 3),
    ):
        _set(probe, field, value)
    _default_http_get(probe.get("httpGet"))
    if isinstance(probe.get("grpc"), dict):
        probe["grpc"]["service"] = probe["grpc"].get("service") or ""


def _default_http_get(action: Any) -> None:
    if isinstance(action, dict):
        _set(action, "path", "/")
        _set(action, "scheme", "HTTP")


def _default_volume(volume: Object) -> None:
    sources = [name for name in volume if name != "name" and volume[name] is not None]
    if not sources:
        volume["emptyDir"] = {}
    for name in sources:
        source = volume[name]
        if isinstance(source, dict) and name in _VOLUME_DEFAULTS:
            _VOLUME_DEFAULTS[name](source)


def _default_mode(source: Object) -> None:
    if source.get("defaultMode") is None:
        source["defaultMode"] = FILE_MODE


def _default_downward(source: Object) -> None:
    _default_mode(source)
    _default_downward_items(source)


def _default_downward_items(source: Object) -> None:
    for item in _dicts(source.get("items")):
        if isinstance(item.get("fieldRef"), dict):
            _set(item["fieldRef"], "apiVersion", "v1")


def _default_projected(source: Object) -> None:
    _default_mode(source)
    for projection in _dicts(source.get("sources")):
        if isinstance(projection.get("serviceAccountToken"), dict):
            _set(projection["serviceAccountToken"], "expirationSeconds", TOKEN_SECONDS)
        if isinstance(projection.get("downwardAPI"), dict):
            _default_downward_items(projection["downwardAPI"])


def _default_host_path(source: Object) -> None:
    if source.get("type") is None:
        source["type"] = ""


def _default_empty_dir(source: Object) -> None:
    if "sizeLimit" in source:
        source["sizeLimit"] = _canonical(source["sizeLimit"])


def _default_ephemeral(source: Object) -> None:
    template = source.get("volumeClaimTemplate")
    if isinstance(template, dict) and isinstance(template.get("spec"), dict):
        template["spec"].setdefault("volumeMode", "Filesystem")


def _default_iscsi(source: Object) -> None:
    _set(source, "iscsiInterface", "default")


def _default_rbd(source: Object) -> None:
    for field, value in (("pool", "rbd"), ("user", "admin"), ("keyring", "/etc/ceph/keyring")):
        _set(source, field, value)


def _default_azure_disk(source: Object) -> None:
    for field, value in (("cachingMode", "ReadWrite"), ("kind", "Shared"), ("fsType", "ext4")):
        if source.get(field) is None:
            source[field] = value
    source.setdefault("readOnly", False)


def _default_scale_io(source: Object) -> None:
    _set(source, "storageMode", "ThinProvisioned")
    _set(source, "fsType", "xfs")


_VOLUME_DEFAULTS: dict[str, Callable[[Object], None]] = {
    "configMap": _default_mode,
    "secret": _default_mode,
    "downwardAPI": _default_downward,
    "projected": _default_projected,
    "hostPath": _default_host_path,
    "emptyDir": _default_empty_dir,
    "ephemeral": _default_ephemeral,
    "iscsi": _default_iscsi,
    "rbd": _default_rbd,
    "azureDisk": _default_azure_disk,
    "scaleIO": _default_scale_io,
}


def _set(obj: Object, field: str, value: Any) -> None:
    """Fill a field that is absent, null or has its type's zero value."""
    if not obj.get(field) and obj.get(field) is not False:
        obj[field] = value


def _dicts(values: Any) -> list[Object]:
    return [value for value in values or () if isinstance(value, dict)]
