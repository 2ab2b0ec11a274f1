"""What history costs: logs of many talkative pods collected at once."""

from __future__ import annotations

import asyncio
import multiprocessing
import ssl
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from functools import cache
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any

from benchmarks.goals import Measurement
from seaway.base.clock import SystemClock, rfc3339_nano
from seaway.client.client import Client
from seaway.client.connection import Connection
from seaway.client.http import HttpTransport
from seaway.platform.history.collector import LogCollector
from seaway.platform.history.log_files import FileLogStore
from seaway.platform.history.logs import LogKey
from seaway.portal.certificates import CertificateFiles, ensure_certificate

PODS, LINES, SECONDS = 200, 1000, 10
TICK = 0.1


def scripted_node(answer: Pipe, certificate: CertificateFiles | None) -> None:
    """Send logs, in a process of its own: each pod says so many lines a second; in the end say how much CPU that took.

    Args:
        answer: tells the port, and is told when to begin and when to end.
        certificate: logs are sent over HTTP and TLS, as an API server does; None for plain sockets.
    """
    asyncio.run(_serve(answer, certificate))


async def _serve(answer: Pipe, certificate: CertificateFiles | None) -> None:
    begin, opened, left = asyncio.Event(), asyncio.Semaphore(0), asyncio.Semaphore(0)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if certificate is not None:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n")
            await writer.drain()
        opened.release()
        await begin.wait()
        ticks, each, loop = round(SECONDS / TICK), round(LINES * TICK), asyncio.get_running_loop()
        start = loop.time()
        for tick in range(ticks):
            await asyncio.sleep(max(0.0, start + tick * TICK - loop.time()))
            writer.write(_lines(tick, each, chunked=certificate is not None))
            await writer.drain()
        with suppress(OSError, ssl.SSLError):
            await reader.read()  # who has all of it hangs up
            writer.close()
        left.release()

    context = None
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate.certificate, certificate.key)
    server = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=context, backlog=PODS)
    answer.send(server.sockets[0].getsockname()[1])
    for _ in range(PODS):
        await opened.acquire()
    for tick in range(round(SECONDS / TICK)):
        _lines(tick, round(LINES * TICK), chunked=certificate is not None)
    answer.send("all are connected")
    await asyncio.to_thread(answer.recv)
    cpu = time.process_time()
    begin.set()
    await asyncio.to_thread(answer.recv)
    answer.send(time.process_time() - cpu)
    for _ in range(PODS):
        await left.acquire()
    server.close()


@cache
def _lines(tick: int, count: int, *, chunked: bool = False) -> bytes:
    """Return the lines of a tick, as a chunk of HTTP or as they are.

    Those of all pods are alike, and all are kept: pods may be at different ticks, and making lines anew for each would cost
    more than sending them.
    """
    at = 1_800_000_000_000_000_000 + tick * count * 1_000_000
    made = b"".join(
        f"{rfc3339_nano(at + n * 1_000_000)} step {tick * count + n:06d} loss=0.1234 accuracy=0.9876\n".encode()
        for n in range(count)
    )
    return b"%x\r\n%b\r\n" % (len(made), made) if chunked else made


class ScriptedClient:
    """What the collector uses of a client."""

    def __init__(self, port: int) -> None:
        self._port = port

    @asynccontextmanager
    async def logs(self, *_: Any) -> AsyncIterator[AsyncIterator[bytes]]:
        """Open a pod's log."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        writer.write(b"follow\r\n\r\n")

        async def chunks() -> AsyncIterator[bytes]:
            while chunk := await reader.read(65536):
                yield chunk

        try:
            yield chunks()
        finally:
            writer.close()


async def _all_kept(logs: FileLogStore, keys: list[LogKey], size: int) -> None:
    """Return when each log is so long."""
    for key in keys:
        while logs.writer(key).size < size:
            await asyncio.wait([logs.writer(key).changed.next()])


async def collect(*, https: bool) -> Measurement:
    """Follow all pods until they end, over plain sockets or as from a cluster; measure this process alone."""
    with tempfile.TemporaryDirectory() as folder:
        certificate = ensure_certificate(Path(folder), datetime.now(UTC)) if https else None
        here, there = multiprocessing.get_context("spawn").Pipe()
        node = multiprocessing.get_context("spawn").Process(target=scripted_node, args=(there, certificate))
        node.start()
        port = await asyncio.to_thread(here.recv)
        client: Any = ScriptedClient(port)
        if certificate is not None:
            connection = Connection(f"https://127.0.0.1:{port}", ca=certificate.ca.read_bytes())
            client = Client(HttpTransport(connection))
        logs = FileLogStore(Path(folder) / "logs")
        collector = LogCollector(client, logs, SystemClock())
        keys = [LogKey(f"{number:032x}", "main", 1) for number in range(PODS)]
        for number, key in enumerate(keys):
            collector.follow(key, {"metadata": {"name": f"pod-{number}", "namespace": "n"}})
        await asyncio.to_thread(here.recv)
        size = sum(len(_lines(tick, round(LINES * TICK))) for tick in range(round(SECONDS / TICK)))
        here.send("begin")
        cpu, wall = time.process_time(), time.perf_counter()
        async with asyncio.timeout(20 * SECONDS):
            await _all_kept(logs, keys, size)
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        here.send("end")
        sending = await asyncio.to_thread(here.recv)
        await collector.close()
        await logs.close_all()
        kept = [logs.path(key).read_bytes().count(b"\n") for key in keys]
        node.join()
    lost = PODS * SECONDS * LINES - sum(kept)
    note = f"{sum(kept):,} lines in {wall:.1f} s, {lost} lost, {cpu:.1f} s of CPU; {sending:.1f} s of CPU to send them"
    name = f"recorder: {PODS} pods, {LINES:,} lines/s each{' [HTTPS]' if https else ''}"
    return Measurement(name, cpu / SECONDS * 100, "% core", note)


def measure() -> list[Measurement]:
    """Measure all of it."""
    return [asyncio.run(collect(https=https)) for https in (False, True)]
