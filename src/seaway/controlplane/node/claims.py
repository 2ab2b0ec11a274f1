"""Claims of persistent volumes: which folder of this machine a bound claim stands for.

Served are volumes that are folders of the node: hostPath and local, whoever made them. Controllers bind the claims.
Source: Kubernetes documentation, "Persistent Volumes".
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from seaway.client.client import Client
from seaway.controlplane.node.payloads import MountError
from seaway.objects.builtin import PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES
from seaway.objects.errors import Forbidden, NotFound
from seaway.objects.meta import controller_of
from seaway.objects.volumes import PROVISIONED_BY, claim_name

Object = Mapping[str, Any]


def read_only(volume: Object) -> bool:
    """Tell whether a pod's volume is a claim that it may only read."""
    return bool((volume.get("persistentVolumeClaim") or {}).get("readOnly"))


class Meant(NamedTuple):
    """What a pod's volume stands for."""

    volume: Object
    """A hostPath in place of a claim, any other one unchanged."""
    given: bool = False
    """Its files are given to the pod's fsGroup; those of a folder that somebody has for himself stay whose they are."""


async def resolve(client: Client, pod: Object, volume: Object) -> Meant:
    """Return the volume that a pod's volume stands for.

    Raises:
        MountError: the claim is not bound, or to storage that this node cannot serve.
    """
    name, namespace = claim_name(pod["metadata"]["name"], volume), pod["metadata"]["namespace"]
    if name is None:
        return Meant(volume)

    def refuse(why: str) -> MountError:
        return MountError(f'persistentVolumeClaim "{name}" cannot be mounted: {why}')

    try:
        claim = await client.get(PERSISTENT_VOLUME_CLAIMS, name, namespace)
    except NotFound:
        raise refuse("it does not exist") from None
    bound = (claim.get("spec") or {}).get("volumeName")
    if not bound or (claim.get("status") or {}).get("phase") != "Bound":
        raise refuse("it is bound to no volume; kubectl describe pvc says what it waits for")
    if "ephemeral" in volume and (controller_of(claim) or {}).get("uid") != pod["metadata"]["uid"]:
        raise refuse("it was not made for this pod; delete it, or rename the pod's volume")
    try:
        found = await client.get(PERSISTENT_VOLUMES, bound)
    except (NotFound, Forbidden) as error:
        raise refuse(f"its volume {bound} cannot be looked at: {error.message}") from error
    meant = _folder_of(found)
    if meant is None:
        raise refuse(
            f"its volume {bound} is neither hostPath nor local, and this node serves no other storage: "
            "use a claim of the class standard, hostPath or emptyDir"
        )
    given = "local" in found["spec"] or PROVISIONED_BY in (found["metadata"].get("annotations") or {})
    return Meant({"name": volume["name"], "hostPath": meant}, given)


def _folder_of(volume: Object) -> Object | None:
    """Return the hostPath that a PersistentVolume is, None where it is something else."""
    spec = volume["spec"]
    if "local" in spec:
        return {"path": spec["local"]["path"], "type": "Directory"}
    found: Object | None = spec.get("hostPath")
    return found


def give_to_group(folder: Path, group: int) -> None:
    """Let a pod's fsGroup write to a volume, where it is not its group's already. Blocks; needs root."""
    if folder.stat().st_gid == group:
        return
    for root, folders, files in os.walk(
        folder, topdown=False
    ):  # its own group last: that says that all is done
        for entry in (*(os.path.join(root, name) for name in (*folders, *files)), root):  # noqa: PTH118
            os.chown(entry, -1, group, follow_symlinks=False)
            if not os.path.islink(entry):  # noqa: PTH114
                mode = os.stat(entry).st_mode  # noqa: PTH116
                os.chmod(entry, mode | (0o2770 if os.path.isdir(entry) else 0o660))  # noqa: PTH101, PTH112
