"""Reading a log: tails, times, pieces, rotation, limits."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from seaway.base.clock import rfc3339_nano
from seaway.client.logs import LogOptions
from seaway.controlplane.node.logs import LogReader, read_tail
from seaway.controlplane.node.shim import logfile
from seaway.controlplane.node.shim.logfile import LogFile


def entry(second: int, text: str, tag: str = "F") -> str:
    return f"{rfc3339_nano(second * 10**9)} stdout {tag} {text}\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A log of six lines in three files; line 3 comes in pieces across a rotation."""
    (tmp_path / "log.1").write_text(entry(1, "one") + entry(2, "two"))
    (tmp_path / "log.2").write_text(entry(3, "th", "P") + entry(4, "re", "P"))
    (tmp_path / "log").write_text(entry(5, "e") + entry(6, "four") + entry(7, "") + entry(8, "six"))
    return tmp_path / "log"


async def read(path: Path, ended: bool = True, **options: Any) -> bytes:
    reader = LogReader(path, LogOptions(**options), 10.0, lambda: ended)
    return b"".join([chunk async for chunk in reader.chunks()])


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, b"one\ntwo\nthree\nfour\n\nsix\n"), ({"tail_lines": 1}, b"six\n"), ({"tail_lines": 4}, b"three\nfour\n\nsix\n"),
        ({"tail_lines": 99}, b"one\ntwo\nthree\nfour\n\nsix\n"), ({"tail_lines": 0}, b""), ({"since_seconds": 4}, b"four\n\nsix\n"),
        ({"since_time": "1970-01-01T00:00:07Z"}, b"\nsix\n"), ({"limit_bytes": 6}, b"one\ntw"),
        ({"tail_lines": 2, "timestamps": True}, b"1970-01-01T00:00:07.000000000Z \n1970-01-01T00:00:08.000000000Z six\n"),
    ],
    ids=["all", "one", "over a rotation", "more than there are", "none", "since seconds", "since a time", "limited", "with times"],
)  # fmt: skip
async def test_options(path: Path, options: dict[str, Any], expected: bytes) -> None:
    assert await read(path, **options) == expected


@pytest.mark.parametrize("lines", range(8))
async def test_tail_is_the_end_of_all(path: Path, lines: int) -> None:
    everything = (await read(path)).splitlines(keepends=True)
    assert await read(path, tail_lines=lines) == b"".join(
        everything[len(everything) - min(lines, len(everything)) :]
    )


async def test_unfinished_line_counts_as_one(path: Path) -> None:
    with path.open("a") as file:
        file.write(entry(9, "sev", "P"))
    assert await read(path, tail_lines=2) == b"six\nsev"


async def test_no_log_yet(tmp_path: Path) -> None:
    assert await read(tmp_path / "log") == b""
    assert read_tail(tmp_path / "log", 10, 100) == b""


async def test_files_keep_their_order_though_the_clock_is_set_back(tmp_path: Path, monkeypatch) -> None:
    log = LogFile(os.open(tmp_path, os.O_RDONLY), "log", 100, 10)
    for number in range(6):
        clock = SimpleNamespace(**vars(time) | {"time_ns": lambda hour=10 - number: hour * 3_600 * 10**9})
        monkeypatch.setattr(logfile, "time", clock)  # this file's alone: other threads have theirs
        log.feed(b"stdout", f"line {number}\n".encode())
    log.close()
    assert (await read(tmp_path / "log")).decode().split("\n")[:-1] == [f"line {n}" for n in range(6)]


async def test_following_across_rotation_loses_nothing(tmp_path: Path) -> None:
    """A writer that rotates often, and a reader that follows it: every line once."""
    folder = os.open(tmp_path, os.O_RDONLY)
    log = LogFile(folder, "log", 3_000, 400)
    ended = False
    reader = LogReader(tmp_path / "log", LogOptions(follow=True), 0.0, lambda: ended)
    following = asyncio.create_task(_collect(reader))
    for number in range(2_000):
        log.feed(b"stdout", b"line %d\n" % number)
        if number % 50 == 0:
            await asyncio.sleep(0)
    log.close()
    os.close(folder)
    ended = True
    assert (await following).split() == b"".join(b"line %d\n" % n for n in range(2_000)).split()


async def _collect(reader: LogReader) -> bytes:
    return b"".join([chunk async for chunk in reader.chunks()])


def test_log_file_splits_long_lines(tmp_path: Path) -> None:
    import os

    folder = os.open(tmp_path, os.O_RDONLY)
    log = LogFile(folder, "log", 10**6, 2)
    log.feed(b"stdout", b"x" * 40_000 + b"\nend")
    log.close()
    os.close(folder)
    tags = [line.split(b" ", 3)[2] for line in (tmp_path / "log").read_bytes().splitlines()]
    assert tags == [b"P", b"P", b"F", b"P"]
    text = read_tail(tmp_path / "log", 10, 10**6)
    assert text == b"x" * 40_000 + b"\nend"
