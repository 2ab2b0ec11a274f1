"""Each ending of tools/endings, produced anew: `why` says of the real failure what the recordings say it must.

What is to be said stands beside what is made; `tools/record_endings.py` writes the same into tests/corpus.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.kubectl import BINARIES, NO_KUBECTL
from tools.endings.admission import ADMISSION
from tools.endings.ending import Ending
from tools.endings.grounds import Ground, embedded_ground, real_ground
from tools.endings.lives import LIVES
from tools.endings.nodes import NODES
from tools.endings.producing import Producer
from tools.endings.programs import PROGRAMS
from tools.endings.scheduling import SCHEDULING
from tools.endings.services import SERVICES
from tools.endings.setups import SETUPS
from tools.real_kubernetes.build import NOT_BUILT, TOOL
from tools.real_kubernetes.control_plane import Settings, run_control_plane
from tools.webhook_server import run_webhook_server

AT_ONCE = 6
GROUPS = {
    "programs": PROGRAMS, "services": SERVICES, "setups": SETUPS, "scheduling": SCHEDULING, "admission": ADMISSION, "lives": LIVES,
    "nodes": NODES,
}  # fmt: skip


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


def chosen(kind: str, group: str, *, own: bool) -> dict[str, Ending]:
    """Return the endings of a group that a kind of cluster produces, on nodes of their own or on one that they share."""
    return {
        name: ending
        for name, ending in GROUPS[group].items()
        if ending.only in ("", kind) and (ending.node is not None) is own
    }


CASES = [
    pytest.param(
        kind,
        group,
        own,
        id=f"{kind}-{group}{'-nodes of their own' if own else ''}",
        marks=[pytest.mark.real] if kind == "real" else [],
    )
    for kind in ("embedded", "real")
    for group in GROUPS
    for own in (False, True)
    if chosen(kind, group, own=own)
]


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("kind", "group", "own"), CASES)
async def test_what_is_produced_is_explained(kind: str, group: str, own: bool, tmp_path: Path) -> None:
    if not BINARIES:
        pytest.skip(NO_KUBECTL)
    endings = chosen(kind, group, own=own)
    at_once, faults = asyncio.Semaphore(AT_ONCE), {}
    with run_webhook_server(tmp_path) as webhook:
        async with ground_of(kind, tmp_path, endings) as ground:
            producer = Producer(ground, webhook)

            async def one(name: str, ending: Ending) -> None:
                async with at_once:
                    produced = await producer.produce(name, ending)
                if produced.fault:
                    faults[name] = produced.fault

            try:
                await asyncio.gather(*(one(name, ending) for name, ending in endings.items()))
            finally:
                await producer.close()
    assert not faults
