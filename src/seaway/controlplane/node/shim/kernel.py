"""The few system calls that Python 3.11 does not offer, and what this kernel allows."""

from __future__ import annotations

import ctypes
import os
import sys

CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWUSER, CLONE_NEWPID = 0x00020000, 0x04000000, 0x10000000, 0x20000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT = 1, 2, 4, 8, 32
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18
_MNT_DETACH = 2
_PR_SET_CHILD_SUBREAPER, _PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS, _PR_SET_NAME = 36, 24, 38, 15
_KEPT_CAPABILITIES = frozenset({0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 29, 31})
"""What Docker leaves to root in a container, but for making device nodes: so it cannot undo the container's mounts."""
_CAPABILITY_VERSION = 0x20080522
_MOUNT_SETATTR = 442
_AT_FDCWD, _AT_RECURSIVE, _MOUNT_ATTR_RDONLY = -100, 0x8000, 1
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}

_libc = ctypes.CDLL(None, use_errno=True)
LINUX = sys.platform.startswith("linux")


def _check(result: int, what: str) -> None:
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")


def unshare(flags: int) -> None:
    """Leave namespaces for new ones. Raises OSError."""
    _check(_libc.unshare(flags), "unshare")


def set_namespace(descriptor: int) -> None:
    """Enter the namespace of an open `/proc/<pid>/ns` file. Raises OSError."""
    _check(_libc.setns(descriptor, 0), "setns")


def mount(source: str, target: str, kind: str = "", flags: int = 0, options: str = "") -> None:
    """Mount; empty strings stand for none. Raises OSError."""
    encoded = [os.fsencode(value) if value else None for value in (source, target, kind, options)]
    result = _libc.mount(encoded[0], encoded[1], encoded[2], ctypes.c_ulong(flags), encoded[3])
    _check(result, f"mount {source or kind} at {target}")


def change_root(folder: str) -> None:
    """Make a mount point the root of this mount namespace and let go of the old one. Raises OSError."""
    os.chdir(folder)
    number = _PIVOT_ROOT.get(os.uname().machine)
    if number is None:
        raise OSError(38, f"pivot_root is not known on {os.uname().machine}")
    _check(_libc.syscall(number, b".", b"."), "pivot_root")
    _check(_libc.umount2(b".", _MNT_DETACH), "umount of the old root")
    os.chdir("/")


def set_read_only(target: str) -> None:
    """Forbid writing to a mount and to all below it. Raises OSError (also where Linux is older than 5.12)."""
    attributes = (ctypes.c_uint64 * 4)(_MOUNT_ATTR_RDONLY, 0, 0, 0)
    result = _libc.syscall(
        _MOUNT_SETATTR, _AT_FDCWD, os.fsencode(target), _AT_RECURSIVE, attributes, ctypes.sizeof(attributes)
    )
    _check(result, f"mount_setattr of {target} (it needs Linux 5.12)")


def become_subreaper() -> None:
    """Adopt every orphan below this process, so that none is lost from sight."""
    if LINUX:
        _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def drop_privileges_of_programs() -> None:
    """Take from every program executed later what would undo its isolation; this process keeps its own."""
    for capability in range(64):
        if capability not in _KEPT_CAPABILITIES and _libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0) != 0:
            break


def keep_program_capabilities() -> None:
    """Give up what executing a program would have taken from this process, and what it must not have.

    Raises:
        OSError: they could not be given up.
    """
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    sets = (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable; twice: 32 capabilities each
    _check(_libc.capget(header, sets), "capget")
    kept = sum(1 << number for number in _KEPT_CAPABILITIES) if os.geteuid() == 0 else 0
    for half in (0, 1):
        permitted = sets[3 * half + 1] & (kept >> 32 * half & 0xFFFFFFFF)
        sets[3 * half : 3 * half + 3] = [permitted, permitted, 0]
    _check(_libc.capset(header, sets), "capset")


def end_interpreter(code: int) -> None:
    """Exit as a program does whose last line was reached: threads waited for, exit functions called, files flushed."""
    ctypes.pythonapi.Py_Exit(code)


def set_name(name: str) -> None:
    """Name this process for ps and top."""
    if LINUX:
        _libc.prctl(_PR_SET_NAME, name.encode()[:15], 0, 0, 0)


def set_hostname(name: str) -> None:
    """Name the machine, in this namespace. Raises OSError."""
    encoded = name.encode()
    _check(_libc.sethostname(encoded, len(encoded)), "sethostname")
