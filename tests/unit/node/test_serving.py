"""The node's server, its pure parts: requests, what they ask for, who may."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from seaway.base.clock import ManualClock
from seaway.client.client import Client
from seaway.client.logs import LogOptions
from seaway.client.request import Request
from seaway.client.streams import ATTACH, EXEC, FORWARD, StreamRequest, check, upgrade_of
from seaway.controlplane.node.serving.access import Access, subresources
from seaway.controlplane.node.serving.logoptions import log_options
from seaway.controlplane.node.serving.request import HttpRequest, parse_head, read_request
from seaway.controlplane.node.streaming.channels import SUCCESS, exit_status
from seaway.objects.errors import ApiError, BadRequest, Forbidden, RequestEntityTooLarge, Unauthorized


def test_a_request_is_read() -> None:
    head = b"GET /exec/ns/p/main?command=sh&command=-c&x=%20a+b HTTP/1.1\r\nHost: n\r\nA: 1\r\na: 2\r\n\r\n"
    request = parse_head(head)
    assert (request.method, request.path) == ("GET", "/exec/ns/p/main")
    assert request.query == {"command": ["sh", "-c"], "x": [" a b"]}
    assert request.headers == {"host": "n", "a": "1,2"}
    assert request.first("none", "other") == "other"


@pytest.mark.parametrize(
    "head",
    [b"GET /\r\n\r\n", b"GET / HTTP/2\r\n\r\n", b"GET http://x/ HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
     b"GET / HTTP/1.1\r\n folded: x\r\n\r\n"],
    ids=["no version", "another version", "no path", "no colon", "folded"],
)  # fmt: skip
def test_a_broken_request_is_refused(head: bytes) -> None:
    with pytest.raises(BadRequest):
        parse_head(head)


async def _read(data: bytes) -> HttpRequest | None:
    reader = asyncio.StreamReader(limit=1 << 16)
    reader.feed_data(data)
    reader.feed_eof()
    return await read_request(reader)


async def test_bodies_and_endings() -> None:
    """A body is read and left out; one that is announced too long is refused; a caller who leaves is noticed."""
    found = await _read(b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc")
    assert found is not None
    assert await _read(b"") is None
    assert await _read(b"GET / HTTP/1.1\r\nHost: x") is None
    assert await _read(b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\na") is None
    for bad in (b"POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n", b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
                b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\n\r\n"):  # fmt: skip
        with pytest.raises(RequestEntityTooLarge):
            await _read(bad)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, LogOptions()),
        ({"follow": "true", "timestamps": "1", "previous": "false"}, LogOptions(follow=True, timestamps=True)),
        ({"tailLines": "0", "sinceSeconds": "5", "limitBytes": "7"},
         LogOptions(tail_lines=0, since_seconds=5, limit_bytes=7)),
        ({"stream": "Stdout"}, LogOptions(stream="stdout")),
        ({"stream": "All", "sinceTime": "2026-01-02T03:04:05Z"}, LogOptions(since_time="2026-01-02T03:04:05Z")),
    ],
    ids=["nothing", "flags", "numbers", "one stream", "a time"],
)  # fmt: skip
def test_log_options(query: dict[str, str], expected: LogOptions) -> None:
    assert log_options({name: [value] for name, value in query.items()}) == expected


@pytest.mark.parametrize(
    "query",
    [
        {"tailLines": "-1"},
        {"limitBytes": "0"},
        {"sinceSeconds": "x"},
        {"sinceTime": "now"},
        {"stream": "out"},
    ],
    ids=lambda query: next(iter(query)),
)
def test_log_options_that_make_no_sense(query: dict[str, str]) -> None:
    with pytest.raises(BadRequest, match=next(iter(query))):
        log_options({name: [value] for name, value in query.items()})


def _asked(kind: str, **rest: Any) -> StreamRequest:
    return StreamRequest(kind, "ns", "p", "uid", "main", **rest)


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (_asked(EXEC, stdout=True), "a command is needed"),
        (_asked(EXEC, command=("sh",)), "at least 1 of stdin, stdout, stderr"),
        (_asked(ATTACH, stdin=True, terminal=True, stderr=True), "tty and stderr"),
    ],
    ids=["no command", "no stream", "a terminal has one output"],
)
def test_streams_that_make_no_sense(request_: StreamRequest, words: str) -> None:
    with pytest.raises(BadRequest, match=words):
        check(request_)


def test_a_forward_needs_no_stream() -> None:
    check(_asked(FORWARD))


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"connection": "Upgrade", "upgrade": "websocket", "sec-websocket-protocol": "v5.channel.k8s.io, v4.channel.k8s.io"},
         ("websocket", ("v5.channel.k8s.io", "v4.channel.k8s.io"))),
        ({"connection": "keep-alive, Upgrade", "upgrade": "SPDY/3.1", "x-stream-protocol-version": "v4.channel.k8s.io"},
         ("spdy/3.1", ("v4.channel.k8s.io",))),
        ({"upgrade": "websocket"}, None),
        ({"connection": "upgrade", "upgrade": "h2c"}, None),
        ({}, None),
    ],
    ids=["websocket", "spdy", "no connection header", "another protocol", "nothing"],
)  # fmt: skip
def test_how_a_caller_wants_to_speak(
    headers: dict[str, str], expected: tuple[str, tuple[str, ...]] | None
) -> None:
    if expected is None:
        with pytest.raises(BadRequest, match="Upgrade request required"):
            upgrade_of(headers, b"")
    else:
        found = upgrade_of(headers, b"")
        assert (found.protocol, found.versions) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/pods", ("pods", "proxy")),
        ("/healthz", ("healthz", "proxy")),
        ("/exec/a/b/c", ("proxy",)),
        ("/", ("proxy",)),
    ],
    ids=lambda value: str(value),
)
def test_which_rights_a_path_needs(path: str, expected: tuple[str, ...]) -> None:
    assert subresources(path) == expected


def test_the_status_of_an_exit_code() -> None:
    assert exit_status(0) == SUCCESS
    assert exit_status(3)["details"]["causes"] == [{"reason": "ExitCode", "message": "3"}]


class Cluster:
    """Answers reviews: token "good" is bob's, and bob may read the node's pods."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def send(self, request: Request) -> Any:
        spec = request.body["spec"]
        self.asked.append(request.body["kind"])
        if request.body["kind"] == "TokenReview":
            good = spec["token"] == "good"
            return {
                "status": {
                    "authenticated": good,
                    "user": {"username": "bob", "groups": ["g"]} if good else {},
                }
            }
        wanted = spec["resourceAttributes"]
        allowed = (spec["user"], wanted["verb"], wanted["subresource"], wanted["name"]) == (
            "bob",
            "get",
            "pods",
            "n1",
        )
        return {"status": {"allowed": allowed}}


async def test_who_may_is_asked_and_remembered() -> None:
    """The cluster is asked once for a while; a refusal is forgotten sooner than a permission."""
    cluster, clock = Cluster(), ManualClock()
    access = Access(Client(cluster), "n1", clock)  # type: ignore[arg-type]
    for _ in range(2):
        assert (await access.check(None, "Bearer good", "GET", "/pods")).name == "bob"
    assert cluster.asked == ["TokenReview", "SubjectAccessReview"]
    with pytest.raises(Forbidden, match=r"user=bob, verb=create, resource=nodes"):
        await access.check(None, "Bearer good", "POST", "/exec/a/b/c")
    refused: list[tuple[str, type[ApiError]]] = [
        ("Bearer bad", Unauthorized),
        ("", Unauthorized),
        ("Basic eA==", Unauthorized),
    ]
    for header, error in refused:
        with pytest.raises(error):
            await access.check(None, header, "GET", "/pods")
    before = len(cluster.asked)
    clock.advance(1000)
    await access.check(None, "Bearer good", "GET", "/pods")
    assert len(cluster.asked) == before + 2
