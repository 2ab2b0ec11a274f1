"""Whom a container runs as, and whether it may write to its root folder: pure.

Source: Kubernetes documentation, "Configure a Security Context for a Pod or Container".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from seaway.controlplane.node.fields import ConfigError

Object = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Host:
    """What decides which wishes can be served."""

    user: int
    """Whom the node runs as."""
    group: int
    no_namespaces: str = ""
    """Why containers are plain processes here; empty: they are not."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom a container's programs run as; None: as the node does."""

    user: int | None = None
    group: int | None = None
    groups: tuple[int, ...] = ()
    read_only_root: bool = False
    mapped: tuple[int, int] | None = None
    """User and group that programs see themselves as: behind them stand the node's own."""


def identity(pod: Object, container: Object, host: Host) -> Identity:
    """Return whom a container runs as. A wish that cannot be served here is refused, never ignored.

    Raises:
        ConfigError: with the field, and what would help.
    """
    of_pod = pod["spec"].get("securityContext") or {}
    wishes = of_pod | (container.get("securityContext") or {})
    user = _number(wishes, "runAsUser", host.user)
    group = _number(wishes, "runAsGroup", host.group if user == host.user else user)
    groups = {int(g) for g in of_pod.get("supplementalGroups") or ()}
    if of_pod.get("fsGroup") is not None:
        groups.add(int(of_pod["fsGroup"]))
    if wishes.get("runAsNonRoot") and user == 0:
        remedy = (
            "set runAsUser to the number of another user" if "runAsUser" not in wishes else "runAsUser is 0"
        )
        raise ConfigError(f"container has runAsNonRoot and image will run as root ({remedy})")
    read_only = bool(wishes.get("readOnlyRootFilesystem"))
    if read_only and host.no_namespaces:
        raise ConfigError(
            f"securityContext.readOnlyRootFilesystem cannot be served: containers are plain processes here ({host.no_namespaces})"
        )
    if (user, group) == (host.user, host.group) and not groups - {host.group}:
        return Identity(read_only_root=read_only)
    if host.user != 0 and not host.no_namespaces:
        return _mapped(of_pod, user, group, host, read_only=read_only)
    _check_may_change(f"user {user} and group {group}", host)
    return Identity(user, group, tuple(sorted(groups)), read_only)


def _mapped(of_pod: Object, user: int, group: int, host: Host, *, read_only: bool) -> Identity:
    """Return an identity that only programs see, in a user namespace: one user and one group; volumes are theirs as they are."""
    if further := {int(g) for g in of_pod.get("supplementalGroups") or ()} - {group}:
        shown = ", ".join(map(str, sorted(further)))
        raise ConfigError(
            f"securityContext supplementalGroups: the container cannot have the groups {shown}, because the node runs as "
            f"user {host.user} and may give it one group only; leave them out, or run the node as root"
        )
    if (user, group) == (host.user, host.group):
        return Identity(read_only_root=read_only)
    return Identity(read_only_root=read_only, mapped=(user, group))


def _number(wishes: Object, name: str, default: int) -> int:
    value = wishes.get(name)
    return default if value is None else int(value)


def _check_may_change(wanted: str, host: Host) -> None:
    fields = "securityContext runAsUser, runAsGroup, supplementalGroups, fsGroup"
    if host.user != 0:
        raise ConfigError(
            f"{fields}: the container cannot run as {wanted}, because the node runs as user {host.user} and may not "
            "become another; leave them out, or run the node as root"
        )
    if host.no_namespaces:
        raise ConfigError(
            f"{fields}: the container cannot run as {wanted}, because containers are plain processes here "
            f"({host.no_namespaces}) and other users cannot reach the node's folders; leave them out"
        )
