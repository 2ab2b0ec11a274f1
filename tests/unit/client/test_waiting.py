"""Waiting for one object on an API server."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from seaway.client.client import Client
from seaway.client.waiting import wait_for
from seaway.controlplane.apiserver.inprocess import InProcessTransport
from seaway.controlplane.apiserver.users import ADMIN
from seaway.objects.builtin import NODES
from seaway.objects.errors import BadRequest

NODE: dict[str, Any] = {"metadata": {"name": "n"}}


@pytest.fixture
def client(api_server) -> Client:
    return Client(InProcessTransport(api_server, ADMIN))


async def say(client: Client, status: str) -> None:
    conditions = [{"type": "Ready", "status": status, "reason": "r", "message": "m"}]
    await client.patch(NODES, "n", {"status": {"conditions": conditions}}, subresource="status")


@pytest.mark.parametrize(
    ("status", "wanted"),
    [
        ("True", "condition=Ready"),
        ("True", "condition=ready=true"),
        ("False", "condition=Ready=False"),
        ("Unknown", lambda node: node["status"]["conditions"][0]["status"] == "Unknown"),
    ],
)
async def test_it_comes_about_later(client: Client, status: str, wanted) -> None:
    waiting = asyncio.create_task(wait_for(client, NODES, "n", wanted))
    await client.create(NODES, NODE)
    await wait_for(client, NODES, "n", "create")
    assert not waiting.done()
    await say(client, status)
    found = await waiting
    assert found is not None
    assert found["status"]["conditions"][0]["status"] == status


async def test_it_goes(client: Client) -> None:
    await client.create(NODES, NODE)
    waiting = asyncio.create_task(wait_for(client, NODES, "n", "delete"))
    await client.delete(NODES, "n")
    assert await waiting is None
    assert await wait_for(client, NODES, "never-there", "delete") is None


@pytest.mark.parametrize("wanted", ["", "ready", "condition", "condition=", "deleted"])
async def test_words_that_say_nothing(client: Client, wanted: str) -> None:
    with pytest.raises(ValueError, match="say condition=NAME, condition=NAME=VALUE, create or delete"):
        await wait_for(client, NODES, "n", wanted)


async def test_errors_of_the_question_are_the_callers(client: Client) -> None:
    await client.create(NODES, NODE)
    with pytest.raises(ZeroDivisionError):
        await wait_for(client, NODES, "n", lambda _: 1 / 0)


async def test_in_vain(client: Client) -> None:
    await client.create(NODES, NODE)
    await say(client, "False")
    with pytest.raises(
        TimeoutError, match=r"nodes/n: waited 0.05 s for condition=Ready; its status is .*False"
    ):
        await wait_for(client, NODES, "n", "condition=Ready", seconds=0.05)
    with pytest.raises(BadRequest):
        await wait_for(client, NODES, "not,a=name", "create", seconds=5)
