"""What a pod gives up, so that a cluster's rules let it in. Pure.

Source: Kubernetes documentation, "Pod Security Standards".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Object = dict[str, Any]
Level = Literal["plain", "hardened", "restricted"]
_SCRATCH = "seaway-scratch"
SCRATCH_PATH = "/tmp"  # noqa: S108 - the container's own


@dataclass(frozen=True, slots=True)
class PodSecurity:
    """How much a pod gives up."""

    level: Level = "plain"
    """"plain": what the namespace allows by default. "hardened": what no training program misses: gaining privileges,
    system calls that the container runtime blocks. "restricted": all that the Pod Security Standard of this name
    asks for, also being root and every capability."""
    user: int = 1000
    """Whom programs run as, and the group of their files; at the level "restricted" alone."""
    read_only_root: bool = False
    """The container's own files cannot be changed: programs write to /tmp, where they also find their home."""


def secure(spec: Object, container: Object, security: PodSecurity) -> None:
    """Write into a new pod's spec and its container what the security asks for."""
    of_pod: Object = {}
    of_container: Object = {}
    if security.level != "plain":
        of_pod["seccompProfile"] = {"type": "RuntimeDefault"}
        of_container["allowPrivilegeEscalation"] = False
    if security.level == "restricted":
        numbers = dict.fromkeys(("runAsUser", "runAsGroup", "fsGroup"), security.user)
        of_pod |= {"runAsNonRoot": True, **numbers}
        if any("persistentVolumeClaim" in volume for volume in spec.get("volumes", ())):
            of_pod["fsGroupChangePolicy"] = (
                "OnRootMismatch"  # else each start looks at every file of a volume
            )
        of_container["capabilities"] = {"drop": ["ALL"]}
    if security.read_only_root:
        of_container["readOnlyRootFilesystem"] = True
        spec.setdefault("volumes", []).append({"name": _SCRATCH, "emptyDir": {}})
        mounts = container.setdefault("volumeMounts", [])
        mounts.append({"name": _SCRATCH, "mountPath": SCRATCH_PATH})
    if security.level == "restricted" or security.read_only_root:
        _give_home(container)
    if of_pod:
        spec["securityContext"] = of_pod
    if of_container:
        container["securityContext"] = of_container


def limit_tmp(spec: Object, container: Object, limit: str, *, always: bool) -> None:
    """Bound the volume at /tmp, so that the node holds the limit by itself.

    Args:
        spec: of a new pod.
        container: its container.
        limit: bytes, as a quantity.
        always: make such a volume where there is none.
    """
    volumes = spec.setdefault("volumes", []) if always else spec.get("volumes", [])
    own = next((volume for volume in volumes if volume["name"] == _SCRATCH), None)
    if own is None and always:
        own = {"name": _SCRATCH}
        volumes.append(own)
        container.setdefault("volumeMounts", []).append({"name": _SCRATCH, "mountPath": SCRATCH_PATH})
    if own is not None:
        own["emptyDir"] = {"sizeLimit": limit}


def _give_home(container: Object) -> None:
    """Have programs find a home that they can write to: a user that the image does not know has "/"."""
    variables = container.setdefault("env", [])
    if all(variable["name"] != "HOME" for variable in variables):
        variables.insert(0, {"name": "HOME", "value": SCRATCH_PATH})
