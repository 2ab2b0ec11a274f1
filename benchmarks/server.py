"""A team's server as a process, for the time of a measurement."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from benchmarks.home import SEAWAY
from tools.real_kubernetes.control_plane import free_port

Endpoint = tuple[str, str, str]
"""URL, token, and the authority's certificate (PEM): what a client is made of."""
NAMESPACE = "default"


@contextmanager
def run_server(kubeconfig: Path, home: Path, environment: Mapping[str, str]) -> Iterator[Endpoint]:
    """Run a server on the cluster of a kubeconfig, ready. Raises RuntimeError where it does not start."""
    port = free_port()
    command = [SEAWAY, "server", "--kubeconfig", str(kubeconfig), "--namespace", NAMESPACE,
               "--home", str(home), "--listen", f"127.0.0.1:{port}"]  # fmt: skip
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout
        try:
            if "ready" not in process.stdout.readline():
                raise RuntimeError(f"{' '.join(command)} did not start")
            token, authority = (home / "token").read_text().strip(), (home / "ca.crt").read_text()
            yield f"https://127.0.0.1:{port}", token, authority
        finally:
            process.terminate()
