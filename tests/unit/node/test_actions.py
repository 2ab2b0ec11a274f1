"""What probes and hooks do over the network: real listeners, real connections."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from seaway.controlplane.node.actions import Place, act

RUNTIME: Any = None  # only commands need one


@asynccontextmanager
async def listening(answer: Callable[[bytes], bytes | None]) -> AsyncIterator[int]:
    """Listen on a free port; answer the head of each request with bytes, or never (None)."""
    handlers: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handlers.add(asyncio.current_task())  # type: ignore[arg-type]
        try:
            reply = answer(await reader.readuntil(b"\r\n\r\n"))
            if reply is None:
                await reader.read()  # until the other side gives up
            else:
                writer.write(reply)
        finally:
            writer.close()
            await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
        if handlers:
            await asyncio.wait(handlers)


def place(port: int) -> Place:
    return Place(Path("/none"), "127.0.0.1", {"ports": [{"name": "web", "containerPort": port}]})


@pytest.mark.parametrize(
    ("code", "ok", "text"),
    [
        (200, True, ""), (302, True, ""), (399, True, ""),
        (400, False, "HTTP probe failed with statuscode: 400"), (503, False, "HTTP probe failed with statuscode: 503"),
    ],
)  # fmt: skip
async def test_http_get(code: int, ok: bool, text: str) -> None:
    async with listening(lambda _: f"HTTP/1.1 {code} X\r\n\r\n".encode()) as port:
        assert await act(RUNTIME, place(port), {"httpGet": {"port": port}}, 30) == (ok, text)


async def test_http_get_asks_as_its_spec_says() -> None:
    heads: list[bytes] = []

    def answer(head: bytes) -> bytes:
        heads.append(head)
        return b"HTTP/1.1 200 OK\r\n\r\n"

    async with listening(answer) as port:
        action = {
            "httpGet": {
                "port": "web",
                "path": "/healthz?a=b",
                "httpHeaders": [{"name": "X-Who", "value": "me"}],
            }
        }
        assert (await act(RUNTIME, place(port), action, 30)).ok
    lines = heads[0].decode().split("\r\n")
    assert lines[0] == "GET /healthz?a=b HTTP/1.1"
    assert f"Host: 127.0.0.1:{port}" in lines
    assert "X-Who: me" in lines
    assert any(line.startswith("User-Agent: kube-probe/") for line in lines)


@pytest.mark.parametrize(
    ("leads_to", "ok"),
    [("/fine", True), ("broken", False), ("/again", False), ("http://elsewhere.example/broken", True), ("", True)],
    ids=["to what is well", "to what is not", "in a circle", "to another host", "nowhere"],
)  # fmt: skip
async def test_a_probe_goes_where_a_page_leads_on_the_same_host(leads_to: str, ok: bool) -> None:
    def answer(head: bytes) -> bytes:
        path = head.split()[1]
        if path == b"/again":
            return f"HTTP/1.1 301 X\r\nlocation: {leads_to}\r\n\r\n".encode()
        return b"HTTP/1.1 200 OK\r\n\r\n" if path == b"/fine" else b"HTTP/1.1 500 X\r\n\r\n"

    async with listening(answer) as port:
        # Many manifests leave the slash out.
        assert (await act(RUNTIME, place(port), {"httpGet": {"port": port, "path": "again"}}, 30)).ok is ok


async def test_http_get_of_what_does_not_speak_http() -> None:
    async with listening(lambda _: b"hello\n") as port:
        answer = await act(RUNTIME, place(port), {"httpGet": {"port": port}}, 30)
    assert answer == (False, f'Get "http://127.0.0.1:{port}/": malformed HTTP response')


async def test_no_answer_in_time() -> None:
    async with listening(lambda _: None) as port:
        answer = await act(RUNTIME, place(port), {"httpGet": {"port": port}}, 0.05)
    assert answer == (False, "context deadline exceeded")


@pytest.mark.parametrize("port", ["web", None], ids=["by name", "by number"])
async def test_tcp_socket(port: str | None) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        number = listener.getsockname()[1]
        assert await act(RUNTIME, place(number), {"tcpSocket": {"port": port or number}}, 30) == (True, "")


@pytest.mark.parametrize("kind", ["tcpSocket", "httpGet"])
async def test_nobody_listens(kind: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    answer = await act(RUNTIME, place(port), {kind: {"port": port}}, 30)
    assert not answer.ok
    assert answer.text.endswith(f"dial tcp 127.0.0.1:{port}: connect: connection refused")


async def test_a_handler_that_is_not_served_is_named() -> None:
    assert await act(RUNTIME, place(1), {"smoke": {}}, 30) == (
        False,
        "handler smoke is not served by this node",
    )
