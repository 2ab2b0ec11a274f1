"""Logs of pods that are gone, kept by the node for a while."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from seaway.controlplane.node import keptlogs
from seaway.controlplane.node.keptlogs import KeptLogs


def pod_folder(folder: Path, text: str = "x") -> Path:
    for number in ("0", "1"):
        attempt = folder / "pod" / "containers" / "main" / number
        attempt.mkdir(parents=True)
        (attempt / "log").write_text(text + number)
        (attempt / "log.1").write_text("older" + number)
        (attempt / "spec.json").write_text("{}")
    return folder / "pod"


def test_every_file_of_every_start_is_kept_and_nothing_else(tmp_path: Path) -> None:
    kept = KeptLogs(tmp_path / "kept")
    kept.keep("u", pod_folder(tmp_path), 1000.0)
    found = {
        str(path.relative_to(tmp_path / "kept")) for path in (tmp_path / "kept").rglob("*") if path.is_file()
    }
    assert found == {f"u/main/{number}/{name}" for number in "01" for name in ("log", "log.1")}
    assert kept.path("u", "main", 1).read_text() == "x1"
    assert not kept.path("u", "main", 2).exists()


def test_what_is_too_old_or_too_much_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keptlogs, "KEEP_BYTES", 3000)
    kept, there = KeptLogs(tmp_path / "kept"), tmp_path / "kept"
    now = 10_000.0
    for age, uid, text in ((700.0, "old", "x"), (20.0, "big", "x" * 1000), (10.0, "young", "x" * 1000)):
        kept.keep(uid, pod_folder(tmp_path / uid, text), now - age)
        os.utime(there / uid, (now - age, now - age))
    kept.keep("last", tmp_path / "nothing", now + 31)
    assert {path.name for path in there.iterdir()} == {"young"}


def test_what_an_earlier_agent_kept_is_kept_for_as_long_again(tmp_path: Path) -> None:
    """The machine may have been off for a night: whoever is to read it starts with the node."""
    now, there = 10_000.0, tmp_path / "kept"
    KeptLogs(there).keep("night", pod_folder(tmp_path / "night"), now - 5000)
    os.utime(there / "night", (now - 5000, now - 5000))
    kept = KeptLogs(there)
    for later, left in (
        (0.0, {"night", "0.0"}),
        (599.0, {"night", "0.0", "599.0"}),
        (630.0, {"599.0", "630.0"}),
    ):
        kept.keep(str(later), pod_folder(tmp_path / str(later)), now + later)
        os.utime(there / str(later), (now + later, now + later))
        assert {path.name for path in there.iterdir()} == left
