"""A running API server and every kubectl at hand, from 1.31 to 1.33."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import ssl
import subprocess
import threading
import time
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from seaway.base.clock import SystemClock
from seaway.client.client import Client
from seaway.client.config import load_kubeconfig
from seaway.client.http import HttpTransport
from seaway.controlplane.apiserver.asgi import AsgiApplication, PeerProtocol
from seaway.controlplane.apiserver.pki import Pki, ensure_pki
from seaway.controlplane.apiserver.server import ApiServer
from seaway.controlplane.apiserver.settings import ApiServerSettings
from seaway.controlplane.kinds import BUILTIN_KINDS
from seaway.controlplane.store.memory import MemoryStore
from seaway.objects.builtin import NAMESPACES, SERVICE_ACCOUNTS
from seaway.objects.errors import NotFound
from tests.kubectl import BINARIES, NO_KUBECTL
from tests.waiting import wait_until

SECONDS = 90
LOG = b"first line\nsecond line\n"


@dataclass
class Result:
    """What a kubectl wrote and how it ended."""

    code: int
    out: str
    err: str


@dataclass
class Kubectl:
    """One kubectl against the server, in a namespace of its own."""

    binary: Path
    kubeconfig: Path
    home: Path
    namespace: str
    environment: dict[str, str] = field(default_factory=dict)
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def command(self, *arguments: str, editor: str = "") -> tuple[list[str], dict[str, str]]:
        """Return the command line and the environment of a call."""
        environment = {
            "KUBECONFIG": str(self.kubeconfig),
            "HOME": str(self.home),
            "PATH": os.environ.get("PATH", ""),
            "NO_PROXY": "*",
        }
        if editor:
            environment["KUBE_EDITOR"] = editor
        line = [
            str(self.binary),
            f"--namespace={self.namespace}",
            f"--cache-dir={self.home}/cache",
            *arguments,
        ]
        return line, environment

    def try_(self, *arguments: str, stdin: Any = None, editor: str = "") -> Result:
        """Run it to its end, well or not. A dict or list as stdin is sent as JSON."""
        line, environment = self.command(*arguments, editor=editor)
        text = stdin if isinstance(stdin, str) or stdin is None else json.dumps(stdin)
        done = subprocess.run(
            line, env=environment, input=text, capture_output=True, text=True, timeout=SECONDS, check=False
        )
        return Result(done.returncode, done.stdout, done.stderr)

    def __call__(self, *arguments: str, stdin: Any = None, editor: str = "") -> str:
        """Run it, expect that it ends well, and return what it wrote."""
        result = self.try_(*arguments, stdin=stdin, editor=editor)
        assert result.code == 0, (
            f"kubectl {' '.join(arguments)} ended with {result.code}: {result.err}{result.out}"
        )
        return result.out

    def json(self, *arguments: str, stdin: Any = None) -> Any:
        """Run it with JSON output."""
        return json.loads(self(*arguments, "-o", "json", stdin=stdin))

    def fails(self, *arguments: str, stdin: Any = None) -> str:
        """Run it, expect that it fails, and return what it said."""
        result = self.try_(*arguments, stdin=stdin)
        assert result.code != 0, f"kubectl {' '.join(arguments)} should fail, and wrote {result.out}"
        return result.err

    def until(self, words: str, *arguments: str) -> str:
        """Run it until what it wrote holds the words, and return that: events are written after what they tell of."""
        what = f"{words!r} from kubectl {' '.join(arguments)}"
        return str(wait_until(lambda: self.try_(*arguments).out, what, check=lambda out: words in out))

    def all_namespaces(self, *arguments: str) -> str:
        """Run it with -A."""
        return self(*arguments, "-A")

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start it and return the process; the caller ends it."""
        line, environment = self.command(*arguments)
        process = subprocess.Popen(
            line, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.started.append(process)
        return process

    def end(self) -> None:
        """End what was started and, in a test that failed, not waited for."""
        for process in self.started:
            if process.poll() is None:
                process.kill()
                process.wait()
            for stream in (process.stdout, process.stderr):
                if stream is not None:
                    stream.close()


class LogNode:
    """A node that answers the same log for every container."""

    @asynccontextmanager
    async def container_logs(self, *_: Any) -> AsyncIterator[AsyncIterator[bytes]]:
        """Open the log."""

        async def lines() -> AsyncIterator[bytes]:
            for line in LOG.splitlines(keepends=True):
                yield line

        yield lines()


@pytest.fixture(scope="session")
def kubeconfig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A kubeconfig of an administrator of a running API server."""
    folder = tmp_path_factory.mktemp("apiserver")
    pki = ensure_pki(folder / "pki", ["127.0.0.1"], time.time())
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    ready, stop = threading.Event(), threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(_serve(pki, listener, port, ready, stop)))
    thread.start()
    try:
        assert ready.wait(SECONDS), "the API server did not start"
        yield _write_kubeconfig(folder / "kubeconfig", pki, port)
    finally:
        stop.set()
        thread.join(SECONDS)
        listener.close()


async def _serve(
    pki: Pki, listener: socket.socket, port: int, ready: threading.Event, stop: threading.Event
) -> None:
    store = MemoryStore()
    server = ApiServer(
        store, BUILTIN_KINDS, ApiServerSettings(port=port), SystemClock(), pki.load_service_account_key()
    )
    server.register_node("node-1", LogNode())
    await server.start()
    config = uvicorn.Config(
        AsgiApplication(server),
        http=PeerProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        ssl_certfile=str(pki.server.certificate),
        ssl_keyfile=str(pki.server.key),
        ssl_ca_certs=str(pki.ca.certificate),
        ssl_cert_reqs=ssl.CERT_OPTIONAL,
        timeout_graceful_shutdown=1,
    )
    web = uvicorn.Server(config)
    serving = asyncio.create_task(web.serve(sockets=[listener]))
    while not web.started:
        await asyncio.sleep(0.01)
    ready.set()
    await asyncio.to_thread(stop.wait)
    web.should_exit = True
    await serving
    await server.stop()
    await store.close()


def _write_kubeconfig(path: Path, pki: Pki, port: int) -> Path:
    cluster = {"server": f"https://127.0.0.1:{port}", "certificate-authority": str(pki.ca.certificate)}
    user = {"client-certificate": str(pki.admin.certificate), "client-key": str(pki.admin.key)}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "test", "cluster": cluster}],
        "users": [{"name": "test", "user": user}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        "current-context": "test",
    }
    path.write_text(json.dumps(config))
    path.chmod(0o600)
    return path


@pytest.fixture(scope="session", params=BINARIES or [None], ids=lambda path: path.name if path else "none")
def binary(request: pytest.FixtureRequest) -> Path:
    """Each kubectl in turn."""
    if request.param is None:
        pytest.skip(NO_KUBECTL)
    found: Path = request.param
    return found


@pytest.fixture(scope="session")
def newest_binary() -> Path:
    """The last kubectl found, for what does not depend on its version."""
    if not BINARIES:
        pytest.skip(NO_KUBECTL)
    return BINARIES[-1]


@pytest.fixture
def make_kubectl() -> Callable[[Path, Path], Kubectl]:
    """Make a kubectl of a binary and a kubeconfig, which speaks of a namespace that does not exist yet."""

    def make(binary: Path, kubeconfig: Path) -> Kubectl:
        home = kubeconfig.parent / f"home-{binary.name}"
        home.mkdir(exist_ok=True)
        return Kubectl(binary, kubeconfig, home, f"test-{uuid.uuid4().hex[:8]}")

    return make


def as_administrator(kubeconfig: Path, act: Callable[[Client], Coroutine[Any, Any, None]]) -> None:
    """Do something in the cluster without a kubectl: starting one takes longer than what it does."""

    async def connected() -> None:
        client = Client(HttpTransport(load_kubeconfig(kubeconfig)))
        try:
            await act(client)
        finally:
            await client.close()

    asyncio.run(connected())


def _in_new_namespace(made: Kubectl) -> Iterator[Kubectl]:
    namespace = made.namespace

    async def begin(client: Client) -> None:
        await client.create(NAMESPACES, {"metadata": {"name": namespace}})
        await client.create(SERVICE_ACCOUNTS, {"metadata": {"name": "default"}}, namespace)

    async def end(client: Client) -> None:
        with suppress(NotFound):
            await client.delete(NAMESPACES, namespace)

    as_administrator(made.kubeconfig, begin)
    yield made
    made.end()
    as_administrator(made.kubeconfig, end)


@pytest.fixture
def kubectl(
    newest_binary: Path, kubeconfig: Path, make_kubectl: Callable[[Path, Path], Kubectl]
) -> Iterator[Kubectl]:
    """The newest kubectl in a new namespace, which goes with the test."""
    yield from _in_new_namespace(make_kubectl(newest_binary, kubeconfig))


@pytest.fixture
def each_kubectl(
    binary: Path, kubeconfig: Path, make_kubectl: Callable[[Path, Path], Kubectl]
) -> Iterator[Kubectl]:
    """Each kubectl in turn, in a new namespace."""
    yield from _in_new_namespace(make_kubectl(binary, kubeconfig))
