"""Claims of volumes: protected from their first moment, of the default class where they name none, growing as it allows.

Source: Kubernetes' "Admission Control in Kubernetes", StorageObjectInUseProtection, DefaultStorageClass and
PersistentVolumeClaimResize.
"""

from __future__ import annotations

from seaway.controlplane.apiserver.admission import Attributes
from seaway.objects import meta, volumes
from seaway.objects.builtin import PERSISTENT_VOLUME_CLAIMS, STORAGE_CLASSES

FINALIZER = "kubernetes.io/pvc-protection"


def protect_claims(attributes: Attributes) -> None:
    """Have a controller let a new claim go when no pod uses it any more."""
    if attributes.operation != "CREATE" or not attributes.is_a(PERSISTENT_VOLUME_CLAIMS):
        return
    held = meta.finalizers(attributes.object)
    if FINALIZER not in held:
        attributes.object["metadata"]["finalizers"] = [*held, FINALIZER]


def default_storage_class(attributes: Attributes) -> None:
    """Give a new claim that says nothing of its class the default one, where there is one."""
    if attributes.operation != "CREATE" or not attributes.is_a(PERSISTENT_VOLUME_CLAIMS):
        return
    spec = attributes.object.get("spec")
    if not isinstance(spec, dict) or spec.get("storageClassName") is not None:
        return
    if volumes.class_of(attributes.object):
        return
    default = volumes.default_class(attributes.lookup.list(STORAGE_CLASSES))
    if default is not None:
        spec["storageClassName"] = meta.name(default)


def resize_claims(attributes: Attributes) -> None:
    """Let only bound claims grow, of a class that allows it."""
    if (
        attributes.operation != "UPDATE"
        or attributes.subresource
        or not attributes.is_a(PERSISTENT_VOLUME_CLAIMS)
    ):
        return
    new, old = attributes.object, attributes.old or {}
    try:
        if volumes.requested(new) <= volumes.requested(old):
            return
    except ValueError:
        return  # validation names it
    if (old.get("status") or {}).get("phase") != "Bound":
        raise attributes.refuse("Only bound persistent volume claims can be expanded")
    name = volumes.class_of(new)
    found = attributes.lookup.get(STORAGE_CLASSES, "", name) if name == volumes.class_of(old) else None
    if found is None or not found.get("allowVolumeExpansion"):
        why = (
            "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must "
            "support resize"
        )
        raise attributes.refuse(why)
