"""Talk to a node's fork server; start another where there is none."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from seaway.controlplane.node.shim.interpreter import LANGUAGE
from seaway.controlplane.node.shim.server import PROTOCOL

log = logging.getLogger(__name__)
_PROGRAM = Path(__file__).parent / "shim"
_START_SECONDS = 20.0
_LONGEST_ADDRESS = 100
_CHUNK = 1 << 16
_NO_SERVER = (ConnectionRefusedError, FileNotFoundError, ConnectionResetError, BrokenPipeError)


class RuntimeUnavailableError(Exception):
    """The fork server cannot be started; the message says why."""


class Answers:
    """The lines that come back on one connection: a plain socket, for a stream would cost more than it carries."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._received = b""

    async def next(self) -> dict[str, Any] | None:
        """Return the next answer, None where the other side is gone."""
        loop = asyncio.get_running_loop()
        while b"\n" not in self._received:
            try:
                data = await loop.sock_recv(self._connection, _CHUNK)
            except ConnectionError:
                return None
            if not data:
                return None
            self._received += data
        line, _, self._received = self._received.partition(b"\n")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        """Close the connection. Nobody may be waiting for an answer."""
        self._connection.close()


class ForkServer:
    """The fork server of the node with this folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._starting = asyncio.Lock()

    async def ensure(self) -> dict[str, Any]:
        """Return what the running server says of this machine; start one where none answers.

        One that another version of Seaway left behind is replaced; what it started goes on.

        Raises:
            RuntimeUnavailableError: it cannot be started.
        """
        async with self._starting:
            deadline = time.monotonic() + _START_SECONDS
            while time.monotonic() < deadline:
                try:
                    hello = await self._ask({"operation": "hello"})
                    if hello.get("protocol") == PROTOCOL:
                        return hello
                    log.info("replacing a fork server of another version of Seaway in %s", self._folder)
                    await self._ask({"operation": "stop"})
                except _NO_SERVER:
                    await asyncio.to_thread(self._start)
        raise RuntimeUnavailableError(
            f"the fork server in {self._folder} does not answer; see {self._folder / 'shim.log'}"
        )

    async def send(self, request: dict[str, Any], descriptors: Sequence[int] = ()) -> Answers:
        """Send a request, and open files with it; a server that died is replaced first."""
        for _ in range(2):
            try:
                return await self._open(request, descriptors)
            except _NO_SERVER:
                await self.ensure()
        return await self._open(request, descriptors)

    async def stop(self) -> None:
        """Stop the server, and return when it has ended; running shims go on."""
        try:
            answers = await self._open({"operation": "stop"})
        except _NO_SERVER:
            log.debug("no fork server runs in %s", self._folder)
            return
        try:
            while await answers.next() is not None:
                pass  # it holds the connection as long as it lives
        finally:
            answers.close()

    async def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        answers = await self._open(request)
        try:
            answer = await answers.next()
        finally:
            answers.close()
        if answer is None:
            raise ConnectionResetError("the fork server went away")
        return answer

    async def _open(self, request: dict[str, Any], descriptors: Sequence[int] = ()) -> Answers:
        async with address_of(self._folder / "shim.sock") as address:
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            connection.setblocking(False)
            try:
                loop = asyncio.get_running_loop()
                await loop.sock_connect(connection, address)
                data = json.dumps(request).encode() + b"\n"
                sent = socket.send_fds(connection, [data], descriptors) if descriptors else 0
                await loop.sock_sendall(connection, data[sent:])
            except BaseException:
                connection.close()
                raise
        return Answers(connection)

    def _start(self) -> None:
        command = [sys.executable, "-I", "-S", str(_PROGRAM), str(self._folder)]
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            timeout=_START_SECONDS, check=False, start_new_session=True, env={"LANG": LANGUAGE},
        )  # fmt: skip
        if done.returncode not in {0, 75}:
            why = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or [
                f"exit code {done.returncode}"
            ]
            raise RuntimeUnavailableError(f"the fork server of the node cannot start: {why[0]}")


@asynccontextmanager
async def address_of(path: Path) -> AsyncIterator[str]:
    """Yield an address for a socket; a path too long for the kernel goes through its open folder."""
    if len(os.fsencode(path)) < _LONGEST_ADDRESS:
        yield str(path)
        return
    descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{descriptor}/{path.name}"
    finally:
        os.close(descriptor)
