"""How much a program has left, and where most of it lies."""

from __future__ import annotations

import os
import uuid
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from seaway.runner.scratch import Scratch, _unescaped, until_next_look

SHM = Path("/dev/shm")


class Ended:
    """A program that notes that it was told to end."""

    stopped = False

    def stop(self, _grace: float, _ended: Any) -> None:
        self.stopped = True


def scratch(tmp_path: Path, *, size: int = 0, files: int = 0) -> tuple[Scratch, Ended]:
    folders = {"/tmp": tmp_path, "the working directory": tmp_path / "work"}
    (tmp_path / "work").mkdir(exist_ok=True)
    program: Any = Ended()
    task: Any = SimpleNamespace(scratch_bytes=size, scratch_files=files)
    return Scratch(task, {name: str(path) for name, path in folders.items()}, program, every=0.01), program


def test_nothing_is_said_below_the_limits(tmp_path: Path) -> None:
    (tmp_path / "work" / "deep").mkdir(parents=True)
    (tmp_path / "work" / "deep" / "a").write_bytes(b"x" * 10_000)
    looked, _ = scratch(tmp_path, size=1 << 20, files=10)
    assert looked.look() == ""


@pytest.mark.parametrize(("folder", "named"), [("", "/tmp"), ("work/deep", "the working directory")])
def test_the_folder_with_most_of_it_is_named(tmp_path: Path, folder: str, named: str) -> None:
    (tmp_path / folder).mkdir(parents=True, exist_ok=True)
    for number in range(20):
        (tmp_path / folder / f"f{number}").write_bytes(b"x" * 100_000)
    looked, _ = scratch(tmp_path, files=10)
    assert f"most of them in {named} (2" in looked.look()
    looked, _ = scratch(tmp_path, size=1 << 20)
    assert f"most of it into {named} (2.0 MiB), and may have 1.0 MiB" in looked.look()


def test_holes_and_links_take_no_room(tmp_path: Path) -> None:
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(1 << 30)
    (tmp_path / "link").symlink_to("/usr")
    looked, _ = scratch(tmp_path, size=1 << 20, files=5)
    assert looked.look() == ""


def test_the_program_is_ended_once_there_is_too_much(tmp_path: Path) -> None:
    looked, program = scratch(tmp_path, files=5)
    looked.keep()
    for number in range(10):
        (tmp_path / f"f{number}").touch()
    looked._thread.join(60)
    assert program.stopped
    assert "and may have 5" in looked.over
    looked.let_go()


@pytest.mark.parametrize(
    ("left_bytes", "left_files", "seconds"),
    [
        (None, None, 5.0),
        (None, 1_000_000, 5.0),
        (50 << 20, None, 0.25),
        (4 << 30, None, 2.0),
        (4 << 30, 100_000, 1.0),
        (-1, 100_000, 0.25),
    ],
)
def test_little_room_is_looked_at_sooner(
    left_bytes: int | None, left_files: int | None, seconds: float
) -> None:
    """Five seconds are gigabytes on a fast disk: a limit of 50 MiB was passed by fifty times."""
    assert until_next_look(left_bytes, left_files) == seconds


def test_a_program_that_ends_in_time_is_left_alone(tmp_path: Path) -> None:
    looked, program = scratch(tmp_path, files=5)
    looked.keep()
    looked.let_go()
    assert (looked.over, program.stopped) == ("", False)


@pytest.mark.skipif(not os.path.ismount(SHM), reason="nothing is mounted at /dev/shm")
def test_what_is_mounted_below_a_folder_does_not_count() -> None:
    """An interpreter or a data set that lies below /tmp is none of what the program wrote there."""
    task: Any = SimpleNamespace(scratch_bytes=2 << 20, scratch_files=0)
    program: Any = Ended()
    kept = SHM / f"seaway-{uuid.uuid4().hex}"
    try:
        kept.write_bytes(b"x" * (5 << 20))
        assert Scratch(task, {"/dev": "/dev"}, program).look() == ""
        assert "most of it into /dev/shm" in Scratch(task, {"/dev/shm": str(SHM)}, program).look()
    finally:
        kept.unlink()


@pytest.mark.parametrize(
    ("written", "path"),
    [
        (b"/plain", b"/plain"),
        (rb"/with\040blank", b"/with blank"),
        (rb"/a\134b\011c", b"/a\\b\tc"),
        ("/h\\040ü".encode(), "/h ü".encode()),
    ],
)
def test_paths_of_the_table_of_mounts(written: bytes, path: bytes) -> None:
    assert _unescaped(written) == path
