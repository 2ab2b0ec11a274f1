"""How a server behaves: the settings of the platform."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seaway.client.watch import FollowSettings
from seaway.model.run import DEFAULT_IMAGE
from seaway.platform.bin import DAY
from seaway.platform.cluster_view import FOLLOW
from seaway.platform.engine.engine import EngineSettings
from seaway.platform.history.collector import CollectorSettings
from seaway.platform.history.retention import HistorySettings
from seaway.platform.leadership import LeadershipSettings
from seaway.platform.notifications.certificates import WatchedCertificate
from seaway.platform.notifications.settings import NotifySettings
from seaway.platform.workloads.security import PodSecurity


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
