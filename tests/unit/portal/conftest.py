from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from seaway.base.clock import ManualClock
from seaway.model.attempt_usage import AttemptUsage, LiveAttempt
from seaway.model.run import OutputView, Phase, RunSpec, RunView
from seaway.model.verdict import Explanation, Level
from seaway.platform.database.database import open_database
from seaway.platform.diagnosis.advice import WATCH
from seaway.platform.engine.attempt_usages import Reported
from seaway.platform.errors import (
    Conflict,
    Invalid,
    NotFound,
    StaleFence,
    StorageFull,
    Unauthorized,
    Unavailable,
)
from seaway.platform.server import Server
from seaway.platform.service import RunService
from seaway.platform.usage import Usage
from seaway.platform.user_tokens import UserTokens
from seaway.portal.app import create_app
from seaway.portal.certificates import ensure_certificate
from seaway.portal.serve import ServeSettings, bind, serve
from seaway.portal.tokens import TokenVerifier, ensure_token
from seaway.sdk.client import SeawayClient
from seaway.sdk.connection import Endpoint

CREATED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


class MemoryUsage(Usage):
    """The room of a user who has taken none yet."""

    def __init__(self) -> None:
        self.limit = 0

    async def check(self, user: str, workspace: str | None = None, more: int = 0) -> None:
        if self.limit and more > self.limit and workspace != "roomy":
            raise StorageFull(
                f"{user} may not have {more} bytes", field="storage", remedy="See `seaway usage`."
            )


class MemoryRuns(RunService):
    """A RunService that keeps everything in memory and runs nothing: the portal's other side, for its tests alone."""

    def __init__(self) -> None:
        self.usage = MemoryUsage()
        self.views: dict[str, RunView] = {}
        self.log: list[bytes] = [b"one\n", b"two\n"]
        self.files: dict[str, bytes] = {"model.bin": b"weights", "deep/er/x y.txt": b"text"}
        self.stored: dict[str, bytes] = {}
        self.fence = 2
        self.used: list[tuple[str, str, int, Reported]] = []
        """What runners said that their programs use."""
        self.full = False
        self.by_key: dict[str, str] = {}
        """Submissions by their keys."""
        self.submissions = 0
        self.refusals: list[tuple[str, str, str]] = []
        self.standing_by = 0
        """How many of the next submissions another replica refuses."""

    async def owner(self, run: str) -> str:
        return (await self.get(run)).user

    async def refused(self, run: str, verb: str, by: str, why: str) -> None:
        self.refusals.append((run, verb, by))

    def set_phase(self, run: str, phase: Phase) -> None:
        self.views[run] = self.views[run].model_copy(update={"phase": phase})

    async def submit(self, spec: RunSpec, *, user: str, key: str | None = None) -> RunView:
        if self.full:
            raise StorageFull("the disk is full", remedy="make room")
        self.submissions += 1
        if self.standing_by:
            self.standing_by -= 1
            raise Unavailable("this server stands by")
        if key in self.by_key:
            return self.views[self.by_key[key]]
        name = spec.name or "made-up"
        if name in self.views:
            raise Conflict(f"there is a run {name} already", field="name", remedy="choose another name")
        command = " ".join(spec.tasks[0].command)
        self.views[name] = RunView(
            name=name, user=user, phase=Phase.RUNNING, command=command, created=CREATED, spec=spec
        )
        if key:
            self.by_key[key] = name
        return self.views[name]

    async def list(self, **options: Any) -> list[RunView]:
        return [view for view in self.views.values() if options.get("all") or not view.phase.ended]

    async def get(self, run: str) -> RunView:
        if run not in self.views:
            raise NotFound(f"there is no run {run}", field="run", remedy="seaway ps -a lists all")
        return self.views[run]

    async def stop(self, run: str, *, by: str = "") -> RunView:
        await self.get(run)
        self.set_phase(run, Phase.STOPPED)
        return self.views[run]

    async def wait(self, run: str, *, timeout: float) -> RunView:
        return await self.get(run)

    async def logs(self, run: str, **options: Any) -> AsyncIterator[bytes]:
        await self.get(run)
        return chunks(*self.log)

    async def why(self, run: str, *, task: str | None = None) -> Explanation:
        await self.get(run)
        return Explanation(
            subject=run,
            level=Level.CODE,
            cause="UserException",
            message="It failed.",
            retry=False,
            next_step=WATCH,
        )

    async def why_object(self, kind: str, name: str) -> Explanation:
        return Explanation(
            subject=f"{kind}/{name}", cause="Running", message="It is well.", retry=False, next_step=WATCH
        )

    async def outputs(self, run: str) -> list[OutputView]:
        return [self._view(path) for path in self.files]

    def _view(self, path: str) -> OutputView:
        data = self.files[path]
        digest = hashlib.sha256(data).hexdigest()
        return OutputView(task="main", path=path, size=len(data), sha256=digest, committed=CREATED)

    async def open_output(self, run: str, task: str, path: str) -> tuple[OutputView, AsyncIterator[bytes]]:
        if path not in self.files:
            raise NotFound(f"no output {path}", field="path")
        return self._view(path), chunks(self.files[path])

    async def has_code(self, digest: str) -> bool:
        return digest in self.stored

    async def put_code(self, digest: str, body: Any) -> None:
        data = b"".join([part async for part in body])
        if hashlib.sha256(data).hexdigest() != digest:
            raise Invalid("the digest differs", field="digest")
        self.stored[digest] = data

    has_environment, put_environment = has_code, put_code

    async def authenticate_run_token(self, token: str) -> str:
        if not token.startswith("run-"):
            raise Unauthorized("unknown token")
        return token.removeprefix("run-")

    async def get_code(self, digest: str) -> AsyncIterator[bytes]:
        if digest not in self.stored:
            raise NotFound("no such code")
        return chunks(self.stored[digest])

    async def note_usage(self, run: str, task: str, fence: int, said: Reported) -> None:
        self.used.append((run, task, fence, said))

    def live(self, **only: Any) -> list[LiveAttempt]:
        usage = AttemptUsage(measured=datetime.now(UTC), memory=3, memory_peak=4)
        attempt = LiveAttempt(
            run="digits", user="ada", workspace="w", task="main", attempt=1, command="x", usage=usage
        )
        return [] if only["user"] == "bob" else [attempt]

    async def commit_outputs(self, run: str, task: str, fence: int, body: Any) -> None:
        if fence < self.fence:
            raise StaleFence("a newer attempt has begun")
        self.stored[f"{run}/{task}"] = b"".join([part async for part in body])


class MemoryServer(Server):
    def __init__(self) -> None:
        self.runs = MemoryRuns()
        self.told: list[Any] = []

    def audited(self, event: Mapping[str, Any]) -> None:
        self.told.append(event)

    async def status(self) -> dict[str, Any]:
        full = [("user", "ada"), ("user", "eve"), ("workspace", "vision")]
        storage = [{"kind": kind, "name": name, "warning": "full"} for kind, name in full]
        return {"runs": {"running": 1}, "storage": storage}


@dataclass
class Portal:
    """A portal that is served over TLS from a thread, and can be stopped and started again."""

    folder: Path
    server: MemoryServer = field(default_factory=MemoryServer)
    clock: ManualClock = field(default_factory=lambda: ManualClock(datetime.now(UTC).timestamp()))
    endpoint: Endpoint | None = None
    _thread: threading.Thread | None = None
    _loop: asyncio.AbstractEventLoop | None = None
    _stop: asyncio.Event | None = None

    @property
    def runs(self) -> MemoryRuns:
        return self.server.runs

    @property
    def thread(self) -> int | None:
        """The number of its thread, which log records name too."""
        return self._thread.ident if self._thread is not None else None

    def start(self) -> None:
        ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main(ready)))
        self._thread.start()
        assert ready.wait(60)

    def stop(self) -> None:
        if self._thread is not None and self._loop is not None and self._stop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(60)
            assert not self._thread.is_alive()
            self._thread = None

    async def _main(self, ready: threading.Event) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        token = ensure_token(self.folder / "token")
        certificate = ensure_certificate(self.folder, datetime.now(UTC))
        settings = ServeSettings(self.folder / "port", certificate, drain_seconds=1.0)
        listener = bind(settings)
        url = "https://{}:{}".format(*listener.getsockname())
        ca = certificate.ca.read_text()
        app = create_app(self.server, TokenVerifier({token: "ada"}), ca=ca, clock=self.clock)
        async with open_database(self.folder / "seaway.db") as database, serve(app, settings, listener):
            self.server.user_tokens = UserTokens(database, self.clock)
            self.endpoint = Endpoint(url, token, certificate.ca.read_text())
            ready.set()
            await self._stop.wait()

    def client(self, token: str | None = None, **options: Any) -> SeawayClient:
        return SeawayClient(self.endpoint.url, token or self.endpoint.token, self.endpoint.ca, **options)


@pytest.fixture
def portal(tmp_path: Path) -> Iterator[Portal]:
    served = Portal(tmp_path / "server")
    served.start()
    yield served
    served.stop()


@pytest.fixture
def client(portal: Portal) -> Iterator[SeawayClient]:
    with portal.client() as connected:
        yield connected
