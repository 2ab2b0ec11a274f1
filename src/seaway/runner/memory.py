"""How much memory a container uses that nobody could take from it, and how much it may use.

Source: Linux' cgroup-v2.rst and cgroup-v1/memory.rst, proc(5). What the kernel keeps of files (the page cache) does not count:
it gives that up before it ends a program.
"""

# ruff: noqa: PTH110, PTH123, PTH208
# pathlib would take longer to import than all of this takes to run
from __future__ import annotations

import os

TYPE_CHECKING = False  # `typing` takes longer to import than all of this
if TYPE_CHECKING:
    from collections.abc import Iterable

MOUNT = "/sys/fs/cgroup"
_EMBEDDED = "seaway-"
"""With it begins the name of each group that Seaway's own node makes."""
_NO_LIMIT = 1 << 60
"""A limit from here on is none: the first version has no word for that."""


class Group:
    """The control group of a container.

    Args:
        folder: where the kernel shows it.
        unified: it is of the second version.
    """

    def __init__(self, folder: str, *, unified: bool) -> None:
        self._folder = folder
        self._names = (
            ("memory.current", "memory.max")
            if unified
            else ("memory.usage_in_bytes", "memory.limit_in_bytes")
        )

    def used(self) -> int | None:
        """Return the bytes that are in use, None where the kernel does not say."""
        text, counts = _read(f"{self._folder}/{self._names[0]}"), _read(f"{self._folder}/memory.stat")
        return in_use(int(text), counts) if text.strip().isdigit() and counts else None

    def limit(self) -> int:
        """Return the bytes that it may use, 0 for no limit."""
        text = _read(f"{self._folder}/{self._names[1]}").strip()
        return int(text) if text.isdigit() and int(text) < _NO_LIMIT else 0

    def members(self) -> set[int]:
        """Return the processes in it; 0 stands for those that this container does not see."""
        return {int(word) for word in _read(f"{self._folder}/cgroup.procs").split()}


def in_use(charged: int, counts: str) -> int:
    """Return what of a group's memory is neither page cache nor could be given up otherwise. Pure.

    Args:
        charged: bytes, as the group counts them.
        counts: the text of memory.stat.
    """
    found = dict(line.split(" ", 1) for line in counts.splitlines() if " " in line)
    names = ["active_file", "inactive_file", "slab_reclaimable"]
    if "total_active_file" in found:  # the first version: the group's own, and with those below it
        names = ["total_active_file", "total_inactive_file"]
    return max(0, charged - sum(int(found.get(name, 0)) for name in names))


def own_group(
    program: int, mount: str = MOUNT, table: str = "/proc/self/cgroup", *, embedded: bool = False
) -> Group | None:
    """Return the group that this process and those below it have for themselves, None where they share one with others.

    Args:
        program: a process that is below this one.
        mount: where groups are shown.
        table: says in which groups this process is.
        embedded: Seaway's own node started this process. Where it made no group, the process is in that of the daemon's
            user, whose other processes it does not see: the first version leaves them out of a group's members.
    """
    for line in _read(table).splitlines():
        _, controllers, path = line.split(":", 2)
        unified = not controllers and os.path.exists(f"{mount}/cgroup.controllers")
        if not unified and "memory" not in controllers.split(","):
            continue
        if embedded and not unified and not path.rpartition("/")[2].startswith(_EMBEDDED):
            return None
        top = mount if unified else f"{mount}/memory"
        for folder in (top + path.rstrip("/"), top):  # a container may see its own group as the whole tree
            group = Group(folder, unified=unified)
            if _is_own(group, program):
                return group
    return None


def _is_own(group: Group, program: int) -> bool:
    """Tell whether all in a group are this process and those below it; process 1 may be a shell that started it."""
    members, me = group.members(), os.getpid()
    return {me, program} <= members and members <= {1, me, *below(me)} and group.used() is not None


def below(root: int) -> list[int]:
    """Return the processes below one."""
    children = _children if os.path.exists(f"/proc/{root}/task/{root}/children") else _all_children().get
    found, waiting = [], [root]
    while waiting:
        here = children(waiting.pop()) or []
        found += here
        waiting += here
    return found


def _children(process: int) -> list[int]:
    """Return the children of a process, as most kernels say them: of each of its threads."""
    try:
        threads = os.listdir(f"/proc/{process}/task")
    except OSError:  # it has just ended
        return []
    return [
        int(word) for thread in threads for word in _read(f"/proc/{process}/task/{thread}/children").split()
    ]


def _all_children() -> dict[int, list[int]]:
    """Return the children of all processes, by what each says of its parent."""
    found: dict[int, list[int]] = {}
    try:
        names = os.listdir("/proc")
    except OSError:  # not Linux
        return found
    for name in names:
        words = _read(f"/proc/{name}/stat").rpartition(")")[2].split() if name.isdigit() else []
        if len(words) > 1:
            found.setdefault(int(words[1]), []).append(int(name))
    return found


def of_processes(processes: Iterable[int]) -> int:
    """Return the bytes of memory that processes use together: what they share counts once."""
    return sum(_share(process) for process in processes)


def _share(process: int) -> int:
    for line in _read(f"/proc/{process}/smaps_rollup").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    words = _read(f"/proc/{process}/statm").split()
    return int(words[1]) * os.sysconf("SC_PAGE_SIZE") if len(words) > 1 else 0


def _read(path: str) -> str:
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.read()
    except OSError:  # there is none here, or it has just gone
        return ""
