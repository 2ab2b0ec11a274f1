"""Two `seaway server` processes on one database, each behind networks that a test can cut, and what a Service is to them."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import signal
import socket
import ssl
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from sqlalchemy import make_url

from seaway.client.client import Client
from seaway.client.connection import Connection
from seaway.client.errors import ClientError
from seaway.objects.builtin import PODS, ROLE_BINDINGS, ROLES
from seaway.objects.errors import ApiError
from seaway.platform.access import LEADER_RULES
from seaway.portal.certificates import CertificateFiles, ensure_certificate
from tools.clusters import ACCOUNT, TestCluster
from tools.forwarder import Forwarder

SEAWAY = str(Path(sys.executable).with_name("seaway"))
_SECONDS = 60.0
_LOOK_SECONDS = 0.05
LEADER = "seaway.dev/leader=true"

PROGRAM = """
import socket, sys
name, port = sys.argv[1:]
witness = socket.create_connection(("127.0.0.1", int(port)))
witness.sendall(f"begin {name}\\n".encode())
witness.settimeout(0.1)
count = 0
while True:
    print("line", count, flush=True)
    count += 1
    try:
        if witness.recv(1):
            break
    except TimeoutError:
        pass
witness.sendall(f"end {name} {count}\\n".encode())
"""
"""Prints lines until the witness lets it end."""


class Witness:
    """Hears from the programs themselves, past everything that Seaway keeps, and lets them end."""

    def __init__(self) -> None:
        self.began: Counter[str] = Counter()
        self.lines: dict[str, int] = {}
        """How many lines each program that ended has printed."""
        self.port = 0
        self._writers: set[asyncio.StreamWriter] = set()
        self._over = False

    async def hear(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one program."""
        self._writers.add(writer)
        with suppress(ConnectionError):
            while line := await reader.readline():
                word, name, *rest = line.decode().split()
                if word == "begin":
                    self.began[name] += 1
                    if self._over:
                        writer.write(b"x")
                else:
                    self.lines[name] = int(rest[0])
        self._writers.discard(writer)
        writer.close()

    def let_end(self) -> None:
        """Have all programs end, those that begin later too."""
        self._over = True
        for writer in self._writers:
            writer.write(b"x")


@asynccontextmanager
async def run_witness() -> AsyncIterator[Witness]:
    """Run a witness until the block is left."""
    witness = Witness()
    async with await asyncio.start_server(witness.hear, "127.0.0.1", 0) as server:
        witness.port = server.sockets[0].getsockname()[1]
        yield witness


@dataclass(slots=True)
class ServerProcess:
    """One replica: a real process, and the networks to its database and its API server."""

    name: str
    folder: Path
    database: Forwarder
    api: Forwarder
    port: int
    command: list[str]
    environment: dict[str, str]
    process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start the process, and return when it answers, leading or standing by."""
        with (self.folder / "log").open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *self.command, env=self.environment, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log
            )
        await until(self._answers, f"{self.name} answers", self.log)

    async def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.returncode is None, self.log()
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1):
                return True
        except OSError:
            return False

    def signal(self, number: int) -> None:
        """Send the process a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    async def ended(self, limit: float = _SECONDS) -> int:
        """Wait until the process has ended by itself; return its exit status."""
        assert self.process is not None
        async with asyncio.timeout(limit):
            return await self.process.wait()

    async def stop(self) -> None:
        """End the process, however it is."""
        if self.process is not None and self.process.returncode is None:
            with suppress(ProcessLookupError):
                self.process.send_signal(signal.SIGCONT)
                self.process.send_signal(signal.SIGTERM)
            try:
                async with asyncio.timeout(30):
                    await self.process.wait()
            except TimeoutError:
                self.process.kill()
                await self.process.wait()

    def log(self) -> str:
        """Return what the process wrote."""
        return (self.folder / "log").read_text(errors="replace")[-6000:]


@dataclass(slots=True)
class Replicas:
    """The replicas of one server."""

    cluster: TestCluster
    folder: Path
    ca: Path
    token: str
    servers: dict[str, ServerProcess]
    service: Forwarder
    """Carries to the pod with the leader's label, as the chart's Service does."""
    http: httpx.AsyncClient
    seen: list[str] = field(default_factory=list)
    """Who led, in order."""

    @property
    def leader(self) -> ServerProcess:
        """Return the one that leads."""
        return self.servers[self.seen[-1]]

    @property
    def standby(self) -> ServerProcess:
        """Return the one that does not lead."""
        return next(one for name, one in self.servers.items() if name != self.seen[-1])

    async def log_in(self) -> None:
        """Have the command line of a user's laptop know the service."""
        done = await self._seaway(
            "login", str(self.http.base_url), "--ca", str(self.ca), "--token-stdin", "--no-keyring"
        )
        said = (await done.communicate(self.token.encode()))[0]
        assert done.returncode == 0, said

    async def follow(self, run: str) -> asyncio.Task[str]:
        """Begin `seaway logs --follow` on a user's laptop; what comes is what it prints until the run has ended."""
        following = await self._seaway("logs", "--follow", run)
        assert following.stdout is not None, "it is a pipe"
        first = await following.stdout.readline()

        async def rest() -> str:
            said = first + (await following.communicate())[0]
            assert following.returncode == 0, said
            return said.decode()

        return asyncio.create_task(rest(), name=f"following {run}")

    async def _seaway(self, *words: str) -> asyncio.subprocess.Process:
        environment = os.environ | {"SEAWAY_HOME": str(self.folder / "laptop"), "NO_COLOR": "1"}
        return await asyncio.create_subprocess_exec(
            SEAWAY, *words, env=environment, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip

    async def serves(self) -> bool:
        """Return whether the service's address answers users."""
        try:
            return (await self.http.get("/api/v1/runs")).status_code == 200
        except httpx.HTTPError:
            return False

    async def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Ask as a patient client does: again where no answer came, or one that says so."""
        deadline = time.monotonic() + _SECONDS
        while True:
            try:
                answer = await self.http.request(method, path, **options)
                if answer.status_code != 503:
                    return answer
                said = answer.text
            except httpx.HTTPError as error:
                said = repr(error)
            assert time.monotonic() < deadline, f"{method} {path}: {said}\n{self.logs()}"
            await asyncio.sleep(_LOOK_SECONDS)

    def logs(self) -> str:
        """Return what all processes wrote."""
        return "\n".join(f"--- {name}\n{one.log()}" for name, one in self.servers.items())

    async def follow_the_label(self) -> None:
        """Route to the pod that carries the leader's label, until cancelled."""
        while True:
            names: list[str] = []
            with suppress(ApiError, ClientError):  # the API server is away: the way stays as it is
                found = await self.cluster.admin.list(PODS, self.cluster.namespace, label_selector=LEADER)
                names = [pod["metadata"]["name"] for pod in found["items"]]
            new = next((name for name in names if name not in self.seen[-1:]), None)
            if new is not None and len(names) == 1:
                self.seen.append(new)
                self.service.target = ("127.0.0.1", self.servers[new].port)
                self.service.break_all()
            await asyncio.sleep(_LOOK_SECONDS)


async def until(
    condition: Callable[[], Any], what: str, log: Callable[[], str], limit: float = _SECONDS
) -> float:
    """Return how long it took until a condition, asked again and again, was true."""
    began = time.monotonic()
    while not await condition():
        assert time.monotonic() - began < limit, f"not within {limit} s: {what}\n{log()}"
        await asyncio.sleep(_LOOK_SECONDS)
    return time.monotonic() - began


@asynccontextmanager
async def run_replicas(
    cluster: TestCluster, database: str, folder: Path, flags: Sequence[str] = ()
) -> AsyncIterator[Replicas]:
    """Run two replicas until the block is left; one leads when it is entered.

    Args:
        cluster: runs the pods; the server's account gets the rights of an election.
        database: PostgreSQL's URL.
        folder: for everything.
        flags: further ones of `seaway server`.
    """
    await _grant(cluster.admin, cluster.namespace)
    certificate = ensure_certificate(folder, datetime.now(UTC))
    token = folder / "token"
    token.write_text("a-token-of-the-administrator\n")
    token.chmod(0o600)
    async with AsyncExitStack() as stack:
        service = Forwarder()
        stack.callback(service.close)
        url = f"https://127.0.0.1:{service.port}"
        servers = {}
        for name in ("server-a", "server-b"):
            await cluster.admin.create(PODS, _pod(name), cluster.namespace)
            server = _server(name, cluster, database, folder, url, certificate, token)
            server.command += flags
            servers[name] = server
            stack.callback(server.api.close)
            stack.callback(server.database.close)
            stack.push_async_callback(server.stop)
        http = await stack.enter_async_context(
            httpx.AsyncClient(
                base_url=url, verify=ssl.create_default_context(cafile=str(certificate.ca)), timeout=5,
                headers={"Authorization": f"Bearer {token.read_text().strip()}"},
            )
        )  # fmt: skip
        replicas = Replicas(
            cluster, folder, certificate.ca, token.read_text().strip(), servers, service, http
        )
        routing = asyncio.create_task(replicas.follow_the_label())
        stack.push_async_callback(_end, routing)
        await asyncio.gather(*(server.start() for server in servers.values()))
        await until(replicas.serves, "one of them leads", replicas.logs)
        yield replicas


def _server(
    name: str,
    cluster: TestCluster,
    database: str,
    folder: Path,
    url: str,
    certificate: CertificateFiles,
    token: Path,
) -> ServerProcess:
    own = folder / name
    (folder / "artifacts").mkdir(exist_ok=True)
    (own / "home").mkdir(parents=True)
    (own / "home" / "artifacts").symlink_to(folder / "artifacts")
    place = make_url(database)
    to_database = Forwarder((str(place.host), int(place.port or 5432)))
    api = urlsplit(cluster.connection.server)
    to_api = Forwarder((str(api.hostname), int(api.port or 443)))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    command = [
        SEAWAY, "server", "--home", str(own / "home"), "--listen", f"127.0.0.1:{port}", "--url", url,
        "--kubeconfig", str(_kubeconfig(own, cluster, to_api.port)), "--namespace", cluster.namespace,
        "--tls-cert", str(certificate.certificate), "--tls-key", str(certificate.key), "--tls-ca", str(certificate.ca),
        "--token-file", str(token), "--default-image", cluster.image, "--leader-election", "--pod-name", name,
    ]  # fmt: skip
    setting = place.set(port=to_database.port).render_as_string(hide_password=False)
    environment = os.environ | {"SEAWAY_SERVER_DATABASE": setting, "NO_COLOR": "1", "SEAWAY_HOME": str(own)}
    return ServerProcess(name, own, to_database, to_api, port, command, environment)


def _trust(connection: Connection) -> dict[str, str]:
    ca = connection.ca_file.read_bytes() if connection.ca_file is not None else connection.ca or b""
    return {"certificate-authority-data": base64.b64encode(ca).decode()}


def _kubeconfig(folder: Path, cluster: TestCluster, port: int) -> Path:
    connection = cluster.connection
    content = {
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": f"https://127.0.0.1:{port}"} | _trust(connection)}],
        "users": [{"name": "u", "user": {"token": connection.token}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u", "namespace": cluster.namespace}}],
    }  # fmt: skip
    path = folder / "kubeconfig"
    path.touch(mode=0o600)
    path.write_text(json.dumps(content))
    return path


def _pod(name: str) -> dict[str, Any]:
    """Return a pod that stands for a server's own: nobody runs it."""
    labels = {"app.kubernetes.io/name": "seaway", "app.kubernetes.io/instance": "test"}
    container = {"name": "server", "image": "none"}
    return {
        "metadata": {"name": name, "labels": labels},
        "spec": {"schedulerName": "nobody", "containers": [container]},
    }


async def _grant(admin: Client, namespace: str) -> None:
    await admin.create(ROLES, {"metadata": {"name": "election"}, "rules": list(LEADER_RULES)}, namespace)
    binding = {
        "metadata": {"name": "election"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "election"},
        "subjects": [{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": namespace}],
    }
    await admin.create(ROLE_BINDINGS, binding, namespace)


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])
