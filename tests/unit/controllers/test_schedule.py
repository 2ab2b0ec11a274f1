"""When schedules are due. What is expected was printed by robfig/cron 3.0.1, the library that Kubernetes uses."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from seaway.base.clock import parse_rfc3339, rfc3339
from seaway.controlplane.controllers.schedule import Schedule
from seaway.controlplane.kinds.schedules import BadSchedule

TIMES = [
    ("*/5 * * * *", "UTC", "2026-03-01T10:02:30Z", ["2026-03-01T10:05:00Z", "2026-03-01T10:10:00Z", "2026-03-01T10:15:00Z", "2026-03-01T10:20:00Z"]),
    ("0 0 */2 * 1", "UTC", "2026-03-01T10:02:30Z", ["2026-03-02T00:00:00Z", "2026-03-03T00:00:00Z", "2026-03-05T00:00:00Z", "2026-03-07T00:00:00Z"]),
    ("0 0 13 * 5", "UTC", "2026-03-01T10:02:30Z", ["2026-03-06T00:00:00Z", "2026-03-13T00:00:00Z", "2026-03-20T00:00:00Z", "2026-03-27T00:00:00Z"]),
    ("0 0 ? * 5", "UTC", "2026-03-01T10:02:30Z", ["2026-03-06T00:00:00Z", "2026-03-13T00:00:00Z", "2026-03-20T00:00:00Z", "2026-03-27T00:00:00Z"]),
    ("0 0 5,* * 5", "UTC", "2026-03-01T10:02:30Z", ["2026-03-06T00:00:00Z", "2026-03-13T00:00:00Z", "2026-03-20T00:00:00Z", "2026-03-27T00:00:00Z"]),
    ("0 0 */1 * 5", "UTC", "2026-03-01T10:02:30Z", ["2026-03-06T00:00:00Z", "2026-03-13T00:00:00Z", "2026-03-20T00:00:00Z", "2026-03-27T00:00:00Z"]),
    ("15/20 3 * JAN-mar Sun", "UTC", "2026-03-01T10:02:30Z", ["2026-03-08T03:15:00Z", "2026-03-08T03:35:00Z", "2026-03-08T03:55:00Z", "2026-03-15T03:15:00Z"]),
    ("10-40/15 8-10 1 * *", "UTC", "2026-03-01T10:02:30Z", ["2026-03-01T10:10:00Z", "2026-03-01T10:25:00Z", "2026-03-01T10:40:00Z", "2026-04-01T08:10:00Z"]),
    ("0 0 29 2 *", "UTC", "2026-03-01T10:02:30Z", ["2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z", "2036-02-29T00:00:00Z", "2040-02-29T00:00:00Z"]),
    ("59 23 31 2 *", "UTC", "2026-03-01T10:02:30Z", []),
    ("@hourly", "UTC", "2026-03-01T10:02:30Z", ["2026-03-01T11:00:00Z", "2026-03-01T12:00:00Z", "2026-03-01T13:00:00Z", "2026-03-01T14:00:00Z"]),
    ("@weekly", "UTC", "2026-03-01T10:02:30Z", ["2026-03-08T00:00:00Z", "2026-03-15T00:00:00Z", "2026-03-22T00:00:00Z", "2026-03-29T00:00:00Z"]),
    ("@monthly", "Europe/Berlin", "2026-03-01T10:02:30Z", ["2026-03-31T22:00:00Z", "2026-04-30T22:00:00Z", "2026-05-31T22:00:00Z", "2026-06-30T22:00:00Z"]),
    ("@yearly", "UTC", "2026-03-01T10:02:30Z", ["2027-01-01T00:00:00Z", "2028-01-01T00:00:00Z", "2029-01-01T00:00:00Z", "2030-01-01T00:00:00Z"]),
    ("@every 90m", "UTC", "2026-03-01T10:02:30Z", ["2026-03-01T11:32:30Z", "2026-03-01T13:02:30Z", "2026-03-01T14:32:30Z", "2026-03-01T16:02:30Z"]),
    ("@every 1h30m10.5s", "UTC", "2026-03-01T10:02:30Z", ["2026-03-01T11:32:40Z", "2026-03-01T13:02:50Z", "2026-03-01T14:33:00Z", "2026-03-01T16:03:10Z"]),
    ("@every 10ms", "UTC", "2026-03-01T10:02:30Z", ["2026-03-01T10:02:31Z", "2026-03-01T10:02:32Z", "2026-03-01T10:02:33Z", "2026-03-01T10:02:34Z"]),
    ("30 2 * * *", "Europe/Berlin", "2026-03-28T00:00:00Z", ["2026-03-28T01:30:00Z", "2026-03-30T00:30:00Z", "2026-03-31T00:30:00Z", "2026-04-01T00:30:00Z"]),
    ("30 * * * *", "Europe/Berlin", "2026-03-28T23:50:00Z", ["2026-03-29T00:30:00Z", "2026-03-29T01:30:00Z", "2026-03-29T02:30:00Z", "2026-03-29T03:30:00Z"]),
    ("30 2 * * *", "Europe/Berlin", "2026-10-24T00:00:00Z", ["2026-10-24T00:30:00Z", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-26T01:30:00Z"]),
    ("0 3 * * *", "America/New_York", "2026-03-07T00:00:00Z", ["2026-03-07T08:00:00Z", "2026-03-08T07:00:00Z", "2026-03-09T07:00:00Z", "2026-03-10T07:00:00Z"]),
    ("0 1 * * *", "America/New_York", "2026-10-31T00:00:00Z", ["2026-10-31T05:00:00Z", "2026-11-01T05:00:00Z", "2026-11-01T06:00:00Z", "2026-11-02T06:00:00Z"]),
    ("0 0 * * *", "America/Sao_Paulo", "2018-11-02T00:00:00Z", ["2018-11-02T03:00:00Z", "2018-11-03T03:00:00Z", "2018-11-05T02:00:00Z", "2018-11-06T02:00:00Z"]),
    ("0 9 * * mon-fri", "Asia/Kolkata", "2026-03-06T10:00:00Z", ["2026-03-09T03:30:00Z", "2026-03-10T03:30:00Z", "2026-03-11T03:30:00Z", "2026-03-12T03:30:00Z"]),
    ("*/15 1-2 * * *", "Europe/Berlin", "2026-10-24T22:50:00Z", ["2026-10-24T23:00:00Z", "2026-10-24T23:15:00Z", "2026-10-24T23:30:00Z", "2026-10-24T23:45:00Z"]),
]  # fmt: skip
FAULTS = [
    ("0 0 * january *", "failed to parse int from january: strconv.Atoi: parsing \"january\": invalid syntax"),
    ("* * * * 7", "end of range (7) above maximum (6): 7"),
    ("* * * * monday", "failed to parse int from monday: strconv.Atoi: parsing \"monday\": invalid syntax"),
    ("1,,2 * * * *", "<nil>"),
    ("* * * * */0", "step of range should be a positive number: */0"),
    ("60 * * * *", "end of range (60) above maximum (59): 60"),
    ("@every x", "failed to parse duration @every x: time: invalid duration \"x\""),
    ("@nope", "unrecognized descriptor: @nope"),
    ("5-1 * * * *", "beginning of range (5) beyond end of range (1): 5-1"),
    ("*-5 * * * *", "<nil>"),
    ("1-2-3 * * * *", "too many hyphens: 1-2-3"),
    ("1/2/3 * * * *", "too many slashes: 1/2/3"),
    ("-1 * * * *", "failed to parse int from : strconv.Atoi: parsing \"\": invalid syntax"),
    ("a * * * *", "failed to parse int from a: strconv.Atoi: parsing \"a\": invalid syntax"),
    ("* * * *", "expected exactly 5 fields, found 4: [* * * *]"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "zone", "after", "expected"), TIMES)
def test_the_next_times(text: str, zone: str, after: str, expected: list[str]) -> None:
    schedule, at = Schedule(text, ZoneInfo(zone)), parse_rfc3339(after)
    found = []
    for _ in expected:
        following = schedule.next(at)
        assert following is not None
        at = following
        found.append(rfc3339(at))
    assert found == expected
    if not expected:
        assert schedule.next(at) is None


@pytest.mark.parametrize(("text", "zone", "after", "expected"), [row for row in TIMES if row[3]])
def test_the_last_time_before_now(text: str, zone: str, after: str, expected: list[str]) -> None:
    schedule, since = Schedule(text, ZoneInfo(zone)), parse_rfc3339(after)
    first = parse_rfc3339(expected[0])
    assert schedule.latest(since, first - 0.5) is None
    for due in map(parse_rfc3339, expected):
        assert schedule.latest(since, due) == due
        assert schedule.latest(since, due + 0.5) == due
        assert schedule.latest(due, due + 0.5) is None, "what was done is not due again"


@pytest.mark.parametrize(("text", "expected"), FAULTS)
def test_what_is_wrong_with_a_schedule(text: str, expected: str) -> None:
    if expected == "<nil>":
        assert Schedule(text, UTC).next(datetime(2026, 1, 1, tzinfo=UTC).timestamp())
        return
    with pytest.raises(BadSchedule) as raised:
        Schedule(text, UTC)
    assert str(raised.value) == expected
