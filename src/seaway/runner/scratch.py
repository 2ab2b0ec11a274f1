"""What a program may leave on its container's own disk: so many bytes, so many files. Then it alone is ended.

Kubernetes limits bytes (ephemeral-storage) and ends the pod without saying where they lie, and knows no limit of files,
which can use up a disk as well: each of them takes an inode.
"""

# pathlib would take longer to import than all of this takes to run
from __future__ import annotations

import os
import threading
import time

from seaway.runner.report import say

TYPE_CHECKING = False  # `typing` takes longer to import than all of this
if TYPE_CHECKING:
    from collections.abc import Mapping

    from seaway.runner.process import Program
    from seaway.runner.task import Task

_EVERY = 5.0
"""The most seconds between two looks."""
_SOONEST = 0.25
"""The fewest, and at least so many times as long as a look takes."""
_SHARE = 20
_FASTEST_BYTES = 2 << 30
_FASTEST_FILES = 100_000
"""What a program may well write in a second: little room is looked at more often."""
_GRACE = 10.0


class Scratch:
    """Looks after what a program writes while it runs. What is mounted below a folder is not the container's own disk.

    Args:
        task: whose limits hold.
        folders: what is looked at, by the names under which users know them; one inside another counts for itself alone.
        program: what is ended when there is too much.
        every: seconds between two looks.
    """

    def __init__(
        self, task: Task, folders: Mapping[str, str], program: Program, *, every: float = _EVERY
    ) -> None:
        self._bytes, self._files, self._every = task.scratch_bytes, task.scratch_files, every
        self._folders = {name: os.path.realpath(path) for name, path in folders.items()}
        self._program = program
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="scratch", daemon=True)
        self.taken: int | None = None
        """The bytes that it takes, None where nobody has looked yet."""
        self._made = 0
        self.over = ""
        """What there was too much of, "" while there is not."""

    def keep(self) -> None:
        """Look from now on, in a thread of its own."""
        self._thread.start()

    def let_go(self) -> None:
        """Stop looking; the program has ended."""
        self._ended.set()
        self._thread.join()

    @property
    def limit(self) -> int:
        """Return the bytes that it may take, 0 for any number."""
        return self._bytes

    def look(self) -> str:
        """Look once; return what there is too much of, "" where there is not."""
        found = {name: self._measure(path) for name, path in self._folders.items()}
        self._made = files = sum(count for count, _ in found.values())
        self.taken = size = sum(taken for _, taken in found.values())
        if self._files and files > self._files:
            most = max(found, key=lambda name: found[name][0])
            return f"it made {files:,} files, most of them in {most} ({found[most][0]:,}), and may have {self._files:,}"
        if self._bytes and size > self._bytes:
            most = max(found, key=lambda name: found[name][1])
            return (
                f"it wrote {_shown(size)}, most of it into {most} ({_shown(found[most][1])}), "
                f"and may have {_shown(self._bytes)}"
            )
        return ""

    def _watch(self) -> None:
        pause = self._pause()
        while not self._ended.wait(pause):
            began = time.monotonic()
            self.over = self.look()
            if self.over:
                say(f"the program is being stopped: {self.over}")
                self._program.stop(_GRACE, self._ended)
                return
            pause = max(self._pause(), _SHARE * (time.monotonic() - began))

    def _pause(self) -> float:
        left_bytes = self._bytes - (self.taken or 0) if self._bytes else None
        left_files = self._files - self._made if self._files else None
        return min(self._every, until_next_look(left_bytes, left_files))

    def _measure(self, top: str) -> tuple[int, int]:
        """Return the files and folders below one, and the bytes that they take."""
        others = (set(self._folders.values()) | _mount_points()) - {top}
        files = size = 0
        left = [top]
        while left and not self._ended.is_set():
            try:
                with os.scandir(left.pop()) as entries:
                    for entry in entries:
                        files += 1
                        size += entry.stat(follow_symlinks=False).st_blocks * 512
                        if entry.is_dir(follow_symlinks=False) and entry.path not in others:
                            left.append(entry.path)
            except OSError:  # it was removed meanwhile, or the program keeps it to itself
                continue
        return files, size


def until_next_look(left_bytes: int | None, left_files: int | None) -> float:
    """Return the seconds after which somebody should look again: soon where a program could fill its room soon.

    Args:
        left_bytes: how many more it may write, None for any number.
        left_files: how many more it may make, None for any number.
    """
    seconds = _EVERY
    if left_bytes is not None:
        seconds = min(seconds, left_bytes / _FASTEST_BYTES)
    if left_files is not None:
        seconds = min(seconds, left_files / _FASTEST_FILES)
    return max(_SOONEST, seconds)


def _mount_points() -> set[str]:
    """Return where something is mounted (proc(5), mountinfo); nothing where the system does not say."""
    try:
        with open("/proc/self/mountinfo", "rb") as table:  # noqa: PTH123 - pathlib takes long to import
            return {os.fsdecode(_unescaped(line.split(b" ", 5)[4])) for line in table}
    except OSError:
        return set()


def _unescaped(path: bytes) -> bytes:
    """Return a path of that table: blanks and the like stand there as backslashes and octal numbers."""
    first, *rest = path.split(b"\\")
    return first + b"".join(bytes([int(part[:3], 8)]) + part[3:] for part in rest)


def without_entries(folders: Mapping[str, str]) -> str:
    """Return in a sentence where no file can be made although bytes are free, "" for nowhere: Linux says "no space" for both.

    Args:
        folders: what is looked at, by the names under which users know them.
    """
    for name, path in folders.items():
        try:
            found = os.statvfs(path)
        except OSError:
            continue
        free = found.f_bavail * found.f_frsize
        if found.f_files and not found.f_favail and free >= found.f_frsize:
            return f"no file can be made in {name}: all {found.f_files:,} entries (inodes) of its disk are taken, while {_shown(free)} are free"
    return ""


def _shown(size: int) -> str:
    for shift, unit in ((30, "GiB"), (20, "MiB"), (10, "KiB")):
        if size >= 1 << shift:
            return f"{size / (1 << shift):.1f} {unit}"
    return f"{size} bytes"
