"""A team's server on Kubernetes' own control plane, with one of our nodes: what a run costs there."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.server import NAMESPACE, run_server
from seaway.sdk.client import SeawayClient
from tools.real_kubernetes.control_plane import Settings, run_control_plane
from tools.real_kubernetes.node import call, run_node


@contextmanager
def team_server() -> Iterator[SeawayClient]:
    """Run control plane, node and server, each a process; give a client of the server."""
    with tempfile.TemporaryDirectory(prefix="seaway-bench-") as name:
        folder = Path(name)
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
        with (
            run_control_plane(folder / "kubernetes", Settings(durable=True)) as plane,
            run_node(plane, folder / "node", "node-1"),
            run_server(plane.kubeconfig, folder / "home", environment) as endpoint,
        ):
            yield SeawayClient(*endpoint)
            call(plane, "DELETE", f"/api/v1/namespaces/{NAMESPACE}/pods")
