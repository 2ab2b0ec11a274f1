"""One real server for a module, its REST client's connection, and the cluster's own client."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import ssl
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

SEAWAY = str(Path(sys.executable).with_name("seaway"))


@dataclass(frozen=True)
class Server:
    """A home whose server runs."""

    home: Path

    @property
    def url(self) -> str:
        return str(json.loads((self.home / "daemon.json").read_text())["url"])

    @property
    def token(self) -> str:
        return (self.home / "server" / "token").read_text().strip()

    def seaway(self, *words: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run the command line, which may fail."""
        environ = os.environ | {"SEAWAY_HOME": str(self.home), "NO_COLOR": "1"}
        done = subprocess.run(
            [SEAWAY, *words],
            env=environ,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def ask(self, method: str, path: str, body: bytes | None = None, *, token: str = "") -> tuple[int, Any]:
        """Send one request and return status and parsed answer."""
        context = ssl.create_default_context(cafile=str(self.home / "server" / "ca.crt"))
        connection = http.client.HTTPSConnection(self.url.partition("://")[2], timeout=60, context=context)
        try:
            headers = {"Authorization": f"Bearer {token or self.token}", "Content-Type": "application/json"}
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            data = response.read()
            is_json = "json" in (response.getheader("Content-Type") or "")
            return response.status, json.loads(data) if is_json and data else data
        finally:
            connection.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("server") / "home")
    done = server.seaway("up")
    assert done.returncode == 0, done.stderr
    yield server
    assert server.seaway("down").returncode == 0


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk of 16 MB, where this user may make one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("only root can make a small disk")
    command = ["mount", "-t", "tmpfs", "-o", "size=16m,mode=700", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("this kernel lets nobody mount a disk here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture
def make_server(small_disk: Path) -> Iterator[Any]:
    """How a test makes a server on the small disk; it is taken down before the disk goes."""
    made: list[Server] = []

    def make(home: Path) -> Server:
        made.append(Server(home))
        return made[-1]

    yield make
    for server in made:
        server.seaway("down")
