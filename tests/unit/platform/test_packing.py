"""How logs become chunks: a table of steps, and that any growth is stored whole."""

from __future__ import annotations

import random

import pytest

from seaway.platform.history.packing import PIECE, PLAIN, ROWS, ZLIB, Step, Stored, next_step, pack, unpack


@pytest.mark.parametrize(
    ("stored", "end", "closing", "step"),
    [
        pytest.param(
            Stored(), 10, False, Step(None, ((0, 10),), Stored(10, 0, 1)), id="the first lines are a small chunk"
        ),
        pytest.param(
            Stored(10, 0, 1), 30, False, Step(None, ((10, 30),), Stored(30, 0, 2)), id="more lines another one"
        ),
        pytest.param(
            Stored(900, 0, ROWS), 930, False, Step(0, ((0, 930),), Stored(930, 0, 1)), id="many are merged"
        ),
        pytest.param(
            Stored(10, 0, 1), PIECE, False, Step(0, ((0, PIECE),), Stored(PIECE, PIECE, 0)), id="a whole piece is final"
        ),
        pytest.param(
            Stored(PIECE, PIECE, 0), 2 * PIECE + 5, False,
            Step(None, ((PIECE, 2 * PIECE), (2 * PIECE, 2 * PIECE + 5)), Stored(2 * PIECE + 5, 2 * PIECE, 1)),
            id="much at once is cut into pieces",
        ),
        pytest.param(Stored(), 10, True, Step(None, ((0, 10),), Stored(10, 0, 1)), id="a short log is one chunk"),
        pytest.param(Stored(10, 0, 2), 10, True, Step(0, ((0, 10),), Stored(10, 0, 1)), id="the end merges"),
        pytest.param(Stored(0, 0, ROWS), 0, True, Step(0, (), Stored(0, 0, 0)), id="nothing but a torn line goes"),
    ],
)  # fmt: skip
def test_what_is_stored_next(stored: Stored, end: int, closing: bool, step: Step) -> None:
    assert next_step(stored, end, closing=closing) == step


def test_any_growth_is_stored_whole_and_in_few_chunks() -> None:
    chance = random.Random(3)
    for _ in range(50):
        rows: dict[int, int] = {}
        stored, end = Stored(), 0
        for _ in range(200):
            end += chance.choice([1, 80, 5000, PIECE, 3 * PIECE])
            step = next_step(stored, end, closing=False)
            stored = apply(rows, step)
        if stored.rows > 1:
            stored = apply(rows, next_step(stored, end, closing=True))
        assert_whole(rows, end)
        assert len(rows) <= end // PIECE + 1


def apply(rows: dict[int, int], step: Step) -> Stored:
    if step.cut is not None:
        for start in [start for start in rows if start >= step.cut]:
            del rows[start]
    for begin, end in step.pieces:
        assert begin not in rows
        rows[begin] = end
    return step.after


def assert_whole(rows: dict[int, int], end: int) -> None:
    position = 0
    for begin in sorted(rows):
        assert begin == position
        position = rows[begin]
    assert position == end


@pytest.mark.parametrize(
    ("data", "codec"),
    [(b"", PLAIN), (b"short", PLAIN), (b"line\n" * 100, ZLIB), (random.Random(1).randbytes(500), PLAIN)],
    ids=["nothing", "short", "text", "noise"],
)
def test_what_is_packed_comes_back(data: bytes, codec: str) -> None:
    used, packed = pack(data)
    assert (used, unpack(used, packed)) == (codec, data)
