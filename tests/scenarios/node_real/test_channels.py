"""Streams as clients other than kubectl open them: the channels of WebSocket v4, in binary and base64, on both clusters."""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
import struct
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from seaway.client.config import load_kubeconfig
from seaway.client.connection import Connection
from seaway.objects.builtin import PODS

SERVE = "exec python3 -u -m http.server 8000 --bind $IP"
ADDRESS = {"env": [{"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}]}


def _tls(connection: Connection) -> ssl.SSLContext:
    """Return the TLS settings of a kubeconfig whose certificates stand in it."""
    assert connection.ca and connection.client_certificate and connection.client_key
    context = ssl.create_default_context(cadata=connection.ca.decode())
    with tempfile.NamedTemporaryFile() as file:
        file.write(connection.client_certificate + b"\n" + connection.client_key)
        file.flush()
        context.load_cert_chain(file.name)
    return context


@asynccontextmanager
async def _open(
    place: Any, what: str, query: dict[str, Any], subprotocol: str
) -> AsyncIterator[ClientConnection]:
    """Open a stream of the pod p."""
    connection = load_kubeconfig(place.kubeconfig)
    server = connection.server.replace("https://", "wss://")
    url = f"{server}/api/v1/namespaces/{place.namespace}/pods/p/{what}?{urlencode(query, doseq=True)}"
    protocols: Any = [subprotocol] if subprotocol else None
    async with (
        asyncio.timeout(60),
        connect(url, ssl=_tls(connection), subprotocols=protocols) as opened,
    ):
        yield opened


async def _streams(opened: ClientConnection, *, text: bool = False) -> dict[int, bytes]:
    """Return what comes on each channel until the end."""
    found: dict[int, bytes] = {}
    try:
        async for message in opened:
            if text:
                assert isinstance(message, str)
                number, data = int(message[0]), base64.b64decode(message[1:])
            else:
                assert isinstance(message, bytes)
                number, data = message[0], message[1:]
            found[number] = found.get(number, b"") + data
    except ConnectionClosed:
        pass  # some servers end without the closing words
    return found


@pytest.mark.parametrize("text", [False, True], ids=["binary", "base64"])
async def test_exec(either: Any, text: bool) -> None:
    """Input goes in on channel 0, outputs come on 1 and 2, and how it ended on 3."""
    await either.pod("p", "sleep 600")
    await either.running("p")
    command = ["sh", "-c", "read line; echo got $line; echo err >&2; exit 7"]
    query = {"command": command, "stdin": "true", "stdout": "true", "stderr": "true"}
    protocol = "v4.base64.channel.k8s.io" if text else "v4.channel.k8s.io"
    async with _open(either, "exec", query, protocol) as opened:
        line = b"typed\n"
        await opened.send("0" + base64.b64encode(line).decode() if text else b"\0" + line)
        found = await _streams(opened, text=text)
    assert {1: found[1], 2: found[2]} == {1: b"got typed\n", 2: b"err\n"}
    status = json.loads(found[3])
    assert (status["reason"], status["details"]["causes"]) == (
        "NonZeroExitCode",
        [{"reason": "ExitCode", "message": "7"}],
    )


async def test_port_forward(either: Any) -> None:
    """Each port has a channel for its bytes and one for its errors; both begin with the port's number."""
    await either.pod(
        "p", SERVE, container=ADDRESS | {"readinessProbe": {"tcpSocket": {"port": 8000}, "periodSeconds": 1}}
    )
    await either.until(PODS, "p", lambda pod: pod["status"].get("containerStatuses", [{}])[0].get("ready"))
    async with _open(either, "portforward", {"ports": "8000,8001"}, "v4.channel.k8s.io") as opened:
        found: dict[int, bytes] = {}
        await opened.send(b"\0GET / HTTP/1.0\r\n\r\n")
        while b"</html>" not in found.get(0, b"") or len(found.get(3, b"")) <= 2:
            message = await opened.recv()
            assert isinstance(message, bytes)
            found[message[0]] = found.get(message[0], b"") + message[1:]
    first, second = struct.pack("<H", 8000), struct.pack("<H", 8001)
    assert found[0].startswith(first + b"HTTP/1.0 200")
    assert found[1] == first
    assert found[2] == second
    assert found[3].startswith(second + b"nothing in the pod answers on port 8001")


@pytest.mark.parametrize(
    ("query", "protocol", "code"),
    [
        ({"command": "true", "stdout": "true"}, "nonsense.k8s.io", {403}),
        ({"command": "true", "stdout": "true", "container": "none"}, "v4.channel.k8s.io", {400}),
        ({"stdout": "true"}, "v4.channel.k8s.io", {400}),
        ({"command": "true"}, "v4.channel.k8s.io", {400}),
    ],
    ids=["another subprotocol", "no such container", "no command", "no stream"],
)
async def test_refused(either: Any, query: dict[str, Any], protocol: str, code: set[int]) -> None:
    """What cannot be is refused before the protocol changes."""
    await either.pod("p", "sleep 600")
    await either.running("p")
    with pytest.raises(InvalidStatus) as refused:
        async with _open(either, "exec", query, protocol):
            pytest.fail("it was accepted")
    assert refused.value.response.status_code in code
