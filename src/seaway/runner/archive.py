"""Tar archives: packed as a stream, unpacked without ever leaving their folder."""

# ruff: noqa: PTH113, PTH114, PTH115
# ruff: noqa: PTH118, PTH120, PTH211
# pathlib would take longer to import than all of this takes to run
from __future__ import annotations

import os
import posixpath
import stat
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from seaway.runner.files import make_folder

if TYPE_CHECKING:
    import tarfile

    from seaway.runner.blocks import Blocks


class Entry(NamedTuple):
    """One file, folder or link under a folder."""

    path: str
    """Relative, with "/"."""
    status: os.stat_result
    """Of the link itself where it is one."""
    link: str
    """What a link points at, "" for files and folders."""


def scan(root: str, prefix: str = "", skipped: Callable[[str], None] = lambda _: None) -> Iterator[Entry]:
    """Iterate over all that is under a folder, in the order of names.

    Sockets, pipes, devices and names that no archive carries safely are left out, and `skipped` is told of them.
    """
    try:
        found = sorted(os.scandir(os.path.join(root, prefix)), key=lambda entry: entry.name)
    except FileNotFoundError:  # removed meanwhile
        return
    for entry in found:
        path = f"{prefix}{entry.name}"
        if not _can_be_sent(entry.name):
            skipped(
                f"{path!r} has control characters or bytes that are not UTF-8 in its name, and is left out"
            )
            continue
        try:
            status = entry.stat(follow_symlinks=False)
            link = os.readlink(entry.path) if stat.S_ISLNK(status.st_mode) else ""
        except FileNotFoundError:
            continue
        if stat.S_ISDIR(status.st_mode):
            yield Entry(path, status, "")
            yield from scan(root, f"{path}/", skipped)
        elif stat.S_ISREG(status.st_mode) or link:
            yield Entry(path, status, link)
        else:
            skipped(f"{path} is neither a file, a folder nor a link, and is left out")


def _can_be_sent(name: str) -> bool:
    """Return whether the server takes a file of this name (its `safe_path` says the same)."""
    return not any(
        ord(letter) < 32 or ord(letter) == 127 or 0xD800 <= ord(letter) <= 0xDFFF for letter in name
    )


def fingerprint(root: str) -> tuple[tuple[str, int, int, str], ...]:
    """Return what changes whenever something under a folder does; empty where there is no file."""
    entries = list(scan(root))
    if all(stat.S_ISDIR(entry.status.st_mode) for entry in entries):
        return ()
    return tuple(
        (entry.path, entry.status.st_size, entry.status.st_mtime_ns, entry.link) for entry in entries
    )


def stays_inside(path: str, link: str) -> bool:
    """Return whether a relative link at `path` points into the same tree."""
    target = posixpath.normpath(posixpath.join(posixpath.dirname(path), link))
    return not link.startswith("/") and target != ".." and not target.startswith("../")


class _Portions:
    """A file that hands on what is written to it."""

    def __init__(self, portion: Callable[[bytes], None]) -> None:
        self.write = portion

    def tell(self) -> int:
        """Return where the archive begins."""
        return 0


def pack(
    root: str,
    portion: Callable[[bytes], None],
    *,
    keep_links: bool,
    skipped: Callable[[str], None],
    blocks: Blocks | None = None,
) -> None:
    """Write a folder as a tar stream.

    Args:
        root: the folder.
        portion: gets the bytes.
        keep_links: keep links that stay inside as links; else files are sent in their place.
        skipped: told of each entry that cannot be sent.
        blocks: told where files begin and end; then `portion` is its `write`.
    """
    import tarfile

    mode = "w|" if blocks is None else "w"  # a stream's buffer would blur where files begin
    with tarfile.open(
        fileobj=_Portions(portion), mode=mode, bufsize=1 << 18, format=tarfile.PAX_FORMAT
    ) as archive:  # type: ignore[call-overload]
        for entry in scan(root, skipped=skipped):
            place = os.path.join(root, entry.path)
            if entry.link and keep_links and stays_inside(entry.path, entry.link):
                member = tarfile.TarInfo(entry.path)
                member.type, member.linkname = tarfile.SYMTYPE, entry.link
                archive.addfile(member)
            elif stat.S_ISDIR(entry.status.st_mode):
                member = tarfile.TarInfo(entry.path)
                member.type, member.mode = tarfile.DIRTYPE, 0o700
                archive.addfile(member)
            elif not entry.link or os.path.isfile(place):
                size = entry.status.st_size
                if blocks is not None:
                    blocks.begin_file(entry.path, size)
                _add_file(archive, entry.path, place)
                if blocks is not None:
                    blocks.end_file(size)
            else:
                skipped(f"{entry.path} is a link to what is no file, and is left out")


def _add_file(archive: tarfile.TarFile, path: str, place: str) -> None:
    import tarfile

    try:
        file = open(place, "rb", opener=_unnoticed)  # noqa: SIM115
    except FileNotFoundError:  # removed meanwhile
        return
    with file:
        status = os.fstat(file.fileno())
        member = tarfile.TarInfo(path)
        member.size, member.mtime, member.mode = (
            status.st_size,
            int(status.st_mtime),
            0o600 | (status.st_mode & 0o100),  # as it is unpacked: packed again it is the same
        )
        archive.addfile(member, file)


def _unnoticed(path: str, flags: int) -> int:
    """Open a file so that its time of the last access stays, where we may: it tells whether the program has read it."""
    try:
        return os.open(path, flags | getattr(os, "O_NOATIME", 0))
    except PermissionError:  # it is another user's
        return os.open(path, flags)


def unpack(archive_path: str, target: str) -> None:
    """Unpack a tar file (gzip or plain) into a new folder, in which everything stays.

    Raises:
        ValueError: it is no whole archive, or a member would leave the folder or is no file, folder or link.
        OSError: the disk is full or refuses.
    """
    import tarfile
    import zlib

    make_folder(target)
    try:
        with tarfile.open(archive_path, "r:*") as archive:
            for member in archive:
                _unpack_member(archive, member, target)
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise ValueError(f"the archive is damaged ({error})") from error


def _unpack_member(archive: tarfile.TarFile, member: tarfile.TarInfo, target: str) -> None:
    path = posixpath.normpath(member.name)
    if path.startswith(("/", "../")) or path == ".." or "\0" in path:
        raise ValueError(f"{member.name!r} leads out of the archive")
    parts = path.split("/")
    for depth in range(1, len(parts)):
        if os.path.islink(os.path.join(target, *parts[:depth])):
            raise ValueError(f"{member.name!r} lies behind a link")
    place = os.path.join(target, *parts)
    if member.isdir():
        make_folder(place)
        return
    make_folder(os.path.dirname(place))
    if member.issym():
        if not stays_inside(path, member.linkname):
            raise ValueError(f"the link {member.name!r} leads out of the archive")
        os.symlink(member.linkname, place)
    elif member.isreg():
        _write_member(archive, member, place)
    else:
        raise ValueError(f"{member.name!r} is neither a file, a folder nor a symbolic link")


def _write_member(archive: tarfile.TarFile, member: tarfile.TarInfo, place: str) -> None:
    source = archive.extractfile(member)
    assert source is not None
    descriptor = os.open(
        place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600 | (member.mode & 0o100)
    )
    with os.fdopen(descriptor, "wb") as file:
        while data := source.read(1 << 18):
            file.write(data)
    os.utime(place, (member.mtime, member.mtime))
