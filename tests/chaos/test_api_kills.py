"""`kill -9` of the API server under writes of several clients: what was acknowledged is there, watches miss and repeat nothing."""

from __future__ import annotations

import asyncio
import os
import random
from contextlib import suppress
from dataclasses import dataclass, field

import pytest

from seaway.client.client import Client
from seaway.client.config import load_kubeconfig
from seaway.client.errors import Unreachable
from seaway.client.http import HttpSettings, HttpTransport
from seaway.client.retry import RetrySettings
from seaway.objects.builtin import CONFIG_MAPS
from seaway.objects.errors import AlreadyExists, ApiError, NotFound

NAMESPACE = "default"
WRITERS, BETWEEN = 4, 120
"""Clients that write, and acknowledged writes between two kills, at most."""
KILLS = int(os.environ.get("SEAWAY_CHAOS_KILLS", "3"))
SETTINGS = HttpSettings(connect_seconds=5.0, read_seconds=10.0, retry=RetrySettings(tries=1))


@dataclass
class Ledger:
    """What the API server acknowledged, and what it showed."""

    counts: dict[str, int] = field(default_factory=dict)
    there: dict[str, bool] = field(default_factory=dict)
    """Whether an object is there, as far as that was acknowledged."""
    events: list[tuple[int, str, str]] = field(default_factory=list)
    """Revision, type, name."""
    writes: int = 0
    faults: list[str] = field(default_factory=list)
    over: bool = False


async def insistently(ask):
    """Ask until the API server answers; what it refuses is raised."""
    while True:
        try:
            return await ask()
        except Unreachable:
            await asyncio.sleep(0.02)


def counter(name: str, value: int) -> dict:
    return {
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": {"of": "ledger"}},
        "data": {"value": str(value)},
    }


async def count_up(client: Client, ledger: Ledger, name: str) -> None:
    """Raise a counter by one, and look what became of a write whose answer was lost."""
    live = await insistently(lambda: client.get(CONFIG_MAPS, name, NAMESPACE))
    known, found = ledger.counts[name], int(live["data"]["value"])
    if found not in (known, known + 1):
        ledger.faults.append(f"{name} was acknowledged at {known} and is {found}")
    ledger.counts[name] = found
    live["data"]["value"] = str(found + 1)
    try:
        await client.replace(CONFIG_MAPS, live)
    except Unreachable:
        return
    ledger.counts[name] = found + 1
    ledger.writes += 1


async def make_and_remove(client: Client, ledger: Ledger, name: str) -> None:
    """Make an object, and remove every second one again."""
    with suppress(AlreadyExists):  # the answer to the first try was lost
        await insistently(lambda: client.create(CONFIG_MAPS, counter(name, 0)))
    ledger.there[name] = True
    ledger.writes += 1
    if int(name.rpartition("-")[2]) % 2:
        with suppress(NotFound):
            await insistently(lambda: client.delete(CONFIG_MAPS, name, NAMESPACE))
        ledger.there[name] = False
        ledger.writes += 1


async def write(client: Client, ledger: Ledger, own: str) -> None:
    ledger.counts[own] = 0
    await insistently(lambda: client.create(CONFIG_MAPS, counter(own, 0)))
    number = 0
    while not ledger.over:
        number += 1
        try:
            await count_up(client, ledger, own)
            if number % 5 == 0:
                await make_and_remove(client, ledger, f"{own}-{number // 5}")
        except ApiError as error:
            ledger.faults.append(f"{own}: {error}")
            return


async def look_on(client: Client, ledger: Ledger, revision: str) -> None:
    """Watch, from the last revision seen where the stream breaks; never from a new list."""
    while True:
        try:
            async with client.watch(
                CONFIG_MAPS, NAMESPACE, resource_version=revision, label_selector="of=ledger"
            ) as events:
                async for event in events:
                    metadata = event.object["metadata"]
                    revision = metadata["resourceVersion"]
                    if event.type != "BOOKMARK":
                        ledger.events.append((int(revision), event.type, metadata["name"]))
        except Unreachable:
            await asyncio.sleep(0.02)
        except ApiError as error:
            ledger.faults.append(f"the watch after {revision}: {error}")
            return


def replayed(events: list[tuple[int, str, str]]) -> tuple[dict[str, int], list[str]]:
    """Return the objects that events leave behind with their revisions, and what is wrong with their order."""
    objects: dict[str, int] = {}
    faults, last = [], 0
    for revision, kind, name in events:
        if revision <= last:
            faults.append(f"{kind} {name} at {revision} after {last}")
        last = revision
        if (kind == "ADDED") != (name not in objects):
            faults.append(f"{kind} {name} at {revision}, there before: {name in objects}")
        objects[name] = revision
        if kind == "DELETED":
            del objects[name]
    return objects, faults


@pytest.mark.chaos
@pytest.mark.timeout(300)
async def test_no_write_is_lost_and_no_event_comes_twice(home) -> None:
    seed = int(os.environ.get("SEAWAY_CHAOS_SEED", random.SystemRandom().randrange(10**6)))
    print(f"SEAWAY_CHAOS_SEED={seed}")
    choose, ledger = random.Random(seed), Ledger()
    home.seaway("up")
    client = Client(HttpTransport(load_kubeconfig(home.path / "kubeconfig"), SETTINGS), field_manager="chaos")
    revision = (await client.list(CONFIG_MAPS, NAMESPACE))["metadata"]["resourceVersion"]
    async with asyncio.TaskGroup() as group:
        watching = group.create_task(look_on(client, ledger, revision))
        writers = [group.create_task(write(client, ledger, f"writer-{n}")) for n in range(WRITERS)]
        for _ in range(KILLS):
            moment = ledger.writes + choose.randint(1, BETWEEN)
            while ledger.writes < moment:
                await asyncio.sleep(0.001)
                assert not ledger.faults
            await asyncio.to_thread(home.kill_daemon)
            await asyncio.to_thread(home.seaway, "up")
        ledger.over = True
        await asyncio.wait(writers)
        listed = (await insistently(lambda: client.list(CONFIG_MAPS, NAMESPACE, label_selector="of=ledger")))[
            "items"
        ]
        there = {item["metadata"]["name"]: int(item["metadata"]["resourceVersion"]) for item in listed}
        async with asyncio.timeout(60):
            while replayed(ledger.events)[0] != there:
                await asyncio.sleep(0.02)
                assert not ledger.faults
        watching.cancel()
    await client.close()
    print(f"{ledger.writes} acknowledged writes, {len(ledger.events)} events")
    values = {item["metadata"]["name"]: int(item["data"]["value"]) for item in listed}
    for name, acknowledged in ledger.counts.items():
        assert values[name] - acknowledged in (0, 1), (
            f"{name} was acknowledged at {acknowledged}: {values[name]}"
        )
    assert {name: name in there for name in ledger.there} == ledger.there
    assert replayed(ledger.events)[1] == []
    assert ledger.faults == []
