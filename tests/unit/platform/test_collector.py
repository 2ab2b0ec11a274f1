"""Bringing logs home over connections that end, go quiet and break: each line once, and an end that is waited for."""

from __future__ import annotations

import asyncio
import errno
import os
from contextlib import asynccontextmanager
from dataclasses import replace
from types import SimpleNamespace

import pytest

from seaway.base.clock import SystemClock
from seaway.base.tasks import Backoff
from seaway.client.errors import Unreachable
from seaway.objects.errors import BadRequest, Forbidden, InternalError, NotFound, ServiceUnavailable
from seaway.platform.history import log_files
from seaway.platform.history.collector import CollectorSettings, LogCollector
from seaway.platform.history.log_files import FileLog, FileLogStore
from seaway.platform.history.logs import LogKey
from seaway.platform.history.sources import source_of
from tests.waiting import until

KEY = LogKey("uid", "main", 1)
POD = {
    "metadata": {"name": "run-1", "namespace": "ns"},
    "status": {
        "containerStatuses": [{"name": "main", "state": {"running": {"startedAt": "2026-01-02T03:04:00Z"}}}]
    },
}
SETTINGS = CollectorSettings(
    follow_after=0.0, tries=3, more_tries=9, backoff=Backoff(0.001, 1.0, 0.001), quiet_seconds=0.2
)
FOREVER = "goes quiet"


def line(second: int, text: str) -> bytes:
    return f"2026-01-02T03:04:{second:02}.000000000Z {text}\n".encode()


class Logs:
    """A client whose container logs follow a script: each opening the next entry, the last one for ever. All of it is in that."""

    def __init__(self, *script) -> None:
        self.script = list(script)
        self.last = next((step[-1:] for step in reversed(script) if isinstance(step, list)), [])
        self.openings: list[str | None] = []

    @asynccontextmanager
    async def logs(self, name, namespace, container, options):
        if options.tail_lines == 1:
            yield self._play(self.last)
            return
        self.openings.append(options.since_time)
        step = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(step, Exception):
            raise step
        yield self._play(step)

    async def _play(self, step):
        for part in step:
            if part is FOREVER:
                await asyncio.Event().wait()
            if isinstance(part, Exception):
                raise part
            yield part


async def collected(tmp_path, logs: Logs, *, openings: int, follow: bool = True, pod: dict = POD) -> str:
    """Follow a log until it was opened so often, then complete it; return what is stored."""
    store = FileLogStore(tmp_path, limit=1 << 20)
    collector = LogCollector(logs, store, SystemClock(), SETTINGS)
    if follow:
        collector.follow(KEY, POD)
        await until(lambda: len(logs.openings) >= openings, f"{openings} openings", pause=0.001)
    async with asyncio.timeout(60):
        await collector.complete(KEY, pod)
    await store.close(KEY)
    (file,) = (path for path in tmp_path.rglob("*") if path.is_file())
    return file.read_text()


class Gone(Logs):
    """A client of a cluster in which the pod is gone: its node follows the script for the log that it keeps."""

    @asynccontextmanager
    async def kept_logs(self, name, namespace, *, node, uid, container, attempt, options):
        self.asked = (name, namespace, node, uid, container, attempt)
        async with self.logs(name, namespace, container, options) as chunks:
            yield chunks

    async def get(self, resource, name, namespace):
        raise NotFound("pods p not found")


KEPT_POD = {**POD, "metadata": {**POD["metadata"], "uid": "u-1"}, "spec": {"nodeName": "n-1"}}
ENDED_POD = {
    **KEPT_POD,
    "status": {
        "containerStatuses": [{"name": "main", "state": {"terminated": {"startedAt": "t", "exitCode": 0}}}]
    },
}


ALL = [line(1, "one"), line(2, "two"), line(3, "three")]


@pytest.mark.parametrize(
    "first",
    [
        pytest.param(ALL[:1], id="a stream that ends: its server went down"),
        pytest.param([ALL[0], FOREVER], id="a stream that goes quiet: its connection is dead"),
        pytest.param([ALL[0], Unreachable("reset")], id="a stream that breaks"),
    ],
)
async def test_a_log_is_followed_on(tmp_path, first) -> None:
    logs = Logs(first, [*ALL[:2], FOREVER], ALL)
    stored = await collected(tmp_path, logs, openings=2)
    assert [stored.count(f" {text}\n") for text in ("one", "two", "three")] == [1, 1, 1]
    assert logs.openings[1] == "2026-01-02T03:04:01Z"


async def test_the_end_is_waited_for_while_the_api_server_is_away(tmp_path) -> None:
    logs = Logs(*[Unreachable("away")] * 20, ALL)
    stored = await collected(tmp_path, logs, openings=0, follow=False)
    assert stored.count(" three\n") == 1
    assert "may be missing" not in stored


async def test_a_log_that_was_completed_is_not_asked_for_again(tmp_path) -> None:
    """The call that let the pod go may have to be repeated, because its answer was lost: the pod is gone then."""
    store = FileLogStore(tmp_path, limit=1 << 20)
    logs = Logs(ALL, NotFound('pods "run-1" not found'))
    collector = LogCollector(logs, store, SystemClock(), SETTINGS)
    for _ in range(2):
        await collector.complete(KEY, POD)
        await store.close(KEY)
    (file,) = (path for path in tmp_path.rglob("*") if path.is_file())
    assert "may be missing" not in file.read_text()
    assert len(logs.openings) == 1


async def test_a_node_that_does_not_answer_is_not_waited_for_without_end(tmp_path) -> None:
    logs = Logs(InternalError("dial tcp: connection refused"))
    stored = await collected(tmp_path, logs, openings=0, follow=False)
    assert "the end of the log may be missing: dial tcp" in stored
    assert len(logs.openings) == SETTINGS.tries


async def test_the_end_of_a_log_whose_container_died_unseen_may_be_missing(tmp_path) -> None:
    """What its node sent looks whole, and need not be: whoever writes the log died with the program."""
    ended = {
        "startedAt": "2026-01-02T03:04:00Z",
        "reason": "ContainerStatusUnknown",
        "message": "its supervisor was killed",
    }
    status = {"containerStatuses": [{"name": "main", "state": {"terminated": ended}}]}
    stored = await collected(tmp_path, Logs(ALL), openings=0, follow=False, pod=POD | {"status": status})
    assert stored.splitlines()[-1].endswith("the end of the log may be missing: its supervisor was killed")
    assert stored.count(" three\n") == 1


UNSEEN = NotFound(
    "the server could not find the requested resource", details={"name": "run-1", "kind": "pods/log"}
)
"""What Kubernetes' API server makes of a kubelet's 404."""
TOLD = {"startedAt": "2026-01-02T03:04:00Z", "reason": "Completed", "exitCode": 0}
ENDED = POD | {"status": {"containerStatuses": [{"name": "main", "state": {"terminated": TOLD}}]}}


@pytest.mark.parametrize(
    "problem",
    [
        pytest.param(InternalError("dial tcp: connection refused"), id="its agent is started again"),
        pytest.param(
            NotFound('pods "node-2" not found', details={"name": "node-2", "kind": "pods"}),
            id="its node was deleted from the cluster",
        ),
        pytest.param(UNSEEN, id="its node has not seen its pods since it was started again"),
        pytest.param(ServiceUnavailable("node n-1 is starting"), id="one of ours says so itself"),
    ],
)
async def test_a_node_that_told_of_an_end_is_waited_for(tmp_path, problem) -> None:
    """It was there a moment ago: more is at stake, and more likely to come back, than where a whole machine is lost."""
    stored = await collected(tmp_path, Logs(*[problem] * 8, ALL), openings=0, follow=False, pod=ENDED)
    assert stored.count(" three\n") == 1
    assert "may be missing" not in stored


async def test_a_log_is_followed_where_its_node_did_not_know_the_pod_at_first(tmp_path) -> None:
    logs = Logs(UNSEEN, [*ALL[:2], FOREVER], ALL)
    stored = await collected(tmp_path, logs, openings=2)
    assert [stored.count(f" {text}\n") for text in ("one", "two", "three")] == [1, 1, 1]


@pytest.mark.parametrize("read", [0, 1, 2])
async def test_a_stream_that_ends_before_the_log_does_is_not_all_of_it(tmp_path, read: int) -> None:
    """An API server ends it in order where the node's server went down in the middle of it."""
    stored = await collected(tmp_path, Logs(ALL[:read], ALL), openings=0, follow=False, pod=ENDED)
    assert stored == b"".join(ALL).decode()


async def test_a_line_that_the_program_did_not_end_is_the_last_one(tmp_path) -> None:
    unfinished = line(4, "four")[:-1]
    logs = Logs([*ALL, unfinished[:-2]], [*ALL, unfinished])
    stored = await collected(tmp_path, logs, openings=0, follow=False, pod=ENDED)
    assert stored == b"".join([*ALL, unfinished]).decode() + "\n"
    assert len(logs.openings) == 2


async def test_a_log_whose_end_never_comes_says_so(tmp_path) -> None:
    logs = Logs(ALL[:1])
    logs.last = ALL[2:]
    stored = await collected(tmp_path, logs, openings=0, follow=False, pod=ENDED)
    assert stored.endswith("the end of the log may be missing: the log broke off before its end\n")


async def test_a_log_that_is_left_while_its_program_writes_ends_where_it_is_then(tmp_path) -> None:
    """As that of an attempt that is lost on purpose: it never stands still."""
    logs = Logs(ALL[:2])
    logs.last = ALL[2:]
    stored = await collected(tmp_path, logs, openings=0, follow=False, pod=POD)
    assert stored == b"".join(ALL[:2]).decode()


async def test_two_that_complete_a_log_at_once_write_it_once(tmp_path) -> None:
    store = FileLogStore(tmp_path, limit=1 << 20)
    collector = LogCollector(Logs(ALL), store, SystemClock(), SETTINGS)
    await asyncio.gather(*(collector.complete(KEY, ENDED) for _ in range(2)))
    await store.close(KEY)
    (file,) = (path for path in tmp_path.rglob("*") if path.is_file())
    assert [file.read_text().count(f" {text}\n") for text in ("one", "two", "three")] == [1, 1, 1]


async def test_a_pod_that_is_gone_is_not_waited_for(tmp_path) -> None:
    gone = NotFound('pods "run-1" not found', details={"name": "run-1", "kind": "pods"})
    logs = Logs(gone)
    stored = await collected(tmp_path, logs, openings=0, follow=False, pod=ENDED)
    assert "the end of the log may be missing: pods" in stored
    assert len(logs.openings) == 1


async def test_a_log_that_is_left_is_not_written_any_more(tmp_path) -> None:
    """Its pod is gone for good, and nobody completes it: its descriptor's number may be another file's a moment later."""
    store = FileLogStore(tmp_path, limit=1 << 20)
    logs = Logs([ALL[0], FOREVER])
    collector = LogCollector(logs, store, SystemClock(), SETTINGS)
    collector.follow(KEY, POD)
    # it was silent, and is asked for again
    await until(lambda: len(logs.openings) >= 2, "two openings", pause=0.001)
    await collector.leave(KEY)
    assert [task for task in asyncio.all_tasks() if task.get_name() == "log of run-1"] == []
    await store.close(KEY)


async def test_a_log_that_is_completed_is_not_followed_again(tmp_path) -> None:
    """Its attempt counts as running until the verdict is there, and is looked at meanwhile."""
    store = FileLogStore(tmp_path, limit=1 << 20)
    logs = Logs([ALL[0], FOREVER], ALL)
    collector = LogCollector(logs, store, SystemClock(), SETTINGS)
    collector.follow(KEY, POD)
    completing = asyncio.create_task(collector.complete(KEY, POD))
    await asyncio.sleep(0)  # it has begun
    collector.follow(KEY, POD)
    await completing
    collector.follow(KEY, POD)
    assert [task for task in asyncio.all_tasks() if task.get_name() == "log of run-1"] == []
    await store.close(KEY)


def test_a_closed_file_of_a_log_is_nobody_elses(tmp_path) -> None:
    written = FileLog(tmp_path / "1.log", 1 << 20)
    written.close()
    with (tmp_path / "other").open("wb", buffering=0) as other:  # it takes the lowest number that is free
        with pytest.raises(OSError, match="Bad file descriptor"):
            written.say("too late", 1)
        assert other.tell() == 0
    assert (tmp_path / "other").read_bytes() == b""


async def test_a_full_disk_loses_and_doubles_nothing(tmp_path, monkeypatch) -> None:
    """Seaway's own lines wait in memory, in their order; the container's log is asked for again when there is room."""
    room, write = [40], os.write

    def narrow(descriptor: int, data) -> int:
        count = min(room[0], len(data))
        if not count:
            raise OSError(errno.ENOSPC, "No space left on device")
        room[0] -= count
        return write(descriptor, data[:count])

    # not that of the module `os`: servers that other tests share run in threads of this process
    monkeypatch.setattr(log_files, "os", SimpleNamespace(**vars(os) | {"write": narrow}))
    store = FileLogStore(tmp_path, limit=1 << 20)
    written = store.writer(KEY)
    written.say("queued", 1)
    written.say("placed", 2)
    logs = Logs(ALL)
    collector = LogCollector(logs, store, SystemClock(), SETTINGS)
    completing = asyncio.create_task(collector.complete(KEY, POD))
    with pytest.raises(OSError, match="No space left"):
        await completing
    with pytest.raises(OSError, match="No space left"):
        await store.close(KEY)
    room[0] = 1 << 20
    await collector.complete(KEY, POD)
    await store.close(KEY)
    stored = store.path(KEY).read_text()
    assert [line.rpartition(" ")[2] for line in stored.splitlines()] == [
        "queued",
        "placed",
        "one",
        "two",
        "three",
    ]


async def test_of_an_ended_pod_that_is_gone_the_node_has_the_rest(tmp_path) -> None:
    logs = Gone(InternalError("not yet"), ALL)
    assert await collected(tmp_path, logs, openings=0, follow=False, pod=ENDED_POD) == b"".join(ALL).decode()
    assert logs.asked == ("run-1", "ns", "n-1", "u-1", "main", 0)


class Renamed(Gone):
    """A client of a cluster in which another pod has the name by now."""

    async def get(self, resource, name, namespace):
        return {"metadata": {"uid": "u-2"}}


class NotBegun(Gone):
    """A client of a cluster in which nothing can be read of the pod of this name."""

    async def get(self, resource, name, namespace):
        return {"metadata": {"uid": "u-1"}}

    @asynccontextmanager
    async def logs(self, name, namespace, container, options):
        raise BadRequest("pod run-1 does not have a host assigned")
        yield

    @asynccontextmanager
    async def kept_logs(self, *place, options, **rest):
        async with Logs.logs(self, None, None, None, options) as chunks:
            yield chunks


@pytest.mark.parametrize("client", [Renamed, NotBegun])
async def test_the_log_of_another_pod_of_the_same_name_is_not_taken_for_that_of_one_that_is_gone(
    tmp_path, client: type[Gone]
) -> None:
    stored = await collected(tmp_path, client(ALL), openings=0, follow=False, pod=ENDED_POD)
    assert stored == b"".join(ALL).decode()


@pytest.mark.parametrize(
    ("answers", "seconds", "whole"),
    [
        pytest.param([NotFound("it still ends"), ALL], 60.0, True, id="the node has it a little later"),
        pytest.param([ServiceUnavailable("not let go")] * 9 + [ALL], 0.0, True, id="the node says not yet"),
        pytest.param([Unreachable("away")] * 9 + [ALL], 0.0, True, id="the API server is away"),
        pytest.param([Forbidden("no right to ask nodes")], 60.0, False, id="no node may be asked"),
        pytest.param([NotFound("not kept")], 0.1, False, id="no node keeps it"),
    ],
)
async def test_of_a_container_whose_pod_went_all_is_read_or_the_log_says_so(
    tmp_path, answers, seconds: float, whole: bool
) -> None:
    store = FileLogStore(tmp_path, limit=1 << 20)
    settings = replace(SETTINGS, kept_seconds=seconds, last_words=0.01)
    collector = LogCollector(Gone(*answers), store, SystemClock(), settings)
    await store.writer(KEY).append(ALL[0])
    async with asyncio.timeout(60):
        await collector.complete_gone(KEY, source_of(KEPT_POD, "main"))
    await store.close(KEY)
    kept = store.path(KEY).read_bytes()
    if whole:
        assert kept == b"".join(ALL)
    else:
        assert kept.startswith(ALL[0])
        assert b"the end of the log may be missing: its pod was deleted" in kept
