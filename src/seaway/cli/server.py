"""`seaway server`: the platform and its REST API for a team, on any Kubernetes, in the foreground."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import sys

import typer

from seaway import __version__
from seaway.cli import exits
from seaway.cli import server_options as options
from seaway.cli import server_settings as reading
from seaway.cli.context import current_home
from seaway.cli.server_limits import DEFAULT_HUNG, DEFAULT_WAITS, parse_size, read_limits
from seaway.cli.server_settings import TeamServerSettings
from seaway.sdk.errors import SeawayError

logger = logging.getLogger(__name__)
EPILOG = """\b
Examples:
  seaway server --kubeconfig ~/.kube/config --namespace research
  seaway server --listen 0.0.0.0:8443 --url https://seaway.example.com
  SEAWAY_SERVER_DATABASE=postgresql://... seaway server --artifacts s3://bucket/seaway

\b
Every option can be a variable: SEAWAY_SERVER_LISTEN for --listen. The object storage is reached with
AWS_ENDPOINT_URL_S3, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION, from variables only.
SIGTERM ends the server; the runs' pods go on, and the next server takes them up."""


def server(
    kubeconfig: options.Kubeconfig = None,
    context: options.Context = None,
    namespace: options.Namespace = None,
    home: options.HomeFolder = None,
    database: options.Database = "",
    artifacts: options.Artifacts = "",
    listen: options.Listen = reading.DEFAULT_LISTEN,
    url: options.Url = None,
    tls_cert: options.TlsCertificate = None,
    tls_key: options.TlsKey = None,
    tls_ca: options.TlsAuthority = None,
    token_file: options.TokenFile = None,
    default_image: options.DefaultImage = "",
    pod_security: options.PodSecurity = "hardened",
    pod_user: options.PodUser = 1000,
    pod_service_account: options.PodAccount = "",
    lease: options.Lease = reading.DEFAULT_LEASE,
    leader_election: options.LeaderElection = False,
    pod_name: options.PodName = "",
    installation: options.Installation = "",
    history_days: options.HistoryDays = 365,
    history_logs: options.HistoryLogs = reading.DEFAULT_HISTORY_LOGS,
    record_logs: options.RecordLogs = "labelled",
    record_cluster: options.RecordCluster = False,
    scratch_limit: options.ScratchLimit = "",
    scratch_files: options.ScratchFiles = None,
    storage_limit: options.StorageLimit = "",
    workspace_storage_limit: options.WorkspaceStorageLimit = "",
    storage_files: options.StorageFiles = None,
    workspace_storage_files: options.WorkspaceStorageFiles = None,
    bin_days: options.BinDays = 30,
    waits: options.Waits = DEFAULT_WAITS,
    hung: options.Hung = DEFAULT_HUNG,
) -> None:
    """Serve a team: runs on any Kubernetes, with nothing but the rights of a namespace. Stays in the foreground."""
    host, port = reading.parse_listen(listen)
    settings = TeamServerSettings(
        home=(home or current_home().path / "team").expanduser().absolute(),
        kubeconfig=kubeconfig.expanduser() if kubeconfig else None,
        context=context,
        namespace=reading.parse_namespace(namespace),
        database=reading.parse_database(database),
        artifacts=reading.parse_artifacts(artifacts),
        host=host, port=port,
        url=reading.parse_url(url, host, port),
        tls=reading.tls_files(tls_cert, tls_key, tls_ca),
        token_file=token_file.expanduser() if token_file else None,
        image=default_image,
        pod_security=reading.parse_pod_security(pod_security),
        pod_user=pod_user,
        pod_account=pod_service_account,
        lease_seconds=reading.parse_lease(lease),
        pod=pod_name, installation=installation, leader_election=leader_election,
        object_store=reading.object_store(os.environ) if artifacts else {},
        history_days=history_days, history_logs=parse_size("--history-logs", history_logs),
        record_logs=reading.parse_record_logs(record_logs), record_cluster=record_cluster,
        limits=read_limits(scratch_limit, scratch_files, storage_limit, workspace_storage_limit, storage_files, workspace_storage_files, bin_days, waits, hung),
    )  # fmt: skip
    raise typer.Exit(run_team_server(settings))


def run_team_server(settings: TeamServerSettings) -> int:
    """Serve until SIGTERM or SIGINT; return the exit code.

    Raises:
        SeawayError: why it cannot go on.
    """
    from seaway.base.logs import configure
    from seaway.cli.daemon import explain, run_loop
    from seaway.cli.footprint import keep_small

    gc.disable()  # imports make much that stays
    keep_small()
    os.umask(0o077)
    level = os.environ.get("SEAWAY_LOG", "info")
    try:
        configure(level, sys.stderr)
    except ValueError as error:
        raise SeawayError(f"SEAWAY_LOG: {error}", code="Usage", remedy="Set it to one of them") from error
    if level.lower() != "debug":
        logging.getLogger("httpx").setLevel(logging.WARNING)  # else a line for each call to the cluster
    try:
        run_loop(_serve(settings))
    except Exception as error:
        reason = explain(error, again="seaway server")
        if reason.code == "Unknown":
            logger.exception("Seaway %s cannot go on", __version__)
        raise reason from error
    logger.info("down; pods of runs go on")
    return exits.OK


async def _serve(settings: TeamServerSettings) -> None:
    from seaway.cli.server_composition import team_server

    main = asyncio.current_task()
    assert main is not None
    stopping = asyncio.Event()

    def stop() -> None:
        if not stopping.is_set():  # once: a second signal may not break off the end in order
            stopping.set()
            main.cancel()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    try:
        async with team_server(settings) as url:
            gc.freeze()
            gc.set_threshold(20_000, 20, 20)  # objects are trees: looking for cycles is mostly in vain
            gc.enable()
            print(f"seaway server {__version__} is ready: {url}", flush=True)
            await asyncio.Event().wait()
    except asyncio.CancelledError:
        if not stopping.is_set():
            raise
