"""Leadership: one at a time, taken over from the silent, given back on the way out."""

from __future__ import annotations

import asyncio

import pytest

from seaway.base.clock import ManualClock
from seaway.client.errors import Unreachable
from seaway.objects.builtin import LEASES
from seaway.reconcile.leader import LeaderElector, LeadershipLost, Observation, claim, may_take, observe


@pytest.mark.parametrize(
    ("spec", "silent", "allowed"),
    [
        pytest.param({}, 0, True, id="nobody"),
        pytest.param({"holderIdentity": "", "leaseDurationSeconds": 15}, 0, True, id="given back"),
        pytest.param({"holderIdentity": "me", "leaseDurationSeconds": 15}, 0, True, id="mine"),
        pytest.param({"holderIdentity": "you", "leaseDurationSeconds": 15}, 14, False, id="alive"),
        pytest.param(
            {"holderIdentity": "you", "leaseDurationSeconds": 15}, 15, True, id="silent for its duration"
        ),
    ],
)
def test_who_may_take_the_lease(spec: dict, silent: float, allowed: bool) -> None:
    assert may_take(Observation(spec, since=100.0), "me", 100.0 + silent) is allowed


def test_only_a_change_restarts_the_observation() -> None:
    first = observe(None, {"renewTime": "a"}, 1.0)
    assert observe(first, {"renewTime": "a"}, 9.0) is first
    assert observe(first, {"renewTime": "b"}, 9.0).since == 9.0


def test_a_claim_counts_changes_of_hands_only() -> None:
    taken = claim({}, "me", 15, 0.0)
    assert (taken["leaseTransitions"], taken["acquireTime"]) == (0, taken["renewTime"])
    renewed = claim(taken, "me", 15, 60.0)
    assert (renewed["leaseTransitions"], renewed["acquireTime"]) == (0, taken["acquireTime"])
    assert claim(renewed, "you", 15, 90.0)["leaseTransitions"] == 1


async def pump(clock: ManualClock, until, step: float = 1.0) -> None:
    async with asyncio.timeout(60):
        while not until():
            for _ in range(10):
                await asyncio.sleep(0)
            clock.advance(step)


def elector(client, clock, identity: str) -> LeaderElector:
    return LeaderElector(client, "ns", "lock", identity, clock=clock)


async def test_the_second_leads_when_the_first_is_done(client) -> None:
    clock, log = ManualClock(), []
    gate = asyncio.Event()

    async def lead(who: str) -> None:
        log.append(f"{who} begins")
        if who == "one":
            await gate.wait()
        log.append(f"{who} ends")

    one = asyncio.create_task(elector(client, clock, "one").run(lambda: lead("one")))
    await pump(clock, lambda: log == ["one begins"])
    two = asyncio.create_task(elector(client, clock, "two").run(lambda: lead("two")))
    before = clock.monotonic()
    await pump(clock, lambda: clock.monotonic() > before + 60)
    assert log == ["one begins"]
    gate.set()
    await pump(clock, lambda: two.done())
    await one
    assert log == ["one begins", "one ends", "two begins", "two ends"]
    assert (await client.get(LEASES, "lock", "ns"))["spec"]["holderIdentity"] == ""


async def test_who_cannot_renew_stops_before_another_may_start(server, client) -> None:
    clock, ended = ManualClock(), asyncio.Event()

    async def lead() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    running = asyncio.create_task(elector(client, clock, "one").run(lead))
    await pump(clock, lambda: bool(server.objects), 0.0)
    renewed = clock.monotonic()
    server.failures = [Unreachable("down")] * 1000
    await pump(clock, ended.is_set)
    assert clock.monotonic() - renewed <= 15
    with pytest.raises(LeadershipLost, match="no longer leads"):
        await running


async def test_who_was_stopped_for_too_long_may_not_act_before_it_has_renewed(client) -> None:
    clock = ManualClock()
    one = elector(client, clock, "one")
    assert not one.may_act
    running = asyncio.create_task(one.run(asyncio.Event().wait))
    await pump(clock, lambda: one.is_leader, 0.0)
    assert one.may_act
    clock.advance(11)  # the process did not run meanwhile: nothing was renewed
    assert one.is_leader
    assert not one.may_act
    running.cancel()
    await asyncio.wait([running])
    assert not one.may_act


async def test_who_could_not_do_the_work_leaves_the_lease_to_others(client) -> None:
    clock, led, able = ManualClock(), asyncio.Event(), asyncio.Event()

    async def lead() -> None:
        led.set()

    async def may_lead() -> bool:
        return able.is_set()

    running = asyncio.create_task(elector(client, clock, "one").run(lead, may_lead=may_lead))
    before = clock.monotonic()
    await pump(clock, lambda: clock.monotonic() > before + 60)
    assert not led.is_set()
    assert (await client.list(LEASES, "ns"))["items"] == []
    able.set()
    await pump(clock, led.is_set)
    await running


async def test_a_leader_that_is_ended_gives_the_lease_back_at_once(client) -> None:
    clock = ManualClock()
    one = elector(client, clock, "one")
    running = asyncio.create_task(one.run(asyncio.Event().wait))
    await pump(clock, lambda: one.is_leader, 0.0)
    running.cancel()
    await asyncio.wait([running])
    assert (await client.get(LEASES, "lock", "ns"))["spec"]["holderIdentity"] == ""
