"""Checks of this machine: room on its disks, its kernel, who owns the home."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from seaway.base.messages import wording
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
    said = wording("{free} of {total} free", free=readable_size(free), total=readable_size(total))
    low_bytes, full_bytes = min(LOW_BYTES, total // 10), min(FULL_BYTES, total // 50)
    low_inodes, full_inodes = min(LOW_INODES, all_inodes // 10), min(FULL_INODES, all_inodes // 50)
    remedy = wording(
        "Make room: {command} of what is not needed, then what else is on that disk ({measuring})",
        command="seaway rm --now RUN", measuring="du -xh --max-depth 2",
    )  # fmt: skip
    left = wording("{free} of {total} inodes free", free=inodes, total=all_inodes)
    if free <= full_bytes:
        return fail(name, wording("the disk is full: {room}", room=said), remedy)
    if all_inodes and inodes <= full_inodes:
        return fail(name, wording("no more files can be made: {room}", room=left), remedy)
    if free <= low_bytes:
        return warn(name, wording("the disk is nearly full: {room}", room=said), remedy)
    if all_inodes and inodes <= low_inodes:
        return warn(name, wording("few more files can be made: {room}", room=left), remedy)
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
    name, shown = wording("home"), str(folder)
    own_folder = wording("Set {variable} to a folder of your own", variable="SEAWAY_HOME")
    if not folder.exists():
        there = next(each for each in folder.parents if each.exists())
        if not os.access(there, os.W_OK | os.X_OK):
            said = wording(
                "{folder} cannot be made: {parent} cannot be written to", folder=shown, parent=str(there)
            )
            return fail(name, said, own_folder)
        return ok(name, wording("{folder} is made by {command}", folder=shown, command="seaway up"))
    status = folder.stat()
    if not folder.is_dir():
        remedy = wording("Set {variable} to a folder, or move that file away", variable="SEAWAY_HOME")
        return fail(name, wording("{path} is no folder", path=shown), remedy)
    if status.st_uid != uid:
        return fail(name, wording("{folder} belongs to another user", folder=shown), own_folder)
    if not os.access(folder, os.W_OK | os.X_OK):
        return fail(name, wording("{folder} cannot be written to", folder=shown), f"chmod u+rwx {folder}")
    if stat.S_IMODE(status.st_mode) & 0o077:
        said = wording("{folder} can be looked into by other users of this machine", folder=shown)
        return warn(name, said, f"chmod 700 {folder}")
    return ok(name, shown)


def kernel(system: str, proc: Path, cgroups: Path) -> Check:
    """Look at what of the kernel isolates programs: namespaces and control groups.

    Args:
        system: the kernel's name, as `uname` says it.
        proc: where /proc is.
        cgroups: where the control groups are.
    """
    name = wording("kernel")
    if system != "Linux":
        return warn(
            name,
            wording(
                "{system} has neither namespaces nor control groups: programs see the whole machine, and memory "
                "limits are watched, not enforced",
                system=system,
            ),
            wording("Use Linux, or a team's server, for limits that hold"),
        )
    missing = [kind for kind in ("mnt", "pid", "user", "uts") if not (proc / "self" / "ns" / kind).exists()]
    if missing:
        return warn(
            name,
            wording(
                "namespaces are missing ({names}): programs see the whole machine", names=", ".join(missing)
            ),
            wording("Use a kernel with {option}", option="CONFIG_NAMESPACES"),
        )
    limit = proc / "sys" / "user" / "max_user_namespaces"
    if limit.exists() and limit.read_text().strip() == "0":
        return warn(
            name,
            wording("user namespaces are switched off: programs see the whole machine"),
            "sysctl user.max_user_namespaces=10000",
        )
    if not (cgroups / "cgroup.controllers").exists():
        return warn(
            name,
            wording("no control groups of version 2: memory limits are watched, not enforced"),
            wording(
                "Boot with {parameter}, or use the machine as it is",
                parameter="systemd.unified_cgroup_hierarchy=1",
            ),
        )
    return ok(name, wording("namespaces and control groups"))
