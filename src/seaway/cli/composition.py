"""The parts of the daemon put together: control plane, platform and portal, each after what it needs.

They are imported as they are started, because importing is most of the time that a start takes.
"""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from seaway import __version__
from seaway.cli.certificates_composition import of_home
from seaway.cli.settings_file import Settings, as_values, pretended
from seaway.sdk.errors import SeawayError
from seaway.sdk.home import DaemonRecord, Home
from seaway.sdk.snapshot import sweep_snapshots

Report = Callable[[dict[str, Any]], None]
CERTIFICATE_SECONDS = 3600.0
"""Seconds between two looks at whether the portal's certificate is about to expire: it has 90 days then."""


@dataclass(frozen=True, slots=True)
class DaemonSettings:
    """How the daemon serves a home."""

    told: Settings = field(default_factory=Settings)
    """What the home's settings file says."""
    drain_seconds: float = 40.0
    """How long runs may take to end when the daemon stops."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """What of it was said with `seaway up` instead, by the fields' names."""
    network: Mapping[str, str] = field(default_factory=dict)
    """Proxy, certificate and package index variables for the containers."""
    user: str = "user"
    """Whose runs are submitted with the home's token."""


@asynccontextmanager
async def everything(
    home: Home, settings: DaemonSettings, report: Report
) -> AsyncIterator[tuple[Any, DaemonRecord]]:
    """Start all parts, each after what it needs; stop them in reverse."""
    from seaway.controlplane.cluster import run_cluster
    from seaway.portal.certificates import ensure_certificate
    from seaway.portal.serve import bind, serve
    from seaway.portal.tokens import TokenVerifier, ensure_token

    home.server.mkdir(exist_ok=True, mode=0o700)
    home.cache.mkdir(exist_ok=True, mode=0o700)
    sweep_snapshots(home.cache, time.time())
    token = ensure_token(home.token)
    certificate = ensure_certificate(home.server, datetime.now(UTC))
    told = settings.told
    serving = _serving(home, told, certificate)
    listener = bind(serving)
    url = "https://{}:{}".format(*listener.getsockname())
    async with AsyncExitStack() as stack:
        stack.callback(listener.close)
        report({"stage": "the cluster"})
        cluster = await stack.enter_async_context(run_cluster(cluster_settings(home, settings)))
        report({"stage": "the server"})
        from seaway.platform import access
        from seaway.platform.server import run_server

        await _grant(cluster.client("seaway:installer", ["system:masters"]), access.cluster_wide_grant())
        client = cluster.client(access.USER)
        server = await stack.enter_async_context(
            run_server(server_settings(home, told, url, certificate.ca.read_text(), settings.network), client)
        )
        cluster.audit.listen(server.audited)
        from seaway.portal.app import create_app
        from seaway.portal.warming import warming

        verifier = TokenVerifier({token: settings.user})
        ca = certificate.ca.read_text()
        app = create_app(
            server,
            verifier,
            facts=_facts(client),
            code_limit=told.code_limit,
            ca=ca,
            practice=_practice(cluster),
        )
        await stack.enter_async_context(serve(app, serving, listener))
        await stack.enter_async_context(warming(app, token))
        yield (
            server,
            DaemonRecord(
                os.getpid(),
                time.time(),
                __version__,
                url,
                cluster.url,
                settings=as_values(told),
                options=settings.options,
            ),
        )


def _serving(home: Home, told: Settings, certificate: Any) -> Any:
    """Return where the REST API is served, and what renews its certificate."""
    from seaway.portal.certificates import ensure_certificate
    from seaway.portal.serve import ServeSettings

    return ServeSettings(
        home.server / "port",
        certificate,
        port=told.port,
        certificate_seconds=CERTIFICATE_SECONDS,
        renew=lambda: ensure_certificate(home.server, datetime.now(UTC), starting=False),
    )


def _practice(cluster: Any) -> Any:
    from seaway.controlplane.practice import Practice

    client = cluster.client("seaway:practice", ["system:masters"])
    return Practice(client, cluster.nodes, cluster.simulated)


async def _grant(client: Any, manifests: Sequence[dict[str, Any]]) -> None:
    """Give the server its role, and give it again where somebody changed it."""
    from seaway.objects.builtin import CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES

    for resource, manifest in zip((CLUSTER_ROLES, CLUSTER_ROLE_BINDINGS), manifests, strict=True):
        await client.apply(resource, manifest, force=True)


def cluster_settings(home: Home, settings: DaemonSettings) -> Any:
    """Return the settings of the control plane."""
    from seaway.base.zones import machine_zone
    from seaway.controlplane.cluster import ClusterSettings
    from seaway.controlplane.images import image_environments

    told, plain = settings.told, ClusterSettings(home.path)
    if told.cpu_manager == "static":
        _check_cpus(told.nodes)
    return replace(
        plain,
        port=told.api_port,
        nodes=told.nodes,
        scheduler=replace(plain.scheduler, strategy=told.strategy),
        images=image_environments(told.images, home.path),
        network_env=settings.network,
        pretend_gpus=pretended(told.pretend_gpus),
        exclusive_cpus=told.cpu_manager == "static",
        cache=_cache(home, told),
        simulated_nodes=told.simulated_nodes,
        network=replace(
            plain.network, ingress_port=told.ingress_port, ingress_tls_port=told.ingress_tls_port
        ),
        controllers=replace(plain.controllers, time_zone=machine_zone(os.environ.get("TZ"))),
    )


def _cache(home: Home, told: Settings) -> Any:
    """Return what the nodes let go of in the home's cache: what the runner keeps there, and finds or makes anew."""
    from seaway.controlplane.caches import runners_cache

    if told.cache_low > told.cache_high:
        fault = f"the cache is emptied from {told.cache_high} % of the disk on, which is less than down to {told.cache_low} %"
        remedy = "Set cache_low to no more than cache_high, then: seaway up"
        raise SeawayError(fault, code="Settings", field="cluster.cache_low", remedy=remedy)
    return runners_cache(home.cache, told.cache_high, told.cache_low, told.cache_days)


def _check_cpus(nodes: int) -> None:
    """Refuse CPUs for one container alone where that cannot be."""
    if nodes > 1:
        fault = f"{nodes} nodes share this machine's CPUs, so none can be for one container alone"
    elif not hasattr(os, "sched_setaffinity") or len(os.sched_getaffinity(0)) < 2:
        fault = "this machine cannot give CPUs to one container alone: that needs Linux and at least two CPUs"
    else:
        return
    remedy = 'Set cpu_manager = "none" or one node, then: seaway up'
    raise SeawayError(fault, code="Settings", field="cluster.cpu_manager", remedy=remedy)


def server_settings(
    home: Home, told: Settings, url: str, ca: str, network: Mapping[str, str] = MappingProxyType({})
) -> Any:
    """Return the settings of the platform server: where its gateway answers, and by which authority."""
    from seaway.model.notification import Event
    from seaway.platform.server_settings import ServerSettings

    plain = ServerSettings(home.server, url, ca)
    notify = replace(
        plain.notify, urls=told.notify_urls, events=tuple(Event(event) for event in told.notify_events),
        waits=told.waits, hung=told.hung, environment=network,
    )  # fmt: skip
    return replace(
        plain,
        certificates=of_home(home.server, home.path / "cluster"),
        cache_volume={"hostPath": {"path": str(home.cache), "type": "DirectoryOrCreate"}},
        image=told.default_image,
        cpu=told.default_cpu,
        code_limit=told.code_limit,
        log_limit=told.log_limit,
        record_everywhere=True,
        scratch=str(told.scratch_limit),
        scratch_files=told.scratch_files,
        storage_limit=told.storage_limit,
        workspace_storage_limit=told.workspace_storage_limit,
        storage_files=told.storage_files,
        workspace_storage_files=told.workspace_storage_files,
        bin_seconds=told.bin_days * 86400.0,
        history=replace(
            plain.history, logs=told.record_logs, days=told.history_days, log_bytes=told.history_logs
        ),
        engine=replace(plain.engine, pods_in_flight=told.pods_at_once),
        notify=notify,
    )


def _facts(client: Any) -> Callable[[], Any]:
    """What `seaway status` says of the cluster."""

    async def facts() -> dict[str, Any]:
        from seaway.objects.builtin import NODES

        nodes = await client.list(NODES)
        return {"nodes": [_node(node) for node in nodes["items"]]}

    return facts


def _node(node: dict[str, Any]) -> dict[str, str]:
    status = node.get("status", {})
    ready = next((c["status"] for c in status.get("conditions", ()) if c["type"] == "Ready"), "Unknown")
    room = status.get("allocatable", {})
    return {
        "name": node["metadata"]["name"],
        "status": "ready" if ready == "True" else "not ready",
        "cpu": str(room.get("cpu", "")),
        "memory": str(room.get("memory", "")),
        "gpu": str(room.get("nvidia.com/gpu", "0")),
    }
