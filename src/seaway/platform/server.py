"""Composition root of the platform: settings and a Kubernetes client -> a running server."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random, SystemRandom
from typing import Any

from seaway.base.clock import Clock, SystemClock
from seaway.base.tasks import Services
from seaway.client.client import Client
from seaway.client.watch import FollowSettings
from seaway.model.run import DEFAULT_IMAGE
from seaway.platform.bin import DAY, Bin, open_bin
from seaway.platform.cluster_view import FOLLOW, ClusterView
from seaway.platform.confirming_off import ConfirmingOff
from seaway.platform.database import runs
from seaway.platform.database.database import Database
from seaway.platform.database.usage import BYTES, FILES
from seaway.platform.engine.effects import Effects
from seaway.platform.engine.engine import Engine, EngineSettings
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
from seaway.platform.history.collector import CollectorSettings
from seaway.platform.history.recorder import Recorder
from seaway.platform.history.retention import HistorySettings, Retention
from seaway.platform.intake import Intake
from seaway.platform.leadership import LeadershipSettings
from seaway.platform.measuring import ServerMeasures
from seaway.platform.notifications.certificates import WatchedCertificate
from seaway.platform.notifications.settings import NotifySettings
from seaway.platform.notifications.telling import Telling
from seaway.platform.places import Place
from seaway.platform.pod_logs import PodLogs
from seaway.platform.remembered_objects import ObjectMemory
from seaway.platform.remembering import Remembering
from seaway.platform.run_logs import RunLogs
from seaway.platform.searching import Searcher
from seaway.platform.service import RunService
from seaway.platform.storage.runner_archive import bootstrap_command, build_runner
from seaway.platform.stores import Stores, open_stores
from seaway.platform.tidying import tidy
from seaway.platform.timelines import Timelines
from seaway.platform.usage import Usage
from seaway.platform.user_tokens import UserTokens
from seaway.platform.volumes.service import Volumes, open_volumes
from seaway.platform.workloads.pod import PodSettings
from seaway.platform.workloads.security import PodSecurity
from seaway.platform.workspaces.removal import Removal
from seaway.platform.workspaces.service import Workspaces

log = logging.getLogger(__name__)
_LOOKED_BACK = 200
"""Runs whose Secrets may have been left behind by a process that was killed: those that ended last."""


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """How a server behaves; what differs between clusters is here and nowhere else."""

    home: Path
    """Folder for the database, logs and artifacts, as far as they are not kept elsewhere; made with mode 0700."""
    gateway_url: str
    """Where pods reach the portal, https."""
    gateway_ca: str = ""
    """PEM text of the CA that signed the portal's certificate; "" for the system's own."""
    namespace: str = "seaway-default"
    """Where pods are made."""
    create_namespace: bool = True
    """Make the namespace where it is missing; False where the server has rights inside namespaces alone."""
    installation: str = ""
    """What pods carry so that they are known as this server's, NAMESPACE/NAME; "" where nothing installed it."""
    pod_security: PodSecurity = field(default_factory=PodSecurity)
    """What pods give up, so that the cluster's rules let them in."""
    service_account: str | None = None
    """Service account of the pods, which get no token of it; None for the namespace's default."""
    cache_volume: Mapping[str, Any] | None = None
    """A Kubernetes volume source for the node-local cache, for example {"hostPath": {"path": ..., "type": "DirectoryOrCreate"}}."""
    cache_path: str = "/var/cache/seaway"
    """Where the cache volume is mounted; on nodes without mount namespaces the host's own path."""
    image: str = DEFAULT_IMAGE
    """For tasks that name none."""
    cpu: str = "100m"
    """Requested for tasks that ask for none."""
    scratch: str = ""
    """The most that a task which says nothing of it may leave on its container's own disk, such as "20Gi"; "" for no limit."""
    scratch_files: int = 0
    """How many files that may be; 0 for any number."""
    scratch_volume: bool = False
    """Where that is limited, pods get a volume at /tmp whose limit the nodes hold: for nodes that are not Seaway's own."""
    lease_seconds: int = 0
    """How long a program may run without word from the server before it is ended, so that another attempt is safe; 0 for ever."""
    python: str = "python3"
    """The images' Python that starts the runner."""
    code_limit: int = 100 * 1024 * 1024
    """Most bytes of one code snapshot, compressed; five times as much may come out of it."""
    log_limit: int = 256 * 1024 * 1024
    """Most bytes kept of one attempt's log."""
    history: HistorySettings = field(default_factory=HistorySettings)
    """What is remembered, and how long."""
    record_everywhere: bool = False
    """History is to be of all namespaces, as far as that may be seen, not of `namespace` alone."""
    database: str = field(default="", repr=False)
    """A PostgreSQL database as a SQLAlchemy URL, with its password: "postgresql+psycopg://USER:PASSWORD@HOST/DATABASE"; "" for a
    SQLite file in `home`. Attempts' logs lie in the same database; with SQLite they are files."""
    leadership: LeadershipSettings | None = None
    """Who this server is among several on one database, see `Replica`; None: it is alone."""
    artifacts: str = ""
    """Where code, environments, outputs and checkpoints are kept, for example "s3://bucket/prefix"; "" for a folder in `home`.
    What is on its way to an object store lies in `home` until it is whole."""
    artifact_options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """How an object store is reached, see `ObjectStoreOptions`; its keys never leave the server."""
    follow: FollowSettings = FOLLOW
    """How the cluster is watched."""
    engine: EngineSettings = field(default_factory=EngineSettings)
    collector: CollectorSettings = field(default_factory=CollectorSettings)
    storage_limit: int = 0
    """Most bytes of outputs, checkpoints, logs and uploads of one user's runs; 0 for no limit."""
    workspace_storage_limit: int = 0
    """The same of the runs in a workspace of which nothing else was said."""
    storage_files: int = 0
    """Most files of outputs, checkpoints and uploads of one user's runs; 0 for any number."""
    workspace_storage_files: int = 0
    """The same of the runs in a workspace of which nothing else was said."""
    bin_seconds: float = 30 * DAY
    """How long a removed run can be restored."""
    certificates: tuple[WatchedCertificate, ...] = ()
    """Those on which it depends: it is told in time when they expire."""
    notify: NotifySettings = field(default_factory=NotifySettings)
    """Who is told of what happens, and of what lasts."""
    cluster_patience: float = 10.0
    """Seconds that the start waits for the cluster; then the server answers without it (its status says so) until it is there."""
    check_database: bool = True
    """Look through the database file for damage at start (about 1 s per GB)."""


class Server:
    """A running server."""

    def __init__(
        self,
        runs_: RunService,
        user_tokens: UserTokens,
        engine: Engine,
        database: Database,
        view: ClusterView,
        telling: Telling,
        retention: Retention,
        workspaces: Workspaces,
        volumes: Volumes,
        health: Health,
        measures: ServerMeasures,
        recorder: Recorder,
        confirming_off: ConfirmingOff,
    ) -> None:
        self.runs, self.user_tokens = runs_, user_tokens
        self.notifications, self._telling = telling.service, telling
        self.health, self.measures, self.workspaces, self.volumes = health, measures, workspaces, volumes
        self._recorder, self.confirming_off = recorder, confirming_off
        self._engine, self._database, self._view, self._retention = engine, database, view, retention

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
        database, storage, logs = stores.database, stores.storage, stores.logs
        history = Remembering(client, stores, clock, settings.history, settings.collector)
        recorder, collector, narrator = history.recorder, history.collector, history.narrator
        view = ClusterView(client, settings.namespace, clock, settings.follow, everywhere=settings.record_everywhere)  # fmt: skip
        namespaces, pods, usage = Namespaces(client, create=settings.create_namespace), PodTable(), _usage(settings, stores)  # fmt: skip
        teller = Teller(narrator, pods, clock)
        engine = Engine(database, pods, logs, collector, teller, clock, settings.engine)
        removal = Removal(database, client, engine, view, namespaces, clock)
        workspaces = Workspaces(database, client, view, namespaces, removal, usage, clock, default=settings.namespace, bin_seconds=settings.bin_seconds)  # fmt: skip
        bin_, volumes = open_bin(stores, clock, random or SystemRandom(), settings.bin_seconds), open_volumes(database, client, namespaces, engine, clock, settings.namespace)  # fmt: skip
        service = _run_service(settings, stores, client, clock, engine, history, view, bin_, usage, volumes)
        secrets = SecretKeeper(client, clock, lambda uid: engine.state(uid) is not None)
        telling = Telling(database, engine, logs, client, view, clock, settings.notify, service, narrator, settings.certificates)  # fmt: skip
        engine.use(
            Effects(
                client, namespaces, pods, logs, collector, recorder, narrator, FactsGatherer(database, recorder, logs, view), DIAGNOSIS, _pod_settings(settings), stores.tokens.token, engine.wake,
                settings.engine.policy.losses_on_interruptible,
            ),
            secrets.remove,
            telling.recipients,
            view.sees,
        )  # fmt: skip
        history.listen(view, teller.listener(engine.state))
        _show_pods(view, pods, engine)
        await workspaces.load()
        try:
            async with Services() as services:
                await services.start("database", partial(_watch, database))
                await services.start("recorder", recorder.run)
                await services.start("informers", view.run)
                await telling.start(services)
                await services.start("engine", partial(_run_engine, engine, namespaces, view, settings))
                await services.start("tidying", partial(tidy, storage, database))
                for name, part in (("bin", bin_.emptier.run), ("reserve", stores.reserve.run), ("workspaces", removal.run)):  # fmt: skip
                    await services.start(name, part)
                await history.start_rest(services, view, engine.changed)
                await services.start("secrets", partial(_tidy_secrets, secrets, database, view))
                try:
                    yield Server(service, UserTokens(database, clock), engine, database, view, telling, history.retention, workspaces, volumes, _health(settings, database, client, view, clock), ServerMeasures(database, engine, collector, view, telling), recorder, ConfirmingOff(client, view, engine.requests, engine.states, recorder, clock))  # fmt: skip
                finally:
                    database.hurry()
        finally:
            await history.close()


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
        database, stores.storage, stores.tokens, clock, engine=engine, intake=intake, logs=RunLogs(database, logs, history.narrator, engine, clock),
        explainer=Explainer(database, logs, history.recorder, view, engine.states, clock), objects=ObjectExplainer(client, view, ObjectMemory(database, history.recorder, logs), clock),
        timelines=Timelines(database, history.recorder, view), searcher=Searcher(database, logs),
        pod_logs=PodLogs(database, logs), bin_=bin_, recorder=history.recorder, namespace=settings.namespace, usage=usage, cluster=view.all_nodes, reserve=stores.reserve,
    )  # fmt: skip


def _usage(settings: ServerSettings, stores: Stores) -> Usage:
    limits = {
        (USER, BYTES): settings.storage_limit,
        (USER, FILES): settings.storage_files,
        (WORKSPACE, BYTES): settings.workspace_storage_limit,
        (WORKSPACE, FILES): settings.workspace_storage_files,
    }
    return Usage(stores.database, limits, settings.namespace, Growth(stores.logs))


def _health(
    settings: ServerSettings, database: Database, client: Client, view: ClusterView, clock: Clock
) -> Health:
    where = places(settings.home, settings.artifacts)
    return Health(database, client, view, clock, settings.namespace, where)


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
