"""What may be inside an archive that somebody sends: plain files and links that stay inside, within limits."""

from __future__ import annotations

import posixpath
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from seaway.platform.errors import Invalid, TooLarge

_EXTENDED = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)
_HEADER_LIMIT = 1 << 20


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """How much may come out of an archive."""

    unpacked: int = 500 * 1024 * 1024
    """Bytes of all files together."""
    members: int = 100_000
    path: int = 1024
    """Characters of one path."""


def safe_path(name: str, *, limit: int = 1024) -> str:
    """Return a member's path, normal and relative.

    Raises:
        Invalid: it is absolute, leaves the folder, is empty, too long or holds control characters.
    """
    why = ""
    if not name or name.startswith("/"):
        why = "is not relative"
    elif ".." in name.split("/"):
        why = "leaves the folder"
    elif len(name) > limit:
        why = f"is longer than {limit} characters"
    elif any(ord(letter) < 32 or ord(letter) == 127 or 0xD800 <= ord(letter) <= 0xDFFF for letter in name):
        why = "holds control characters or bytes that are not UTF-8"
    if why:
        raise Invalid(
            f"the path {name[:200]!r} {why}", field="path", remedy="Use a relative path inside the folder."
        )
    return posixpath.normpath(name)


def _check_link(member: tarfile.TarInfo, path: str) -> None:
    target = posixpath.normpath(posixpath.join(posixpath.dirname(path), member.linkname))
    if member.linkname.startswith("/") or target == ".." or target.startswith("../"):
        raise Invalid(
            f"the link {path!r} leads out of the archive, to {member.linkname[:200]!r}",
            field="body",
            remedy="Replace the link by a copy of what it points at.",
        )


class _BoundedMember(tarfile.TarInfo):
    """A member whose extended header cannot fill the memory: tarfile reads those whole."""

    def _proc_member(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        if self.type in _EXTENDED and self.size > _HEADER_LIMIT:
            raise tarfile.ReadError("an extended header is too large")
        return super()._proc_member(archive)  # type: ignore[misc, no-any-return]


@contextmanager
def open_archive(path: Path, *, what: str) -> Iterator[tarfile.TarFile]:
    """Open a tar file (gzip or plain); what is no archive raises Invalid, also inside the block."""
    try:
        with tarfile.open(path, "r:*", tarinfo=_BoundedMember) as archive:
            yield archive
    except (tarfile.TarError, EOFError, zlib.error, UnicodeError, ValueError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise Invalid(
            f"{what} is not a whole tar archive ({error})", field="body", remedy="Send it again."
        ) from error


def safe_members(
    archive: tarfile.TarFile, limits: ArchiveLimits, *, what: str
) -> Iterator[tuple[str, tarfile.TarInfo]]:
    """Iterate over an archive's members and their safe paths, as far as they are allowed.

    Raises:
        Invalid: a path or link leads out, a name comes twice, or a member is a device, a pipe or a hard link.
        TooLarge: more comes out of it than the limits allow.
    """
    size = 0
    links: set[str] = set()
    seen: set[str] = set()
    for count, member in enumerate(archive, start=1):
        size += max(0, member.size) if member.isreg() else 0
        if size > limits.unpacked or count > limits.members:
            raise TooLarge(
                f"{what} holds more than {limits.unpacked:,} bytes or {limits.members:,} files",
                field="body",
                remedy="Leave out what is not needed.",
            )
        path = safe_path(member.name, limit=limits.path)
        if not (member.isreg() or member.isdir() or member.issym()):
            raise Invalid(
                f"{path!r} is neither a file, a folder nor a symbolic link",
                field="body",
                remedy="Leave it out.",
            )
        if path in seen and not member.isdir():
            raise Invalid(f"{path!r} is in the archive twice", field="body", remedy="Send each file once.")
        parents = path.split("/")
        if any("/".join(parents[:depth]) in links for depth in range(1, len(parents))):
            raise Invalid(
                f"{path!r} lies behind a link", field="body", remedy="Send the folder itself, not the link."
            )
        if member.issym():
            _check_link(member, path)
            links.add(path)
        seen.add(path)
        yield path, member
