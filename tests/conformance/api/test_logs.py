"""Container logs: from the node to the caller, and every way in which there is none."""

from __future__ import annotations

from contextlib import asynccontextmanager

import pytest

from seaway.client.logs import LogOptions
from seaway.client.request import Request
from seaway.objects.builtin import PODS
from seaway.objects.errors import BadRequest, Invalid, NotFound, ServiceUnavailable, not_found


class Node:
    """A node that has one line of log."""

    def __init__(self) -> None:
        self.asked: list[LogOptions] = []

    @asynccontextmanager
    async def container_logs(self, namespace, pod, uid, container, options):
        self.asked.append(options)
        if options.previous:
            raise not_found("pods", pod)

        async def lines():
            yield f"{namespace}/{pod}/{container}\n".encode()
            yield b"second\n"

        yield lines()


@pytest.fixture
async def node(api_server, client):
    node = Node()
    api_server.register_node("n", node)
    containers = [{"name": "a", "image": "i"}, {"name": "b", "image": "i"}]
    await client.create(
        PODS, {"metadata": {"name": "two"}, "spec": {"nodeName": "n", "containers": containers}}, "default"
    )
    await client.create(
        PODS,
        {"metadata": {"name": "one"}, "spec": {"nodeName": "n", "containers": containers[:1]}},
        "default",
    )
    await client.create(
        PODS, {"metadata": {"name": "homeless"}, "spec": {"containers": containers[:1]}}, "default"
    )
    await client.create(
        PODS,
        {"metadata": {"name": "lost"}, "spec": {"nodeName": "gone", "containers": containers[:1]}},
        "default",
    )
    return node


async def test_a_log_is_streamed_with_its_options(client, node):
    options = LogOptions(timestamps=True, tail_lines=5, since_seconds=60, limit_bytes=1000)
    async with client.logs("two", "default", "b", options) as chunks:
        assert b"".join([chunk async for chunk in chunks]) == b"default/two/b\nsecond\n"
    assert node.asked == [options]


async def test_one_container_needs_no_name(client, node):
    async with client.logs("one", "default") as chunks:
        assert b"default/one/a" in b"".join([chunk async for chunk in chunks])


@pytest.mark.parametrize(
    ("pod", "query", "error", "words"),
    [
        ("two", (), BadRequest, r"a container name must be specified for pod two, choose one of: \[a b\]"),
        ("two", (("container", "c"),), BadRequest, "container c is not valid for pod two"),
        ("none", (), NotFound, 'pods "none" not found'),
        ("homeless", (), BadRequest, "pod homeless does not have a host assigned"),
        ("lost", (), ServiceUnavailable, "not connected"),
        ("one", (("tailLines", "-1"),), Invalid, "tailLines"),
        ("one", (("tailLines", "x"),), BadRequest, "tailLines"),
        ("one", (("sinceTime", "yesterday"),), BadRequest, "sinceTime"),
        ("one", (("sinceSeconds", "0"),), Invalid, "sinceSeconds"),
        ("one", (("previous", "true"),), NotFound, "one"),
    ],
)
async def test_no_log(client, node, pod, query, error, words):
    with pytest.raises(error, match=words):
        await client.send(Request("GET", f"/api/v1/namespaces/default/pods/{pod}/log", query))
