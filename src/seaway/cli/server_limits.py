"""The limits of a team's server, as its flags and variables say them. Pure: they become values, or an error that names the flag."""

from __future__ import annotations

from dataclasses import dataclass

from seaway.cli.settings_file import Wrong, duration, size
from seaway.sdk.errors import SeawayError

DEFAULT_WAITS, DEFAULT_HUNG = "30m", "1h"


@dataclass(frozen=True, slots=True)
class TeamLimits:
    """What runs may take, and what people are told of that lasts."""

    scratch: str = ""
    """Bytes that a run which asks for nothing else may leave on its container's own disk; "" for no limit."""
    scratch_files: int = 0
    """How many files that may be; 0 for any number."""
    storage: int = 0
    """Most bytes that one user's runs may take; 0 for no limit."""
    workspace_storage: int = 0
    """The same of the runs in a workspace of which nothing else was said."""
    storage_files: int = 0
    """Most files in which one user's runs are kept; 0 for any number."""
    workspace_storage_files: int = 0
    """The same of the runs in a workspace of which nothing else was said."""
    bin_days: int = 30
    """How long a removed run can be restored."""
    waits: float = 1800.0
    """Seconds after which a run that has not started is told of; 0 for never."""
    hung: float = 3600.0
    """Seconds of silence and idleness after which a run seems to hang; 0 for never."""


def read_limits(
    scratch: str,
    scratch_files: int | None,
    storage: str,
    workspace_storage: str,
    storage_files: int | None,
    workspace_storage_files: int | None,
    bin_days: int,
    waits: str,
    hung: str,
) -> TeamLimits:
    """Return what was said. Raises SeawayError, which names the option that cannot be used."""
    return TeamLimits(
        scratch=str(parse_limit("--scratch-limit", scratch) or ""),
        scratch_files=scratch_files or 0,
        storage=parse_limit("--storage-limit", storage),
        workspace_storage=parse_limit("--workspace-storage-limit", workspace_storage),
        storage_files=storage_files or 0,
        workspace_storage_files=workspace_storage_files or 0,
        bin_days=bin_days,
        waits=parse_after("--waits", waits),
        hung=parse_after("--hung", hung),
    )


def refuse(option: str, fault: str, remedy: str) -> SeawayError:
    """Return the error for an option that cannot be used."""
    return SeawayError(fault, code="Usage", field=option, remedy=remedy)


def parse_size(option: str, text: str) -> int:
    """Return bytes. Raises SeawayError, which names the option, where it is no size of at least 1 MiB."""
    try:
        return size(text)
    except Wrong as error:
        raise refuse(option, f"{text!r} cannot be used", f"Give {error}") from None


def parse_limit(option: str, text: str) -> int:
    """Return bytes, 0 for no limit where nothing is said. Raises SeawayError, which names the option."""
    return parse_size(option, text) if text else 0


def parse_after(option: str, text: str) -> float:
    """Return the seconds after which something is told, 0 for never. Raises SeawayError, which names the option."""
    try:
        return duration(0 if text.strip() == "0" else text)
    except Wrong as error:
        raise refuse(option, f"{text!r} cannot be used", f"Give {error}") from None
