"""Our control plane without nodes, in memory, and namespaces of one's own in any cluster."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

from seaway.base.clock import Clock, SystemClock
from seaway.base.tasks import Services
from seaway.client.client import Client
from seaway.controlplane.apiserver.inprocess import InProcessTransport
from seaway.controlplane.apiserver.server import ApiServer
from seaway.controlplane.apiserver.settings import ApiServerSettings
from seaway.controlplane.apiserver.users import User
from seaway.controlplane.controllers.context import Context
from seaway.controlplane.controllers.settings import ControllersSettings
from seaway.controlplane.controllers.table import build_all
from seaway.controlplane.kinds import BUILTIN_KINDS
from seaway.controlplane.scheduler.scheduler import Scheduler
from seaway.controlplane.store.memory import MemoryStore
from seaway.objects.builtin import NAMESPACES, SERVICE_ACCOUNTS
from seaway.reconcile.informer import Informers
from seaway.reconcile.manager import Manager
from seaway.reconcile.recorder import EventRecorder
from tests.waiting import until_object

SETTINGS = ControllersSettings(ca_certificate="the authority", job_backoff=0.05)
"""A job's back-off is short."""


class InMemory(NamedTuple):
    """A control plane of ours."""

    client: Client
    """May do everything."""
    server: ApiServer


@asynccontextmanager
async def in_memory(
    settings: ControllersSettings = SETTINGS, clock: Clock | None = None, *, scheduler: bool = True
) -> AsyncIterator[InMemory]:
    """Run the API server, the controllers and, if it is not left out, the scheduler; they are ready when it is entered."""
    clock, store = clock or SystemClock(), MemoryStore()
    server = ApiServer(store, BUILTIN_KINDS, ApiServerSettings(), clock)
    await server.start()
    client = Client(InProcessTransport(server, User("admin", ("system:masters",))))
    informers, recorder = Informers(client, clock), EventRecorder(client, "controllers", clock)
    parts = build_all(Context(client, informers, recorder, clock, settings))
    placing = (Scheduler(client, informers, recorder, clock),) if scheduler else ()
    try:
        async with Services() as services:
            await services.start("controllers", Manager(informers, (*parts, *placing), (recorder,)).run)
            yield InMemory(client, server)
    finally:
        await server.stop()
        await store.close()


async def new_namespace(client: Client, name: str = "") -> str:
    """Make a namespace, with the account that a controller gives it; return its name."""
    name = name or f"t-{uuid.uuid4().hex[:8]}"
    await client.create(NAMESPACES, {"metadata": {"name": name}})
    await until_object(client, SERVICE_ACCOUNTS, "default", name, lambda _: True)
    return name
