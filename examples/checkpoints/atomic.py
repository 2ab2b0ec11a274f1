"""A file is there whole or not at all: written beside its place, forced to the disk, then renamed."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO


def write(path: Path, content: Callable[[BinaryIO], None]) -> None:
    """Write a file atomically; `content` gets the open file."""
    unfinished = path.with_name(path.name + ".new")
    with unfinished.open("wb") as file:
        content(file)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
