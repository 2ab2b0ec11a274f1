"""A program of its own: counts the bytes and files below a folder, giving way to everything else on the machine.

It imports the standard library alone, keeps no list of what it has seen but files with several names, and does not leave
the folder's file system. Written is one line of JSON.
"""

from __future__ import annotations

import json
import os
import sys

_MOST_LINKS = 1_000_000
"""So many files with several names are remembered, so that each counts once."""


def measure(folder: str) -> dict[str, int]:
    """Return bytes on the disk and files below a folder, and what its file system has left of both."""
    total = files = 0
    seen: set[int] = set()
    device = os.stat(folder).st_dev  # noqa: PTH116
    waiting = [folder]
    while waiting:
        try:
            entries = os.scandir(waiting.pop())
        except OSError:
            continue  # gone meanwhile
        with entries:
            for entry in entries:
                try:
                    found = entry.stat(follow_symlinks=False)
                except OSError:
                    continue
                if found.st_dev != device:
                    continue
                directory = entry.is_dir(follow_symlinks=False)
                if directory:
                    waiting.append(entry.path)
                elif found.st_nlink > 1:
                    if found.st_ino in seen:
                        continue
                    if len(seen) < _MOST_LINKS:
                        seen.add(found.st_ino)
                total += found.st_blocks * 512
                files += 1
    disk = os.statvfs(folder)
    return {"bytes": total, "files": files, "disk_files": disk.f_files, "disk_files_free": disk.f_favail}


if __name__ == "__main__":
    os.nice(19)
    sys.stdout.write(json.dumps(measure(sys.argv[1])))
