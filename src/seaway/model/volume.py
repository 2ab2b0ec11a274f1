"""Volumes: storage of a workspace that stays when runs end, and where tasks find it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import PurePosixPath
from typing import Annotated

from pydantic import Field, field_validator

from seaway.model.base import Value
from seaway.model.workspace import WorkspaceName
from seaway.objects.quantity import parse_quantity

FOLDER = "/volumes"
"""Where tasks find the volumes for which no path is named, each in the folder of its name."""
CACHE_PATH = "/cache"
"""Where tasks find their cache."""
LONGEST_PATH = 1024
"""Characters of where a volume is mounted."""
OWN_PREFIX = "seaway-"
"""So begin the names of the volumes that pods have for Seaway's own purposes."""
_SYSTEM = (
    "/bin", "/boot", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/proc", "/run", "/sbin", "/sys", "/tmp", "/usr",  # noqa: S108
    CACHE_PATH, "/var/cache/seaway", "/var/run",
)  # fmt: skip
"""What an image or Seaway has there would be hidden by a volume on it, or in it."""

VolumeName = Annotated[
    str,
    Field(
        pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", max_length=63,
        description="lower-case letters, digits and '-', at most 63 characters",
    ),
]  # fmt: skip


def _checked_name(name: str) -> str:
    if name.startswith(OWN_PREFIX):
        raise ValueError(f"names that begin with {OWN_PREFIX} are Seaway's own: choose another one")
    return name


class VolumeMount(Value):
    """A volume of the workspace that a task finds in a folder."""

    name: VolumeName
    path: Annotated[str, Field(max_length=LONGEST_PATH)] | None = None
    """Where it is mounted, absolute; None for the folder of its name in /volumes."""
    read_only: bool = False

    @field_validator("name")
    @classmethod
    def _is_not_our_own(cls, value: str) -> str:
        return _checked_name(value)

    @field_validator("path")
    @classmethod
    def _can_be_mounted(cls, value: str | None) -> str | None:
        if value is not None and (why := unusable(value)):
            raise ValueError(why)
        return value

    @property
    def folder(self) -> str:
        """Where it is mounted."""
        return self.path or f"{FOLDER}/{self.name}"

    @property
    def variable(self) -> str:
        """The environment variable that names the folder, as a node of Seaway's that cannot mount names it too."""
        return f"SEAWAY_VOLUME_{self.name.upper().replace('-', '_')}"


def unusable(path: str) -> str:
    """Return why no volume is mounted at a path, "" where one can be. Pure."""
    if not path.startswith("/") or ":" in path:
        return f"{path!r} is no absolute path, such as /data"
    if len(path) > LONGEST_PATH:
        return f"{path[:40]!r} ... has {len(path):,} characters: at most {LONGEST_PATH:,} can be mounted"
    if not path.isprintable():
        return f"{path!r} holds characters that nobody sees, or that are none: choose another folder, such as /data"
    if {".", ".."} & {*path.split("/")} or path != "/" + "/".join(part for part in path.split("/") if part):
        return f"{path!r} is not written plainly: without '.', '..', '//' and a '/' at its end"
    taken = next(
        (one for one in _SYSTEM if _holds(one, path) or _holds(path, one)), "/" if path == "/" else ""
    )
    if taken:
        return f"{path!r} would hide what is in {taken}: choose another folder, such as /data"
    return ""


def colliding(mounts: Sequence[VolumeMount]) -> str:
    """Return why some volumes cannot be mounted together, "" where they can. Pure."""
    for index, one in enumerate(mounts):
        for other in mounts[:index]:
            if one.name == other.name:
                return f"the volume {one.name!r} is named twice"
            if _holds(one.folder, other.folder) or _holds(other.folder, one.folder):
                return f"the volumes {other.name!r} and {one.name!r} would hide each other: {other.folder} and {one.folder}"
    return ""


def _holds(outer: str, inner: str) -> bool:
    return PurePosixPath(inner).is_relative_to(outer)


class VolumeSpec(Value):
    """A volume to be made."""

    name: VolumeName
    workspace: WorkspaceName | None = None
    """None for the server's default one."""
    size: str
    """Bytes with a unit, for example "10Gi"."""
    storage_class: Annotated[str, Field(min_length=1, max_length=253)] | None = None
    """The cluster's storage class; None for its default one."""
    shared: bool = False
    """Pods on several nodes may use it at once (ReadWriteMany); else those of one node (ReadWriteOnce)."""

    @field_validator("name")
    @classmethod
    def _is_not_our_own(cls, value: str) -> str:
        return _checked_name(value)

    @field_validator("size")
    @classmethod
    def _is_a_quantity(cls, value: str) -> str:
        if parse_quantity(value) < 1:
            raise ValueError("must be at least one byte")
        return value


class VolumeView(Value):
    """A volume as the server shows it."""

    name: str
    """Also the name of its persistent volume claim."""
    workspace: str
    """The namespace that it is in."""
    size: str
    """What it has, or what was asked for where it has nothing yet."""
    storage_class: str = ""
    access: tuple[str, ...] = ()
    """Kubernetes' words: "ReadWriteOnce", "ReadWriteMany", ..."""
    state: str = ""
    """"ready", "waiting" until its storage is made, "lost", or "removing"."""
    message: str = ""
    """What it waits for, or what is wrong; "" for nothing."""
    owner: str = ""
    """Who made it; "" where that was not by Seaway."""
    created: datetime | None = None
    used_bytes: int | None = None
    """What its files take; None where that is not measured."""
    used_files: int | None = None
    runs: tuple[str, ...] = ()
    """Those that have not ended and use it."""
    pods: tuple[str, ...] = ()
    """Pods that are no run's and use it."""
