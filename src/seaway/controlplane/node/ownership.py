"""Whose the files of a volume are, so that a container that runs as another user than the node can read them. Pure.

Source: Kubernetes documentation, "Configure a Security Context" (fsGroup) and "Projected Volumes" (owner of a token).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from seaway.controlplane.node.payloads import File, Payload

Object = Mapping[str, Any]
_READ_BY_GROUP = 0o440
_READ_BY_ALL = 0o644


def owned(files: Payload, tokens: Collection[str], pod: Object, node_user: int) -> Payload:
    """Return the files with owners and modes as the pod's users need them.

    Args:
        files: a volume's.
        tokens: paths of those that are service account tokens, which nobody else may read.
        pod: its security context and its containers' count.
        node_user: whom the node runs as; only root can give files away.
    """
    if node_user != 0:
        return files
    group = (pod["spec"].get("securityContext") or {}).get("fsGroup")
    if group is not None:
        return {
            path: file._replace(group=int(group), mode=file.mode | _READ_BY_GROUP)
            for path, file in files.items()
        }
    users = _users(pod)
    if users <= {0}:
        return files
    only = users.pop() if len(users) == 1 else None
    return {path: _readable(file, only) if path in tokens else file for path, file in files.items()}


def _readable(token: File, user: int | None) -> File:
    return token._replace(mode=_READ_BY_ALL) if user is None else token._replace(user=user)


def _users(pod: Object) -> set[int]:
    """Return whom the pod's containers run as, 0 where nothing is said."""
    spec = pod["spec"]
    of_pod = spec.get("securityContext") or {}
    containers = [*(spec.get("initContainers") or ()), *spec["containers"]]
    wishes = [of_pod | (container.get("securityContext") or {}) for container in containers]
    return {int(wish.get("runAsUser") or 0) for wish in wishes}
