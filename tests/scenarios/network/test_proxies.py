"""Programs in pods, reached through the API server: pods/proxy and services/proxy."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import websockets

from seaway.client.config import load_kubeconfig
from seaway.client.credentials import Identity
from seaway.client.pool import ssl_context
from seaway.objects.builtin import ENDPOINTS

CHAT = """
import asyncio, os, websockets
async def echo(socket):
    async for message in socket:
        await socket.send(socket.request.path + " " + message)
async def main():
    async with websockets.serve(echo, os.environ["POD_IP"], 8080):
        await asyncio.Event().wait()
asyncio.run(main())
"""


def context(network: Any) -> ssl.SSLContext:
    connection = load_kubeconfig(network.cluster.kubeconfig)
    shown = Identity(None, connection.client_certificate, connection.client_key, connection.ca)
    return ssl_context(connection, shown)


@pytest.fixture
async def api(network: Any) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(
        verify=context(network), base_url=network.cluster.url, timeout=30, trust_env=False
    ) as client:
        yield client


async def test_requests_reach_pods_and_services(network: Any, api: httpx.AsyncClient) -> None:
    await network.server("a")
    await network.service()
    await network.ready("web", 1)
    await network.until(lambda: _has_endpoints(network))
    place = "/api/v1/namespaces/d"
    for path in ("pods/a:8080", "pods/a", "services/web:8000", "services/web:http", "services/http:web:http"):
        answer = await api.get(f"{place}/{path}/proxy/x/y%20z?q=1&q=2")
        assert (answer.status_code, answer.text) == (200, "a /x/y%20z?q=1&q=2"), path
    moved = await api.get(f"{place}/pods/a/proxy")
    assert (moved.status_code, moved.headers["location"]) == (301, f"{place}/pods/a/proxy/")
    for path, code, words in (
        ("services/none/proxy/", 404, 'endpoints "none" not found'),
        ("services/web:9/proxy/", 503, 'no service port 9 found for service "web"'),
        ("services/web:other/proxy/", 503, 'no endpoints available for service "web:other"'),
        ("pods/none/proxy/", 404, 'pods "none" not found'),
        ("pods/a:99999/proxy/", 400, "has no port"),
        ("pods/a:81/proxy/", 503, "error trying to reach service"),
        ("pods/ftp:a:81/proxy/", 400, "invalid pod request"),
    ):
        answer = await api.get(f"{place}/{path}")
        assert answer.status_code == code, (path, answer.text)
        assert words in answer.json()["message"], path


async def _has_endpoints(network: Any) -> Any:
    return (await network.client.get(ENDPOINTS, "web", "d")).get("subsets")


async def test_only_pods_are_reached_and_nobody_learns_who_calls(
    network: Any, api: httpx.AsyncClient
) -> None:
    """Endpoints that somebody wrote lead nowhere, and the caller's token stays here."""
    await network.service("own", selector=None)
    port = int(network.cluster.url.rpartition(":")[2])
    subsets = [{"addresses": [{"ip": "127.0.0.1"}], "ports": [{"name": "http", "port": port}]}]
    await network.client.create(
        ENDPOINTS, {"metadata": {"name": "own", "namespace": "d"}, "subsets": subsets}
    )
    answer = await api.get("/api/v1/namespaces/d/services/https:own:http/proxy/version")
    assert answer.status_code == 503
    show = "self.headers.as_string().lower().replace(chr(10), ' ')"
    from tests.scenarios.network.conftest import SAY

    await network.server("spy", SAY.replace('os.environ["HOSTNAME"] + " " + self.path', show))
    await network.until(lambda: _answers(api, "spy"))
    headers = {"Authorization": "Bearer secret-token", "X-Mine": "kept"}
    text = (await api.get("/api/v1/namespaces/d/pods/spy/proxy/", headers=headers)).text
    assert "x-mine: kept" in text
    assert "authorization" not in text
    assert "secret" not in text


async def _answers(api: httpx.AsyncClient, pod: str) -> bool:
    return (await api.get(f"/api/v1/namespaces/d/pods/{pod}/proxy/")).status_code == 200


async def test_web_sockets_pass_through(network: Any) -> None:
    await network.server("chat", CHAT, probe=None)
    url = network.cluster.url.replace("https", "wss") + "/api/v1/namespaces/d/pods/chat:8080/proxy/room?x=1"

    async def talks() -> Any:
        try:
            async with websockets.connect(url, ssl=context(network), proxy=None) as socket:
                await socket.send("hello")
                return await socket.recv()
        except websockets.InvalidHandshake:
            return None

    assert await network.until(talks) == "/room?x=1 hello"
