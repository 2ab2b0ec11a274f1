"""Make a container's namespaces and its root folder: the part of the shim that asks the kernel."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable
from contextlib import suppress

from seaway.controlplane.node.shim import kernel
from seaway.controlplane.node.shim.rootplan import Mount, Plan, plan_root, shown

_UNBINDABLE = 1 << 17
_OWN_FILE_SYSTEMS = {"tmpfs": "mode=0755", "proc": "", "shm": "mode=1777"}
"""Sources that are no host path. "shm" is a memory file system that everyone in the container may write to."""


def leave_namespaces(mapped: tuple[int, int] | None = None) -> None:
    """Enter new mount, process, and host name namespaces (and a user namespace where not root). The next child is process 1.

    Args:
        mapped: user and group that this one's are in the user namespace; None: the same.

    Raises:
        OSError: the kernel, or the container that we run in ourselves, forbids it.
    """
    user, group = os.geteuid(), os.getegid()
    flags = kernel.CLONE_NEWNS | kernel.CLONE_NEWPID | kernel.CLONE_NEWUTS
    kernel.unshare(flags if user == 0 else flags | kernel.CLONE_NEWUSER)
    if user != 0:
        _write("/proc/self/setgroups", "deny")
        inside = mapped or (user, group)
        _write("/proc/self/uid_map", f"{inside[0]} {user} 1")
        _write("/proc/self/gid_map", f"{inside[1]} {group} 1")


def enter_namespaces(pid: int) -> None:
    """Enter those of a running process; children are then inside. Raises OSError."""
    kinds = ("uts", "mnt", "pid") if os.geteuid() == 0 else ("user", "uts", "mnt", "pid")
    descriptors = [os.open(f"/proc/{pid}/ns/{kind}", os.O_RDONLY | os.O_CLOEXEC) for kind in kinds]
    for descriptor in descriptors:
        kernel.set_namespace(descriptor)
        os.close(descriptor)


def build_root(folder: str, mounts: Iterable[Mount], *, read_only: bool = False) -> None:
    """Put the root folder together at an empty folder and change to it.

    Args:
        folder: on the host; nothing is written to it, a memory file system covers it.
        mounts: see `plan_root`.
        read_only: nothing but what is mounted writable can be written to.

    Raises:
        OSError: its text says which mount failed.
    """
    mask = os.umask(0o022)  # the container's user, who may be another one, has to get to what is mounted deep
    try:
        _build(folder, mounts, read_only=read_only)
    finally:
        os.umask(mask)
    kernel.change_root(folder)


def _build(folder: str, mounts: Iterable[Mount], *, read_only: bool) -> None:
    kernel.mount("", "/", flags=kernel.MS_REC | kernel.MS_PRIVATE)
    kernel.mount("tmpfs", folder, "tmpfs", kernel.MS_NOSUID, "mode=0755,size=64m")
    kernel.mount("", folder, flags=_UNBINDABLE)
    plan = plan_root(mounts, os.path.exists, os.path.realpath)
    for mirrored in plan.mirrored:
        _mirror(folder, mirrored, plan, read_only=read_only)
    for mount in plan.mounts:
        _attach(folder, mount)
    for mount in plan.mounts:
        if mount.read_only:
            _make_read_only(folder + mount.target)
    if read_only:
        _make_read_only(folder)


def _mirror(root: str, folder: str, plan: Plan, *, read_only: bool) -> None:
    target = root + folder
    if folder != "/":
        os.makedirs(target, exist_ok=True)  # noqa: PTH103 - pathlib would cost the fork server its import
    os.chmod(target, stat.S_IMODE(os.stat(folder).st_mode) | 0o700)  # noqa: PTH101, PTH116
    try:
        entries = os.listdir(folder)  # noqa: PTH208
    except PermissionError:
        entries = []
    bound: list[str] = []
    for name in shown(folder, entries, plan.mirrored):
        shown_at = target.rstrip("/") + "/" + name
        # What vanished meanwhile, or may not be bound, is not shown.
        with suppress(OSError):
            if _show(f"{folder.rstrip('/')}/{name}", shown_at) and read_only:
                bound.append(shown_at)
    for path in bound:
        kernel.set_read_only(path)


def _show(source: str, target: str) -> bool:
    """Show an entry of the host; tell whether it is mounted (a link is not)."""
    mode = os.lstat(source).st_mode
    if stat.S_ISLNK(mode):
        os.symlink(os.readlink(source), target)  # noqa: PTH115, PTH211
        return False
    _make_point(target, folder=stat.S_ISDIR(mode))
    kernel.mount(source, target, flags=kernel.MS_BIND | kernel.MS_REC)
    return True


def _attach(root: str, mount: Mount) -> None:
    target = root + mount.target
    if mount.source in _OWN_FILE_SYSTEMS:
        _make_point(target, folder=True)
        kind = "proc" if mount.source == "proc" else "tmpfs"
        flags = kernel.MS_NOSUID | kernel.MS_NODEV | (kernel.MS_NOEXEC if kind == "proc" else 0)
        kernel.mount(kind, target, kind, flags, _OWN_FILE_SYSTEMS[mount.source])
        return
    folder = os.path.isdir(mount.source)  # noqa: PTH112
    if os.path.lexists(target) and os.path.isdir(target) is not folder:  # noqa: PTH112
        why = "Are you trying to mount a directory onto a file (or vice-versa)?"
        raise OSError(errno.ENOTDIR, f'error mounting to rootfs at "{mount.target}": not a directory: {why}')
    _make_point(target, folder=folder)
    kernel.mount(mount.source, target, flags=kernel.MS_BIND | kernel.MS_REC)


def _make_point(target: str, *, folder: bool) -> None:
    if folder:
        os.makedirs(target, exist_ok=True)  # noqa: PTH103
        return
    if not os.path.lexists(target):
        os.makedirs(os.path.dirname(target), exist_ok=True)  # noqa: PTH103, PTH120
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o644))


def _make_read_only(target: str) -> None:
    # Inside a user namespace flags of the mount below are locked: they must be said again.
    kept = os.statvfs(target).f_flag & (kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC)
    kernel.mount("", target, flags=kernel.MS_BIND | kernel.MS_REMOUNT | kernel.MS_RDONLY | kept)


def _write(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)
