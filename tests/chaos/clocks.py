"""A home whose daemon and containers live by a time of day that the test sets; the machine's own stays as it is."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.conftest import Home

HOUR = 3600.0
_FOLDER = Path(__file__).with_name("set_clock")


@dataclass(frozen=True)
class ClockHome(Home):
    """A home with a clock of its own, six hours behind: what its daemon signs is valid also where it is set forward."""

    shifts: list[float] = field(default_factory=list)
    """By how much the clock was ahead, one after the other."""

    def __post_init__(self) -> None:
        self.set_clock(-6 * HOUR)

    @property
    def environment(self) -> dict[str, str]:
        clock = {"PYTHONPATH": str(_FOLDER), "SEAWAY_TESTS_CLOCK": str(self._file)}
        return super().environment | clock

    @property
    def _file(self) -> Path:
        return self.path.with_suffix(".clock")

    def set_clock(self, ahead: float) -> None:
        """Have the clock be ahead of the machine's by so many seconds."""
        with self._file.open("r+b" if self._file.exists() else "wb") as file:
            file.write(struct.pack("d", ahead))
        self.shifts.append(ahead)

    def step_clock(self, seconds: float) -> None:
        """Set the clock forward, or back."""
        self.set_clock(self.shifts[-1] + seconds)
