"""The embedded cluster: settings in, a running control plane and its kubeconfig out.

The composition root: store, API server, controllers, scheduler and nodes, started in this order and stopped in reverse.
All of them but the API server are only clients of it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from seaway import __version__
from seaway.base.clock import Clock, SystemClock
from seaway.base.tasks import Service, Services
from seaway.client.client import Client
from seaway.controlplane.apiserver.audit import AuditLog
from seaway.controlplane.apiserver.inprocess import InProcessTransport
from seaway.controlplane.apiserver.pki import Pki, ensure_pki
from seaway.controlplane.apiserver.serve import TlsFiles, serve
from seaway.controlplane.apiserver.server import ApiServer
from seaway.controlplane.apiserver.settings import ApiServerSettings
from seaway.controlplane.apiserver.users import MASTERS, NODE_PREFIX, NODES, authenticated
from seaway.controlplane.controllers.context import Context
from seaway.controlplane.controllers.settings import ControllersSettings
from seaway.controlplane.controllers.table import build_all
from seaway.controlplane.embeddednode import EmbeddedNode
from seaway.controlplane.home import HOST, Place, check_format, open_place
from seaway.controlplane.kinds import BUILTIN_KINDS
from seaway.controlplane.kinds.declaration import Kind
from seaway.controlplane.network.build import build_network
from seaway.controlplane.network.names import Names
from seaway.controlplane.network.settings import NetworkSettings
from seaway.controlplane.node.agent import NodeAgent
from seaway.controlplane.node.cacheplan import CacheSettings
from seaway.controlplane.node.settings import ImageEnvironment, NodeSettings
from seaway.controlplane.node.simulated import SIMULATED_LABEL, SimulatedNodes, SimulatedSettings
from seaway.controlplane.people import build_workspace, let_users_in, renew_certificates, write_kubeconfigs
from seaway.controlplane.retired import retire_nodes, retire_simulated
from seaway.controlplane.scheduler.scheduler import Scheduler, SchedulerSettings
from seaway.controlplane.store.log import Store
from seaway.controlplane.store.memory import MemoryStore
from seaway.controlplane.store.sealing import prepare_sealing
from seaway.controlplane.store.sqlite import SqliteStore
from seaway.reconcile.informer import Informers
from seaway.reconcile.manager import Manager, Runnable
from seaway.reconcile.recorder import EventRecorder

logger = logging.getLogger(__name__)
_NAMES = ("localhost", "127.0.0.1", "kubernetes", "kubernetes.default", "kubernetes.default.svc")


@dataclass(frozen=True, slots=True)
class ClusterSettings:
    """How the embedded cluster runs."""

    home: Path
    """Seaway's home folder; the cluster's state lies in `<home>/cluster/`."""
    port: int | None = None
    """Port of the API server on 127.0.0.1; None: chosen at first start and kept."""
    nodes: int = 1
    """How many node agents; 0 for a control plane alone."""
    namespace: str = "seaway-default"
    """The kubeconfig's current namespace."""
    scheduler: SchedulerSettings = field(default_factory=SchedulerSettings)
    run_scheduler: bool = True
    """Whether its own scheduler runs; else something else has to bind pods."""
    controllers: ControllersSettings = field(default_factory=ControllersSettings)
    run_controllers: bool = True
    """Whether its own controllers run; else something else has to do their work."""
    further_kinds: bool = False
    """Whether deployments and all else is served that only Kubernetes' own scheduler and controllers act on."""
    images: Mapping[str, ImageEnvironment] | None = None
    """What image names stand for; None for the nodes' defaults."""
    network_env: Mapping[str, str] = field(default_factory=dict)
    """Proxy and package index variables of the host that every container gets."""
    pretend_gpus: Sequence[tuple[str, int]] = ()
    """Model and number of GPUs that nodes offer although they are not there, for learning: the first entry for the first
    node, and so on, then from the beginning again. Empty: each node offers those found."""
    exclusive_cpus: bool = False
    """Containers of Guaranteed pods that ask for whole CPUs have them for themselves; for one node alone."""
    cache: CacheSettings | None = None
    """What pods have in common on this machine, and when nodes let go of it; None: they leave all of it."""
    simulated_nodes: int = 0
    """How many hollow nodes there are beside: they run nothing, and say that they do."""
    taint_simulated: bool = True
    """Whether hollow nodes are tainted with `SIMULATED_LABEL`, so that only pods that tolerate it land there."""
    in_memory: bool = False
    """Whether the objects are kept in memory only, and are gone when the cluster stops."""
    run_network: bool = True
    """Whether services are balanced and have names."""
    server: ApiServerSettings = field(default_factory=ApiServerSettings)
    """How the API server behaves; its version, port and network are filled in with the cluster's own."""
    network: NetworkSettings = field(default_factory=NetworkSettings)
    """How services are answered; its ranges are filled in with the cluster's own."""
    node_heartbeat: float = 10.0
    """Seconds between two signs of life of a node."""
    node_refresh: float = 10.0
    """Seconds between two looks at what mounted ConfigMaps, Secrets and fields of the pod say now."""
    node_backoff: float = 10.0
    """Seconds before the first restart of a container that failed, and before the next try to get an image."""
    certificates_seconds: float = 3600.0
    """Seconds between two looks at whether certificates are about to expire."""
    node_stop_seconds: float = 30.0
    """Longest grace of pods that still run when the cluster stops."""


class Cluster:
    """A running cluster."""

    def __init__(self, server: ApiServer, place: Place, pki: Pki, audit: AuditLog) -> None:
        self.server = server
        self.audit = audit
        self.url = place.url
        """https URL of the API server."""
        self.kubeconfig = place.kubeconfig
        """Of a member of system:masters; readable by its owner only."""
        self.user_kubeconfig = place.user_kubeconfig
        """Of somebody who works in the workspace's namespace; readable by its owner only."""
        self.pki = pki
        self.nodes: tuple[EmbeddedNode, ...] = ()
        self.simulated: SimulatedNodes | None = None

    def client(self, user: str, groups: Sequence[str] = ()) -> Client:
        """Return an in-process client that acts as this user; what it returns is shared with the store."""
        return Client(InProcessTransport(self.server, authenticated(user, tuple(groups))))


@asynccontextmanager
async def run_cluster(settings: ClusterSettings, clock: Clock | None = None) -> AsyncIterator[Cluster]:
    """Run the embedded cluster until the context is left; it is ready when entered.

    Raises:
        ClusterError: the port asked for is taken, the data is of a newer version, or a node that leaves may still run something.
        DatabaseError: the store cannot be opened (corrupt, locked); the message names the file and the remedy.
        PkiBroken: a key or certificate cannot be read.
        ServiceFailed: a part died; the block is cancelled.
    """
    clock = clock or SystemClock()
    async with AsyncExitStack() as stack:
        folder = settings.home / "cluster"
        check_format(folder, __version__)
        place = stack.enter_context(open_place(settings.home, settings.port))
        service_address = place.address.service_network.rsplit(".", 2)[0] + ".0.1"
        hosts = (*_NAMES, service_address)
        pki = ensure_pki(folder / "pki", hosts, clock.now())
        store = MemoryStore() if settings.in_memory else await _open_store(folder, clock.now())
        stack.push_async_callback(store.close)
        told = _server_settings(settings, place)
        audit = AuditLog(folder / "audit.log", clock)
        stack.callback(audit.close)
        server = ApiServer(store, _kinds(settings), told, clock, pki.load_service_account_key(), audit)
        await server.start()
        stack.push_async_callback(server.stop)
        files = TlsFiles(pki.server.certificate, pki.server.key, pki.ca.certificate)
        shown = await stack.enter_async_context(serve(server, place.listener, files))
        write_kubeconfigs(place, pki, settings.namespace, clock.now())
        cluster = Cluster(server, place, pki, audit)
        keep = partial(
            shown.keep, clock=clock, every=settings.certificates_seconds,
            renew=lambda: renew_certificates(place, pki, hosts, settings.namespace, clock.now()),
        )  # fmt: skip
        await stack.enter_async_context(_parts(cluster, settings, place, clock, keep))
        logger.info("the cluster is ready at %s", cluster.url)
        yield cluster


async def _open_store(folder: Path, now: float) -> Store:
    file = folder / "store.db"
    sealer = await asyncio.to_thread(prepare_sealing, file, folder / "pki" / "secrets.key", now)
    return await SqliteStore.open(file, sealer=sealer)


def _kinds(settings: ClusterSettings) -> tuple[Kind, ...]:
    if not settings.further_kinds:
        return BUILTIN_KINDS
    # late: few need them, and each start would read them
    from seaway.controlplane.kinds.further import FURTHER_KINDS

    return (*BUILTIN_KINDS, *FURTHER_KINDS)


def _server_settings(settings: ClusterSettings, place: Place) -> ApiServerSettings:
    address = place.address
    return replace(
        settings.server, version=__version__, port=address.port, service_network=address.service_network
    )


@asynccontextmanager
async def _parts(
    cluster: Cluster, settings: ClusterSettings, place: Place, clock: Clock, keep_certificates: Service
) -> AsyncIterator[None]:
    """Run controllers, scheduler and nodes, clients of the API server, and what renews its certificates."""
    administrator = cluster.client("seaway:cluster", (MASTERS,))
    prepared = await let_users_in(administrator, settings.namespace)
    await retire_nodes(administrator, settings.home / "cluster" / "nodes", settings.nodes)
    await retire_simulated(administrator, settings.simulated_nodes)
    async with Services() as services:
        manager, names = _controllers(
            cluster, settings, place, clock,
            lambda informers: build_workspace(administrator, informers, settings.namespace, prepared, clock),
        )  # fmt: skip
        await services.start("certificates", keep_certificates)
        await services.start("controllers", manager.run)
        cluster.nodes = tuple(_node(cluster, node, clock, names) for node in node_settings(settings, place))
        for node in cluster.nodes:
            cluster.server.register_node(node.name, node)
            await services.start(node.name, node.run)
        if settings.simulated_nodes:
            # What is to run may not land on a node that only says so.
            taint = {"key": SIMULATED_LABEL, "value": "true", "effect": "NoSchedule"}
            hollow = SimulatedSettings(taints=(taint,) if settings.taint_simulated else ())
            cluster.simulated = SimulatedNodes(administrator, settings.simulated_nodes, hollow, clock)
            await services.start("simulated nodes", cluster.simulated.run)
        try:
            yield
        finally:
            await _stop_nodes(cluster.nodes, settings.node_stop_seconds)


def _node(cluster: Cluster, settings: NodeSettings, clock: Clock, names: Names) -> EmbeddedNode:
    client = cluster.client(f"{NODE_PREFIX}{settings.name}", (NODES,))
    return EmbeddedNode(settings.name, lambda trouble: NodeAgent(client, settings, clock, trouble, names))


async def _stop_nodes(nodes: Sequence[EmbeddedNode], grace: float) -> None:
    """End every process of every node; one that fails does not keep the others from it."""
    outcomes = await asyncio.gather(*(node.shutdown(grace) for node in nodes), return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            logger.error("a node did not stop cleanly", exc_info=outcome)


def _controllers(
    cluster: Cluster,
    settings: ClusterSettings,
    place: Place,
    clock: Clock,
    workspace: Callable[[Informers], Runnable],
) -> tuple[Manager, Names]:
    """Return controllers, scheduler and network over shared informers, as far as they are to run."""
    client = cluster.client("system:kube-controller-manager")
    informers = Informers(client, clock)
    recorder = EventRecorder(client, "controllermanager", clock)
    told = replace(
        settings.controllers,
        ca_certificate=cluster.pki.ca.certificate.read_text(),
        sign=cluster.pki.sign,
        sign_token=cluster.server.sign_token,
        volumes=settings.home / "cluster" / "volumes",
    )
    context = Context(client, informers, recorder, clock, told)
    scheduling = cluster.client("system:kube-scheduler")
    scheduler_recorder = EventRecorder(scheduling, settings.scheduler.name, clock)
    scheduler = Scheduler(scheduling, informers, scheduler_recorder, clock, settings.scheduler)
    networking = cluster.client("seaway:network")
    network_recorder = EventRecorder(networking, "seaway-network", clock)
    network = build_network(networking, informers, network_recorder, clock, network_settings(settings, place))
    running = (
        *(build_all(context) if settings.run_controllers else ()),
        workspace(informers),
        *((scheduler,) if settings.run_scheduler else ()),
        *(network.parts if settings.run_network else ()),
    )
    return Manager(informers, running, (recorder, scheduler_recorder, network_recorder)), network.names


def network_settings(settings: ClusterSettings, place: Place) -> NetworkSettings:
    """Return how the network is served: in the cluster's own ranges."""
    address = place.address
    return replace(settings.network, service_network=address.service_network, pod_network=address.pod_network)


def node_settings(settings: ClusterSettings, place: Place) -> list[NodeSettings]:
    """Return the settings of each node: its own folder and its own part of the pods' addresses."""
    pretended = settings.pretend_gpus
    return [
        NodeSettings(
            name=f"node-{number}",
            folder=settings.home / "cluster" / "nodes" / f"node-{number}",
            images=settings.images,
            hidden=(str(settings.home),),
            network_env=settings.network_env,
            addresses=place.address.pod_network_of(number),
            pretend_gpus=pretended[(number - 1) % len(pretended)][1] if pretended else None,
            pretend_gpu_model=pretended[(number - 1) % len(pretended)][0] if pretended else "",
            exclusive_cpus=settings.exclusive_cpus,
            cache=settings.cache,
            heartbeat_seconds=settings.node_heartbeat,
            refresh_seconds=settings.node_refresh,
            backoff_initial=settings.node_backoff,
            api_host=HOST,
            api_port=place.address.port,
        )
        for number in range(1, settings.nodes + 1)
    ]
