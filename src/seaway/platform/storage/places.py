"""Where artifacts lie: what every place can do, and the plainest of them, a folder."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import IO, Protocol

from seaway.platform.storage.files import disk_errors, synchronise


class Place(Protocol):
    """Keeps whole files under keys such as "code/ab/abcd…". Every method blocks."""

    @property
    def name(self) -> str:
        """How errors call it; holds no secret."""

    @property
    def workers(self) -> Executor | None:
        """Threads to call it in; None for those that everybody shares."""

    def errors(self) -> AbstractContextManager[None]:
        """Raise a PlatformError that says what to do in place of what goes wrong inside the block."""

    def prepare(self) -> None:
        """Find out that files can be kept here, and make what is needed for that."""

    def publish(self, path: Path, key: str) -> None:
        """Put a file there, durably; nobody sees a part of it. The file itself may be gone afterwards."""

    def open(self, key: str) -> IO[bytes]:
        """Open a file for reading. Raises FileNotFoundError where the key is unknown."""

    def exists(self, key: str) -> bool:
        """Return whether there is such a key."""

    def size(self, key: str) -> int | None:
        """Return how many bytes a file has, None where the key is unknown."""

    def remove(self, key: str) -> None:
        """Remove it; harmless where it is not there."""

    def remove_all(self, folder: str) -> None:
        """Remove all keys below a folder; harmless where there are none."""

    def names(self, folder: str) -> Iterator[str]:
        """Iterate over the last parts of all keys below a folder."""

    def close(self) -> None:
        """End what connections there are."""


class Folder:
    """A folder of this machine, readable by its owner only."""

    workers = None

    def __init__(self, root: Path) -> None:
        self._root, self.name = root, str(root)

    def errors(self) -> AbstractContextManager[None]:
        """Raise StorageFull or Unavailable in place of what the operating system says."""
        return disk_errors(str(self._root))

    def prepare(self) -> None:
        """Make the folder."""
        with self.errors():
            self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._root.chmod(0o700)

    def publish(self, path: Path, key: str) -> None:
        """Move a file to its place, when it is on the disk."""
        target = self._root / key
        with self.errors():
            folder = target.parent
            missing = [level for level in (folder, *folder.parents) if level.is_relative_to(self._root)]
            for level in reversed(missing):  # `parents=True` would make them with the umask's mode
                level.mkdir(mode=0o700, exist_ok=True)
            synchronise(path)
            path.replace(target)
            synchronise(folder)

    def open(self, key: str) -> IO[bytes]:
        """Open a file for reading. Raises FileNotFoundError."""
        try:
            return (self._root / key).open("rb")
        except FileNotFoundError:
            raise
        except OSError:
            with self.errors():
                raise

    def exists(self, key: str) -> bool:
        """Return whether there is such a file."""
        return (self._root / key).exists()

    def size(self, key: str) -> int | None:
        """Return how many bytes a file has, None where there is none."""
        try:
            return (self._root / key).stat().st_size
        except FileNotFoundError:
            return None

    def remove(self, key: str) -> None:
        """Remove it; harmless where it is not there."""
        with self.errors():
            (self._root / key).unlink(missing_ok=True)

    def remove_all(self, folder: str) -> None:
        """Remove a folder; harmless where it is not there."""
        with self.errors(), suppress(FileNotFoundError):
            shutil.rmtree(self._root / folder)

    def names(self, folder: str) -> Iterator[str]:
        """Iterate over the names of all files below a folder."""
        with self.errors():
            return iter([path.name for path in (self._root / folder).rglob("*") if path.is_file()])

    def close(self) -> None:
        """Do nothing: a folder has no connections."""
