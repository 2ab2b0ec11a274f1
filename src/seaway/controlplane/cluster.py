"""The embedded cluster: settings in, a running control plane and its kubeconfig out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from seaway.client.client import Client


@dataclass(frozen=True, slots=True)
class ClusterSettings:
    """How the embedded cluster runs."""

    home: Path
    """Seaway's home folder; the cluster's state lies in `<home>/cluster/`."""
    port: int | None = None
    """Port of the API server on 127.0.0.1; None: chosen at first start and kept."""
    nodes: int = 1
    """How many node agents; 0 for a control plane alone."""


class Cluster:
    """A running cluster."""

    url: str
    """https URL of the API server."""
    kubeconfig: Path
    ca_certificate: Path

    def client(self, user: str, groups: Sequence[str] = ()) -> Client:
        """Return an in-process client that acts as this user."""
        raise NotImplementedError


@asynccontextmanager
async def run_cluster(settings: ClusterSettings) -> AsyncIterator[Cluster]:
    """Run the embedded cluster until the context is left; it is ready when entered."""
    raise NotImplementedError
    yield
