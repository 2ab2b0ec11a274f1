"""Carrying a remote command's streams: what it wrote comes out before its status, however slow its caller is."""

from __future__ import annotations

import asyncio

import pytest

from seaway.client.streams import EXEC, SPDY, StreamRequest, Upgrade
from seaway.controlplane.node.streaming import command as streaming
from seaway.controlplane.node.streaming.channels import ERROR, Received
from seaway.controlplane.node.streaming.host import Connect
from seaway.controlplane.node.streaming.serve import SPDY_COMMAND, serve_stream


class Ended:
    """A command that has ended already, with output that nobody has read yet."""

    outputs = ("stdout", "stderr")

    def __init__(self, held: bool = False) -> None:
        self.closed = False
        self._pieces = {"stdout": [b"one", b"two", b""], "stderr": [] if held else [b""]}

    async def read(self, stream: str) -> bytes:
        pieces = self._pieces[stream]
        return pieces.pop(0) if pieces else await asyncio.Future()

    async def write(self, data: bytes) -> None: ...
    def end_input(self) -> None: ...
    def resize(self, width: int, height: int) -> None: ...

    def close(self) -> None:
        self.closed = True

    async def wait(self) -> int:
        return 0


class SlowChannels:
    """Channels to somebody who takes long for each piece."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.sent = seconds, list[tuple[str, bytes]]()

    async def receive(self) -> Received | None:
        return await asyncio.Future()

    async def send(self, stream: str, data: bytes) -> None:
        await asyncio.sleep(self.seconds)
        self.sent.append((stream, data))

    async def close(self) -> None: ...


@pytest.mark.parametrize("held", [False, True], ids=["all is closed", "something holds an output open"])
async def test_a_slow_caller_gets_all_of_it(monkeypatch: pytest.MonkeyPatch, held: bool) -> None:
    monkeypatch.setattr(streaming, "_DRAIN_SECONDS", 0.01)
    channels = SlowChannels(seconds=0.1)
    await streaming.converse(Ended(held), channels, frozenset(("stdout", "stderr")))
    assert channels.sent[:2] == [("stdout", b"one"), ("stdout", b"two")]
    assert [stream for stream, _ in channels.sent[2:]] == [ERROR]


class Quiet:
    """A connection whose caller says nothing and opens no streams."""

    def __init__(self) -> None:
        self.switched = asyncio.Event()

    async def read(self) -> bytes:
        return await asyncio.Future()

    async def write(self, data: bytes) -> None:
        self.switched.set()

    async def close(self) -> None: ...


class OneCommand:
    """A node on which one command was started."""

    def __init__(self, command: Ended) -> None:
        self._command = command

    async def start_command(self, _: StreamRequest) -> Ended:
        return self._command

    def connector(self, _: StreamRequest) -> Connect:
        raise NotImplementedError


@pytest.mark.parametrize("cancelled", [1, 2, 3])
async def test_a_command_ends_with_its_node_though_its_caller_never_spoke(cancelled: int) -> None:
    command, link = Ended(), Quiet()
    request = StreamRequest(EXEC, "default", "p", "uid", "main", ("sh",), stdout=True)
    serving = asyncio.create_task(
        serve_stream(OneCommand(command), request, Upgrade(b"", SPDY, (SPDY_COMMAND,)), link)
    )
    await link.switched.wait()
    for _ in range(cancelled):
        await asyncio.sleep(0)
        serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)
    assert command.closed
