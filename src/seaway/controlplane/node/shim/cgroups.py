"""Hard limits through control groups, where the host lets this user make them; elsewhere the shim measures.

Both versions: the unified hierarchy (v2), and one hierarchy a controller (v1). A group is a child of the shim's own.
"""

from __future__ import annotations

import os
from contextlib import suppress

_MOUNT = "/sys/fs/cgroup"
_PERIOD = 100_000


class Cgroup:
    """The groups of one container; each holds it to one kind of limit."""

    def __init__(self, memory: str, cpu: str, *, unified: bool) -> None:
        self._memory, self._cpu, self._unified = memory, cpu, unified

    def _folders(self) -> list[str]:
        return list(dict.fromkeys(folder for folder in (self._memory, self._cpu) if folder))

    def add(self, pid: int) -> None:
        """Put a process, and all that it starts later, under the limits."""
        for folder in self._folders():
            with suppress(OSError):  # it may have ended already
                _write(f"{folder}/cgroup.procs", str(pid))

    def killed(self) -> bool:
        """Tell whether the kernel killed for the memory limit."""
        events = (
            _read(f"{self._memory}/{'memory.events' if self._unified else 'memory.oom_control'}")
            if self._memory
            else ""
        )
        return any(line.startswith("oom_kill ") and line.split()[1] != "0" for line in events.splitlines())

    def peak(self) -> int:
        """Return the most bytes used at once, 0 where not known."""
        name = "memory.peak" if self._unified else "memory.max_usage_in_bytes"
        text = _read(f"{self._memory}/{name}") if self._memory else ""
        return int(text) if text.strip().isdigit() else 0

    def remove(self) -> None:
        """Remove the groups; every process in them has ended."""
        for folder in self._folders():
            with suppress(OSError):
                os.rmdir(folder)  # noqa: PTH106


def create(name: str, memory: int, cpu_millis: int) -> Cgroup | None:
    """Make the groups for a container's limits.

    Args:
        name: valid as a file name, unique on this machine.
        memory: bytes, 0 for no limit.
        cpu_millis: thousandths of a core, 0 for no limit.

    Returns:
        None where nothing could be made: the caller measures instead.
    """
    own = _own_groups()
    unified = "" in own and os.path.exists(f"{_MOUNT}/cgroup.controllers")  # noqa: PTH110
    quota = max(cpu_millis * _PERIOD // 1000, 1000)
    if unified:
        folder = _make(_MOUNT + own[""], name)
        kept = folder and all([
            not memory or _try(f"{folder}/memory.max", str(memory)),
            not cpu_millis or _try(f"{folder}/cpu.max", f"{quota} {_PERIOD}"),
        ])  # fmt: skip
        if memory and kept:
            _try(f"{folder}/memory.swap.max", "0")
            _try(f"{folder}/memory.oom.group", "1")  # the container ends as a whole, as the kubelet has it
        if kept:
            return Cgroup(folder, folder, unified=True)
        _discard(folder)
        return None
    of_memory = _make(f"{_MOUNT}/memory{own['memory']}", name) if memory and "memory" in own else ""
    if of_memory and not _try(f"{of_memory}/memory.limit_in_bytes", str(memory)):
        _discard(of_memory)
        of_memory = ""
    if of_memory:
        # Where swapping is counted at all: memory that is swapped out is memory too.
        _try(f"{of_memory}/memory.memsw.limit_in_bytes", str(memory))
    of_cpu = _make(f"{_MOUNT}/cpu{own['cpu']}", name) if cpu_millis and "cpu" in own else ""
    if of_cpu and not (
        _try(f"{of_cpu}/cpu.cfs_period_us", str(_PERIOD)) and _try(f"{of_cpu}/cpu.cfs_quota_us", str(quota))
    ):
        _discard(of_cpu)
        of_cpu = ""
    return Cgroup(of_memory, of_cpu, unified=False) if of_memory or of_cpu else None


def join(name: str, pid: int) -> None:
    """Put one more process under the limits of a container, where it has groups of its own."""
    for path in set(_own_groups().values()):
        for mount in (_MOUNT, f"{_MOUNT}/memory", f"{_MOUNT}/cpu"):
            with suppress(OSError):  # no such group, or the process has ended already
                _write(f"{mount}{path}/seaway-{name}/cgroup.procs", str(pid))


def _own_groups() -> dict[str, str]:
    found = {}
    for line in _read("/proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            found[controller] = path.rstrip("/")
    return found


def _make(parent: str, name: str) -> str:
    folder = f"{parent}/seaway-{name}"
    try:
        os.mkdir(folder, 0o755)  # noqa: PTH102
    except OSError:
        return ""
    return folder


def _discard(folder: str) -> None:
    if folder:
        with suppress(OSError):
            os.rmdir(folder)  # noqa: PTH106


def _try(path: str, text: str) -> bool:
    try:
        _write(path, text)
    except OSError:
        return False
    return True


def _write(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)


def _read(path: str) -> str:
    try:
        with open(path, encoding="ascii") as file:  # noqa: PTH123
            return file.read()
    except OSError:
        return ""
