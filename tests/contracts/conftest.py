"""Every implementation of a contract, by name."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from seaway.controlplane.store.log import Store
from seaway.controlplane.store.memory import MemoryStore
from seaway.controlplane.store.settings import StoreSettings
from seaway.controlplane.store.sqlite import SqliteStore


@pytest.fixture(params=["memory", "sqlite", "sqlite-reading-the-past-from-disk"])
async def store(request: pytest.FixtureRequest, tmp_path) -> AsyncIterator[Store]:
    opened: Store
    if request.param == "memory":
        opened = MemoryStore(watch_buffer=8)
    else:
        recent = 10_000 if request.param == "sqlite" else 2
        settings = StoreSettings(recent_changes=recent, watch_buffer=8)
        opened = await SqliteStore.open(tmp_path / "store.db", settings)
    yield opened
    await opened.close()
