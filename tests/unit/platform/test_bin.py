"""The bin: what was removed comes back whole, or goes for good with all that nothing else refers to."""

from __future__ import annotations

import hashlib
import io
import operator
import tarfile
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import func, select

from seaway.base.clock import SystemClock
from seaway.model.run import Phase, RunSpec, TaskSpec
from seaway.platform.database import binned
from seaway.platform.database.log_chunks import ChunkOwner
from seaway.platform.database.log_pieces import Place
from seaway.platform.database.tables import (
    ATTEMPTS,
    EVENTS,
    LOG_CHUNKS,
    LOG_PIECES,
    LOGS,
    OUTPUTS,
    REVISIONS,
    RUNS,
    SENTENCES,
    TASKS,
)
from seaway.platform.emptying import Emptier
from seaway.platform.errors import Conflict, NotFound
from seaway.platform.history import indexing
from seaway.platform.history.indexing import Indexer, IndexSettings
from seaway.platform.history.logs import LogKey, LogStore
from seaway.platform.server import Server, run_server
from tests.waiting import until


class LaterClock(SystemClock):
    """A clock that can be put forward."""

    ahead = 0.0

    def now(self) -> float:
        return super().now() + self.ahead


def spec(name: str, *command: str, **fields) -> RunSpec:
    return RunSpec(name=name, tasks=(TaskSpec(command=command or ("say", "42", "0"), **fields),))


async def one(data: bytes):
    yield data


def archive(**files: str) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content.encode()))
    return packed.getvalue()


async def commit(server: Server, run: str, **files: str) -> None:
    await server.runs.commit_outputs(run, "main", 1, one(archive(**files)))


async def ended(server: Server, name: str, *, shared: str = "the same", code: str | None = None) -> None:
    """Make a run that ended, with a log, outputs, a checkpoint and code."""
    await server.runs.submit(spec(name, "hang", code=code), user="ada")

    async def attempts() -> object:
        return (await server.runs.get(name)).tasks[0].attempts

    await until(attempts, "an attempt")
    await commit(server, name, **{"own.txt": f"of {name}", "shared.txt": shared})
    block = f"state of {name}".encode()
    line = f'{{"blocks":[["{hashlib.sha256(block).hexdigest()}",{len(block)}]]}}\n'.encode()
    await server.runs.save_checkpoint(name, "main", 1, one(line + block))
    await server.runs.stop(name)
    assert (await server.runs.wait(name, timeout=60)).phase is Phase.STOPPED


async def log_of(server: Server, run: str) -> bytes:
    return b"".join([chunk async for chunk in await server.runs.logs(run)])


def stored_files(home: Path) -> list[str]:
    return sorted(
        str(path.relative_to(home)) for part in ("artifacts", "logs") for path in (home / part).rglob("*") if path.is_file()
    )  # fmt: skip


async def uploaded(server: Server, text: str) -> str:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        member = tarfile.TarInfo("train.py")
        member.size = len(text)
        tar.addfile(member, io.BytesIO(text.encode()))
    digest = hashlib.sha256(packed.getvalue()).hexdigest()
    await server.runs.put_code(digest, one(packed.getvalue()))
    return digest


async def counts(server: Server) -> dict[str, int]:
    tables = (RUNS, TASKS, ATTEMPTS, OUTPUTS, REVISIONS, EVENTS, LOG_CHUNKS, SENTENCES, LOGS, LOG_PIECES)
    return await server._database.read(
        lambda c: {t.name: c.execute(select(func.count()).select_from(t)).scalar_one() for t in tables}
    )


async def gone(server: Server, emptier: Emptier) -> None:
    await emptier.empty()
    await until(
        lambda: server._database.read(lambda c: binned.marked(c, 0, 1)), "an empty bin", check=operator.not_
    )


async def forgotten(server: Server) -> None:
    """Wait until no run is left; its emptier has no other signal."""

    async def runs() -> int:
        return (await counts(server))["runs"]

    await until(runs, "no run", check=operator.not_)


def emptier_of(server: Server, clock: SystemClock, keep: float) -> Emptier:
    return Emptier(
        server._database, server.runs._storage, server.runs._engine._logs, clock, keep_seconds=keep
    )


async def test_a_run_comes_out_of_the_bin_with_all_that_it_had(server) -> None:
    await ended(server, "first")
    before, log = await server.runs.get("first"), await log_of(server, "first")
    removed = await server.runs.remove("first")
    assert removed.emptied is not None
    assert (removed.emptied - removed.deleted).days == 30
    assert [run.name for run in await server.runs.list(binned=True)] == ["first"]
    assert await server.runs.restore("first") == before
    assert await log_of(server, "first") == log
    assert [file.path for file in await server.runs.outputs("first")] == ["own.txt", "shared.txt"]
    assert await server.runs.list(binned=True) == []
    with pytest.raises(Conflict, match="is not in the bin"):
        await server.runs.restore("first")


async def test_a_name_is_free_again_and_given_back_where_nobody_has_it(server) -> None:
    await ended(server, "train")
    await server.runs.remove("train")
    await ended(server, "train")  # the one in the bin has another name since
    (other,) = await server.runs.list(binned=True)
    assert other.name.startswith("train-")
    restored = await server.runs.restore(other.name)
    assert restored.name == other.name, "the name was taken"
    await server.runs.remove(other.name)
    await server.runs.remove("train", for_good=True)
    assert (await server.runs.restore(other.name)).name == "train"
    with pytest.raises(NotFound):
        await server.runs.get(other.name)


async def test_a_run_that_has_not_ended_goes_nowhere(server) -> None:
    await server.runs.submit(spec("alive", "hang"), user="ada")
    for for_good in (False, True):
        with pytest.raises(Conflict, match="has not ended"):
            await server.runs.remove("alive", for_good=for_good)
    await server.runs.stop("alive")
    await server.runs.wait("alive", timeout=60)


async def test_the_bin_is_emptied_of_what_lay_there_long_enough_and_of_nothing_else(
    server, settings, tmp_path
) -> None:
    clock, day = LaterClock(), 86400.0
    await ended(server, "old")
    await ended(server, "kept")
    alone = stored_files(settings.home)
    rows = await counts(server)
    await server.runs.remove("old")
    emptier = emptier_of(server, clock, 30 * day)
    clock.ahead = 29.9 * day
    await emptier.empty()
    assert stored_files(settings.home) == alone
    assert (await server.runs.get("old")).deleted is not None
    clock.ahead = 30.1 * day
    await emptier.empty()
    with pytest.raises(NotFound):
        await server.runs.get("old")
    assert [run.name for run in await server.runs.list(all=True)] == ["kept"]
    uid = await server._database.read(lambda c: c.execute(select(RUNS.c.uid)).scalar_one())
    left = stored_files(settings.home)
    assert [name for name in left if "checkpoints/" in name or name.startswith("logs/")] == [
        name for name in left if f"/{uid}/" in name
    ]
    assert len([name for name in left if "/outputs/" in name]) == 2, "own.txt of kept, and what both had"
    assert {file.path for file in await server.runs.outputs("kept")} == {"own.txt", "shared.txt"}
    after = await counts(server)
    assert {name: after[name] * 2 for name in ("runs", "tasks", "attempts", "outputs")} == {
        name: rows[name] for name in ("runs", "tasks", "attempts", "outputs")
    }
    await whole(server)


async def test_code_goes_with_the_last_run_that_refers_to_it(server, settings) -> None:
    code = await uploaded(server, "print(1)")
    await ended(server, "a", code=code)
    await ended(server, "b", code=code)
    storage, emptier = server.runs._storage, emptier_of(server, SystemClock(), 30.0)
    await server.runs.remove("a", for_good=True)
    await gone(server, emptier)
    assert await storage.code.has(code)
    await server.runs.remove("b", for_good=True)
    await emptier.empty()
    assert await storage.code.has(code), "it was uploaded a moment ago: a run may follow"
    storage.answers.clear()
    await gone(server, emptier)
    assert not await storage.code.has(code)
    assert stored_files(settings.home) == []


async def test_code_that_was_uploaded_for_a_run_that_never_came_goes(server, settings) -> None:
    used, unused = await uploaded(server, "print(1)"), await uploaded(server, "print(3)")
    await ended(server, "a", code=used)
    storage, emptier = server.runs._storage, emptier_of(server, SystemClock(), 30.0)
    assert await emptier.forget_abandoned() == 0, "it was uploaded a moment ago: a run may follow"
    storage.answers.clear()
    assert await emptier.forget_abandoned() == 1
    assert await storage.code.has(used)
    assert not await storage.code.has(unused)
    await server.runs.remove("a")
    storage.answers.clear()
    assert await emptier.forget_abandoned() == 0, "what lies in the bin may come back"


class Killed(BaseException):
    """Ends the emptying where a process would have been killed."""


class Deadly:
    """Passes on a number of calls, and then none."""

    def __init__(self, inner: object, calls: list[int]) -> None:
        self._inner, self._calls = inner, calls

    def __getattr__(self, name: str) -> object:
        found = getattr(self._inner, name)
        if name in ("forget_upload", "forget_run", "forget", "write") and callable(found):

            async def counted(*arguments: object, **options: object) -> object:
                self._calls[0] -= 1
                if self._calls[0] < 0:
                    raise Killed
                return await found(*arguments, **options)

            return counted
        return Deadly(found, self._calls) if name in ("outputs", "checkpoints") else found


async def test_a_process_that_is_killed_while_it_empties_leaves_nothing_dangling(
    server, settings, kubernetes
) -> None:
    code = await uploaded(server, "print(2)")
    for name in ("kept", "x", "y"):
        await ended(server, name, code=code)
    for name in ("x", "y"):
        await server.runs.remove(name)
    clock = LaterClock()
    clock.ahead = 31 * 86400.0
    server.runs._storage.answers.clear()
    for survived in range(100):
        calls = [survived]
        dying = Emptier(
            Deadly(server._database, calls), Deadly(server.runs._storage, calls), Deadly(server.runs._engine._logs, calls),
            clock, keep_seconds=30 * 86400.0,
        )  # fmt: skip
        try:
            await dying.empty()
            break
        except Killed:
            await whole(server)
    else:
        raise AssertionError("the bin was never emptied")
    assert [run.name for run in await server.runs.list(all=True)] == ["kept"]
    await whole(server)
    assert len([name for name in stored_files(settings.home) if "/outputs/" in name]) == 2


async def whole(server: Server) -> None:
    """Check that every run that can be seen has all that it refers to."""
    for run in await server.runs.list(all=True):
        for output in await server.runs.outputs(run.name):
            _, chunks = await server.runs.open_output(run.name, "main", output.path)
            assert b"".join([chunk async for chunk in chunks])
        view = await server.runs.get(run.name)
        assert b"hello from" in await log_of(server, run.name)
        code = view.spec.tasks[0].code
        assert code is None or await server.runs._storage.code.has(code)


class Interrupted:
    """Logs in whose first reading something else is done."""

    def __init__(self, logs: LogStore, do: Callable[[], Awaitable[object]]) -> None:
        self._logs, self._do = logs, do

    async def read(self, key: LogKey, position: int) -> bytes:
        found = await self._logs.read(key, position)
        if position == 0:
            await self._do()
        return found

    async def size(self, key: LogKey) -> int:
        return await self._logs.size(key)


@pytest.mark.parametrize("at_once", [16, 1])
async def test_of_a_log_that_goes_while_its_words_are_indexed_no_word_stays(
    server, monkeypatch, at_once
) -> None:
    """Its pieces are stored together at its end, or also before."""
    monkeypatch.setattr(indexing, "_PIECES", at_once)
    await ended(server, "gone")
    uid = await server._database.read(lambda c: c.execute(select(RUNS.c.uid)).scalar_one())
    await server.runs.remove("gone", for_good=True)
    emptier = emptier_of(server, SystemClock(), 0.0)
    logs = Interrupted(server.runs._engine._logs, lambda: gone(server, emptier))
    indexer = Indexer(server._database, logs, SystemClock(), (), IndexSettings(pause=0.0))
    await indexer._index(Place(ChunkOwner(uid, "main", 1), "gone", "gone-1"), most=1000)
    left = await counts(server)
    assert (left["runs"], left["log_pieces"], left["logs"]) == (0, 0, 0)


async def test_a_server_that_starts_goes_on_with_what_another_one_began(kubernetes, settings) -> None:
    async with run_server(settings, kubernetes.client, random=Random(1)) as server:
        await ended(server, "gone")
        await server.runs.remove("gone")
        uid = await server._database.read(lambda c: c.execute(select(RUNS.c.uid)).scalar_one())
        await server._database.write(lambda c: binned.mark(c, uid, 1.0))
    async with run_server(settings, kubernetes.client, random=Random(1)) as server:
        await forgotten(server)
        assert stored_files(settings.home) == []
        left = {name: count for name, count in (await counts(server)).items() if count}
        assert left in ({}, {"revisions": 1}), "the node's is no run's"


async def test_a_setting_says_how_long(kubernetes, settings) -> None:
    async with run_server(replace(settings, bin_seconds=0.0), kubernetes.client, random=Random(1)) as server:
        await ended(server, "short")
        await server.runs.remove("short")
        server.runs._bin.emptier.wake()
        await forgotten(server)
