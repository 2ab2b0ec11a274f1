"""The parts of a team's server put together: a client of its cluster, the platform, the REST API."""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from seaway.cli.certificates_composition import of_team_server
from seaway.cli.network import network_environment
from seaway.cli.server_limits import refuse
from seaway.cli.server_settings import TeamServerSettings
from seaway.sdk.errors import SeawayError
from seaway.sdk.home import take_lock

ADMINISTRATOR = "admin"
"""Whose runs are submitted with the administrator's token."""
GROWTH_SECONDS = 300.0
"""How long a pod waits that no node could ever take: a cluster that grows by itself has a node by then."""
TOKEN_LENGTH = 16
"""Characters that an administrator's token must have at least."""


@asynccontextmanager
async def team_server(settings: TeamServerSettings) -> AsyncIterator[str]:
    """Serve until the block is left; yields the URL when requests are answered.

    The runs' pods are left alone at the end: they go on, and the next server takes them up.

    Raises:
        SeawayError: a setting cannot be used.
    """
    from seaway.client.client import Client
    from seaway.client.http import HttpTransport
    from seaway.portal.app import create_app
    from seaway.portal.serve import ServeSettings, bind, serve
    from seaway.portal.tokens import TokenVerifier

    _prepare_home(settings.home)
    connection = connect_to_cluster(settings)
    certificate, ca = _certificate(settings)
    token = administrator_token(settings)
    serving = ServeSettings(
        settings.home / "port", certificate, port=settings.port, host=settings.host, renew=renewal(settings)
    )
    listener = bind(serving)
    async with AsyncExitStack() as stack:
        stack.callback(listener.close)
        from seaway.platform.server import Server, run_server
        from seaway.portal.replica import run_replica
        from seaway.portal.warming import warming

        client = Client(HttpTransport(connection), field_manager="seaway-server")
        stack.push_async_callback(client.close)
        told = platform_settings(settings, settings.namespace or connection.namespace, ca)
        told = replace(told, certificates=of_team_server(settings, certificate, connection))
        fixed = {} if settings.token_file else {token: ADMINISTRATOR}
        verifier = TokenVerifier(fixed, file=settings.token_file, file_user=ADMINISTRATOR)

        def make_app(server: Server) -> Any:
            return create_app(server, verifier, code_limit=told.code_limit, ca=ca)

        app: Any
        if settings.leader_election:
            told = replace(told, leadership=_leadership(settings, connection.namespace))
            app = await stack.enter_async_context(run_replica(told, client, make_app))
        else:
            app = make_app(await stack.enter_async_context(run_server(told, client)))
        await stack.enter_async_context(serve(app, serving, listener))
        if not settings.leader_election:  # one that stands by has nothing to answer with yet
            await stack.enter_async_context(warming(app, token))
        yield settings.url


def connect_to_cluster(settings: TeamServerSettings) -> Any:
    """Return the connection to the cluster: the kubeconfig that was named, else the pod's own account, else the usual kubeconfig.

    Raises:
        SeawayError: there is none that can be used.
    """
    from seaway.client.config import kubeconfig_paths, load_in_cluster, load_kubeconfig
    from seaway.client.errors import ConfigError

    try:
        if (
            settings.kubeconfig is None
            and settings.context is None
            and os.environ.get("KUBERNETES_SERVICE_HOST")
        ):
            return load_in_cluster(os.environ)
        return load_kubeconfig(
            settings.kubeconfig or kubeconfig_paths(os.environ), settings.context, os.environ
        )
    except ConfigError as error:
        raise refuse(
            "--kubeconfig", str(error), "kubectl --kubeconfig FILE get pods shows whether it works"
        ) from error


def platform_settings(settings: TeamServerSettings, namespace: str, ca: str) -> Any:
    """Return the settings of the platform."""
    from seaway.platform.bin import DAY
    from seaway.platform.server_settings import ServerSettings
    from seaway.platform.workloads.security import PodSecurity

    plain = ServerSettings(settings.home, settings.url, ca, namespace)
    level: Any = settings.pod_security
    recorded: Any = settings.record_logs
    limits = settings.limits
    return replace(
        plain,
        create_namespace=False,
        installation=settings.installation,
        image=settings.image or plain.image,
        pod_security=PodSecurity(level, settings.pod_user),
        service_account=settings.pod_account or None,
        lease_seconds=settings.lease_seconds,
        database=settings.database,
        artifacts=settings.artifacts,
        artifact_options=settings.object_store,
        history=replace(
            plain.history,
            logs=recorded,
            days=settings.history_days,
            log_bytes=settings.history_logs,
        ),
        record_everywhere=settings.record_cluster,
        scratch=limits.scratch,
        scratch_files=limits.scratch_files,
        scratch_volume=True,
        storage_limit=limits.storage,
        workspace_storage_limit=limits.workspace_storage,
        storage_files=limits.storage_files,
        workspace_storage_files=limits.workspace_storage_files,
        bin_seconds=limits.bin_days * DAY,
        engine=replace(plain.engine, policy=replace(plain.engine.policy, hope=GROWTH_SECONDS)),
        notify=replace(
            plain.notify,
            waits=limits.waits,
            hung=limits.hung,
            environment=network_environment(os.environ),
        ),
    )


def _leadership(settings: TeamServerSettings, namespace: str) -> Any:
    """Return who this server is among several on one database; the Lease lies in the connection's namespace, as its pod does."""
    from seaway.platform.leadership import LeadershipSettings
    from seaway.platform.replica import lease_name

    name = settings.pod or socket.gethostname()
    return LeadershipSettings(
        f"{name}_{uuid.uuid4().hex[:8]}", namespace, lease_name(settings.url), settings.pod
    )


def administrator_token(settings: TeamServerSettings) -> str:
    """Return the token of the file that was named, else one of the home's, made at the first start.

    Raises:
        SeawayError: the file cannot be read, holds no token or can be read by everybody.
    """
    from seaway.portal.tokens import ensure_token

    path = settings.token_file
    if path is None:
        return ensure_token(settings.home / "token")
    try:
        token, mode = path.read_text().strip(), path.stat().st_mode
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not text"
        raise refuse(
            "--token-file", f"{path} cannot be read: {reason}", "Give a file that holds the token"
        ) from error
    if mode & 0o007:
        raise refuse("--token-file", f"{path} can be read by everybody on this machine", f"chmod 600 {path}")
    if len(token) < TOKEN_LENGTH or len(token.split()) != 1:
        fault = f"{path} holds no token: one word of {TOKEN_LENGTH} characters or more"
        raise refuse("--token-file", fault, f"openssl rand -hex 32 > {path}")
    return token


def _certificate(settings: TeamServerSettings) -> tuple[Any, str]:
    """Return the certificate to serve with, and the PEM of the authority that pods have to trust ("" for the system's)."""
    import ssl

    from seaway.portal.certificates import CertificateFiles, ensure_certificate

    if settings.tls is None:
        files = ensure_certificate(settings.home, datetime.now(UTC), settings.names)
        return files, files.ca.read_text()
    given = settings.tls
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(given.certificate, given.key)
    except (ssl.SSLError, OSError) as error:
        fault = f"{given.certificate} and {given.key} are no certificate and its key: {error}"
        raise refuse("--tls-cert", fault, "Give PEM files that belong together") from error
    ca = _read_authority(given.ca) if given.ca else ""
    return CertificateFiles(given.ca or given.certificate, given.certificate, given.key), ca


def renewal(settings: TeamServerSettings) -> Callable[[], object] | None:
    """Return what renews the server's own certificate while it runs, None where one was given: others do that, in its files."""
    from seaway.portal.certificates import ensure_certificate

    if settings.tls is not None:
        return None
    return lambda: ensure_certificate(settings.home, datetime.now(UTC), settings.names, starting=False)


def _read_authority(path: Path) -> str:
    import ssl

    try:
        text = path.read_text()
        ssl.create_default_context(cadata=text)
    except (ssl.SSLError, ValueError, OSError) as error:
        raise refuse(
            "--tls-ca", f"{path} is no certificate (PEM): {error}", "Give the authority's certificate"
        ) from error
    return text


def _prepare_home(home: Path) -> None:
    """Make the home's folder and take it: two servers on one home would each write what the other does not know of."""
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = take_lock(home / "lock")
    except OSError as error:
        fault = f"{home} cannot be used: {error.strerror}"
        raise refuse("--home", fault, "Give a folder that this user can write to") from error
    if lock is None:
        raise SeawayError(
            f"a server runs already for {home}",
            code="Temporary",
            remedy="Stop it, or give another one with --home",
        )
