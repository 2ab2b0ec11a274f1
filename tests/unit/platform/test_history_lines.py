"""Joining a container's log to what is stored: each line once, whatever was cut where."""

from __future__ import annotations

import pytest

from seaway.platform.history.lines import Joiner, Point, Stripper, line_time, own_line, resume_point

A = b"2026-01-02T03:04:05.000000001Z one\n"
B = b"2026-01-02T03:04:05.000000002Z two\n"
B2 = b"2026-01-02T03:04:05.000000002Z two\n"
C = b"2026-01-02T03:04:06Z three\n"
OWN = own_line("placed on node n", 1_767_323_050_000_000_000)
ALL = A + B + B2 + C


def test_times_are_compared_across_zones() -> None:
    assert line_time(b"2026-01-02T05:04:05.5+02:00 x") == line_time(b"2026-01-02T03:04:05.500000000Z x")


@pytest.mark.parametrize("size", [1, 7, 36, 1000], ids=lambda s: f"chunks of {s}")
@pytest.mark.parametrize(
    "stored",
    [b"", A, A + B, A + B + B2, ALL, OWN + A, A + OWN, A + B[:40], A + B + B2 + C[:25]],
    ids=range(9),
)
def test_what_is_stored_comes_once_wherever_it_was_cut(stored, size) -> None:
    joiner = Joiner(resume_point(stored))
    new = b"".join(joiner.feed(ALL[i : i + size]) for i in range(0, len(ALL), size))
    assert (stored + new).replace(OWN, b"") == ALL


def test_a_progress_bar_passes_before_its_line_ends() -> None:
    joiner = Joiner(resume_point(A))
    assert joiner.feed(A) == b""
    assert joiner.feed(b"2026-01-02T03:04:07Z \r10%") == b"2026-01-02T03:04:07Z \r10%"
    assert joiner.feed(b"\r20%") == b"\r20%"


def test_an_unfinished_line_that_comes_again_goes_on_where_it_was() -> None:
    stored = A + b"2026-01-02T03:04:07Z \r10%"
    joiner = Joiner(resume_point(stored))
    assert joiner.feed(A + b"2026-01-02T03:04:07Z \r10%\r20%") == b"\r20%"


def test_nothing_stored_lets_everything_pass_at_once() -> None:
    assert Joiner(Point()).feed(b"20") == b"20"


@pytest.mark.parametrize("size", [1, 5, 1000], ids=lambda s: f"chunks of {s}")
@pytest.mark.parametrize(
    ("timestamps", "shown"),
    [
        (False, b"one\n[seaway] placed on node n\n\r1%\r2%\n"),
        (True, A + OWN.replace(b"+", b" ") + b"2026-01-02T03:04:07Z \r1%\r2%\n"),
    ],
    ids=["plain", "with times"],
)
def test_readers_see_text_alone(timestamps, shown, size) -> None:
    stored = A + OWN + b"2026-01-02T03:04:07Z \r1%\r2%\n"
    stripper = Stripper(timestamps=timestamps)
    assert b"".join(stripper.feed(stored[i : i + size]) for i in range(0, len(stored), size)) == shown
