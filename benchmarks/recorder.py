"""What history costs: logs of many talkative pods collected at once, and a run's page when there are very many runs."""

from __future__ import annotations

import asyncio
import multiprocessing
import sqlite3
import ssl
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from functools import cache
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any

import httpx

from benchmarks.goals import Measurement
from seaway.base.clock import SystemClock, rfc3339_nano
from seaway.client.client import Client
from seaway.client.connection import Connection
from seaway.client.http import HttpTransport
from seaway.controlplane.apiserver.inprocess import InProcessTransport
from seaway.controlplane.apiserver.server import ApiServer
from seaway.controlplane.apiserver.settings import ApiServerSettings
from seaway.controlplane.apiserver.users import ADMIN
from seaway.controlplane.kinds import BUILTIN_KINDS
from seaway.controlplane.store.memory import MemoryStore
from seaway.platform.history.collector import LogCollector
from seaway.platform.history.log_files import FileLogStore
from seaway.platform.history.logs import LogKey
from seaway.platform.server import ServerSettings, run_server
from seaway.portal.app import create_app
from seaway.portal.certificates import CertificateFiles, ensure_certificate
from seaway.portal.tokens import TokenVerifier

PODS, LINES, SECONDS = 200, 1000, 10
TICK = 0.1
RUNS, PAGES = 100_000, 200


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


@asynccontextmanager
async def server_with(home: Path) -> AsyncIterator[httpx.AsyncClient]:
    """Serve a home's history, with an empty cluster."""
    api = ApiServer(MemoryStore(), BUILTIN_KINDS, ApiServerSettings(), SystemClock())
    await api.start()
    client = Client(InProcessTransport(api, ADMIN))
    token = "t" * 64
    settings = ServerSettings(home=home, gateway_url="https://127.0.0.1:1")
    async with run_server(settings, client) as server:
        app = create_app(server, TokenVerifier({token: "bench"}))
        transport = httpx.ASGITransport(app)
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(
            transport=transport, base_url="https://server", headers=headers
        ) as portal:
            yield portal
    await client.close()
    await api.stop()


def fill(database: Path) -> None:
    """Write a history of very many runs, each with an attempt, what was said of it, and what its pod showed."""
    connection = sqlite3.connect(database)
    connection.execute("PRAGMA synchronous=OFF")
    begin = 1_700_000_000.0
    numbers = range(1, RUNS + 1)
    spec = '{"tasks": [{"name": "main", "command": ["python", "train.py"]}]}'
    pod = (
        '{"metadata": {"name": "p", "labels": {}}, "spec": {"nodeName": "node-1"}, "status": {"phase": "%s"}}'
    )
    told = '{"metadata": {"name": "e"}, "reason": "Pulled", "message": "it is there", "type": "Normal"}'
    rows: dict[str, Any] = {
        "INSERT INTO runs (id, uid, name, user, namespace, phase, message, command, spec, created, started, finished, exit_code) "
        "VALUES (?, ?, ?, 'ada', 'seaway-default', 'succeeded', 'it completed', 'python train.py', ?, ?, ?, ?, 0)": (
            (n, f"{n:032x}", f"run-{n}", spec, begin + n, begin + n, begin + n + 60) for n in numbers
        ),
        "INSERT INTO tasks (run_id, name, position, phase, message, fence, failures, losses) "
        "VALUES (?, 'main', 0, 'succeeded', 'it completed', 1, 0, 0)": ((n,) for n in numbers),
        "INSERT INTO attempts (run_id, task, number, fence, pod, uid, phase, node, created, started, finished, exit_code, asked) "
        "VALUES (?, 'main', 1, 1, ?, ?, 'succeeded', ?, ?, ?, ?, 0, '')": (
            (n, f"run-{n}-1", f"pod-{n}", f"node-{n % 50}", begin + n, begin + n, begin + n + 60)
            for n in numbers
        ),
        "INSERT INTO sentences (run_uid, task, attempt, said, text) VALUES (?, 'main', 1, ?, ?)": (
            (f"{n:032x}", begin + n + i, f"sentence {i}") for n in numbers for i in range(5)
        ),
        "INSERT INTO revisions (kind, name, uid, run_uid, observed, deleted, object, namespace, signature) "
        "VALUES ('Pod', ?, ?, ?, ?, ?, ?, 'seaway-default', ?)": (
            (f"run-{n}-1", f"pod-{n}", f"{n:032x}", begin + n + i, i == 5, pod % i, f"{n}-{i}")
            for n in numbers
            for i in range(6)
        ),
        "INSERT INTO revisions (kind, name, uid, observed, deleted, object, signature) VALUES ('Node', ?, ?, ?, 0, ?, ?)": (
            (f"node-{n}", f"node-{n}", begin + i * 100.0, '{"metadata": {}, "spec": {}}', f"n{n}-{i}")
            for n in range(50)
            for i in range(1000)
        ),
        "INSERT INTO events (uid, about, last_seen, object, kind, namespace, name) VALUES (?, ?, ?, ?, 'Pod', 'seaway-default', ?)": (
            (f"{n}-{i}", f"pod-{n}", begin + n + i, told, f"run-{n}-1") for n in numbers for i in range(4)
        ),
        "INSERT INTO acts (at, user, agent, verb, kind, namespace, name, refused, text) "
        "VALUES (?, 'seaway', '', 'delete', 'Pod', 'seaway-default', ?, 0, '')": (
            (begin + n + 60, f"run-{n}-1") for n in numbers
        ),
        "INSERT INTO logs (run_uid, task, attempt, began, closed, size, indexed) VALUES (?, 'main', 1, ?, ?, 1000, 1000)": (
            (f"{n:032x}", begin + n, begin + n + 60) for n in numbers
        ),
    }
    for statement, values in rows.items():
        connection.executemany(statement, values)
    connection.commit()
    connection.close()


async def pages() -> list[Measurement]:
    """Ask for runs all over a long history: each one's page, and the first page of its timeline."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        async with server_with(home):
            pass
        await asyncio.to_thread(fill, home / "seaway.db")
        async with server_with(home) as portal:
            first = await _page(portal, 1)  # also makes what a server makes at the first request
            both = [await _page(portal, number) for number in range(37, RUNS, RUNS // PAGES)]
    note = f"run and timeline, {len(both)} runs, slowest {max(both):.0f} ms, the first since the server's start {first:.0f} ms"
    return [Measurement("recorder: a run's page of 100,000 runs", statistics.median(both), "ms", note)]


async def _page(portal: httpx.AsyncClient, number: int) -> float:
    """Return the milliseconds in which a run and its timeline came."""
    begin = time.perf_counter()
    run = await portal.get(f"/api/v1/runs/run-{number}")
    timeline = await portal.get(f"/api/v1/runs/run-{number}/timeline?limit=100")
    took = (time.perf_counter() - begin) * 1e3
    run.raise_for_status()
    if len(timeline.raise_for_status().json()["entries"]) < 15:
        raise RuntimeError(f"the timeline of run-{number} is not whole")
    return took


def measure() -> list[Measurement]:
    """Measure all of it."""
    collected = [asyncio.run(collect(https=https)) for https in (False, True)]
    return [*collected, *asyncio.run(pages())]
