"""Validation of a pod's volumes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from seaway.controlplane.kinds.cells import read
from seaway.controlplane.kinds.core import claim_spec_faults
from seaway.controlplane.kinds.declaration import Object
from seaway.controlplane.kinds.faults import duplicate, forbidden, invalid, required, unsupported
from seaway.controlplane.kinds.pod_containers import relative_path_faults, resource_reference_faults
from seaway.controlplane.kinds.resources import quantity_faults
from seaway.objects import names
from seaway.objects.errors import Cause

HOST_PATH_TYPES = (
    "",
    "BlockDevice",
    "CharDevice",
    "Directory",
    "DirectoryOrCreate",
    "File",
    "FileOrCreate",
    "Socket",
)
MEDIA = ("", "Memory")
DOWNWARD_FIELDS = (
    "metadata.annotations",
    "metadata.labels",
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
)
_PROJECTIONS = ("secret", "configMap", "downwardAPI", "serviceAccountToken", "clusterTrustBundle")
_SHORTEST_TOKEN, _LONGEST_TOKEN = 600, 1 << 32


def volume_faults(volumes: Iterable[Object], field: str) -> tuple[list[Cause], dict[str, Object]]:
    """Return the faults of a pod's volumes and the volumes by name."""
    faults: list[Cause] = []
    named: dict[str, Object] = {}
    for index, volume in enumerate(volumes):
        at, name = f"{field}[{index}]", volume.get("name") or ""
        if not name:
            faults.append(required(f"{at}.name"))
        else:
            faults += [invalid(f"{at}.name", name, f) for f in names.dns_label_faults(name)]
            faults += [duplicate(f"{at}.name", name)] if name in named else []
        named[name] = volume
        faults += _source_faults(volume, at)
    return faults, named


def _source_faults(volume: Object, field: str) -> list[Cause]:
    given = [kind for kind, value in volume.items() if kind != "name" and value is not None]
    if not given:
        return [required(field, "must specify a volume type")]
    faults = [forbidden(f"{field}.{kind}", "may not specify more than 1 volume type") for kind in given[1:]]
    at, source = f"{field}.{given[0]}", volume[given[0]]
    match given[0]:
        case "emptyDir":
            faults += _empty_dir_faults(source, at)
        case "hostPath":
            faults += _host_path_faults(source, at)
        case "configMap":
            faults += [] if source.get("name") else [required(f"{at}.name")]
            faults += _keyed_faults(source, at)
        case "secret":
            faults += [] if source.get("secretName") else [required(f"{at}.secretName")]
            faults += _keyed_faults(source, at)
        case "downwardAPI":
            faults += _mode_faults(source, at) + _downward_faults(source, at)
        case "projected":
            faults += _mode_faults(source, at) + _projected_faults(source, at)
        case "persistentVolumeClaim":
            faults += [] if source.get("claimName") else [required(f"{at}.claimName")]
        case "ephemeral":
            faults += _ephemeral_faults(source, at)
        case "nfs":
            faults += [required(f"{at}.{part}") for part in ("server", "path") if not source.get(part)]
    return faults


def _empty_dir_faults(source: Object, field: str) -> list[Cause]:
    medium = source.get("medium") or ""
    faults = (
        []
        if medium in MEDIA or medium.startswith("HugePages")
        else [unsupported(f"{field}.medium", medium, MEDIA)]
    )
    limit = source.get("sizeLimit")
    return faults + (quantity_faults(f"{field}.sizeLimit", limit) if limit is not None else [])


def _host_path_faults(source: Object, field: str) -> list[Cause]:
    path, kind = source.get("path") or "", source.get("type") or ""
    faults = [] if path else [required(f"{field}.path")]
    if ".." in path.split("/"):
        faults.append(invalid(f"{field}.path", path, "must not contain '..'"))
    return faults + ([] if kind in HOST_PATH_TYPES else [unsupported(f"{field}.type", kind, HOST_PATH_TYPES)])


def _keyed_faults(source: Object, field: str) -> list[Cause]:
    faults = _mode_faults(source, field)
    for index, item in enumerate(source.get("items") or ()):
        at = f"{field}.items[{index}]"
        faults += [] if item.get("key") else [required(f"{at}.key")]
        faults += _target_path_faults(item, at)
    return faults


def _target_path_faults(item: Object, field: str) -> list[Cause]:
    path = item.get("path") or ""
    if not path:
        return [required(f"{field}.path")]
    faults = relative_path_faults(path, f"{field}.path")
    if path.split("/")[0].startswith("..") and not faults:
        faults.append(invalid(f"{field}.path", path, "must not start with '..'"))
    return faults + _mode_faults(item, field, name="mode")


def _mode_faults(source: Object, field: str, *, name: str = "defaultMode") -> list[Cause]:
    mode: Any = source.get(name)
    if mode is None or 0 <= mode <= 0o777:
        return []
    return [invalid(f"{field}.{name}", mode, "must be a number between 0 and 0777 (octal), both inclusive")]


def _downward_faults(source: Object, field: str) -> list[Cause]:
    faults: list[Cause] = []
    for index, item in enumerate(source.get("items") or ()):
        at = f"{field}.items[{index}]"
        faults += _target_path_faults(item, at)
        path, amount = item.get("fieldRef"), item.get("resourceFieldRef")
        if path is not None and amount is not None:
            faults.append(
                invalid(at, "resource", "fieldRef and resourceFieldRef can not be specified simultaneously")
            )
        elif path is not None:
            reference = path.get("fieldPath") or ""
            if reference.partition("[")[0] not in DOWNWARD_FIELDS:
                faults.append(unsupported(f"{at}.fieldRef.fieldPath", reference, DOWNWARD_FIELDS))
        elif amount is not None:
            faults += (
                [] if amount.get("containerName") else [required(f"{at}.resourceFieldRef.containerName")]
            )
            faults += resource_reference_faults(amount, f"{at}.resourceFieldRef")
        else:
            faults.append(required(at, "one of fieldRef and resourceFieldRef is required"))
    return faults


def _projected_faults(source: Object, field: str) -> list[Cause]:
    faults: list[Cause] = []
    for index, projection in enumerate(source.get("sources") or ()):
        at = f"{field}.sources[{index}]"
        given = [kind for kind in _PROJECTIONS if projection.get(kind) is not None]
        faults += [forbidden(f"{at}.{kind}", "may not specify more than 1 volume type") for kind in given[1:]]
        if not given:
            faults.append(required(at, "must specify a volume type"))
            continue
        inner, kind = projection[given[0]], given[0]
        if kind in ("secret", "configMap"):
            faults += [] if inner.get("name") else [required(f"{at}.{kind}.name")]
            faults += _keyed_faults(inner, f"{at}.{kind}")
        elif kind == "downwardAPI":
            faults += _downward_faults(inner, f"{at}.{kind}")
        elif kind == "serviceAccountToken":
            faults += _token_faults(inner, f"{at}.{kind}")
    return faults


def _token_faults(projection: Object, field: str) -> list[Cause]:
    seconds = projection.get("expirationSeconds") or 0
    faults = [] if projection.get("path") else [required(f"{field}.path")]
    if seconds < _SHORTEST_TOKEN:
        faults.append(
            invalid(f"{field}.expirationSeconds", seconds, "may not specify a duration less than 10 minutes")
        )
    elif seconds > _LONGEST_TOKEN:
        faults.append(
            invalid(
                f"{field}.expirationSeconds", seconds, "may not specify a duration larger than 2^32 seconds"
            )
        )
    return faults


def _ephemeral_faults(source: Object, field: str) -> list[Cause]:
    template = source.get("volumeClaimTemplate")
    if not template:
        return [required(f"{field}.volumeClaimTemplate")]
    return claim_spec_faults(read(template, "spec", default={}), f"{field}.volumeClaimTemplate.spec")
