"""Small file work without `shutil`, `tempfile` or `hashlib`, which cost more to import than it takes."""

# ruff: noqa: PTH106, PTH101, PTH102, PTH108, PTH112, PTH113, PTH115
# ruff: noqa: PTH106, PTH118, PTH120, PTH211
# pathlib would take longer to import than all of this takes to run
from __future__ import annotations

import os
import stat


def make_folder(path: str) -> str:
    """Make a folder and its parents that only their owner can enter, where they are missing; return the path."""
    parent = os.path.dirname(path)
    if parent and not os.path.isdir(parent):
        make_folder(parent)
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        if not os.path.isdir(path):
            raise
    return path


def remove_tree(path: str) -> None:
    """Remove a folder with all that is in it, links without what they point at; harmless where it is missing."""
    try:
        entries = list(os.scandir(path))
    except FileNotFoundError:
        return
    except PermissionError:
        os.chmod(path, 0o700)
        entries = list(os.scandir(path))
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            remove_tree(entry.path)
        else:
            try:
                os.unlink(entry.path)
            except PermissionError:  # the folder is read-only
                os.chmod(path, 0o700)
                os.unlink(entry.path)
    os.rmdir(path)


def copy_tree(source: str, target: str) -> None:
    """Copy files, folders and links of one folder into another, with the modes of the files."""
    make_folder(target)
    for entry in os.scandir(source):
        place = os.path.join(target, entry.name)
        if entry.is_symlink():
            os.symlink(os.readlink(entry.path), place)
        elif entry.is_dir(follow_symlinks=False):
            copy_tree(entry.path, place)
        else:
            _copy_file(entry.path, place)


def _copy_file(source: str, target: str) -> None:
    reading = os.open(source, os.O_RDONLY | os.O_CLOEXEC)
    try:
        mode = stat.S_IMODE(os.fstat(reading).st_mode)
        writing = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        try:
            while data := os.read(reading, 1 << 20):
                while data:
                    data = data[os.write(writing, data) :]
        finally:
            os.close(writing)
    finally:
        os.close(reading)


def find_program(name: str, path: str, folder: str) -> str | None:
    """Return the executable that a shell in `folder` would find for a name; None for none."""
    places = (
        [os.path.join(folder, name)]
        if "/" in name
        else [os.path.join(each, name) for each in path.split(":")]
    )
    for place in places:
        if os.path.isfile(place) and os.access(place, os.X_OK):
            return place
    return None
