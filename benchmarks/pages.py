"""What each page of a history of very many runs takes, beside runs that go on: of a file, and of PostgreSQL where it is installed."""

from __future__ import annotations

import multiprocessing
import ssl
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing.synchronize import Event
from pathlib import Path

import httpx
from sqlalchemy import create_engine

from benchmarks.goals import Measurement
from benchmarks.history import KEPT, RUNS, STEP, fill, log_of
from benchmarks.home import Home, fresh_home
from benchmarks.runs import submit_and_wait, task
from benchmarks.server import Endpoint, run_server
from seaway.platform.database import log_chunks
from seaway.platform.database.log_chunks import Chunk, ChunkOwner
from seaway.platform.history.packing import pack
from seaway.sdk.client import SeawayClient
from seaway.sdk.home import Home as HomeFolder
from tools.postgresql import programs, run_postgres

ROUNDS = 200
ASKED = tuple(range(37, RUNS, RUNS // ROUNDS))
PAGES: dict[str, Callable[[int], str]] = {
    "ps": lambda _: "/runs",
    "ps -a": lambda _: "/runs?all=true",
    "ps -a, a later page": lambda n: f"/runs?all=true&before=run-{n}",
    "ps -a --user, of few runs": lambda _: "/runs?all=true&user=rare",
    "ps -a --workspace, of few runs": lambda _: "/runs?all=true&workspace=rare",
    "ps --bin": lambda _: "/runs?bin=true",
    "show": lambda n: f"/runs/run-{n}",
    "why": lambda n: f"/runs/run-{n}/why",
    "timeline": lambda n: f"/runs/run-{n}/timeline?limit=100",
    "logs": lambda n: f"/runs/run-{n}/logs",
    "logs --grep, a rare word": lambda n: f"/search?words=marker{n:06d}",
    "logs --grep, a common word": lambda _: "/search?words=accuracy",
    "logs RUN --grep": lambda n: f"/search?words=accuracy&run=run-{n}",
    "status": lambda _: "/status",
}
"""The commands, and what each asks for."""


def _write_history(url: str, folder: Path | None) -> None:
    """Fill a database; and a folder with logs, or the database itself: those that are asked for, and the newest."""
    begin = time.time() - RUNS * STEP
    kept = sorted({*ASKED, *range(RUNS - KEPT + 1, RUNS + 1)})
    said = {f"{number:032x}": log_of(number, begin + number * STEP) for number in kept}
    engine = create_engine(url)
    with engine.begin() as connection:
        fill(connection, begin)
        if folder is None:
            owned = ((ChunkOwner(uid, "main", 1), log) for uid, log in said.items())
            log_chunks.add(connection, [(owner, Chunk(0, len(log), *pack(log))) for owner, log in owned])
    engine.dispose()
    for uid, log in said.items() if folder is not None else ():
        path = folder / uid / "main" / "1.log"
        path.parent.mkdir(parents=True)
        path.write_bytes(log)


@contextmanager
def file_server() -> Iterator[Home]:
    """Give a home with the history."""
    with fresh_home() as home:
        home.seaway("up")
        home.seaway("down")
        server = home.path / "server"
        _write_history(f"sqlite:///{server / 'seaway.db'}", server / "logs")
        home.seaway("up")
        yield home


@contextmanager
def postgres_server(cluster: Home, folder: Path) -> Iterator[Endpoint]:
    """Give a team's server with the history, in the same cluster."""
    with run_postgres() as postgres:
        database = postgres.create_database("seaway")
        kubeconfig = cluster.path / "kubeconfig"
        environment = cluster.environment | {"SEAWAY_SERVER_DATABASE": database}
        with run_server(kubeconfig, folder, environment):
            pass
        _write_history(database, None)
        postgres.execute("VACUUM ANALYZE", "seaway")  # as PostgreSQL does by itself; here it is told not to
        with run_server(kubeconfig, folder, environment) as endpoint:
            yield endpoint


def _submit(endpoint: Endpoint, enough: Event) -> None:
    """Submit runs, one after the other, until it is enough."""
    with SeawayClient(*endpoint) as client:
        while not enough.is_set():
            submit_and_wait(client, [task("main")])


@contextmanager
def runs_going_on(endpoints: list[Endpoint]) -> Iterator[None]:
    """Have each server's engine at work."""
    spawn = multiprocessing.get_context("spawn")
    enough = spawn.Event()
    workers = [spawn.Process(target=_submit, args=(endpoint, enough)) for endpoint in endpoints]
    for worker in workers:
        worker.start()
    try:
        yield
    finally:
        enough.set()
        for worker in workers:
            worker.join()


def _client(endpoint: Endpoint) -> httpx.Client:
    url, token, ca = endpoint
    return httpx.Client(
        base_url=f"{url}/api/v1", headers={"Authorization": f"Bearer {token}"}, timeout=60,
        verify=ssl.create_default_context(cadata=ca), trust_env=False,
    )  # fmt: skip


def _took(client: httpx.Client, path: str) -> float:
    begin = time.perf_counter()
    client.get(path).raise_for_status()
    return (time.perf_counter() - begin) * 1e3


def _ask(endpoints: dict[str, Endpoint]) -> dict[tuple[str, str], list[float]]:
    """Ask every server for every page, turn by turn; return the milliseconds by server and page."""
    found: dict[tuple[str, str], list[float]] = {}
    with ExitStack() as stack:
        clients = {name: stack.enter_context(_client(endpoint)) for name, endpoint in endpoints.items()}
        for number in ASKED:
            for page, path in PAGES.items():
                for name, client in clients.items():
                    found.setdefault((name, page), []).append(_took(client, path(number)))
    return found


def _rows(kind: str, first: float, asked: dict[str, list[float]]) -> list[Measurement]:
    """Return what is said of one server."""
    all_ = sorted(took for each in asked.values() for took in each)
    slowest = max(asked, key=lambda page: max(asked[page]))
    worst = max(asked, key=lambda page: statistics.median(asked[page]))
    note = f"{len(all_):,} requests for {len(asked)} pages beside runs that go on, median {statistics.median(all_):.1f} ms"
    return [
        Measurement(
            f"pages of 100,000 runs: first [{kind}]", first, "ms", "a run's page, the first request since the start"
        ),
        Measurement(f"pages of 100,000 runs: 99 % [{kind}]", all_[len(all_) * 99 // 100], "ms", note),
        Measurement(
            f"pages of 100,000 runs: slowest [{kind}]", all_[-1], "ms",
            f"seaway {slowest}; the highest median: seaway {worst}, {statistics.median(asked[worst]):.1f} ms",
        ),
    ]  # fmt: skip


def measure() -> list[Measurement]:
    """Ask a home, and a team's server on PostgreSQL where that is installed, for every page, turn by turn."""
    first: dict[str, float] = {}
    with ExitStack() as stack:
        home = stack.enter_context(file_server())
        servers = {"SQLite": HomeFolder(home.path).endpoint()}
        endpoints = {name: (one.url, one.token, one.ca) for name, one in servers.items()}
        if programs() is not None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            endpoints["PostgreSQL"] = stack.enter_context(postgres_server(home, folder / "team"))
        time.sleep(1)  # as long as it takes to type a command
        for name, endpoint in endpoints.items():
            with _client(endpoint) as client:
                first[name] = _took(client, PAGES["show"](ASKED[0]))
        with runs_going_on(list(endpoints.values())):
            found = _ask(endpoints)
    return [
        row
        for name in endpoints
        for row in _rows(name, first[name], {page: took for (of, page), took in found.items() if of == name})
    ]
