"""A real gateway on a real port, and real containers' worth of processes."""

from __future__ import annotations

import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from ssl import PROTOCOL_TLS_SERVER, SSLContext

import psutil
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from seaway.platform.storage.runner_archive import bootstrap_command, build_runner

TOKEN = "the-token-of-this-run"


class Gateway:
    """What the gateway of a server does, in memory, with the failures that a test asks for."""

    def __init__(self, certificate: Path, ca: str) -> None:
        self._certificate, self.ca = certificate, ca
        self._port = 0
        runner = build_runner()
        self.files = {f"runner/{runner.digest}.pyz": runner.data}
        self.received: dict[str, list[bytes]] = {}
        self.requests: list[str] = []
        self.failures: list[int] = []
        self.refuse: dict[str, tuple[int, str]] = {}
        self.checkpoint: bytes | None = None
        """The archive, put together from its blocks."""
        self.stored: bytes | None = None
        """What a later attempt gets: the line that lists the blocks, and the archive."""
        self.damaged: str | None = ""
        """What the server says is damaged of it; None where it cannot be asked."""
        self.travelled: list[int] = []
        """Bytes of blocks that each save sent."""
        self._blocks: dict[str, bytes] = {}

    def listen(self) -> None:
        """Serve; after the first time, on the same port again."""
        self._server = ThreadingHTTPServer(
            ("127.0.0.1", self._port), type("H", (Handler,), {"gateway": self})
        )
        context = SSLContext(PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._certificate)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._port = self._server.server_address[1]
        self.url = f"https://127.0.0.1:{self._port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def leave(self) -> None:
        """Stop serving, as a server that is killed."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def save(self, body: bytes, base: str) -> bool:
        """Take a checkpoint as the server does; False where what it leans on is not known."""
        line, _, data = body.partition(b"\n")
        blocks = json.loads(line)["blocks"]
        if base and base != hashlib.sha256((self.stored or b"").partition(b"\n")[0] + b"\n").hexdigest():
            return False
        known = dict(self._blocks) if base else {}
        self.travelled.append(len(data))
        for digest, size in blocks:
            if digest not in known:
                known[digest], data = data[:size], data[size:]
            assert hashlib.sha256(known[digest]).hexdigest() == digest
        assert not data
        self._blocks = {digest: known[digest] for digest, _ in blocks}
        self.checkpoint = b"".join(known[digest] for digest, _ in blocks)
        self.stored = line + b"\n" + self.checkpoint
        return True

    def add(self, kind: str, data: bytes) -> str:
        digest = hashlib.sha256(data).hexdigest()
        self.files[f"{kind}/{digest}"] = data
        return digest


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    gateway: Gateway

    def log_message(self, *arguments) -> None:
        pass

    def do_GET(self) -> None:
        path = self.path.split("?")[0].removeprefix("/gateway/v1/")
        if not self._admit():
            return
        if path.endswith("/checkpoint/check"):
            said = json.dumps({"damaged": self.gateway.damaged}).encode()
            self._answer(*((404, b"{}") if self.gateway.damaged is None else (200, b"\n\n" + said + b"\n")))
            return
        data = self.gateway.stored if path.endswith("/checkpoint") else self.gateway.files.get(path)
        self._answer(404, b"{}") if data is None else self._answer(200, data)

    def do_PUT(self) -> None:
        name = self.path.split("?")[0].rpartition("/")[2]
        if name in self.gateway.refuse:
            status, message = self.gateway.refuse[name]
            self.close_connection = True
            self._answer(status, json.dumps({"error": {"message": message}}).encode())
            return
        body = bytearray()
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        if not self._admit():
            return
        base = self.path.partition("&base=")[2]
        if name == "checkpoint" and not self.gateway.save(bytes(body), base):
            self._answer(412, b"{}")
            return
        self.gateway.received.setdefault(self.path.partition("&base=")[0], []).append(bytes(body))
        self._answer(204, b"")

    def _admit(self) -> bool:
        self.gateway.requests.append(f"{self.command} {self.path}")
        if self.headers["Authorization"] != f"Bearer {TOKEN}":
            self._answer(401, b"{}")
        elif self.gateway.failures:
            self._answer(self.gateway.failures.pop(), b"later")
        else:
            return True
        return False

    def _answer(self, status: int, data: bytes) -> None:
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def sign_itself(path: Path) -> str:
    """Write a certificate for 127.0.0.1 that signs itself, with its key, into one file and return its PEM text."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, path.stem)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(
            name, name, key.public_key(), 1, now - timedelta(hours=1), now + timedelta(hours=1)
        )
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    plain = serialization.NoEncryption()
    path.write_bytes(
        pem + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    )
    return pem.decode()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory) -> tuple[Path, str]:
    path = tmp_path_factory.mktemp("certificate") / "server.pem"
    return path, sign_itself(path)


@pytest.fixture
def other_ca(tmp_path) -> str:
    return sign_itself(tmp_path / "other.pem")


@pytest.fixture
def gateway(certificate):
    gateway = Gateway(*certificate)
    gateway.listen()
    yield gateway
    gateway.leave()


class Container:
    """One start of the runner, as a node starts it."""

    def __init__(
        self, gateway: Gateway, folder: Path, spec: dict, attempt: int, environ: dict[str, str], python: str
    ) -> None:
        self.termination_log = folder / "termination-log"
        self.termination_log.unlink(missing_ok=True)
        temporary = folder / "tmp"
        temporary.mkdir(exist_ok=True)
        settings = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "TMPDIR": str(temporary),
            "SEAWAY_RUN": "digits",
            "SEAWAY_TASK": "main",
            "SEAWAY_ATTEMPT": str(attempt),
            "SEAWAY_FENCE": str(attempt),
            "SEAWAY_GATEWAY": gateway.url,
            "SEAWAY_CA": gateway.ca,
            "SEAWAY_TOKEN": TOKEN,
            "SEAWAY_SPEC": json.dumps(spec),
            "SEAWAY_SHARED_CACHE": str(folder / "cache"),
            "SEAWAY_TERMINATION_LOG": str(self.termination_log),
            **environ,
        }
        self.log = folder / f"log-{attempt}"
        with self.log.open("wb") as log:
            command = bootstrap_command(build_runner().digest, python=python)
            self.process = subprocess.Popen(command, env=settings, stdout=log, stderr=log, cwd=folder)

    def wait(self) -> int:
        return self.process.wait(60)

    @property
    def text(self) -> str:
        return self.log.read_text()

    def wait_for(self, text: str) -> None:
        self.wait_until(lambda: text in self.text)

    def wait_until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 60
        while not condition():
            assert self.process.poll() is None or condition(), f"it ended before: {self.text}"
            assert time.monotonic() < deadline, f"it never came: {self.text}"
            time.sleep(0.01)

    def terminate(self) -> None:
        os.kill(self.process.pid, signal.SIGTERM)

    @property
    def failure(self) -> dict[str, str]:
        return json.loads(self.termination_log.read_text())


@pytest.fixture
def start(gateway, tmp_path):
    """Start the runner with a program's text, or with a spec."""
    started: list[Container] = []

    def start(
        program: str = "",
        *,
        attempt: int = 1,
        environ: dict[str, str] | None = None,
        python: str = sys.executable,
        **spec,
    ) -> Container:
        spec.setdefault("command", ["python", "-c", program])
        container = Container(gateway, tmp_path, spec, attempt, environ or {}, python)
        started.append(container)
        return container

    yield start
    for container in started:
        if container.process.poll() is None:
            programs = psutil.Process(container.process.pid).children(recursive=True)
            for process in (
                container.process,
                *programs,
            ):  # where no shim does it, nobody else ends the program
                process.kill()
        container.process.wait()


@pytest.fixture
def pack():
    def pack(files: dict[str, bytes | str], mode: str = "w:gz") -> bytes:
        """A tar archive; a text is what a link points at."""
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode=mode) as archive:
            for name, content in files.items():
                entry = tarfile.TarInfo(name)
                entry.mode = 0o755
                if isinstance(content, str):
                    entry.type, entry.linkname = tarfile.SYMTYPE, content
                    archive.addfile(entry)
                else:
                    entry.size = len(content)
                    archive.addfile(entry, io.BytesIO(content))
        return buffer.getvalue()

    return pack


@pytest.fixture
def unpack():
    def unpack(data: bytes) -> dict[str, bytes]:
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            return {
                member.name: archive.extractfile(member).read()
                if member.isreg()
                else member.linkname.encode()
                for member in archive
                if not member.isdir()
            }

    return unpack
