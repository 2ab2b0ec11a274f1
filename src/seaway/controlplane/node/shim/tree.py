"""The processes below the shim: who they are, what they use, how they are all ended."""

from __future__ import annotations

import os
import signal
from contextlib import suppress

_PAGE = os.sysconf("SC_PAGE_SIZE")


def members(*, namespace: bool) -> list[int]:
    """Return the processes of the container, without the shim.

    Args:
        namespace: the shim is process 1 of a process namespace and /proc shows that one.
    """
    try:
        everyone = [int(name) for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208
    except FileNotFoundError:  # no /proc: not Linux
        return []
    me = os.getpid()
    return [pid for pid in everyone if pid != me] if namespace else _descendants(me, everyone)


def _descendants(root: int, everyone: list[int]) -> list[int]:
    children: dict[int, list[int]] = {}
    for pid in everyone:
        children.setdefault(_parent(pid), []).append(pid)
    found: list[int] = []
    waiting = [root]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def _parent(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123
            return int(file.read().rpartition(b")")[2].split()[1])
    except (OSError, IndexError, ValueError):
        return -1


def memory_in_use(pids: list[int], worth_a_look: int) -> int:
    """Return the bytes of memory that processes use together.

    Counting resident pages is cheap but counts shared ones for each process; only where that sum is over
    `worth_a_look` is the exact, dearer share asked for.
    """
    resident = sum(_resident(pid) for pid in pids)
    return resident if resident <= worth_a_look else sum(_share(pid) for pid in pids)


def _resident(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/statm", "rb") as file:  # noqa: PTH123
            return int(file.read().split()[1]) * _PAGE
    except (OSError, IndexError):
        return 0


def _share(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/smaps_rollup", "rb") as file:  # noqa: PTH123
            for line in file:
                if line.startswith(b"Pss:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        return _resident(pid)
    return 0


def kill_everything(main: int, *, namespace: bool) -> None:
    """End every process of the container but the shim, at once and for good; reaping is the caller's."""
    if namespace:
        with suppress(ProcessLookupError):
            os.kill(-1, signal.SIGKILL)
        return
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(main, signal.SIGKILL)
    for pid in members(namespace=False):
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
