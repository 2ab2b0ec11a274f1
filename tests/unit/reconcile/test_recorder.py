"""Events: folded together, counted, written behind the caller's back, surviving restarts."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest

from seaway.base.clock import ManualClock
from seaway.client.errors import Unreachable
from seaway.objects.builtin import EVENTS
from seaway.objects.errors import Forbidden
from seaway.reconcile.correlate import CorrelateSettings, Correlator, Occurrence, reference
from seaway.reconcile.recorder import EventRecorder, RecorderSettings

POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "namespace": "ns", "uid": "u"}}


@asynccontextmanager
async def running(recorder: EventRecorder):
    task = asyncio.create_task(recorder.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def events(client) -> list[tuple[str, int]]:
    listed = await client.list(EVENTS, "ns")
    return sorted((event["message"], event["count"]) for event in listed["items"])


async def test_equal_events_are_one_with_a_count_and_the_last_time(client) -> None:
    clock = ManualClock(1_000_000_000)
    recorder = EventRecorder(client, "test", clock)
    async with running(recorder):
        for _ in range(3):
            recorder.event(POD, "Warning", "Bad", "it is bad")
            await recorder.flush()
            clock.advance(10)
        recorder.event(POD, "Normal", "Good", "it is good", component="other")
        await recorder.flush()
    listed = {event["reason"]: event for event in (await client.list(EVENTS, "ns"))["items"]}
    bad = listed["Bad"]
    assert (bad["count"], bad["firstTimestamp"], bad["lastTimestamp"]) == (
        3,
        "2001-09-09T01:46:40.000000Z",
        "2001-09-09T01:47:00.000000Z",
    )
    assert bad["involvedObject"] == {
        "apiVersion": "v1",
        "kind": "Pod",
        "name": "a",
        "namespace": "ns",
        "uid": "u",
    }
    assert listed["Good"]["source"] == {"component": "other"}


async def test_a_restarted_process_goes_on_counting(client) -> None:
    for _ in range(2):
        recorder = EventRecorder(client, "test", ManualClock())
        async with running(recorder):
            recorder.event(POD, "Warning", "Bad", "it is bad")
            await recorder.flush()
    assert await events(client) == [("it is bad", 2)]


async def test_an_event_that_expired_is_written_anew(server, client) -> None:
    recorder = EventRecorder(client, "test", ManualClock())
    async with running(recorder):
        recorder.event(POD, "Warning", "Bad", "it is bad")
        await recorder.flush()
        server.objects.clear()
        recorder.event(POD, "Warning", "Bad", "it is bad")
        await recorder.flush()
    assert await events(client) == [("it is bad", 1)]


async def test_an_unreachable_server_is_tried_again_and_a_refusal_is_not(server, client) -> None:
    clock = ManualClock()
    recorder = EventRecorder(client, "test", clock, settings=RecorderSettings(writers=1))
    server.failures = [Unreachable("down"), Unreachable("down")]
    async with running(recorder):
        recorder.event(POD, "Warning", "One", "one")
        flushed = asyncio.create_task(recorder.flush())
        while not flushed.done():
            await asyncio.sleep(0)
            clock.advance(1)
        server.failures = [Forbidden("namespace is terminating")]
        recorder.event(POD, "Warning", "Two", "two")
        await recorder.flush()
    assert await events(client) == [("one", 1)]


async def test_what_waits_when_it_stops_is_still_written(client) -> None:
    recorder = EventRecorder(client, "test", ManualClock())
    async with running(recorder):
        await asyncio.sleep(0)
        recorder.event(POD, "Normal", "Last", "last words")
    assert await events(client) == [("last words", 1)]


def occurrence(message: str, name: str = "a") -> Occurrence:
    return Occurrence(
        {"kind": "Pod", "name": name, "namespace": "ns", "uid": name}, "Warning", "Bad", message, "test"
    )


def test_many_that_differ_only_in_words_become_one() -> None:
    correlator = Correlator("", CorrelateSettings(similar=2, burst=100))
    names = {correlator.add(occurrence(f"number {n}"), 0.0).name for n in range(2)}
    combined = [correlator.add(occurrence(f"number {n}"), 0.0) for n in range(2, 10)]
    assert len(names) == 2
    assert len({series.name for series in combined}) == 1, "one Event counts them, with the last one's words"
    assert (combined[0].count, combined[0].occurrence.message) == (
        8,
        "(combined from similar events): number 9",
    )
    assert correlator.add(occurrence("number 0"), 0.0).count == 2
    assert correlator.add(occurrence("later"), 601.0).occurrence.message == "later"


@pytest.mark.parametrize(
    ("seconds", "passed"), [(0, 3), (10, 4), (1000, 6)], ids=["burst", "one refilled", "full again"]
)
def test_one_object_cannot_flood(seconds: float, passed: int) -> None:
    correlator = Correlator("", CorrelateSettings(burst=3, refill_seconds=10))
    first = [correlator.add(occurrence("x"), 0.0) for _ in range(10)]
    more = [correlator.add(occurrence("x"), seconds) for _ in range(10)]
    assert sum(series is not None for series in first + more) == passed
    assert correlator.add(occurrence("x", "other"), 0.0) is not None
    assert correlator.add(occurrence("x")._replace(component="another"), 0.0) is not None


def test_memory_is_bounded_and_names_are_valid() -> None:
    correlator = Correlator("host", CorrelateSettings(remembered=3))
    for number in range(10):
        assert correlator.add(occurrence("x", f"pod-{number}"), 0.0) is not None
    series = correlator.add(occurrence("x", "p" * 253), 0.0)
    assert len(series.name) <= 253
    assert correlator.event(series)["source"] == {"component": "test", "host": "host"}
    assert reference({"metadata": {"name": "a"}}, "v1", "Node") == {
        "apiVersion": "v1",
        "kind": "Node",
        "name": "a",
    }
