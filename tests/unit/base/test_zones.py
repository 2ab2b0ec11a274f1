"""The machine's time zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path

import pytest

from seaway.base.zones import machine_zone

NOON = datetime(2026, 7, 1, 12)


@pytest.mark.parametrize(
    ("named", "hours"),
    [("Asia/Tokyo", 9), (":Asia/Tokyo", 9), ("", 0), ("no such zone", 0), ("/etc/passwd", 0)],
)
def test_the_environment_comes_first(named: str, hours: int) -> None:
    assert machine_zone(named).utcoffset(NOON) == timedelta(hours=hours)


def test_else_the_file_says_it(tmp_path: Path) -> None:
    tzdata = Path("/usr/share/zoneinfo/Asia/Tokyo")
    if not tzdata.exists():
        tzdata = Path(str(resources.files("tzdata.zoneinfo.Asia") / "Tokyo"))
    assert machine_zone(None, tzdata).utcoffset(NOON) == timedelta(hours=9)
    (tmp_path / "odd").write_text("not a zone")
    assert machine_zone(None, tmp_path / "odd") is UTC
    assert machine_zone(None, tmp_path / "missing") is UTC
