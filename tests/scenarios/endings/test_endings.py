"""Each ending of tools/endings, produced anew: `why` says of the real failure what the recordings say it must.

What is to be said stands beside what is made; `tools/record_endings.py` writes the same into tests/corpus.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from pathlib import Path

import pytest

from tests.kubectl import BINARIES, NO_KUBECTL
from tools.endings.ending import Ending
from tools.endings.grounds import Ground, embedded_ground, real_ground
from tools.endings.producing import Producer
from tools.endings.table import ENDINGS
from tools.real_kubernetes.build import NOT_BUILT, TOOL
from tools.real_kubernetes.control_plane import Settings, run_control_plane
from tools.webhook_server import run_webhook_server

AT_ONCE = 8


@asynccontextmanager
async def ground_of(kind: str, folder: Path, endings: Mapping[str, Ending]) -> AsyncIterator[Ground]:
    """Run a cluster of its own: what happens to its nodes is nobody else's trouble."""
    folder.mkdir()
    if kind == "embedded":
        async with embedded_ground(folder, endings) as ground:
            yield ground
        return
    settings = Settings(controller_flags=["--node-monitor-grace-period=16s"])
    with run_control_plane(folder / "plane", settings) as plane:
        async with real_ground(plane, folder) as ground:
            yield ground


def chosen(kind: str, *, own: bool) -> dict[str, Ending]:
    """Return the endings that a kind of cluster produces, on nodes of their own or on one that they share.

    Those that take long by their nature come first: the others are produced meanwhile.
    """
    found = {
        name: ending
        for name, ending in ENDINGS.items()
        if ending.only in ("", kind) and (ending.node is not None) is own
    }
    return dict(sorted(found.items(), key=lambda item: not item[1].slow))


CASES = [
    pytest.param(("real", "embedded"), False, id="a shared node", marks=[pytest.mark.real]),
    pytest.param(("embedded",), True, id="embedded-nodes of their own"),
    pytest.param(("real",), True, id="real-nodes of their own", marks=[pytest.mark.real]),
]
"""What is produced on a node that is shared is produced on both clusters at once: one of it takes two minutes to be seen."""


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("kinds", "own"), CASES)
async def test_what_is_produced_is_explained(kinds: tuple[str, ...], own: bool, tmp_path: Path) -> None:
    """All at once, on one cluster: most of the time of an ending is the cluster's waiting for something."""
    if not BINARIES:
        pytest.skip(NO_KUBECTL)
    there = [kind for kind in kinds if kind == "embedded" or TOOL.is_built()]
    faults: dict[str, str] = {}
    async with AsyncExitStack() as stack:
        # one after the other: the start of Kubernetes' own control plane holds this thread up
        grounds = [
            await stack.enter_async_context(ground_of(kind, tmp_path / kind, chosen(kind, own=own)))
            for kind in there
        ]
        await asyncio.gather(
            *(produce_all(ground, chosen(ground.kind, own=own), tmp_path, faults) for ground in grounds)
        )
    assert not faults
    if there != list(kinds):
        pytest.skip(NOT_BUILT)


async def produce_all(
    ground: Ground, endings: Mapping[str, Ending], folder: Path, faults: dict[str, str]
) -> None:
    """Produce endings on a cluster; note those of which something else is said."""
    at_once = asyncio.Semaphore(AT_ONCE)
    with run_webhook_server(folder / ground.kind) as webhook:
        producer = Producer(ground, webhook)

        async def one(name: str, ending: Ending) -> None:
            async with nullcontext() if ending.slow else at_once:
                produced = await producer.produce(name, ending)
            if produced.fault:
                faults[f"{ground.kind}: {name}"] = produced.fault

        try:
            await asyncio.gather(*(one(name, ending) for name, ending in endings.items()))
        finally:
            await producer.close()
