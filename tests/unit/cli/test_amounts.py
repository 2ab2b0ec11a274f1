"""How much of what there may be is used, for people. Tables."""

from __future__ import annotations

import pytest

from seaway.cli import top
from seaway.cli.amounts import amount, bar, now_in_words

GIB = 1 << 30
NOTHING = dict.fromkeys(
    ("memory", "memory_peak", "memory_limit", "cores", "gpu", "gpu_memory", "gpu_memory_limit", "scratch", "scratch_limit")
)  # fmt: skip
USES = NOTHING | {"memory": 3 * GIB, "memory_peak": 3.4 * GIB, "memory_limit": 4 * GIB, "cores": 1.52}
BEGUN = {"run": "train", "task": "main", "started": None, "node": None, "usage": None}


@pytest.mark.parametrize(
    ("used", "limit", "text"),
    [
        (int(3.1 * GIB), 4 * GIB, "3.1 of 4 GiB"),
        (100 << 20, 4 * GIB, "0.1 of 4 GiB"),
        (3 * GIB, None, "3 GiB"),
        (1536 << 20, 0, "1.5 GiB"),
        (0, None, "0 bytes"),
        (1 << 40, 2 << 40, "1 of 2 TiB"),
        (None, GIB, ""),
    ],
)
def test_amounts(used: int | None, limit: int | None, text: str) -> None:
    assert amount(used, limit) == text


@pytest.mark.parametrize(
    ("used", "limit", "text"),
    [(0, 10, "[----------]"), (5, 10, "[#####-----]"), (10, 10, "[##########]"), (99, 10, "[##########]"), (5, None, ""), (None, 10, "")],
)  # fmt: skip
def test_bars(used: int | None, limit: int | None, text: str) -> None:
    assert bar(used, limit) == text


def test_what_one_attempt_uses_is_said_in_words() -> None:
    gpu = {
        "gpu": 90,
        "gpu_memory": 70 * GIB,
        "gpu_memory_limit": 80 * GIB,
        "scratch": GIB,
        "scratch_limit": 20 * GIB,
    }
    assert now_in_words(USES | gpu) == [
        ("Memory", "3 of 4 GiB now, at most 3.4 GiB so far"),
        ("Cores", "1.5 in use"),
        ("GPU", "90 % busy, 70 of 80 GiB"),
        ("Disk", "1 of 20 GiB"),
    ]
    assert [text for _, text in now_in_words(USES)][2:] == ["", ""]


def test_each_attempt_has_a_line_and_columns_that_say_nothing_are_left_out(capsys) -> None:
    top.show([BEGUN | {"task": "eval"}, BEGUN | {"usage": USES, "node": "node-1"}])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["RUN", "MEMORY", "PEAK", "CORES", "TOOK", "NODE"]
    assert lines[1].split() == ["train/eval"]
    assert lines[2].split() == ["train", "3", "of", "4", "GiB", "[########--]", "3.4", "GiB", "1.5", "node-1"]


def test_what_a_screen_has_no_room_for_is_counted(capsys) -> None:
    top.show([BEGUN] * 5, most=3)
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "... and 2 more: seaway top --once"
    assert len(lines) == 5
    top.show([])
    assert "Nothing runs now" in capsys.readouterr().err
