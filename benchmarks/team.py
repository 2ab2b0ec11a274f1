"""A team's server on Kubernetes' own control plane, with one of our nodes: what a run costs there."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.home import SEAWAY
from seaway.sdk.client import SeawayClient
from tools.real_kubernetes.control_plane import Settings, free_port, run_control_plane
from tools.real_kubernetes.node import call, run_node

NAMESPACE = "default"


@contextmanager
def team_server() -> Iterator[SeawayClient]:
    """Run control plane, node and server, each a process; give a client of the server."""
    with tempfile.TemporaryDirectory(prefix="seaway-bench-") as name:
        folder = Path(name)
        with (
            run_control_plane(folder / "kubernetes", Settings(durable=True)) as plane,
            run_node(plane, folder / "node", "node-1"),
            _server(plane.kubeconfig, folder / "home") as client,
        ):
            yield client
            call(plane, "DELETE", f"/api/v1/namespaces/{NAMESPACE}/pods")


@contextmanager
def _server(kubeconfig: Path, home: Path) -> Iterator[SeawayClient]:
    port = free_port()
    command = [SEAWAY, "server", "--kubeconfig", str(kubeconfig), "--namespace", NAMESPACE,
               "--home", str(home), "--listen", f"127.0.0.1:{port}"]  # fmt: skip
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout
        try:
            if "ready" not in process.stdout.readline():
                raise RuntimeError(f"{' '.join(command)} did not start")
            token, ca = (home / "token").read_text().strip(), (home / "ca.crt").read_text()
            yield SeawayClient(f"https://127.0.0.1:{port}", token, ca)
        finally:
            process.terminate()
