"""A Seaway of its own for the time of a measurement: a fresh home, the daemon, its clients, its memory."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import psutil
import yaml

Address = tuple[str, int, ssl.SSLContext]
"""Host, port and TLS context (client certificate loaded) of an API server."""
SEAWAY = str(Path(sys.executable).with_name("seaway"))


class Reachable(Protocol):
    """Anything with an API server."""

    def kubernetes(self) -> Address:
        """Return where it is."""
        ...


def address(kubeconfig: Path) -> Address:
    """Return the API server of a kubeconfig that holds everything inside."""
    config = yaml.safe_load(kubeconfig.read_text())
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    context = ssl.create_default_context(
        cadata=base64.b64decode(cluster["certificate-authority-data"]).decode()
    )
    with tempfile.NamedTemporaryFile() as pair:
        pair.write(
            base64.b64decode(user["client-certificate-data"]) + base64.b64decode(user["client-key-data"])
        )
        pair.flush()
        context.load_cert_chain(pair.name)
    host, _, port = cluster["server"].removeprefix("https://").partition(":")
    return host, int(port), context


@dataclass(frozen=True)
class Home:
    """A running Seaway."""

    path: Path
    environment: dict[str, str]

    def seaway(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run the command line and return what it printed."""
        command = [SEAWAY, *arguments]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)
        if check and done.returncode != 0:
            raise RuntimeError(
                f"{' '.join(command)} failed with {done.returncode}: {done.stdout}{done.stderr}"
            )
        return done

    def daemon(self) -> dict[str, object]:
        """Return what the daemon wrote of itself: pid, URLs."""
        return json.loads((self.path / "daemon.json").read_text())

    def kubernetes(self) -> Address:
        """Return where the API server is, for an administrator."""
        return address(self.path / "kubeconfig")

    def memory(self) -> float:
        """Return the proportional set size of every process of this home, in MB (10**6 bytes)."""
        return sum(process.memory_full_info().pss for process in self.processes()) / 1e6

    def processes(self) -> list[psutil.Process]:
        """Return every process that belongs to this home."""
        mine = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if any(str(self.path) in word for word in process.cmdline()) or process.environ().get(
                    "SEAWAY_HOME"
                ) == str(self.path):
                    mine.append(process)
        return mine


@contextlib.contextmanager
def fresh_home() -> Iterator[Home]:
    """Give a home in which nothing was ever started, and remove all of it afterwards."""
    with tempfile.TemporaryDirectory(prefix="seaway-bench-") as folder:
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"} | {
            "SEAWAY_HOME": folder,
            "NO_COLOR": "1",
        }
        home = Home(Path(folder), environment)
        try:
            yield home
        finally:
            home.seaway("down", check=False)


@contextlib.contextmanager
def running_home() -> Iterator[Home]:
    """Give a home whose daemon is up and ready."""
    with fresh_home() as home:
        home.seaway("up")
        yield home


def timed(home: Home, *arguments: str) -> float:
    """Return how many seconds a command of the command line took, as a whole process."""
    begin = time.perf_counter()
    home.seaway(*arguments)
    return time.perf_counter() - begin
