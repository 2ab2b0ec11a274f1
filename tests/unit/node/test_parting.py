"""How a remote command's caller and the node part: the caller has all of it, and a status, before the connection ends.

Callers take an end that nobody explains for success.
"""

from __future__ import annotations

import asyncio
import struct
from contextlib import closing

import orjson
import pytest

from seaway.controlplane.node.streaming import command as streaming
from seaway.controlplane.node.streaming import frames, spdychannels
from seaway.controlplane.node.streaming.channels import ERROR, STDIN, Received
from seaway.controlplane.node.streaming.link import StreamLink
from seaway.controlplane.node.streaming.spdy import SpdyConnection
from seaway.controlplane.node.streaming.spdychannels import gather_streams
from tests.waiting import until

NUMBERS = {"error": 1, "stdout": 3, "stderr": 5}
ALL = frozenset(NUMBERS)
OUTPUTS = frozenset(("stdout", "stderr"))


class Saying:
    """A command that says one word and ends, or does not end."""

    outputs = ("stdout", "stderr")

    def __init__(self, *, turns: int = 0, ends: bool = True, fault: Exception | None = None) -> None:
        self._turns, self._ends, self._fault = turns, ends, fault
        self._words = {"stdout": [b"word", b""], "stderr": [b""]}
        self.refused = asyncio.Event()
        self.closed = False

    async def read(self, stream: str) -> bytes:
        for _ in range(self._turns):
            await asyncio.sleep(0)
        if self._fault is not None:
            raise self._fault
        return self._words[stream].pop(0)

    async def write(self, data: bytes) -> None:
        self.refused.set()
        raise ConnectionResetError("its program reads no more")

    def end_input(self) -> None: ...
    def resize(self, width: int, height: int) -> None: ...

    def close(self) -> None:
        self.closed = True

    async def wait(self) -> int:
        if not self._ends:
            await self.refused.wait()
        return 0


class Channels:
    """A caller who stays, and has sent what he is said to have sent."""

    def __init__(self, *received: Received) -> None:
        self._received = list(received)
        self.sent = list[tuple[str, bytes]]()

    async def receive(self) -> Received | None:
        return self._received.pop(0) if self._received else await asyncio.Future()

    async def send(self, stream: str, data: bytes) -> None:
        self.sent.append((stream, data))

    async def close(self) -> None:
        self.sent.append(("closed", b""))

    def status(self) -> str:
        """Return the status that was sent as the last before the end."""
        (stream, data), end = self.sent[-2:]
        assert (stream, end[0]) == (ERROR, "closed")
        return str(orjson.loads(data)["status"])


async def test_a_loop_that_was_held_up_reads_before_it_gives_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time is over and there is something to read, both at once: some loops tell of the time first."""
    monkeypatch.setattr(streaming, "_DRAIN_SECONDS", 0.0)
    monkeypatch.setattr(streaming, "_TURNS", 30)
    channels = Channels()
    await streaming.converse(Saying(turns=20), channels, OUTPUTS)
    assert channels.sent[0] == ("stdout", b"word")
    assert channels.status() == "Success"


async def test_a_program_that_takes_no_more_input_is_heard_to_its_end() -> None:
    channels = Channels(Received(STDIN, b"typed"))
    await streaming.converse(Saying(ends=False), channels, OUTPUTS)
    assert channels.sent[0] == ("stdout", b"word")
    assert channels.status() == "Success"


async def test_what_cannot_be_carried_on_is_no_success() -> None:
    channels = Channels()
    await streaming.converse(Saying(fault=ValueError("broken")), channels, OUTPUTS)
    assert channels.status() == "Failure"


@pytest.mark.parametrize("times", [1, 2, 3])
async def test_a_node_that_stops_says_so(times: int) -> None:
    channels, command = Channels(), Saying(ends=False)
    serving = asyncio.create_task(streaming.converse(command, channels, OUTPUTS))
    await until(lambda: channels.sent, "its output")
    for _ in range(times):
        serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)
    assert channels.status() == "Failure"
    assert command.closed


def opened(names: list[str]) -> bytes:
    writer = frames.Writer()
    return b"".join(writer.open(NUMBERS[name], {"streamType": name}) for name in names)


class Caller:
    """A link whose caller opens streams, and leaves when he is told to."""

    def __init__(self, *names: str) -> None:
        self._frames = opened(list(names))
        self.leaves = asyncio.Event()
        self.got, self.closed = b"", False

    async def read(self) -> bytes:
        if self._frames:
            sent, self._frames = self._frames, b""
            return sent
        await self.leaves.wait()
        return b""

    async def write(self, data: bytes) -> None:
        self.got += data

    async def close(self) -> None:
        self.closed = True

    def heard(self) -> dict[int, list[bytes]]:
        """Return the data of each stream, b"" for its end."""
        return heard(self.got)


def heard(got: bytes) -> dict[int, list[bytes]]:
    found: dict[int, list[bytes]] = {number: [] for number in NUMBERS.values()}
    for frame in frames.Reader().feed(got):
        if frame.kind == 0:
            found[frame.stream] += [frame.data] * bool(frame.data) + [b""] * (frame.flags & frames.FIN)
    return found


async def test_the_connection_stays_until_its_caller_has_left() -> None:
    caller = Caller(*NUMBERS)
    connection = SpdyConnection(caller)
    reading = asyncio.create_task(connection.run())
    channels = await gather_streams(connection, ALL)
    assert channels is not None
    serving = asyncio.create_task(streaming.converse(Saying(), channels, OUTPUTS))
    await until(lambda: all(data[-1:] == [b""] for data in caller.heard().values()), "the end of each stream")
    for _ in range(20):
        await asyncio.sleep(0)
    assert not caller.closed
    caller.leaves.set()
    await asyncio.gather(serving, reading)
    assert caller.closed
    assert caller.heard()[NUMBERS["stdout"]] == [b"word", b""]
    assert orjson.loads(caller.heard()[NUMBERS["error"]][0])["status"] == "Success"


async def test_who_does_not_leave_is_not_waited_for_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spdychannels, "LEAVE_SECONDS", 0.01)
    caller = Caller(*NUMBERS)
    connection = SpdyConnection(caller)
    reading = asyncio.create_task(connection.run())
    channels = await gather_streams(connection, ALL)
    assert channels is not None
    await streaming.converse(Saying(), channels, OUTPUTS)
    assert caller.closed
    reading.cancel()


async def test_a_caller_who_does_not_open_all_streams_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spdychannels, "_OPEN_SECONDS", 0.01)
    caller = Caller("error", "stdout")
    connection = SpdyConnection(caller)
    reading = asyncio.create_task(connection.run())
    assert await gather_streams(connection, ALL) is None
    said, end = caller.heard()[NUMBERS["error"]]
    assert orjson.loads(said)["message"].endswith("not opened within 0.01 s: stderr")
    assert end == b""
    reading.cancel()


async def test_who_still_sends_when_all_is_said_is_not_cut_off() -> None:
    """As a proxy whose caller pings: where its sending fails, it drops what it has not handed on yet."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = SpdyConnection(StreamLink(reader, writer))
        reading = asyncio.create_task(connection.run())
        channels = await gather_streams(connection, ALL)
        assert channels is not None
        await streaming.converse(Saying(), channels, OUTPUTS)
        await reading

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server, asyncio.timeout(60):
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        with closing(writer):
            writer.write(opened(list(NUMBERS)))
            got = b""
            while any(data[-1:] != [b""] for data in heard(got).values()):
                got += await reader.read(1 << 16)
            pings = [frames.control(frames.PING, struct.pack(">I", number)) for number in range(1, 41, 2)]
            for ping in pings:
                writer.write(ping)
                await writer.drain()
                assert await reader.readexactly(len(ping)) == ping
    assert heard(got)[NUMBERS["stdout"]] == [b"word", b""]
