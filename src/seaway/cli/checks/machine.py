"""Checks of this machine: room on its disks, its kernel, who owns the home."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from seaway.cli.checks.check import Check, fail, ok, warn
from seaway.sdk.snapshot import readable_size

LOW_BYTES, FULL_BYTES = 2 << 30, 200 << 20
"""Free bytes below which is warned, and below which writes are about to fail."""
LOW_INODES, FULL_INODES = 20_000, 1_000


def room(name: str, free: int, total: int, inodes: int, all_inodes: int) -> Check:
    """Judge the room on a disk. Pure.

    Args:
        name: what lies on it.
        free: bytes that can still be written.
        total: bytes in all; a small disk is not low because of its size.
        inodes: files that can still be made.
        all_inodes: files in all; 0 where the file system counts none.
    """
    said = f"{readable_size(free)} of {readable_size(total)} free"
    low_bytes, full_bytes = min(LOW_BYTES, total // 10), min(FULL_BYTES, total // 50)
    low_inodes, full_inodes = min(LOW_INODES, all_inodes // 10), min(FULL_INODES, all_inodes // 50)
    remedy = "Make room: seaway rm --now RUN of what is not needed, then what else is on that disk (du -xh --max-depth 2)"
    if free <= full_bytes:
        return fail(name, f"the disk is full: {said}", remedy)
    if all_inodes and inodes <= full_inodes:
        return fail(name, f"no more files can be made: {inodes} of {all_inodes} inodes free", remedy)
    if free <= low_bytes:
        return warn(name, f"the disk is nearly full: {said}", remedy)
    if all_inodes and inodes <= low_inodes:
        return warn(name, f"few more files can be made: {inodes} of {all_inodes} inodes free", remedy)
    return ok(name, said)


def disk(name: str, folder: Path) -> Check:
    """Look at the disk that a folder is, or would be, on."""
    there = next(each for each in (folder, *folder.parents) if each.exists())
    found = os.statvfs(there)
    return room(
        name, found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize, found.f_favail, found.f_files
    )


def home(folder: Path, uid: int) -> Check:
    """Look at whether a home can be used, and by its owner alone."""
    name = "home"
    if not folder.exists():
        there = next(each for each in folder.parents if each.exists())
        if not os.access(there, os.W_OK | os.X_OK):
            return fail(
                name,
                f"{folder} cannot be made: {there} cannot be written to",
                "Set SEAWAY_HOME to a folder of your own",
            )
        return ok(name, f"{folder} is made by seaway up")
    status = folder.stat()
    if not folder.is_dir():
        return fail(name, f"{folder} is no folder", "Set SEAWAY_HOME to a folder, or move that file away")
    if status.st_uid != uid:
        return fail(name, f"{folder} belongs to another user", "Set SEAWAY_HOME to a folder of your own")
    if not os.access(folder, os.W_OK | os.X_OK):
        return fail(name, f"{folder} cannot be written to", f"chmod u+rwx {folder}")
    if stat.S_IMODE(status.st_mode) & 0o077:
        return warn(
            name, f"{folder} can be looked into by other users of this machine", f"chmod 700 {folder}"
        )
    return ok(name, str(folder))


def kernel(system: str, proc: Path, cgroups: Path) -> Check:
    """Look at what of the kernel isolates programs: namespaces and control groups.

    Args:
        system: the kernel's name, as `uname` says it.
        proc: where /proc is.
        cgroups: where the control groups are.
    """
    name = "kernel"
    if system != "Linux":
        return warn(
            name,
            f"{system} has neither namespaces nor control groups: programs see the whole machine, and memory "
            "limits are watched, not enforced",
            "Use Linux, or a team's server, for limits that hold",
        )
    missing = [kind for kind in ("mnt", "pid", "user", "uts") if not (proc / "self" / "ns" / kind).exists()]
    if missing:
        return warn(
            name,
            f"namespaces are missing ({', '.join(missing)}): programs see the whole machine",
            "Use a kernel with CONFIG_NAMESPACES",
        )
    limit = proc / "sys" / "user" / "max_user_namespaces"
    if limit.exists() and limit.read_text().strip() == "0":
        return warn(
            name,
            "user namespaces are switched off: programs see the whole machine",
            "sysctl user.max_user_namespaces=10000",
        )
    if not (cgroups / "cgroup.controllers").exists():
        return warn(
            name,
            "no control groups of version 2: memory limits are watched, not enforced",
            "Boot with systemd.unified_cgroup_hierarchy=1, or use the machine as it is",
        )
    return ok(name, "namespaces and control groups")
