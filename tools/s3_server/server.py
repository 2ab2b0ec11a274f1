"""Run the S3 server over a folder, on a free port of 127.0.0.1."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tools.s3_server.build import NOT_BUILT, TOOL

HOST = "127.0.0.1"
_READY_SECONDS = 60.0
_TRIES = 3
_ENDS_WITH_PARENT = ("setpriv", "--pdeathsig", "KILL") if shutil.which("setpriv") else ()


class NotBuilt(Exception):
    """The binary is not in the cache; the message says how to get it."""


class DidNotStart(Exception):
    """The server ended, or was not ready in time; the message holds the end of its log."""


@dataclass(slots=True)
class S3Server:
    """A running server; buckets are the folders below `buckets`."""

    folder: Path
    url: str
    access_key: str = "seaway-tests"
    secret_key: str = field(default_factory=lambda: secrets.token_hex(20), repr=False)
    process: subprocess.Popen[bytes] | None = None

    @property
    def buckets(self) -> Path:
        """Return the folder whose folders are buckets."""
        return self.folder / "buckets"

    def new_bucket(self) -> str:
        """Make a bucket of a name that no other has."""
        name = f"bucket-{secrets.token_hex(6)}"
        (self.buckets / name).mkdir()
        return name

    def add_user(self, access_key: str) -> str:
        """Add a user who may do nothing, and return the secret key."""
        secret_key = secrets.token_hex(20)
        environment = {"ADMIN_ACCESS_KEY": self.access_key, "ADMIN_SECRET_KEY": self.secret_key}
        subprocess.run(
            [
                str(TOOL.folder() / "versitygw"), "admin", "--endpoint-url", self.url,
                "create-user", "--access", access_key, "--secret", secret_key, "--role", "user",
            ],
            env=environment, check=True, capture_output=True,
        )  # fmt: skip
        return secret_key

    def options(self, **others: str) -> dict[str, str]:
        """Return the options of an artifact store here, some of them otherwise."""
        told = {
            "endpoint_url": self.url,
            "access_key": self.access_key,
            "secret_key": self.secret_key,
            "attempts": "2",
        }
        return {**told, **others}

    def start(self) -> None:
        """Start it, on the port that it had before; return when it answers."""
        port = self.url.rpartition(":")[2]
        environment = {
            "PATH": os.environ["PATH"],
            "ROOT_ACCESS_KEY": self.access_key,
            "ROOT_SECRET_KEY": self.secret_key,
        }
        flags = ["--port", f"{HOST}:{port}", "--health", "/health", "--quiet", "--keep-alive"]
        flags += ["--iam-dir", str(self.folder / "users")]
        if self.url.startswith("https"):
            flags += ["--cert", str(self.folder / "tls.crt"), "--key", str(self.folder / "tls.key")]
        # beside the objects: not every file system keeps extended attributes
        flags += ["posix", "--sidecar", str(self.folder / "attributes"), str(self.buckets)]
        self.process = _launch(self.folder, flags, environment)
        self._wait()

    def stop(self) -> None:
        """Kill it."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def _wait(self) -> None:
        assert self.process
        deadline = time.monotonic() + _READY_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                with socket.create_connection((HOST, int(self.url.rpartition(":")[2])), timeout=1):
                    pass
                if self.url.startswith("https"):
                    return
                with urllib.request.urlopen(f"{self.url}/health", timeout=2):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.02)
        raise DidNotStart((self.folder / "log").read_text(errors="replace")[-2000:])


@contextmanager
def run_s3_server(folder: Path, *, tls: bool = False) -> Iterator[S3Server]:
    """Run a server until the block is left; ready when entered.

    Args:
        folder: for its buckets and its log; with `tls` it holds tls.crt and tls.key.
        tls: whether it speaks https.

    Raises:
        NotBuilt: `python -m tools.s3_server` has not run.
        DidNotStart: it ended or was not ready in time.
    """
    if not TOOL.is_built():
        raise NotBuilt(NOT_BUILT)
    for name in ("buckets", "attributes", "users"):
        (folder / name).mkdir(parents=True, exist_ok=True, mode=0o700)
    for attempt in range(_TRIES):
        with socket.create_server((HOST, 0)) as listener:
            port = listener.getsockname()[1]
        server = S3Server(folder, f"{'https' if tls else 'http'}://{HOST}:{port}")
        try:
            server.start()
            break
        except DidNotStart as error:
            server.stop()
            if "address already in use" not in str(error) or attempt == _TRIES - 1:
                raise
    try:
        yield server
    finally:
        server.stop()


def _launch(folder: Path, flags: list[str], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    with (folder / "log").open("ab") as log:
        return subprocess.Popen(
            [*_ENDS_WITH_PARENT, str(TOOL.folder() / "versitygw"), *flags],
            cwd=folder, env=dict(environment), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip
