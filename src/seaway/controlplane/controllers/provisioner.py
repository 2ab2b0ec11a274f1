"""Volumes of the embedded cluster: a folder of this machine each, made when a claim wants it, gone with it.

All nodes are on this machine, so a volume that many may use at once is reached from each; one that only one node may use
belongs to the node of its first pod. Source: the contract of external provisioners, "Storage Classes" of Kubernetes.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

from seaway.base.clock import rfc3339
from seaway.base.subprocesses import end
from seaway.controlplane.controllers.context import Context
from seaway.controlplane.controllers.storageclasses import LOCAL
from seaway.objects import volumes as rules
from seaway.objects.builtin import NODES, PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, STORAGE_CLASSES
from seaway.objects.errors import AlreadyExists, NotFound
from seaway.objects.meta import (
    annotations_of,
    deletion_timestamp,
    finalizers,
    key,
    labels,
    name,
    namespace,
    uid,
)
from seaway.reconcile.controller import DONE, Controller, Outcome
from seaway.reconcile.sources import Source

Object = dict[str, Any]
FINALIZER = "seaway.dev/local-volume"
HOSTNAME = "kubernetes.io/hostname"
_ONE_NODE = frozenset({"ReadWriteOnce", "ReadWriteOncePod"})
_TRASH = ".deleted"


def volume_for(claim: Object, storage_class: Object, path: Path, node: Object | None) -> Object:
    """Return the volume of a claim.

    Args:
        claim: what is asked for.
        storage_class: its class.
        path: the volume's folder.
        node: that of the first pod, None where the volume is made before there is one.
    """
    spec = claim["spec"]
    volume: Object = {
        "capacity": {"storage": spec["resources"]["requests"]["storage"]},
        "accessModes": spec["accessModes"],
        "persistentVolumeReclaimPolicy": storage_class.get("reclaimPolicy") or "Delete",
        "storageClassName": name(storage_class),
        "volumeMode": "Filesystem",
        "hostPath": {"path": str(path), "type": "Directory"},
        "claimRef": {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "namespace": namespace(claim),
            "name": name(claim),
            "uid": uid(claim),
        },
    }
    if node is not None and set(spec["accessModes"]) <= _ONE_NODE:
        here = {"key": HOSTNAME, "operator": "In", "values": [labels(node).get(HOSTNAME) or name(node)]}
        volume["nodeAffinity"] = {"required": {"nodeSelectorTerms": [{"matchExpressions": [here]}]}}
    metadata = {"name": path.name, "annotations": {rules.PROVISIONED_BY: LOCAL}, "finalizers": [FINALIZER]}
    return {"metadata": metadata, "spec": volume}


def is_wanted(claim: Object, storage_class: Object | None) -> bool:
    """Tell whether this provisioner is to make a claim's volume now."""
    told = annotations_of(claim)
    return (
        storage_class is not None
        and storage_class.get("provisioner") == LOCAL
        and told.get(rules.PROVISIONER) == LOCAL
        and not claim["spec"].get("volumeName")
        and deletion_timestamp(claim) is None
        and (not rules.is_delayed(storage_class) or rules.SELECTED_NODE in told)
    )


def is_unneeded(volume: Object) -> bool:
    """Tell whether a volume's folder is to go: its claim is gone, or itself is deleted, and it is not to be kept."""
    spec, status = volume["spec"], volume.get("status") or {}
    if spec.get("persistentVolumeReclaimPolicy") != "Delete":
        return False
    unused = [one for one in finalizers(volume) if one != FINALIZER]
    return status.get("phase") == "Released" or (deletion_timestamp(volume) is not None and not unused)


def build(context: Context) -> Controller:
    """Return the controller of claims that want a volume."""
    return Provisioner(context).claims_controller()


def build_removal(context: Context) -> Controller:
    """Return the controller of volumes that nobody wants any more."""
    return Provisioner(context).volumes_controller()


class Provisioner:
    """Makes and removes folders."""

    def __init__(self, context: Context) -> None:
        self._context, self._client = context, context.client
        self._folder = context.settings.volumes
        informers = context.informers
        self._claims = informers.informer(PERSISTENT_VOLUME_CLAIMS)
        self._volumes = informers.informer(PERSISTENT_VOLUMES)
        self._classes = informers.informer(STORAGE_CLASSES)
        self._nodes = informers.informer(NODES)

    def claims_controller(self) -> Controller:
        """Return the controller that makes volumes."""
        sources = (Source(self._claims),)
        return Controller("local-provisioner", sources, self.reconcile_claim, clock=self._context.clock)

    def volumes_controller(self) -> Controller:
        """Return the controller that removes volumes."""
        sources = (Source(self._volumes),)
        return Controller("local-removal", sources, self.reconcile_volume, clock=self._context.clock)

    async def reconcile_claim(self, claim_key: str) -> Outcome:
        """Make the volume that a claim wants."""
        claim = self._claims.get(claim_key)
        storage_class = self._classes.get(rules.class_of(claim)) if claim is not None else None
        if (
            self._folder is None
            or claim is None
            or storage_class is None
            or not is_wanted(claim, storage_class)
        ):
            return DONE
        if claim["spec"].get("volumeMode") == "Block":
            why = 'this provisioner makes folders, no block devices: use volumeMode "Filesystem"'
            self._tell(claim, "Warning", "ProvisioningFailed", f"failed to provision volume: {why}")
            return DONE
        path = self._folder / f"pvc-{uid(claim)}"
        if self._volumes.get(path.name) is not None:
            return DONE
        selected = annotations_of(claim).get(rules.SELECTED_NODE)
        node = self._nodes.get(selected) if selected else None
        if selected and node is None:
            await self._reschedule(claim, selected)
            return DONE
        said = f'External provisioner is provisioning volume for claim "{key(claim)}"'
        self._tell(claim, "Normal", "Provisioning", said)
        try:
            _make(path)
        except OSError as error:
            why = f"the folder {path} cannot be made: {error.strerror}"
            self._tell(claim, "Warning", "ProvisioningFailed", f"failed to provision volume: {why}")
            raise
        try:
            await self._client.create(PERSISTENT_VOLUMES, volume_for(claim, storage_class, path, node))
        except AlreadyExists:
            return DONE  # the informer has not seen it yet
        self._tell(claim, "Normal", "ProvisioningSucceeded", f"Successfully provisioned volume {path.name}")
        return DONE

    async def _reschedule(self, claim: Object, node: str) -> None:
        """Have the scheduler choose again: the node that it chose is gone."""
        self._tell(
            claim, "Warning", "ProvisioningFailed", f'failed to get target node: node "{node}" not found'
        )
        kept = {k: v for k, v in annotations_of(claim).items() if k != rules.SELECTED_NODE}
        metadata = claim["metadata"] | {"annotations": kept}
        await self._client.replace(PERSISTENT_VOLUME_CLAIMS, claim | {"metadata": metadata})

    async def reconcile_volume(self, volume_name: str) -> Outcome:
        """Remove the folder of a volume that nobody wants, then the volume."""
        volume = self._volumes.get(volume_name)
        if (
            self._folder is None
            or volume is None
            or annotations_of(volume).get(rules.PROVISIONED_BY) != LOCAL
        ):
            return DONE
        path = self._folder / volume_name
        if is_unneeded(volume):
            try:
                await remove(path)
            except OSError as error:
                await self._failed(volume, f"the folder {path} cannot be removed: {error}")
                raise
        elif deletion_timestamp(volume) is None or len(finalizers(volume)) > 1:
            return DONE
        kept = [one for one in finalizers(volume) if one != FINALIZER]
        try:
            if kept != finalizers(volume):
                metadata = volume["metadata"] | {"finalizers": kept}
                volume = await self._client.replace(PERSISTENT_VOLUMES, volume | {"metadata": metadata})
            if deletion_timestamp(volume) is None:
                await self._client.delete(PERSISTENT_VOLUMES, volume_name, uid=uid(volume))
        except NotFound:
            return DONE  # gone by now
        return DONE

    async def _failed(self, volume: Object, why: str) -> None:
        self._tell(volume, "Warning", "VolumeFailedDelete", why)
        now = rfc3339(self._context.clock.now())
        status = {"phase": "Failed", "message": why, "lastPhaseTransitionTime": now}
        await self._client.replace(PERSISTENT_VOLUMES, volume | {"status": status}, "status")

    def _tell(self, obj: Object, event_type: str, reason: str, message: str) -> None:
        self._context.recorder.event(obj, event_type, reason, message, component=LOCAL)


def _make(path: Path) -> None:
    """Make a volume's folder: open to whomever a pod runs as, in one that keeps others of the machine out."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.mkdir(exist_ok=True)
    path.chmod(0o777)


async def remove(path: Path) -> None:
    """Remove a volume's folder, at once for whoever looks and then from the disk, beside all else.

    Raises:
        OSError: it cannot be moved away.
    """
    trash = path.parent / _TRASH
    if path.exists():
        trash.mkdir(mode=0o700, exist_ok=True)
        path.rename(trash / path.name)
    if (trash / path.name).exists():
        await _empty(trash / path.name)


async def _empty(path: Path) -> None:
    """Remove a folder with all that is in it, however much that is: another process does it, and gives way."""
    process = await asyncio.create_subprocess_exec(
        "rm", "-rf", "--", str(path), preexec_fn=_give_way, stderr=asyncio.subprocess.PIPE
    )
    try:
        _, told = await process.communicate()
    finally:
        await end(process)
    if process.returncode:
        raise OSError(told.decode(errors="replace").strip() or f"rm ended with {process.returncode}")


def _give_way() -> None:
    os.nice(19)
