"""Run one remote command over its channels: outputs out, input in, the status at the end."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

import orjson

from seaway.base.tasks import cancel_all
from seaway.controlplane.node.streaming.channels import (
    ERROR,
    RESIZE,
    STDIN,
    Channels,
    exit_status,
    failure,
)

log = logging.getLogger(__name__)
_DRAIN_SECONDS = 2.0
"""A command that ended may have left something that holds its output open: after so long without a word it is left alone."""
_TURNS = 5
"""Of the event loop, in which it looks whether there is something to read: one that was held up tells of the time first."""
_PARTING_SECONDS = 2.0
"""How long a caller that is sent away may take to hear why."""


class Failed(Exception):  # reads as what happened
    """What was asked for could not be run; the message says why."""


@dataclass(slots=True)
class _Flow:
    """How the outputs of a command get on."""

    moved: int = 0
    """Pieces that were read."""
    sending: int = 0
    """Outputs whose caller is slow to take what was read."""


class Command(Protocol):
    """A running command, or what stands for one (attach)."""

    @property
    def outputs(self) -> tuple[str, ...]:
        """Its streams that can be read."""
        ...

    async def read(self, stream: str) -> bytes:
        """Return what comes next; nothing at the end."""
        ...

    async def write(self, data: bytes) -> None:
        """Give it input."""
        ...

    def end_input(self) -> None:
        """Its input ends."""
        ...

    def resize(self, width: int, height: int) -> None:
        """Its terminal has this size, in characters."""
        ...

    async def wait(self) -> int:
        """Return its exit code. Raises Failed."""
        ...

    def close(self) -> None:
        """End it, where it runs."""
        ...


async def converse(command: Command, channels: Channels, wanted: frozenset[str]) -> None:
    """Carry a command's streams until it ends or its caller is gone.

    Args:
        command: closed at the end.
        channels: closed at the end.
        wanted: the outputs that the caller asked for; others are read and dropped, so that nobody waits for them.
    """
    flow = _Flow()
    outputs = [
        asyncio.create_task(_pump(command, channels, name, name in wanted, flow)) for name in command.outputs
    ]
    ending = asyncio.create_task(_outcome(command, outputs, flow))
    leaving = asyncio.create_task(_listen(command, channels))
    tasks = (*outputs, ending, leaving)
    status: dict[str, Any] | None = failure("the node stops: how the command ends is not known")
    limit: float | None = _PARTING_SECONDS
    try:
        await asyncio.wait({ending, leaving}, return_when=asyncio.FIRST_COMPLETED)
        status, limit = _status_of(ending if ending.done() else leaving), None
    finally:
        try:
            await cancel_all(tasks)
        finally:
            command.close()
            await _part(channels, status, limit)


def _status_of(over: asyncio.Task[dict[str, Any] | None]) -> dict[str, Any] | None:
    """Return what the caller is to be told when a command has ended, or the caller has left: then nothing."""
    fault = over.exception()
    if fault is None:
        return over.result()
    if isinstance(fault, ConnectionError):
        log.debug("the caller of a remote command left: %s", fault)
    else:
        log.error("a remote command cannot be carried on", exc_info=fault)
    return failure(f"its streams cannot be carried on: {fault}")


async def _part(channels: Channels, status: dict[str, Any] | None, limit: float | None) -> None:
    """Tell the caller how it ended, and close. Callers take an end that nobody explains for success."""
    try:
        async with asyncio.timeout(limit):
            if status is not None:
                await channels.send(ERROR, orjson.dumps(status))
    except (ConnectionError, TimeoutError) as error:
        log.debug("the caller of a remote command left: %s", error)
    finally:
        await channels.close()


async def _outcome(command: Command, outputs: list[asyncio.Task[None]], flow: _Flow) -> dict[str, Any]:
    """Return the status once the command ended and its output is out. Raises ConnectionError."""
    try:
        status = exit_status(await command.wait())
    except Failed as error:
        status = failure(f"error executing command in container: {error}")
    waits = set(outputs)
    while waits:
        before = flow.moved
        done, waits = await asyncio.wait(waits, timeout=_DRAIN_SECONDS)
        for task in done:
            task.result()
        for _ in range(_TURNS if flow.moved == before and not done else 0):
            await asyncio.sleep(0)
        if flow.moved == before and not done and not flow.sending:
            break
    return status


async def _pump(command: Command, channels: Channels, stream: str, wanted: bool, flow: _Flow) -> None:
    while data := await command.read(stream):
        flow.moved += 1
        if wanted:
            flow.sending += 1
            await channels.send(stream, data)
            flow.sending -= 1


async def _listen(command: Command, channels: Channels) -> None:
    """Hand on what the caller sends; return when it is gone."""
    while (received := await channels.receive()) is not None:
        with suppress(OSError):  # a command that has just ended takes no more; its end is told all the same
            if received.stream == RESIZE:
                _resize(command, received.data)
            elif received.stream == STDIN and received.data:
                await command.write(received.data)
            elif received.stream == STDIN:
                command.end_input()


def _resize(command: Command, data: bytes) -> None:
    try:
        size = orjson.loads(data)
        width, height = int(size["Width"]), int(size["Height"])
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        log.info("a terminal's size cannot be read: %r", data[:100])
        return
    if 0 < width < 1 << 16 and 0 < height < 1 << 16:
        command.resize(width, height)
