"""Decide, purely, how a container's root folder is put together out of the host's and its mounts.

The new root is an empty memory file system. The folders in `Plan.mirrored` are made in it and filled with binds of the
host's entries, so that mount points can exist in the container that do not exist on the host; everything else is a bind.
No overlay file system is needed, which older kernels refuse to unprivileged users.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable
from typing import NamedTuple

DEVICES = (
    "null", "zero", "full", "random", "urandom", "tty", "pts", "ptmx", "fd", "stdin", "stdout", "stderr",
    "dri", "kfd", "infiniband", "fuse",
)  # fmt: skip
"""What of /dev a container sees, besides every NVIDIA device; the host's terminals and disks are none of its business."""


class Mount(NamedTuple):
    """One thing mounted into the container."""

    source: str
    """Path on the host; "tmpfs" and "proc" for file systems of their own."""
    target: str
    read_only: bool = False


class Plan(NamedTuple):
    """How the root is made, in this order."""

    mirrored: tuple[str, ...]
    """Folders made afresh, parents first; each is filled with binds of the host's entries."""
    mounts: tuple[Mount, ...]
    """Parents first; missing mount points are made."""


def plan_root(mounts: Iterable[Mount], is_there: Callable[[str], bool], real: Callable[[str], str]) -> Plan:
    """Return the plan for a set of mounts.

    Args:
        mounts: in any order; a later one wins over an earlier one with the same target.
        is_there: whether a path exists on the host.
        real: resolves symbolic links as the host sees them.
    """
    by_target = {_normal(real(mount.target)): mount for mount in mounts}
    ordered = sorted(by_target.items(), key=lambda item: item[0].count("/"))
    mirrored = {"/", "/dev"}
    covered: list[str] = []
    for target, _ in ordered:
        if not is_there(target) and not any(_inside(target, folder) for folder in covered):
            mirrored.update(_ancestors(_nearest(target, is_there)))
        covered.append(target)
    return Plan(
        tuple(sorted(mirrored, key=lambda path: (path.count("/"), path))),
        tuple(Mount(m.source, t, m.read_only) for t, m in ordered),
    )


def shown(folder: str, entries: Iterable[str], mirrored: Iterable[str]) -> list[str]:
    """Return which host entries of a mirrored folder are bound into it (mirrored ones are made, not bound)."""
    inner = set(mirrored)
    names = [e for e in entries if posixpath.join(folder, e) not in inner]
    if folder == "/":
        names = [e for e in names if e not in {"proc", ".old"}]
    if folder == "/dev":
        names = [e for e in names if e in DEVICES or e.startswith("nvidia")]
    return sorted(names)


def _normal(path: str) -> str:
    return posixpath.normpath("/" + path.lstrip("/"))


def _inside(path: str, folder: str) -> bool:
    return path.startswith(folder.rstrip("/") + "/")


def _nearest(path: str, is_there: Callable[[str], bool]) -> str:
    while path != "/" and not is_there(path):
        path = posixpath.dirname(path)
    return path


def _ancestors(path: str) -> list[str]:
    found = [path]
    while path != "/":
        path = posixpath.dirname(path)
        found.append(path)
    return found
