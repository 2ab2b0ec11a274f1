"""How long ago something was, though the clock is set meanwhile."""

from __future__ import annotations

import pytest

from seaway.base.clock import ManualClock
from seaway.base.elapsed import Elapsed

HOUR = 3600.0


@pytest.mark.parametrize(
    ("ago", "step", "found"),
    [
        pytest.param(0.0, 0.0, 10.0, id="nobody sets the clock"),
        pytest.param(30.0, 0.0, 40.0, id="it was before it was asked for"),
        pytest.param(30.0, 2 * HOUR, 40.0, id="set forward"),
        pytest.param(30.0, -2 * HOUR, 40.0, id="set back"),
        pytest.param(-HOUR, 0.0, 10.0, id="in the future: the clock was set back before"),
    ],
)
def test_the_time_of_day_counts_once(ago: float, step: float, found: float) -> None:
    clock = ManualClock()
    elapsed, at = Elapsed(clock), clock.now() - ago
    assert elapsed.since("run", at) == max(0.0, ago)
    clock.set_by(step)
    clock.advance(10.0)
    assert elapsed.since("run", at) == found


def test_what_is_seen_counts_from_then_on_and_is_forgotten_with_its_owner() -> None:
    clock = ManualClock()
    elapsed = Elapsed(clock)
    assert elapsed.since_seen("pod", "deletion") == 0.0
    clock.set_by(-HOUR)
    clock.advance(5.0)
    assert elapsed.since_seen("pod", "deletion") == 5.0
    assert elapsed.since_seen("other", "deletion") == 0.0
    elapsed.forget("pod")
    assert elapsed.since_seen("pod", "deletion") == 0.0
