"""Ingresses: requests from this machine reach services by host and path, also with TLS and as WebSockets."""

from __future__ import annotations

import asyncio
import base64
import datetime
import ssl
from typing import Any

import pytest
import websockets
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from seaway.objects.builtin import INGRESSES, SECRETS
from tests.scenarios.network.conftest import ask
from tests.scenarios.network.test_proxies import CHAT


async def publish(network: Any, name: str = "web", **spec: Any) -> None:
    await network.client.create(INGRESSES, {"metadata": {"name": name, "namespace": "d"}, "spec": spec})


def rule(service: str, host: str = "", path: str = "/", port: Any = None) -> dict[str, Any]:
    backend = {"service": {"name": service, "port": port or {"name": "http"}}}
    found: dict[str, Any] = {"http": {"paths": [{"path": path, "pathType": "Prefix", "backend": backend}]}}
    return found | ({"host": host} if host else {})


async def ports(network: Any, count: int = 1, name: str = "web") -> list[int]:
    """Return the ports of an Ingress as its status names them, plain first."""

    async def there() -> list[int] | None:
        found = await network.client.get(INGRESSES, name, "d")
        points = found["status"]["loadBalancer"].get("ingress") or [{"ports": []}]
        numbers = [port["port"] for port in points[0]["ports"]]
        return numbers if len(numbers) == count else None

    return await network.until(there)


async def test_hosts_and_paths_lead_to_services(network: Any) -> None:
    await network.server("a")
    await network.server("b", labels={"app": "b"})
    await network.service()
    await network.service("b", selector={"app": "b"})
    await network.service("empty", selector={"app": "nobody"})
    await network.ready("web", 1)
    await network.ready("b", 1)
    rules = [
        rule("web", "x.example"),
        rule("b", "x.example", "/b", {"number": 8000}),
        rule("empty", "y.example"),
        rule("gone", "z.example"),
    ]
    await publish(network, rules=rules)
    (port,) = await ports(network)

    async def answers() -> bool:
        return (await ask("127.0.0.1", port, host="x.example"))[1][":status"] == "200"

    await network.until(answers)
    body, headers = await ask("127.0.0.1", port, "/q?a=1", "X.example:80")
    assert (body, headers["x-host"], headers["x-for"]) == ("a /q?a=1", "X.example:80", "127.0.0.1")
    assert (await ask("127.0.0.1", port, "/b/c", "x.example"))[0] == "b /b/c"
    for host, code, sentence in (
        ("other", "404", 'no Ingress has a rule for host "other" and path "/"\n'),
        ("y.example", "503", 'service "d/empty" has no pod that is ready\n'),
        ("z.example", "503", 'service "d/gone" of Ingress "d/web" has no port http, or is not there\n'),
    ):
        body, headers = await ask("127.0.0.1", port, host=host)
        assert (headers[":status"], body) == (code, sentence)


async def test_web_sockets_pass_through(network: Any) -> None:
    await network.server("chat", CHAT, probe=None)
    await network.service()
    await network.ready("web", 1)
    await publish(network, rules=[rule("web")])
    (port,) = await ports(network)

    async def talks() -> Any:
        try:
            async with websockets.connect(f"ws://127.0.0.1:{port}/room", proxy=None) as socket:
                await socket.send("hello")
                return await socket.recv()
        except websockets.InvalidHandshake:
            return None

    assert await network.until(talks) == "/room hello"


def pair(host: str) -> tuple[bytes, bytes]:
    """Return a certificate that a host signed itself, and its key (PEM)."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - datetime.timedelta(1)).not_valid_after(now + datetime.timedelta(1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return certificate.public_bytes(serialization.Encoding.PEM), private


async def test_each_host_shows_its_own_certificate(network: Any) -> None:
    await network.server("a")
    await network.service()
    await network.ready("web", 1)
    shown = {}
    for host in ("x.example", "y.example"):
        shown[host], key = pair(host)
        data = {"tls.crt": base64.b64encode(shown[host]).decode(), "tls.key": base64.b64encode(key).decode()}
        secret = {"metadata": {"name": host, "namespace": "d"}, "type": "kubernetes.io/tls", "data": data}
        await network.client.create(SECRETS, secret)
    tls = [{"hosts": [host], "secretName": host} for host in (*shown, "missing.example")]
    await publish(network, rules=[rule("web")], tls=tls)
    _, port = await ports(network, 2)
    for host, certificate in shown.items():
        context = ssl.create_default_context(cadata=certificate.decode())
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=host)
        writer.write(f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        assert (await reader.read()).endswith(b"a /")
        writer.close()
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname="missing.example")

    async def told() -> Any:
        return [
            e["message"]
            for e in await network.events("Ingress", "web")
            if e["reason"] == "CertificateNotUsable"
        ]

    assert 'secret "missing.example" not found' in (await network.until(told))[0]
