"""Where everything of one server lies: the layout of a home, and the daemon that serves it."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seaway.sdk.errors import SeawayError, ServerUnreachable

if TYPE_CHECKING:
    from seaway.sdk.connection import Endpoint


@dataclass(frozen=True, slots=True)
class DaemonRecord:
    """Which process serves a home, written by it when it is ready."""

    pid: int
    started: float
    """Seconds since the epoch."""
    version: str
    url: str
    """Of the REST API."""
    cluster_url: str
    """Of the Kubernetes API."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """The settings that it was started with, one value a key."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """What of them was said with `seaway up` and not in the settings file, by the fields' names."""


@dataclass(frozen=True, slots=True)
class Home:
    """A home folder. Nothing is read or made before it is asked for."""

    path: Path

    @property
    def cluster(self) -> Path:
        """The control plane's folder."""
        return self.path / "cluster"

    @property
    def server(self) -> Path:
        """The platform server's folder."""
        return self.path / "server"

    @property
    def cache(self) -> Path:
        """What can be made again: environments, code, resolved requirements."""
        return self.path / "cache"

    @property
    def token(self) -> Path:
        """The bearer token of the REST API."""
        return self.server / "token"

    @property
    def ca(self) -> Path:
        """The certificate that the REST API's own was signed with (PEM)."""
        return self.server / "ca.crt"

    @property
    def kubeconfig(self) -> Path:
        """For kubectl and other Kubernetes tools, of the owner, who administers everything."""
        return self.path / "kubeconfig"

    @property
    def user_kubeconfig(self) -> Path:
        """The same of a user, who works in the workspace's namespace."""
        return self.path / "kubeconfig-user"

    @property
    def record(self) -> Path:
        """Which process serves this home."""
        return self.path / "daemon.json"

    @property
    def lock(self) -> Path:
        """Held by the daemon as long as it lives."""
        return self.path / "lock"

    @property
    def log(self) -> Path:
        """The daemon's log."""
        return self.path / "daemon.log"

    def read_record(self) -> DaemonRecord | None:
        """Return which process serves this home; None where none says so."""
        try:
            return DaemonRecord(**json.loads(self.record.read_text()))
        except FileNotFoundError:
            return None
        except PermissionError as error:
            raise SeawayError(
                f"{self.record} belongs to another user",
                code="Forbidden",
                remedy="Set SEAWAY_HOME to a folder of your own",
            ) from error
        except (ValueError, TypeError):
            return None

    def write_record(self, record: DaemonRecord) -> None:
        """Say which process serves this home, atomically."""
        write_private(self.record, json.dumps(asdict(record)) + "\n")

    def endpoint(self) -> Endpoint:
        """Return where this home's server is.

        Raises:
            ServerUnreachable: it has none.
        """
        from seaway.sdk.connection import Endpoint  # late: it brings HTTP and TLS

        record = self.read_record()
        if record is None:
            raise ServerUnreachable(f"no Seaway server runs for {self.path}")
        try:
            return Endpoint(record.url, self.token.read_text().strip(), self.ca.read_text())
        except FileNotFoundError as error:
            raise ServerUnreachable(
                f"{error.filename} is missing", remedy="seaway down, then seaway up"
            ) from error


def write_private(path: Path, text: str) -> None:
    """Write a file of mode 0600 so that it is there whole or not at all."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def is_locked(path: Path) -> bool:
    """Return whether a living process holds a lock file."""
    import fcntl

    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def take_lock(path: Path) -> int | None:
    """Take a lock file for the life of this process; return its descriptor, None where another process holds it."""
    import fcntl

    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def folder_size(path: Path) -> int:
    """Return how many bytes the files under a folder take on the disk, each counted once; what vanishes meanwhile is left out."""
    total = 0
    seen: set[tuple[int, int]] = set()
    stack: list[Any] = [path]
    while stack:
        try:
            with os.scandir(stack.pop()) as entries:
                for entry in entries:
                    status = entry.stat(follow_symlinks=False)
                    if entry.is_dir(follow_symlinks=False):
                        stack.append(entry.path)
                    elif (status.st_dev, status.st_ino) not in seen:
                        seen.add((status.st_dev, status.st_ino))
                        total += status.st_blocks * 512
        except FileNotFoundError:
            continue
    return total
