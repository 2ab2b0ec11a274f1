"""Each ending of tools/endings, produced anew: `why` says of the real failure what the recordings say it must.

What is to be said stands beside what is made; `tools/record_endings.py` writes the same into tests/corpus.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, nullcontext
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
    if kind == "embedded":
        async with embedded_ground(folder, endings) as ground:
            yield ground
        return
    if not TOOL.is_built():
        pytest.skip(NOT_BUILT)
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
    pytest.param(
        kind,
        own,
        id=f"{kind}-{'nodes of their own' if own else 'a shared node'}",
        marks=[pytest.mark.real] if kind == "real" else [],
    )
    for kind in ("embedded", "real")
    for own in (False, True)
]


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("kind", "own"), CASES)
async def test_what_is_produced_is_explained(kind: str, own: bool, tmp_path: Path) -> None:
    """All at once, on one cluster: most of the time of an ending is the cluster's waiting for something."""
    if not BINARIES:
        pytest.skip(NO_KUBECTL)
    endings = chosen(kind, own=own)
    at_once, faults = asyncio.Semaphore(AT_ONCE), {}
    with run_webhook_server(tmp_path) as webhook:
        async with ground_of(kind, tmp_path, endings) as ground:
            producer = Producer(ground, webhook)

            async def one(name: str, ending: Ending) -> None:
                async with nullcontext() if ending.slow else at_once:
                    produced = await producer.produce(name, ending)
                if produced.fault:
                    faults[name] = produced.fault

            try:
                await asyncio.gather(*(one(name, ending) for name, ending in endings.items()))
            finally:
                await producer.close()
    assert not faults
