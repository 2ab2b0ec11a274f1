"""The HTTP transport against a real server on a free port, with TLS where that matters."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import os
import socket
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from starlette.applications import Starlette
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, PlainTextResponse, StreamingResponse
from starlette.routing import Route

from seaway.base.clock import Clock, SystemClock
from seaway.client.client import Client
from seaway.client.connection import Connection, ExecPlugin
from seaway.client.errors import ConfigError, NotSent, Unreachable
from seaway.client.http import HttpSettings, HttpTransport
from seaway.client.retry import RetrySettings
from seaway.objects.builtin import PODS
from seaway.objects.errors import Expired, NotFound, ServiceUnavailable, TooManyRequests

V1 = "client.authentication.k8s.io/v1"
LOCALHOST = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))


def application() -> Starlette:
    turned_away: list[str] = []

    async def pod(request: HttpRequest):
        match request.path_params["name"]:
            case "missing":
                status = {
                    "kind": "Status",
                    "reason": "NotFound",
                    "message": 'pods "missing" not found',
                    "code": 404,
                }
                return JSONResponse(status, 404)
            case "proxy":
                return PlainTextResponse("<html>bad gateway</html>", 503)
            case "busy":
                turned_away.append(request.method)
                if len(turned_away) < 3:
                    return PlainTextResponse("later", 429, {"retry-after": "7"})
            case "renewed" if request.headers.get("authorization") != "Bearer t2":
                return JSONResponse({"kind": "Status", "reason": "Unauthorized", "code": 401}, 401)
        body = await request.body()
        seen = {"authorization": request.headers.get("authorization"), "body": body.decode(), "query": str(request.query_params), "type": request.headers.get("content-type")}  # fmt: skip
        acting = [header for header in request.headers.items() if header[0].startswith("impersonate-")]
        seen |= {"as": acting} if acting else {}
        return JSONResponse({"metadata": {"name": request.path_params["name"]}, "seen": seen})

    async def pods(request: HttpRequest):
        async def lines():
            yield b'{"type":"ADDED","object":{"metadata":{"na'
            yield b'me":"a"}}}\n{"type":"MODIFIED","object":{"metadata":{"name":"a"}}}\n\n'
            yield b'{"type":"ERROR","object":{"kind":"Status","reason":"Expired","code":410,"message":"too old"}}\n'

        return StreamingResponse(lines(), media_type="application/json")

    async def log(request: HttpRequest):
        async def chunks():
            for number in range(3):
                yield f"line {number}\n".encode()

        return StreamingResponse(chunks(), media_type="text/plain")

    base = "/api/v1/namespaces/ns/pods"
    every = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    return Starlette(
        routes=[
            Route(base, pods),
            Route(base + "/{name}", pod, methods=every),
            Route(base + "/{name}/log", log),
        ]
    )


@asynccontextmanager
async def serving(**options) -> AsyncIterator[int]:
    """Run the application on a free port."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    server = uvicorn.Server(
        uvicorn.Config(application(), log_config=None, lifespan="off", ws="none", **options)
    )
    task = asyncio.create_task(server.serve([listener]))
    while not server.started:
        await asyncio.sleep(0.005)
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        await task
        listener.close()


@asynccontextmanager
async def client_of(connection: Connection, clock: Clock | None = None) -> AsyncIterator[Client]:
    client = Client(HttpTransport(connection, clock=clock, chance=lambda: 0.0), field_manager="me")
    try:
        yield client
    finally:
        await client.close()


@asynccontextmanager
async def plain(**fields) -> AsyncIterator[Client]:
    async with serving() as port, client_of(Connection(f"http://127.0.0.1:{port}", **fields)) as client:
        yield client


async def test_a_call_carries_body_query_type_and_token() -> None:
    async with plain(token="t") as client:
        answer = await client.patch(PODS, "a", {"x": 1}, "ns")
    assert answer["seen"] == {
        "authorization": "Bearer t",
        "body": '{"x":1}',
        "query": "fieldManager=me",
        "type": "application/merge-patch+json",
    }


async def test_a_token_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("one\n")
    async with plain(token_file=file) as client:
        first = await client.get(PODS, "a", "ns")
        file.write_text("two\n")
        file.touch()
        os.utime(file, (1, 1))
        second = await client.get(PODS, "a", "ns")
        file.unlink()
        with pytest.raises(NotSent, match="token"):
            await client.get(PODS, "a", "ns")
    assert [answer["seen"]["authorization"] for answer in (first, second)] == ["Bearer one", "Bearer two"]


async def test_errors_are_what_the_server_meant() -> None:
    async with plain() as client:
        with pytest.raises(NotFound, match='pods "missing" not found'):
            await client.get(PODS, "missing", "ns")
        with pytest.raises(ServiceUnavailable, match="bad gateway"):
            await client.get(PODS, "proxy", "ns")


class Waits(SystemClock):
    """A clock that notes waits in place of waiting."""

    def __init__(self) -> None:
        self.waited: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.waited.append(seconds)


async def test_a_server_that_is_busy_is_asked_again_when_it_says() -> None:
    clock = Waits()
    async with serving() as port, client_of(Connection(f"http://127.0.0.1:{port}"), clock) as client:
        answer = await client.patch(PODS, "busy", {}, "ns")
    assert (answer["metadata"]["name"], clock.waited) == ("busy", [7.1, 7.1])


async def test_the_caller_hears_of_a_server_that_stays_busy() -> None:
    settings = HttpSettings(retry=RetrySettings(tries=1))
    async with serving() as port:
        client = Client(HttpTransport(Connection(f"http://127.0.0.1:{port}"), settings))
        with pytest.raises(TooManyRequests) as caught:
            await client.get(PODS, "busy", "ns")
        await client.close()
    assert caught.value.retry_after == 7


async def test_credentials_that_are_refused_are_asked_for_again(tmp_path: Path) -> None:
    program = (
        "import os, json\n"
        "with open(os.environ['COUNT'], 'a+') as file:\n"
        "    file.write('x'); file.flush(); number = file.tell()\n"
        f"print(json.dumps({{'apiVersion': {V1!r}, 'kind': 'ExecCredential', 'status': {{'token': f't{{number}}'}}}}))"
    )
    plugin = ExecPlugin(sys.executable, ("-c", program), {"COUNT": str(tmp_path / "count")})
    async with plain(plugin=plugin) as client:
        assert (await client.get(PODS, "renewed", "ns"))["seen"]["authorization"] == "Bearer t2"
        assert (await client.get(PODS, "renewed", "ns"))["seen"]["authorization"] == "Bearer t2"
    assert (tmp_path / "count").read_text() == "xx"


async def test_in_somebody_elses_name() -> None:
    headers = (("impersonate-user", "ada"), ("impersonate-group", "a"), ("impersonate-group", "b"))
    async with plain(impersonate=headers) as client:
        assert (await client.get(PODS, "a", "ns"))["seen"]["as"] == [list(header) for header in headers]


async def test_a_watch_is_lines_whatever_the_chunks_and_an_error_event_is_raised() -> None:
    seen = []
    async with plain() as client:
        with pytest.raises(Expired, match="too old"):
            async with client.watch(PODS, "ns", resource_version="1") as events:
                async for event in events:
                    seen.append(event.type)  # noqa: PERF401 - what came before the error counts
    assert seen == ["ADDED", "MODIFIED"]


async def test_leaving_a_watch_early_frees_its_connection() -> None:
    async with plain() as client:
        for _ in range(5):
            async with client.watch(PODS, "ns") as events:
                assert (await anext(events)).type == "ADDED"


async def test_a_log_comes_as_bytes() -> None:
    async with plain() as client, client.logs("a", "ns") as chunks:
        assert b"".join([chunk async for chunk in chunks]) == b"line 0\nline 1\nline 2\n"


async def test_nobody_there() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        async with client_of(Connection(f"http://127.0.0.1:{port}")) as client:
            with pytest.raises(Unreachable, match="is the cluster up"):
                await client.get(PODS, "a", "ns")


async def test_a_call_that_is_given_up_in_the_handshake_leaves_no_connection() -> None:
    """A server that takes connections and says nothing: what is left open would be told as a warning, an error here."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        async with client_of(Connection(f"https://127.0.0.1:{silent.getsockname()[1]}")) as client:
            call = asyncio.create_task(client.get(PODS, "a", "ns"))
            taken, _ = await asyncio.to_thread(silent.accept)
            assert await asyncio.to_thread(taken.recv, 1)  # the handshake has begun
            call.cancel()
            assert isinstance((await asyncio.gather(call, return_exceptions=True))[0], asyncio.CancelledError)
            assert await asyncio.to_thread(_rest, taken) == b""
            taken.close()


def _rest(taken: socket.socket) -> bytes:
    """Read until the other side has closed; return what comes then."""
    taken.settimeout(10)
    while taken.recv(4096):
        continue
    return taken.recv(1)


class Authority:
    """A certificate authority for one test."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = self._sign("test authority", self.key, None)

    def issue(self, name: str, known_as: x509.GeneralName = LOCALHOST) -> tuple[bytes, bytes]:
        key = ec.generate_private_key(ec.SECP256R1())
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return pem(self._sign(name, key, self.certificate.subject, known_as)), private

    def _sign(self, name: str, key, issuer, known_as: x509.GeneralName = LOCALHOST):
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        now = datetime.datetime.now(datetime.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer or subject)
            .public_key(key.public_key())
        )
        builder = builder.serial_number(x509.random_serial_number()).not_valid_before(
            now - datetime.timedelta(days=1)
        )
        builder = builder.not_valid_after(now + datetime.timedelta(days=1))
        builder = builder.add_extension(x509.BasicConstraints(issuer is None, None), critical=True)
        if issuer is not None:
            names = x509.SubjectAlternativeName([known_as])
            builder = builder.add_extension(names, critical=False)
        return builder.sign(self.key, hashes.SHA256())


def pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


async def test_tls_with_the_clusters_authority_and_a_client_certificate(tmp_path: Path) -> None:
    authority = Authority()
    certificate, key = authority.issue("server")
    for name, content in (("ca", pem(authority.certificate)), ("crt", certificate), ("key", key)):
        (tmp_path / name).write_bytes(content)
    options = {"ssl_certfile": tmp_path / "crt", "ssl_keyfile": tmp_path / "key", "ssl_ca_certs": str(tmp_path / "ca"), "ssl_cert_reqs": ssl.CERT_REQUIRED}  # fmt: skip
    mine, mine_key = authority.issue("admin")
    async with serving(**options) as port:
        url = f"https://127.0.0.1:{port}"
        good = Connection(url, ca=pem(authority.certificate), client_certificate=mine, client_key=mine_key)
        async with client_of(good) as client:
            assert (await client.get(PODS, "a", "ns"))["metadata"] == {"name": "a"}
        stranger = Connection(
            url, ca=pem(Authority().certificate), client_certificate=mine, client_key=mine_key
        )
        async with client_of(stranger) as client:
            with pytest.raises(Unreachable, match="not trusted"):
                await client.get(PODS, "a", "ns")


async def test_a_certificate_for_another_name_and_a_renewed_authority(tmp_path: Path) -> None:
    """The kubeconfig's tls-server-name is the name that counts; a CA file that changes is trusted from then on."""
    old, new = Authority(), Authority()
    certificate, key = new.issue("server", x509.DNSName("cluster.internal"))
    for name, content in (("crt", certificate), ("key", key), ("ca", pem(old.certificate))):
        (tmp_path / name).write_bytes(content)
    async with serving(ssl_certfile=tmp_path / "crt", ssl_keyfile=tmp_path / "key") as port:
        url = f"https://127.0.0.1:{port}"
        named = Connection(url, ca_file=tmp_path / "ca", server_name="cluster.internal")
        async with client_of(named) as client:
            with pytest.raises(Unreachable, match="not trusted"):
                await client.get(PODS, "a", "ns")
            (tmp_path / "ca").write_bytes(pem(new.certificate))
            os.utime(tmp_path / "ca", (1, 1))
            assert (await client.get(PODS, "a", "ns"))["metadata"] == {"name": "a"}
        async with client_of(Connection(url, ca=pem(new.certificate))) as client:
            with pytest.raises(Unreachable, match="not trusted"):
                await client.get(PODS, "a", "ns")


async def test_a_broken_certificate_is_named() -> None:
    async with client_of(Connection("https://127.0.0.1:1", ca=b"nonsense")) as client:
        with pytest.raises(ConfigError, match="not valid PEM"):
            await client.get(PODS, "a", "ns")
