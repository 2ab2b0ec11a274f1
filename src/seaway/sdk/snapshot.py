"""Code snapshots: a project's files as one deterministic archive, named by its digest."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import os
import shutil
import stat
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from seaway.sdk.errors import InvalidInput
from seaway.sdk.files import IGNORE_FILE, ProjectFile, project_files

COMPRESSION = 3
"""Source text gains little beyond this, and it is four times as fast as the default."""
NAMED_FILES = 5
"""How many of the largest files an error names."""


_LEFT_ALONE = 24 * 3600
"""Seconds after which what a command packed is nobody's any more."""


@dataclass(frozen=True, slots=True)
class SnapshotLimits:
    """How large a snapshot may be."""

    compressed: int = 100 * 1024 * 1024
    """Bytes of the archive."""
    raw: int = 500 * 1024 * 1024
    """Bytes of all files together."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A packed project."""

    digest: str
    """SHA-256 of the archive's bytes."""
    archive: Path
    size: int
    """Bytes of the archive."""
    files: int


def take_snapshot(
    root: Path, folder: Path, *, limits: SnapshotLimits | None = None, exclude: tuple[Path, ...] = ()
) -> Snapshot | None:
    """Pack a project into an archive in `folder`; the same files always give the same bytes. None for no file at all.

    Args:
        root: the project's root.
        folder: where the archive is written; the caller removes it.
        limits: None for the default ones.
        exclude: folders that never belong to it.

    Raises:
        InvalidInput: it is too large, a link leaves it or a file cannot be read.
    """
    limits = limits or SnapshotLimits()
    files = project_files(root, exclude=exclude)
    if not files:
        return None
    raw = sum(file.size for file in files)
    if raw > limits.raw:
        raise too_large(root, files, raw, limits.raw, "")
    check_links(root, files)
    archive = folder / "code.tar.gz"
    with archive.open("w+b") as out:
        digest = _pack(root, files, out)
        size = out.tell()
    if size > limits.compressed:
        archive.unlink()
        raise too_large(root, files, size, limits.compressed, " compressed")
    return Snapshot(digest, archive, size, len(files))


def too_large(root: Path, files: Sequence[ProjectFile], size: int, limit: int, how: str) -> InvalidInput:
    """Say that a project is too large, by which files, and what to do."""
    largest = sorted(files, key=lambda file: file.size, reverse=True)[:NAMED_FILES]
    named = "".join(f"\n  {readable_size(file.size):>12}  {file.path}" for file in largest)
    return InvalidInput(
        f"the code in {root} is {readable_size(size)}{how}; at most {readable_size(limit)} can be sent. Its largest files:{named}",
        code="TooLarge",
        field="code",
        remedy=f"Name what the script does not need in {root / IGNORE_FILE} (written like a .gitignore)",
    )


def check_links(root: Path, files: Sequence[ProjectFile]) -> None:
    """Raise InvalidInput, naming it, where a symbolic link leaves the tree."""
    real_root = os.path.realpath(root)
    for file in files:
        if not stat.S_ISLNK(file.mode):
            continue
        target = os.path.realpath(root / file.path)
        absolute = (root / file.path).readlink().is_absolute()
        if absolute or not (target == real_root or target.startswith(real_root + os.sep)):
            raise InvalidInput(
                f"the link {file.path} leads out of {root}, to {target}: what it points at would be missing on the cluster",
                field="code",
                remedy=f"Replace it by a copy or a relative link inside the project, or name it in {root / IGNORE_FILE}",
            )


class _Hashed:
    """A file that is hashed as it is written."""

    def __init__(self, out: IO[bytes]) -> None:
        self.out = out
        self.digest = hashlib.sha256()

    def write(self, data: bytes) -> int:
        self.digest.update(data)
        return self.out.write(data)

    def flush(self) -> None:
        self.out.flush()


def _pack(root: Path, files: Sequence[ProjectFile], out: IO[bytes]) -> str:
    hashed = _Hashed(out)
    with (
        gzip.GzipFile(filename="", mode="wb", fileobj=hashed, compresslevel=COMPRESSION, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        for file in files:
            _add(archive, root, file)
    return hashed.digest.hexdigest()


def _add(archive: tarfile.TarFile, root: Path, file: ProjectFile) -> None:
    entry = tarfile.TarInfo(file.path)
    if stat.S_ISLNK(file.mode):
        entry.type, entry.linkname, entry.mode = tarfile.SYMTYPE, str((root / file.path).readlink()), 0o777
        archive.addfile(entry)
        return
    entry.size, entry.mode = file.size, 0o755 if file.mode & 0o111 else 0o644
    try:
        with (root / file.path).open("rb") as content:
            archive.addfile(entry, content)
    except PermissionError as error:
        remedy = f"Make it readable, or name it in {root / IGNORE_FILE}"
        raise InvalidInput(f"{file.path} cannot be read", field="code", remedy=remedy) from error
    except OSError as error:
        remedy = f"Try again; if it is always being written, name it in {root / IGNORE_FILE}"
        raise InvalidInput(f"{file.path} changed while it was packed", field="code", remedy=remedy) from error


def readable_size(size: float) -> str:
    """Write a size in bytes for a person: "1.5 MiB"."""
    if size < 1024:
        return f"{size:.0f} B"
    for unit in ("KiB", "MiB"):
        size /= 1024
        if size < 1024:
            return f"{size:.1f} {unit}"
    return f"{size / 1024:.1f} GiB"


def sweep_snapshots(cache: Path, now: float) -> None:
    """Remove code archives that a command left behind which was killed while it sent them, a day ago or more.

    Args:
        cache: the home's.
        now: in seconds since the epoch.
    """
    for left in cache.glob("snapshot-*"):
        with contextlib.suppress(FileNotFoundError):  # another command may sweep too
            if now - left.stat().st_mtime > _LEFT_ALONE:
                shutil.rmtree(left)
