"""Composition root of the platform: settings and a Kubernetes client -> a running server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seaway.client.client import Client
from seaway.platform.service import RunService


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """How a server behaves; what differs between clusters is here and nowhere else."""

    home: Path
    """Folder for the database, logs and artifacts; made with mode 0700."""
    gateway_url: str = ""
    """Where pods reach the portal, https; may be set later with `Server.set_gateway` where the port is chosen at start."""
    gateway_ca: str = ""
    """PEM text of the CA that signed the portal's certificate; "" for the system's own."""
    namespace: str = "seaway-default"
    """Where pods are made; created where it is missing and that is allowed."""
    cache_volume: Mapping[str, Any] | None = None
    """A Kubernetes volume source for the node-local cache, for example {"hostPath": {"path": ..., "type": "DirectoryOrCreate"}}."""
    cache_path: str = "/var/cache/seaway"
    """Where the cache volume is mounted; on nodes without mount namespaces the host's own path."""


class Server:
    """A running server."""

    runs: RunService

    def set_gateway(self, url: str, ca: str) -> None:
        """Say where pods reach the portal (it may choose its port only when it starts)."""
        raise NotImplementedError

    async def drain(self, *, timeout: float = 40.0) -> None:
        """End all live pods gracefully, as infrastructure ("ClusterStopped"): they go on at the next start. Nothing new starts."""
        raise NotImplementedError

    def status(self) -> dict[str, Any]:
        """Return what `seaway status` shows: counts of runs by phase, pods in flight, whether the Kubernetes API answers."""
        raise NotImplementedError


@asynccontextmanager
async def run_server(settings: ServerSettings, client: Client) -> AsyncIterator[Server]:
    """Run a server until the block is left; ready when entered."""
    raise NotImplementedError
    yield
