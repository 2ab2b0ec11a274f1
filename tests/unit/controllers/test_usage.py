"""How full a volume is, and what is said of it; counting itself, on real files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from seaway.controlplane.controllers.measure import measure
from seaway.controlplane.controllers.usage import (
    Limits,
    Usage,
    is_news,
    level,
    limits,
    message,
    noted,
    notes,
    shown,
    told,
)
from seaway.controlplane.controllers.volumeusage import measured


@pytest.mark.parametrize(
    ("usage", "allowed", "expected"),
    [
        pytest.param(Usage(79, 1), Limits(100), "", id="room"),
        pytest.param(Usage(80, 1), Limits(100), "VolumeNearlyFull", id="four fifths"),
        pytest.param(Usage(100, 1), Limits(100), "VolumeNearlyFull", id="exactly full"),
        pytest.param(Usage(101, 1), Limits(100), "VolumeOverLimit", id="too much"),
        pytest.param(Usage(1, 8), Limits(100, 10), "VolumeNearlyFull", id="many files"),
        pytest.param(Usage(1, 11), Limits(100, 10), "VolumeOverLimit", id="too many files"),
        pytest.param(Usage(1, 1), Limits(100, 0), "VolumeOverLimit", id="no file is allowed"),
        pytest.param(Usage(1, 0), Limits(100, 0), "", id="nor is there one"),
        pytest.param(Usage(1, 1, 1000, 99), Limits(100), "VolumeNearlyFull", id="the disk holds few more files"),
        pytest.param(Usage(1, 1, 1000, 200), Limits(100), "", id="the disk holds many more files"),
    ],
)  # fmt: skip
def test_level(usage: Usage, allowed: Limits, expected: str) -> None:
    assert level(usage, allowed) == expected


def test_words() -> None:
    usage, allowed = Usage(900 << 20, 12_000_000), Limits(1 << 30, 15_000_000)
    assert told(usage, allowed) == "900Mi of 1Gi (88 %), 12,000,000 of 15,000,000 files"
    assert "more than was claimed" in message("VolumeOverLimit", usage, allowed)
    assert [shown(n) for n in (0, 1023, 1536, 5 << 40)] == ["0 bytes", "1023 bytes", "1.5Ki", "5Ti"]


@pytest.mark.parametrize(
    ("now", "before", "expected"),
    [
        (Usage(1, 1), None, True),
        (Usage(1, 1), Usage(1, 1), False),
        (Usage(105, 1), Usage(100, 1), False),
        (Usage(120, 1), Usage(100, 1), True),
        (Usage(100, 5), Usage(100, 1), True),
        (Usage(800, 1), Usage(795, 1), True),
    ],
    ids=["the first", "the same", "nearly the same", "more", "more files", "a warning"],
)
def test_only_news_is_written(now: Usage, before: Usage | None, expected: bool) -> None:
    annotations = {k: v for k, v in notes(before, Limits(1000)).items() if v} if before else {}
    claim = {"metadata": {"annotations": annotations}}
    assert is_news(claim, now, Limits(1000)) is expected
    if before:
        assert is_news(claim, before, Limits(2000))


def test_limits_and_notes_are_the_claims() -> None:
    claim = {"metadata": {"annotations": {}}, "status": {"capacity": {"storage": "1Gi"}}}
    of_class = {"parameters": {"maxFiles": "7"}}
    assert limits(claim, None) == Limits(1 << 30)
    assert limits(claim, of_class) == Limits(1 << 30, 7)
    claim["metadata"]["annotations"] = {"seaway.dev/max-files": "many"}
    assert limits(claim, of_class) == Limits(1 << 30)
    assert noted(claim) is None
    claim["metadata"]["annotations"] = {"seaway.dev/used-bytes": "5", "seaway.dev/used-files": "2"}
    assert noted(claim) == Usage(5, 2)


async def test_counting(tmp_path: Path) -> None:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "one").write_bytes(b"x" * 10_000)
    os.link(tmp_path / "deep" / "one", tmp_path / "again")
    (tmp_path / "loop").symlink_to(tmp_path)
    found = measure(str(tmp_path))
    assert found["files"] == 4  # two folders, a file that has two names, a link
    assert 10_000 <= found["bytes"] < 100_000
    assert (await measured(tmp_path))[:2] == (found["bytes"], found["files"])
    with pytest.raises(OSError, match="could not be measured: FileNotFoundError"):
        await measured(tmp_path / "absent")
