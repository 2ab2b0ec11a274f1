"""Validation of a pod's volumes."""

from __future__ import annotations

from collections.abc import Iterable

from seaway.controlplane.kinds.core import claim_spec_faults
from seaway.controlplane.kinds.declaration import Object
from seaway.controlplane.kinds.faults import duplicate, forbidden, invalid, required, too_long, unsupported
from seaway.controlplane.kinds.metadata import annotation_faults, label_faults
from seaway.controlplane.kinds.paths import backstep_faults, file_path_faults
from seaway.controlplane.kinds.pod_environment import field_reference_faults, resource_reference_faults
from seaway.controlplane.kinds.resources import amount_of
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
DOWNWARD_FIELDS = (
    "metadata.annotations",
    "metadata.labels",
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
)
_PROJECTIONS = (
    "secret",
    "configMap",
    "downwardAPI",
    "serviceAccountToken",
    "clusterTrustBundle",
    "podCertificate",
)
_SOURCES = (
    "emptyDir", "hostPath", "gitRepo", "gcePersistentDisk", "awsElasticBlockStore", "secret", "nfs", "iscsi", "glusterfs",
    "flocker", "persistentVolumeClaim", "rbd", "cinder", "cephfs", "quobyte", "downwardAPI", "fc", "flexVolume",
    "configMap", "azureFile", "vsphereVolume", "photonPersistentDisk", "portworxVolume", "azureDisk", "storageos",
    "projected", "scaleIO", "csi", "ephemeral", "image",
)  # fmt: skip
"""In the order in which Kubernetes looks for them."""
_SHOWN = {"cephfs": "cephFS", "downwardAPI": "downwarAPI"}
"""Sources that a fault names otherwise."""
_TEMPLATE_FIELDS = {"uid": "uID"}
_SHORTEST_TOKEN, _LONGEST_TOKEN = 600, 1 << 32
_LONGEST_DRIVER = 63


def volume_faults(volumes: Iterable[Object], field: str) -> tuple[list[Cause], dict[str, Object]]:
    """Return the faults of a pod's volumes and the good volumes by name."""
    faults: list[Cause] = []
    named: dict[str, Object] = {}
    for index, volume in enumerate(volumes):
        at, name = f"{field}[{index}]", volume.get("name") or ""
        found = _source_faults(volume, at)
        if name:
            found += [invalid(f"{at}.name", name, f) for f in names.dns_label_faults(name)]
        else:
            found.append(required(f"{at}.name"))
        found += [duplicate(f"{at}.name", name)] if name in named else []
        if not found:
            named[name] = volume
        faults += found
    return faults, named


def _source_faults(volume: Object, field: str) -> list[Cause]:
    given = [kind for kind in _SOURCES if volume.get(kind) is not None]
    if not given:
        return [required(field, "must specify a volume type")]
    faults = [
        forbidden(f"{field}.{_SHOWN.get(kind, kind)}", "may not specify more than 1 volume type")
        for kind in given[1:]
    ]
    at, source = f"{field}.{given[0]}", volume[given[0]]
    match given[0]:
        case "emptyDir":
            if amount_of(source.get("sizeLimit") or "0") < 0:
                faults.append(
                    forbidden(f"{at}.sizeLimit", "SizeLimit field must be a valid resource quantity")
                )
        case "hostPath":
            faults += _host_path_faults(source, at)
        case "configMap":
            faults += [] if source.get("name") else [required(f"{at}.name")]
            faults += _mode_faults(source, at) + _keyed_faults(source, at)
        case "secret":
            faults += [] if source.get("secretName") else [required(f"{at}.secretName")]
            faults += _mode_faults(source, at) + _keyed_faults(source, at)
        case "downwardAPI":
            faults += _mode_faults(source, at)
            for item in source.get("items") or ():
                faults += _downward_faults(item, at)
        case "projected":
            faults += _mode_faults(source, at) + _projected_faults(source, at)
        case "persistentVolumeClaim":
            faults += [] if source.get("claimName") else [required(f"{at}.claimName")]
        case "ephemeral":
            faults += _ephemeral_faults(source, at)
        case "nfs":
            faults += _nfs_faults(source, at)
        case "csi":
            faults += _driver_faults(source, at)
        case "rbd":
            faults += [required(f"{at}.{part}") for part in ("monitors", "image") if not source.get(part)]
    return faults


def _host_path_faults(source: Object, field: str) -> list[Cause]:
    path, kind = source.get("path") or "", source.get("type") or ""
    if not path:
        return [required(f"{field}.path")]
    faults = backstep_faults(path, f"{field}.path")
    return faults + ([] if kind in HOST_PATH_TYPES else [unsupported(f"{field}.type", kind, HOST_PATH_TYPES)])


def _nfs_faults(source: Object, field: str) -> list[Cause]:
    path = source.get("path") or ""
    faults = [required(f"{field}.{part}") for part in ("server", "path") if not source.get(part)]
    if not path.startswith("/"):
        faults.append(invalid(f"{field}.path", path, "must be an absolute path"))
    return faults


def _driver_faults(source: Object, field: str) -> list[Cause]:
    name = source.get("driver") or ""
    faults = [] if name else [required(f"{field}.driver")]
    if len(name) > _LONGEST_DRIVER:
        faults.append(too_long(f"{field}.driver", _LONGEST_DRIVER))
    faults += [invalid(f"{field}.driver", name, f) for f in names.dns_subdomain_faults(name.lower()) if name]
    secret = source.get("nodePublishSecretRef")
    if secret is not None and not secret.get("name"):
        faults.append(required(f"{field}.nodePublishSecretRef.name"))
    elif secret is not None:
        faults += [
            invalid(f"{field}.name", secret["name"], f) for f in names.dns_subdomain_faults(secret["name"])
        ]
    return faults


def _keyed_faults(source: Object, field: str) -> list[Cause]:
    faults: list[Cause] = []
    for index, item in enumerate(source.get("items") or ()):
        at = f"{field}.items[{index}]"
        faults += [] if item.get("key") else [required(f"{at}.key")]
        faults += _target_path_faults(item, at)
    return faults


def _target_path_faults(item: Object, field: str) -> list[Cause]:
    path = item.get("path") or ""
    faults = [] if path else [required(f"{field}.path")]
    return faults + file_path_faults(path, f"{field}.path") + _mode_faults(item, field, name="mode")


def _mode_faults(source: Object, field: str, *, name: str = "defaultMode") -> list[Cause]:
    mode = source.get(name)
    if mode is None or 0 <= mode <= 0o777:
        return []
    return [invalid(f"{field}.{name}", mode, "must be a number between 0 and 0777 (octal), both inclusive")]


def _downward_faults(item: Object, field: str) -> list[Cause]:
    faults = _target_path_faults(item, field)
    path, amount = item.get("fieldRef"), item.get("resourceFieldRef")
    if path is not None:
        faults += field_reference_faults(path, f"{field}.fieldRef", DOWNWARD_FIELDS)
        if amount is not None:
            detail = "fieldRef and resourceFieldRef can not be specified simultaneously"
            faults.append(invalid(field, "resource", detail))
    elif amount is not None:
        faults += resource_reference_faults(amount, f"{field}.resourceFieldRef", volume=True)
    else:
        faults.append(required(field, "one of fieldRef and resourceFieldRef is required"))
    return faults


def _projected_faults(source: Object, field: str) -> list[Cause]:
    faults: list[Cause] = []
    paths: set[str] = set()
    for index, projection in enumerate(source.get("sources") or ()):
        at = f"{field}.sources[{index}]"
        given = [kind for kind in _PROJECTIONS if projection.get(kind) is not None]
        for kind in given:
            inner, here = projection[kind], f"{at}.{kind}"
            if kind in ("secret", "configMap"):
                faults += [] if inner.get("name") else [required(f"{here}.name")]
                faults += _keyed_faults(inner, here)
            elif kind == "downwardAPI":
                for item in inner.get("items") or ():
                    faults += _downward_faults(item, here)
            elif kind == "serviceAccountToken":
                faults += _token_faults(inner, field, here)
            for item in inner.get("items") or ():
                path = item.get("path")
                if path and path in paths:
                    shown = path if kind == "downwardAPI" else inner.get("name") or ""
                    faults.append(invalid(field, shown, "conflicting duplicate paths"))
                paths.add(path)
        if len(given) > 1:
            faults.append(forbidden(at, "may not specify more than 1 volume type per source"))
    return faults


def _token_faults(projection: Object, volume: str, field: str) -> list[Cause]:
    seconds, path = projection.get("expirationSeconds") or 0, projection.get("path") or ""
    faults = file_path_faults(path, f"{volume}.path") if path else [required(f"{volume}.path")]
    at = f"{field}.expirationSeconds"
    if seconds < _SHORTEST_TOKEN:
        faults.append(invalid(at, seconds, "may not specify a duration less than 10 minutes"))
    elif seconds > _LONGEST_TOKEN:
        faults.append(invalid(at, seconds, "may not specify a duration larger than 2^32 seconds"))
    return faults


def _ephemeral_faults(source: Object, field: str) -> list[Cause]:
    template, at = source.get("volumeClaimTemplate"), f"{field}.volumeClaimTemplate"
    if template is None:
        return [required(at)]
    metadata = template.get("metadata") or {}
    faults = label_faults(metadata.get("labels"), f"{at}.metadata.labels")
    faults += annotation_faults(metadata.get("annotations"), f"{at}.metadata.annotations")
    faults += [
        forbidden(f"{at}.metadata.{_TEMPLATE_FIELDS.get(name, name)}", "cannot be set")
        for name, value in metadata.items()
        if name not in ("labels", "annotations") and value
    ]
    return faults + claim_spec_faults(template.get("spec") or {}, f"{at}.spec")
