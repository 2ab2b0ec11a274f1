"""Interpreters that have this folder in PYTHONPATH see a time of day that a test sets: no feature of Seaway, and no privilege.

`SEAWAY_TESTS_CLOCK` names a file with one double, the seconds by which the clock is ahead. It counts at once, in every
process. The fork servers of nodes are started without environment and site packages: this file starts them, as a program.
"""

from __future__ import annotations

import mmap
import os
import runpy
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

FORK_SERVER = "/node/shim"


def follow(clock: str) -> None:
    """Have the time of day of this process follow a file."""
    with Path(clock).open("rb") as file:
        ahead = mmap.mmap(file.fileno(), 8, access=mmap.ACCESS_READ)
    seconds, nanoseconds = time.time, time.time_ns

    def shift() -> float:
        return struct.unpack("d", ahead[:])[0]

    time.time = lambda: seconds() + shift()
    time.time_ns = lambda: nanoseconds() + int(shift() * 1e9)


def start_fork_servers_with(clock: str) -> None:
    """Have the fork servers that this process starts follow the file too."""
    usual = subprocess.Popen.__init__

    def start(self: Any, args: Any, *rest: Any, **more: Any) -> None:
        if isinstance(args, list) and args[1:3] == ["-I", "-S"] and args[3].endswith(FORK_SERVER):
            args = [*args[:3], __file__, clock, *args[3:]]
        usual(self, args, *rest, **more)

    subprocess.Popen.__init__ = start


if __name__ == "__main__":
    follow(sys.argv[1])
    sys.argv[:2] = []
    runpy.run_path(sys.argv[0], run_name="__main__")
elif path := os.environ.get("SEAWAY_TESTS_CLOCK"):
    follow(path)
    start_fork_servers_with(path)
