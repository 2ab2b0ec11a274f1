"""What a task finds beside its own files: volumes of its workspace, and a cache on its node's disk. Pure."""

from __future__ import annotations

from typing import Any

from seaway.model.resources import Resources
from seaway.model.run import TaskSpec
from seaway.model.volume import CACHE_PATH
from seaway.objects.quantity import parse_quantity

Object = dict[str, Any]
CACHE = "seaway-task-cache"
"""The pod's volume for the cache; the node and the runner know it by this name too."""


def mount(spec: Object, container: Object, task: TaskSpec) -> None:
    """Mount a task's volumes and its cache in a new pod.

    Args:
        spec: of the pod.
        container: its container.
        task: what is to run.
    """
    volumes: list[Object] = []
    mounts: list[Object] = []
    for one in task.volumes:
        # of the volume too, not of its mount alone: some disks can be attached to many nodes only so
        read_only = {"readOnly": True} if one.read_only else {}
        volumes.append({"name": one.name, "persistentVolumeClaim": {"claimName": one.name, **read_only}})
        mounts.append({"name": one.name, "mountPath": one.folder, **read_only})
    if task.resources.cache:
        volumes.append({"name": CACHE, "emptyDir": {"sizeLimit": task.resources.cache}})
        mounts.append({"name": CACHE, "mountPath": CACHE_PATH})
    if volumes:
        spec.setdefault("volumes", []).extend(volumes)
        container.setdefault("volumeMounts", []).extend(mounts)


def folders(task: TaskSpec) -> dict[str, str]:
    """Return the variables by which a program finds its volumes and its cache."""
    found = {one.variable: one.folder for one in task.volumes}
    return found | {"SEAWAY_CACHE": CACHE_PATH} if task.resources.cache else found


def with_cache(limit: str, asked: Resources) -> str:
    """Return the limit of all that a pod leaves on its node's disk: Kubernetes counts the cache too."""
    if not asked.cache:
        return limit
    return str(int(parse_quantity(limit)) + int(parse_quantity(asked.cache)))
