"""Claims of persistent volumes: which folder of this machine a bound claim stands for.

Served are volumes that are folders of the node: hostPath and local. Somebody else binds the claims.
Source: Kubernetes documentation, "Persistent Volumes".
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seaway.client.client import Client
from seaway.controlplane.node.payloads import MountError
from seaway.objects.builtin import PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES
from seaway.objects.errors import Forbidden, NotFound

Object = Mapping[str, Any]
_INSTEAD = "use hostPath or emptyDir"


async def resolve(client: Client, namespace: str, volume: Object) -> Object:
    """Return the volume that a pod's volume stands for: a hostPath in place of a claim, any other one unchanged.

    Raises:
        MountError: the claim is not bound, or to storage that this node cannot serve.
    """
    if "persistentVolumeClaim" not in volume:
        return volume
    name = volume["persistentVolumeClaim"]["claimName"]

    def refuse(why: str) -> MountError:
        return MountError(f'persistentVolumeClaim "{name}" cannot be mounted: {why}; {_INSTEAD}')

    try:
        claim = await client.get(PERSISTENT_VOLUME_CLAIMS, name, namespace)
    except NotFound:
        raise refuse("it does not exist") from None
    bound = (claim.get("spec") or {}).get("volumeName")
    if not bound or (claim.get("status") or {}).get("phase") != "Bound":
        raise refuse("it is bound to no volume, and this node has no storage of its own for claims")
    try:
        found = await client.get(PERSISTENT_VOLUMES, bound)
    except (NotFound, Forbidden) as error:
        raise refuse(f"its volume {bound} cannot be looked at: {error.message}") from error
    path = folder_of(found)
    if path is None:
        raise refuse(
            f"its volume {bound} is neither hostPath nor local, and this node serves no other storage"
        )
    return {"name": volume["name"], "hostPath": {"path": path, "type": "Directory"}}


def folder_of(volume: Object) -> str | None:
    """Return the folder of the node that a PersistentVolume is, None where it is something else."""
    for kind in ("hostPath", "local"):
        if kind in volume["spec"]:
            return str(volume["spec"][kind]["path"])
    return None


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
