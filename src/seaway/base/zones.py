"""The machine's time zone."""

from __future__ import annotations

from datetime import UTC, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

LOCALTIME = Path("/etc/localtime")


def machine_zone(named: str | None, localtime: Path = LOCALTIME) -> tzinfo:
    """Return the zone in which this machine shows times.

    Args:
        named: the environment's TZ, a name such as "Europe/Berlin"; None where it is not set.
        localtime: the file that says it otherwise; UTC where there is none.
    """
    if named is not None:
        try:
            return ZoneInfo(named.removeprefix(":")) if named.removeprefix(":") else UTC
        except (KeyError, ValueError, OSError):
            return UTC  # as the C library does with a name that it does not know
    try:
        with localtime.open("rb") as file:
            return ZoneInfo.from_file(file, "localtime")
    except (OSError, ValueError):
        return UTC
