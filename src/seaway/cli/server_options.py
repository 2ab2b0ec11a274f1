"""The options of `seaway server`, one alias each; every one can be a variable too."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from seaway.cli.server_settings import DEFAULT_LISTEN, PREFIX


def _option(
    flag: str,
    metavar: str | None,
    meaning: str,
    *,
    minimum: int | None = None,
    maximum: int | None = None,
) -> typer.models.OptionInfo:
    variable = PREFIX + flag.removeprefix("--").replace("-", "_").upper()
    made: typer.models.OptionInfo = typer.Option(
        flag,
        metavar=metavar,
        envvar=variable,
        show_envvar=False,
        show_default=False,
        help=meaning,
        min=minimum,
        max=maximum,
    )
    return made


Kubeconfig = Annotated[
    Path | None,
    _option("--kubeconfig", "FILE", "The cluster; inside a pod its own account, else the usual kubeconfig."),
]
Context = Annotated[str | None, _option("--context", "NAME", "A context of the kubeconfig.")]
Namespace = Annotated[
    str | None,
    _option("--namespace", "NAME", "Where the runs' pods are made; the context's without this."),
]
HomeFolder = Annotated[
    Path | None,
    _option("--home", "DIR", "Where everything is kept that is not elsewhere: ~/.seaway/team without this."),
]
Database = Annotated[str, _option("--database", "URL", "PostgreSQL; without this, SQLite in the home.")]
Artifacts = Annotated[
    str, _option("--artifacts", "URL", "s3://BUCKET/PREFIX; without this, a folder in the home.")
]
Listen = Annotated[str, _option("--listen", "HOST:PORT", f"Where to serve; {DEFAULT_LISTEN} without this.")]
Url = Annotated[
    str | None, _option("--url", "URL", "How users and pods reach it; where it listens without this.")
]
TlsCertificate = Annotated[
    Path | None, _option("--tls-cert", "FILE", "A certificate (PEM); without one, the server's own.")
]
TlsKey = Annotated[Path | None, _option("--tls-key", "FILE", "Its key.")]
TlsAuthority = Annotated[
    Path | None,
    _option("--tls-ca", "FILE", "Who signed it, where not every machine trusts that authority."),
]
TokenFile = Annotated[
    Path | None,
    _option(
        "--token-file", "FILE", "Holds the administrator's token; without this, one is made in the home."
    ),
]
DefaultImage = Annotated[str, _option("--default-image", "IMAGE", "The image of runs that name none.")]
PodSecurity = Annotated[
    str,
    _option(
        "--pod-security",
        "LEVEL",
        "What the runs' pods give up: plain, hardened or restricted (never as root).",
    ),
]
PodUser = Annotated[
    int, _option("--pod-user", "NUMBER", "Whom the runs' pods run as where they are restricted.", minimum=1)
]
PodAccount = Annotated[
    str,
    _option(
        "--pod-service-account", "NAME", "The service account of the runs' pods; they get no token of it."
    ),
]
Lease = Annotated[
    str,
    _option(
        "--lease",
        "DURATION",
        "A program that cannot reach the server for so long is ended and tried again elsewhere; 0: never.",
    ),
]
LeaderElection = Annotated[
    bool, _option("--leader-election", None, "Several servers share the database; one of them leads.")
]
PodName = Annotated[str, _option("--pod-name", "NAME", "The pod that this server runs in, for the election.")]
Installation = Annotated[
    str,
    _option(
        "--installation",
        "NAMESPACE/NAME",
        "What the server was installed as: the runs' pods carry it, and go with it.",
    ),
]
HistoryDays = Annotated[
    int,
    _option(
        "--history-days",
        "DAYS",
        "After so many days it is forgotten what happened: changes, events, logs; 365 without this.",
        minimum=1,
        maximum=36_500,
    ),
]
HistoryLogs = Annotated[
    str, _option("--history-logs", "SIZE", "How much is kept of all logs together, such as 20Gi.")
]
RecordLogs = Annotated[
    str,
    _option(
        "--record-logs",
        "WHICH",
        "Whose logs are kept beside the runs': all pods of the namespace, labelled (seaway.dev/record=true), none.",
    ),
]
RecordCluster = Annotated[
    bool,
    _option(
        "--record-cluster",
        None,
        "Keep the history of all namespaces, as far as the server may see them.",
    ),
]
ScratchLimit = Annotated[
    str,
    _option(
        "--scratch-limit",
        "SIZE",
        "The most that a run may leave in /tmp and its folder, such as 20Gi, unless it asks with --scratch; no limit without this.",
    ),
]
ScratchFiles = Annotated[
    int | None,
    _option(
        "--scratch-files",
        "NUMBER",
        "How many files that may be; any number without this.",
        minimum=1000,
        maximum=1_000_000_000,
    ),
]
StorageLimit = Annotated[
    str,
    _option(
        "--storage-limit",
        "SIZE",
        "The most that one user's runs may take on the server, the bin included, such as 500Gi; no limit without this.",
    ),
]
WorkspaceStorageLimit = Annotated[
    str,
    _option(
        "--workspace-storage-limit",
        "SIZE",
        "The most that the runs in one workspace may take; no limit without this. seaway workspace set says it of a single one.",
    ),
]
StorageFiles = Annotated[
    int | None,
    _option(
        "--storage-files",
        "NUMBER",
        "The most files in which the outputs, checkpoints and code of one user's runs are kept; any number without this.",
        minimum=1000,
        maximum=1_000_000_000,
    ),
]
WorkspaceStorageFiles = Annotated[
    int | None,
    _option(
        "--workspace-storage-files",
        "NUMBER",
        "The same for the runs in one workspace. seaway workspace set says it of a single one.",
        minimum=1000,
        maximum=1_000_000_000,
    ),
]
BinDays = Annotated[
    int,
    _option(
        "--bin-days",
        "DAYS",
        "How long a removed run can be restored; 30 without this.",
        minimum=1,
        maximum=3650,
    ),
]
Waits = Annotated[
    str,
    _option(
        "--waits",
        "DURATION",
        "Who is notified is told of a run that has not started after so long; 0: never.",
    ),
]
Hung = Annotated[
    str,
    _option(
        "--hung",
        "DURATION",
        "The same of a run that has neither written to its log nor used the CPU for so long; 0: never.",
    ),
]
