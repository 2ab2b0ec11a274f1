"""When a schedule is due: pure, from a text, a zone and a time to a time.

Source: robfig/cron, which Kubernetes uses. An hour that the clock leaves out is left out; one that it shows twice counts twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

from seaway.controlplane.kinds.schedules import Every, Fields, parse_schedule

_FAR = 5 * 366 * 86400.0
"""A schedule that names no time for so long names none."""


class Schedule:
    """The times that a schedule names; all in seconds since the epoch."""

    def __init__(self, text: str, zone: tzinfo) -> None:
        """Read the schedule.

        Args:
            text: as in `spec.schedule`.
            zone: where its clock hangs.

        Raises:
            BadSchedule: with Kubernetes' message.
        """
        self._schedule, self._zone = parse_schedule(text), zone

    def next(self, after: float) -> float | None:
        """Return the first time after another, None where there is none in five years."""
        if isinstance(self._schedule, Every):
            return float(int(after) + self._schedule.seconds)
        return _first(self._times(self._schedule, after), lambda found: found <= after + _FAR)

    def latest(self, since: float, until: float) -> float | None:
        """Return the last time after `since` and up to `until`, None where there is none.

        Args:
            since: times count from here; of "@every", also their first.
            until: now.
        """
        if isinstance(self._schedule, Every):
            periods = int((until - int(since)) // self._schedule.seconds)
            return float(int(since) + periods * self._schedule.seconds) if periods > 0 else None
        return _first(
            self._times(self._schedule, until + 1, reverse=True), lambda found: since < found <= until
        )

    def _times(self, schedule: Fields, start: float, *, reverse: bool = False) -> Iterator[float]:
        from cronsim import CronSim, CronSimError  # late: few clusters have cron jobs

        # with seconds, the library counts hours as robfig does and not as Debian
        text = " ".join(("0", *schedule.fields))
        try:
            times = CronSim(text, datetime.fromtimestamp(int(start), UTC).astimezone(self._zone), reverse)
        except CronSimError:
            return  # such as the 31st of February: well written, and never there
        for found in times:
            yield found.timestamp()


def _first(times: Iterator[float], fits: Callable[[float], bool]) -> float | None:
    """Return the first time where it fits."""
    found = next(times, None)
    return found if found is not None and fits(found) else None


def zone_of(name: str | None, default: tzinfo) -> tzinfo:
    """Return a time zone by its name. Raises KeyError where there is none of that name."""
    return default if name is None else ZoneInfo(name)
