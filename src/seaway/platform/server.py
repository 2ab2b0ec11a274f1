"""Composition root of the platform: settings and a Kubernetes client -> a running server."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from random import Random, SystemRandom
from typing import Any

from seaway.base.clock import Clock, SystemClock
from seaway.base.tasks import Services
from seaway.client.client import Client
from seaway.platform.bin import Bin, open_bin
from seaway.platform.cluster_view import ClusterView
from seaway.platform.confirming_off import ConfirmingOff
from seaway.platform.database import runs
from seaway.platform.database.database import Database
from seaway.platform.database.usage import BYTES, FILES
from seaway.platform.engine.effects import Effects
from seaway.platform.engine.engine import Engine
from seaway.platform.engine.judgement import FactsGatherer
from seaway.platform.engine.namespaces import Namespaces
from seaway.platform.engine.pods import PodTable
from seaway.platform.engine.secrets import SecretKeeper
from seaway.platform.engine.telling import Teller
from seaway.platform.engine.verdicts import DIAGNOSIS
from seaway.platform.explaining import Explainer
from seaway.platform.explaining_objects import ObjectExplainer
from seaway.platform.growing import USER, WORKSPACE, Growth
from seaway.platform.health import Health, places
from seaway.platform.history.acts import of_audit_event
from seaway.platform.intake import Intake
from seaway.platform.measuring import ServerMeasures
from seaway.platform.notifications.telling import Telling
from seaway.platform.places import Place
from seaway.platform.pod_logs import PodLogs
from seaway.platform.remembered_objects import ObjectMemory
from seaway.platform.remembering import Remembering
from seaway.platform.run_logs import RunLogs
from seaway.platform.searching import Searcher
from seaway.platform.server_settings import ServerSettings
from seaway.platform.service import RunService
from seaway.platform.storage.runner_archive import bootstrap_command, build_runner
from seaway.platform.stores import Stores, open_stores
from seaway.platform.tidying import tidy
from seaway.platform.timelines import Timelines
from seaway.platform.usage import Usage
from seaway.platform.user_tokens import UserTokens
from seaway.platform.volumes.service import Volumes, open_volumes
from seaway.platform.workloads.pod import PodSettings
from seaway.platform.workspaces.removal import Removal
from seaway.platform.workspaces.service import Workspaces

log = logging.getLogger(__name__)
_LOOKED_BACK = 200
"""Runs whose Secrets may have been left behind by a process that was killed: those that ended last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    """What a server is made of."""

    stores: Stores
    history: Remembering
    view: ClusterView
    namespaces: Namespaces
    engine: Engine
    secrets: SecretKeeper
    service: RunService
    removal: Removal
    workspaces: Workspaces
    volumes: Volumes
    bin_: Bin
    telling: Telling
    health: Health
    confirming_off: ConfirmingOff
    clock: Clock


class Server:
    """A running server."""

    def __init__(self, parts: _Parts) -> None:
        database, view, telling = parts.stores.database, parts.view, parts.telling
        self.runs, self.user_tokens = parts.service, UserTokens(database, parts.clock)
        self.notifications, self._telling = telling.service, telling
        self.health, self.workspaces, self.volumes = parts.health, parts.workspaces, parts.volumes
        self.measures = ServerMeasures(database, parts.engine, parts.history.collector, view, telling)
        self.confirming_off, self._recorder = parts.confirming_off, parts.history.recorder
        self._engine, self._database, self._view = parts.engine, database, view
        self._retention = parts.history.retention

    async def drain(self, *, timeout: float = 40.0) -> bool:
        """End all live pods gracefully, as infrastructure ("ClusterStopped"): they go on at the next start. Nothing new starts.

        Returns:
            Whether all of them ended within `timeout` seconds.
        """
        return await self._engine.drain(timeout)

    def audited(self, event: Mapping[str, Any]) -> None:
        """Take note of who did what in the cluster, as an event of its API server's audit says (audit.k8s.io/v1)."""
        if (act := of_audit_event(event)) is not None:
            self._recorder.acted(act)

    async def status(self) -> dict[str, Any]:
        """Return what `seaway status` shows: counts of runs by phase, pods in flight, whether the cluster has been seen."""
        return {
            "runs": await self._database.read(runs.count_by_phase),
            "pods_in_flight": self._engine.in_flight,
            "draining": self._engine.draining,
            "alerts": await self._telling.alerts.shown(),
            "storage": await self._telling.storage.warnings(),
            **self._view.status(),
            "history": await self._retention.status(),
        }


@asynccontextmanager
async def run_server(
    settings: ServerSettings, client: Client, *, clock: Clock | None = None, random: Random | None = None
) -> AsyncIterator[Server]:
    """Run a server until the block is left; ready when entered.

    Args:
        settings: how it behaves.
        client: of the cluster that runs the pods.
        clock: where time comes from.
        random: where generated names come from.

    Raises:
        seaway.base.sqlite.DatabaseError: the database cannot be used; the message says what to do.
        seaway.platform.errors.PlatformError: the artifact store cannot be used; the message says what to do.
    """
    clock = clock or SystemClock()
    async with open_stores(settings, clock) as stores:
        parts = _assemble(settings, client, stores, clock, random or SystemRandom())
        await parts.workspaces.load()
        try:
            async with Services() as services:
                await _start(services, parts, settings)
                try:
                    yield Server(parts)
                finally:
                    stores.database.hurry()
        finally:
            await parts.history.close()


def _assemble(
    settings: ServerSettings, client: Client, stores: Stores, clock: Clock, random: Random
) -> _Parts:
    """Make all parts, which do nothing yet, and let them know each other."""
    database, namespace = stores.database, settings.namespace
    history = Remembering(client, stores, clock, settings.history, settings.collector)
    view = ClusterView(client, namespace, clock, settings.follow, everywhere=settings.record_everywhere)
    namespaces, pods = Namespaces(client, create=settings.create_namespace), PodTable()
    usage = _usage(settings, stores)
    teller = Teller(history.narrator, pods, clock)
    engine = Engine(database, pods, stores.logs, history.collector, teller, clock, settings.engine)
    removal = Removal(database, client, engine, view, namespaces, clock)
    workspaces = Workspaces(
        database,
        client,
        view,
        namespaces,
        removal,
        usage,
        clock,
        default=namespace,
        bin_seconds=settings.bin_seconds,
    )
    bin_ = open_bin(stores, clock, random, settings.bin_seconds)
    volumes = open_volumes(database, client, namespaces, engine, clock, namespace)
    service = _run_service(settings, stores, client, clock, engine, history, view, bin_, usage, volumes)
    secrets = SecretKeeper(client, clock, lambda uid: engine.state(uid) is not None)
    telling = Telling(
        database,
        engine,
        stores.logs,
        client,
        view,
        clock,
        settings.notify,
        service,
        history.narrator,
        settings.certificates,
    )
    effects = _effects(settings, client, stores, history, view, namespaces, pods, engine)
    engine.use(effects, secrets.remove, telling.recipients, view.sees)
    history.listen(view, teller.listener(engine.state))
    _show_pods(view, pods, engine)
    return _Parts(
        stores=stores, history=history, view=view, namespaces=namespaces, engine=engine, secrets=secrets, service=service,
        removal=removal, workspaces=workspaces, volumes=volumes, bin_=bin_, telling=telling, clock=clock,
        health=Health(database, client, view, clock, namespace, places(settings.home, settings.artifacts)),
        confirming_off=ConfirmingOff(client, view, engine.requests, engine.states, history.recorder, clock),
    )  # fmt: skip


async def _start(services: Services, parts: _Parts, settings: ServerSettings) -> None:
    """Start what works by itself, each when what it needs is there."""
    database, view, engine = parts.stores.database, parts.view, parts.engine
    await services.start("database", partial(_watch, database))
    await services.start("recorder", parts.history.recorder.run)
    await services.start("informers", view.run)
    await parts.telling.start(services)
    await services.start("engine", partial(_run_engine, engine, parts.namespaces, view, settings))
    await services.start("tidying", partial(tidy, parts.stores.storage, database))
    await services.start("bin", parts.bin_.emptier.run)
    await services.start("reserve", parts.stores.reserve.run)
    await services.start("workspaces", parts.removal.run)
    await parts.history.start_rest(services, view, engine.changed)
    await services.start("secrets", partial(_tidy_secrets, parts.secrets, database, view))


def _effects(
    settings: ServerSettings, client: Client, stores: Stores, history: Remembering, view: ClusterView,
    namespaces: Namespaces, pods: PodTable, engine: Engine,
) -> Effects:  # fmt: skip
    """Return what the engine does outside of itself."""
    gatherer = FactsGatherer(stores.database, history.recorder, stores.logs, view)
    return Effects(
        client, namespaces, pods, stores.logs, history.collector, history.recorder, history.narrator, gatherer, DIAGNOSIS,
        _pod_settings(settings), stores.tokens.token, engine.wake, settings.engine.policy.losses_on_interruptible,
    )  # fmt: skip


def _run_service(
    settings: ServerSettings, stores: Stores, client: Client, clock: Clock, engine: Engine, history: Remembering,
    view: ClusterView, bin_: Bin, usage: Usage, volumes: Volumes,
) -> RunService:  # fmt: skip
    database, logs = stores.database, stores.logs
    intake = Intake(
        database,
        stores.storage,
        clock,
        engine,
        bin_,
        usage,
        volumes,
        namespace=settings.namespace,
        random=bin_.random,
    )
    return RunService(
        database, stores.storage, stores.tokens, clock, engine=engine, intake=intake,
        logs=RunLogs(database, logs, history.narrator, engine, clock),
        explainer=Explainer(database, logs, history.recorder, view, engine.states, clock),
        objects=ObjectExplainer(client, view, ObjectMemory(database, history.recorder, logs), clock),
        timelines=Timelines(database, history.recorder, view), searcher=Searcher(database, logs),
        pod_logs=PodLogs(database, logs), bin_=bin_, recorder=history.recorder, namespace=settings.namespace,
        usage=usage, cluster=view.all_nodes, reserve=stores.reserve,
    )  # fmt: skip


def _usage(settings: ServerSettings, stores: Stores) -> Usage:
    limits = {
        (USER, BYTES): settings.storage_limit,
        (USER, FILES): settings.storage_files,
        (WORKSPACE, BYTES): settings.workspace_storage_limit,
        (WORKSPACE, FILES): settings.workspace_storage_files,
    }
    return Usage(stores.database, limits, settings.namespace, Growth(stores.logs))


def _show_pods(view: ClusterView, pods: PodTable, engine: Engine) -> None:
    """Have the engine see the pods of the workspaces."""

    def begin(place: Place) -> None:
        if place.pods is not None:
            pods.listen(place.pods, engine.pod_changed)

    view.listen(begin)
    view.on_seen = engine.namespace_seen


async def _watch(database: Database, ready: Callable[[], None]) -> None:
    """End the server where the database is another one's now, or a leader cannot reach it."""
    ready()
    await database.watch()


async def _run_engine(
    engine: Engine,
    namespaces: Namespaces,
    view: ClusterView,
    settings: ServerSettings,
    ready: Callable[[], None],
) -> None:
    """Run the engine once the cluster was seen: nothing is decided before. The server does not wait for that for ever."""
    seen = asyncio.create_task(view.seen())
    try:
        await asyncio.wait([seen], timeout=settings.cluster_patience)
        if not seen.done():
            said = f": {view.problem}" if view.problem else ""
            log.warning("the cluster does not answer%s; runs are accepted, and start when it does", said)
            ready()
            await seen
    finally:
        seen.cancel()
    await namespaces.ensure(settings.namespace)
    await engine.run(ready)


async def _tidy_secrets(
    secrets: SecretKeeper, database: Database, view: ClusterView, ready: Callable[[], None]
) -> None:
    """Remove what an earlier process left, in the background."""
    ready()
    await view.seen()
    await secrets.remove_left_over(lambda: database.read(lambda found: runs.last_ended(found, _LOOKED_BACK)))
    await asyncio.Event().wait()


def _pod_settings(settings: ServerSettings) -> PodSettings:
    return PodSettings(
        bootstrap=tuple(bootstrap_command(build_runner().digest, python=settings.python)),
        gateway_url=settings.gateway_url,
        gateway_ca=settings.gateway_ca,
        image=settings.image,
        cpu=settings.cpu,
        scratch=settings.scratch,
        scratch_files=settings.scratch_files,
        scratch_volume=settings.scratch_volume,
        lease_seconds=settings.lease_seconds,
        cache_volume=settings.cache_volume,
        cache_path=settings.cache_path,
        service_account=settings.service_account,
        security=settings.pod_security,
        installation=settings.installation,
    )
