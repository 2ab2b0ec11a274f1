"""A node that is cut off while it runs a program: the wait for it has an end, and nothing runs twice at the same time.

The program's one connection to a witness outside Seaway stands for the program: it is there as long as the program is.
Times are compressed by settings: what takes seconds here takes an hour or two with the usual ones.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from seaway.base.tasks import Backoff
from seaway.client.errors import Unreachable
from seaway.client.request import STRATEGIC_MERGE_PATCH
from seaway.controlplane.cluster import Cluster
from seaway.model.run import Phase, RunSpec, TaskSpec
from seaway.model.verdict import VerdictClass
from seaway.objects.builtin import NODES, PODS
from seaway.platform.engine.engine import EngineSettings
from seaway.platform.engine.situation import Policy
from seaway.platform.errors import Conflict, NotFound
from seaway.platform.history.collector import CollectorSettings
from tests.scenarios.runs.conftest import embedded_cluster, real_cluster
from tests.waiting import until
from tools.clusters import TestCluster
from tools.platforms import Platform, run_platform

WAIT = 90.0
LEASE = 6
QUICK = Backoff(0.05, 2.0, 0.5)
SETTINGS = {
    "engine": EngineSettings(policy=Policy(QUICK, late=1.0, silence=3.0)),
    "collector": CollectorSettings(tries=2, backoff=QUICK),
}
RIGHTS = {"nodes_visible": True, "confirm_off": True}
CONNECT = """
import os, socket, time
witness = socket.create_connection((os.environ["WITNESS"], int(os.environ["PORT"])))
witness.sendall(os.environ["SEAWAY_ATTEMPT"].encode())
while True: time.sleep(0.05)
"""


@dataclass
class Place:
    """A cluster whose nodes can be cut off from it; their programs go on."""

    cluster: TestCluster
    cut_off: Callable[[], None]
    restore: Callable[[], None]


class CutTransport:
    """Passes everything on, and nothing while it is cut."""

    def __init__(self, inner, cut: asyncio.Event) -> None:
        self._inner, self._cut = inner, cut

    def _check(self) -> None:
        if self._cut.is_set():
            raise Unreachable("cut off")

    async def send(self, request):
        self._check()
        return await self._inner.send(request)

    @asynccontextmanager
    async def watch(self, request):
        self._check()
        async with self._inner.watch(request) as events:
            yield self._until_cut(events)

    async def _until_cut(self, events):
        async for event in events:
            self._check()
            yield event

    @asynccontextmanager
    async def stream(self, request):
        self._check()
        async with self._inner.stream(request) as chunks:
            yield chunks

    async def close(self) -> None:
        await self._inner.close()


@pytest.fixture(params=["embedded", pytest.param("real", marks=pytest.mark.real)])
async def place(request, tmp_path, monkeypatch) -> AsyncIterator[Place]:
    if request.param == "embedded":
        cut, client = asyncio.Event(), Cluster.client

        def cuttable(self, user, groups=()):
            made = client(self, user, groups)
            if user.startswith("system:node:"):
                made.transport = CutTransport(made.transport, cut)
            return made

        monkeypatch.setattr(Cluster, "client", cuttable)
        tools = request.getfixturevalue("plain_tools")
        async with embedded_cluster(tmp_path / "home", tools, **RIGHTS) as cluster:
            yield Place(cluster, cut.set, cut.clear)
    else:
        node = request.getfixturevalue("real_node")
        async with real_cluster(request, tmp_path / "cache", **RIGHTS) as cluster:
            yield Place(cluster, node.kill, node.start)


@dataclass
class Witness:
    """Knows which attempts' programs are alive."""

    port: int = 0
    alive: set[str] = field(default_factory=set)
    seen: list[str] = field(default_factory=list)
    most: int = 0
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def hear(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        attempt = (await reader.read(1)).decode()
        async with self.changed:
            self.alive.add(attempt)
            self.seen.append(attempt)
            self.most = max(self.most, len(self.alive))
            self.changed.notify_all()
        await reader.read()
        async with self.changed:
            self.alive.discard(attempt)
            self.changed.notify_all()
        writer.close()

    async def until(self, *alive: str) -> None:
        async with asyncio.timeout(WAIT), self.changed:
            await self.changed.wait_for(lambda: self.alive == set(alive))


@asynccontextmanager
async def run_witness() -> AsyncIterator[Witness]:
    found = Witness()
    async with await asyncio.start_server(found.hear, "127.0.0.1", 0) as server:
        found.port = server.sockets[0].getsockname()[1]
        yield found


@pytest.fixture
async def witness() -> AsyncIterator[Witness]:
    async with run_witness() as found:
        yield found


def task(witness: Witness, **fields) -> TaskSpec:
    env = {"WITNESS": "127.0.0.1", "PORT": str(witness.port)}
    return TaskSpec(**{"command": ("python", "-c", CONNECT)} | fields, env=env)


async def take_away(platform: Platform, run: str) -> None:
    """Delete the run's pods as the cluster does with those of a node that does not answer."""
    for pod in (await platform.client.list(PODS, platform.namespace, label_selector=f"seaway.dev/run={run}"))[
        "items"
    ]:
        await platform.client.delete(PODS, pod["metadata"]["name"], platform.namespace, grace_seconds=1)


async def attempts(platform: Platform, run: str, count: int) -> None:
    """Wait until a run has so many attempts."""
    await until(
        lambda: platform.server.runs.get(run), f"{count} attempts of {run}",
        check=lambda view: len(view.tasks[0].attempts) >= count, seconds=WAIT, pause=0.05,
    )  # fmt: skip


async def test_a_program_that_keeps_a_lease_ends_by_itself_before_the_next_attempt_begins(
    place: Place, witness: Witness, tmp_path
) -> None:
    async with run_platform(place.cluster, tmp_path / "server", lease_seconds=LEASE, **SETTINGS) as platform:
        run = await platform.server.runs.submit(RunSpec(tasks=(task(witness),)), user="ada")
        await witness.until("1")
        place.cut_off()
        await take_away(platform, run.name)
        await attempts(platform, run.name, 2)
        assert not witness.alive, "the first attempt's program still runs"
        first = (await platform.server.runs.get(run.name)).tasks[0].attempts[0]
        assert (first.verdict.class_, first.verdict.cause) == (VerdictClass.INFRASTRUCTURE, "NodeLost")
        place.restore()
        await witness.until("2")
        assert (witness.seen, witness.most) == (["1", "2"], 1)
        await platform.server.runs.stop(run.name)
        ended = await platform.server.runs.wait(run.name, timeout=WAIT)
        assert ended.phase is Phase.STOPPED


async def test_without_a_lease_a_run_is_given_up_and_a_stop_does_not_wait_for_ever(
    place: Place, witness: Witness, tmp_path
) -> None:
    async with (
        run_platform(place.cluster, tmp_path / "server", **SETTINGS) as platform,
        run_witness() as other,
    ):
        runs = platform.server.runs
        await runs.submit(RunSpec(name="given-up", tasks=(task(witness, retries=5),)), user="ada")
        await runs.submit(RunSpec(name="stopped", tasks=(task(other),)), user="ada")
        await witness.until("1")
        await other.until("1")
        place.cut_off()
        await runs.stop("stopped")
        for run in ("given-up", "stopped"):
            await take_away(
                platform, run
            )  # the one that is stopped: with a shorter grace than the server gives
        given_up = await runs.wait("given-up", timeout=WAIT)
        (attempt,) = given_up.tasks[0].attempts
        assert (given_up.phase, attempt.verdict.class_, attempt.verdict.cause) == (
            Phase.FAILED, VerdictClass.UNKNOWN, "EndUnconfirmed",
        )  # fmt: skip
        explanation = await runs.why("given-up")
        assert "seaway retry given-up" in explanation.next_step
        stopped = await runs.wait("stopped", timeout=WAIT)
        assert stopped.phase is Phase.STOPPED
        assert "whether the program still runs there is not known" in stopped.message
        assert witness.alive == {"1"}, "it is right that nobody knew: it still runs"
        place.restore()
        await witness.until()
        await other.until()
        assert witness.seen == other.seen == ["1"]


async def is_said_to_be(platform: Platform, node: str, ready: str) -> None:
    """Say of a node what the cluster says of one that it has not heard of for a while, or hears of again: after a while each."""
    told = {"type": "Ready", "status": ready, "reason": "Tested", "message": "so it is said"}
    status = {"status": {"conditions": [told]}}
    await platform.client.patch(NODES, node, status, content_type=STRATEGIC_MERGE_PATCH, subresource="status")


@pytest.mark.timeout(180)
async def test_a_run_goes_on_when_an_administrator_has_confirmed_that_the_machine_is_off(
    place: Place, witness: Witness, tmp_path
) -> None:
    """The confirmation is taken back when the node is there again; without it the run would have been given up after an hour."""
    patient = {"engine": EngineSettings(policy=Policy(QUICK)), "collector": SETTINGS["collector"]}
    async with run_platform(place.cluster, tmp_path / "server", **patient) as platform:
        runs, confirming = platform.server.runs, platform.server.confirming_off
        run = await runs.submit(RunSpec(name="lost", tasks=(task(witness),)), user="ada")
        await witness.until("1")
        node = (await runs.get(run.name)).tasks[0].attempts[0].node
        with pytest.raises(Conflict, match="answers: its machine is not off"):
            await confirming.confirm(node, "root")
        with pytest.raises(NotFound, match="no node 'node-99'"):
            await confirming.confirm("node-99", "root")
        place.cut_off()
        await is_said_to_be(platform, node, "Unknown")
        found = await confirming.look(node)
        assert (found.ready, found.confirmed_off, found.runs) == (False, False, ("lost",))
        assert (await confirming.confirm(node, "root")).confirmed_off
        await attempts(platform, run.name, 2)
        first = (await runs.get(run.name)).tasks[0].attempts[0]
        assert (first.verdict.class_, first.verdict.cause) == (VerdictClass.INFRASTRUCTURE, "NodeLost")
        log = b"".join([chunk async for chunk in await runs.logs(run.name)]).decode()
        assert f"root has confirmed that the node {node} is off" in log
        told = [(entry.by, entry.message) for entry in (await runs.timeline(run.name)).entries]
        assert ("root", "confirmed to be off: its pods are removed") in told
        place.restore()
        await is_said_to_be(platform, node, "True")
        async with asyncio.timeout(WAIT), witness.changed:
            await witness.changed.wait_for(lambda: "1" not in witness.alive)
        assert not (await confirming.undo(node, "root")).confirmed_off
        await witness.until("2")
        await runs.stop(run.name)
        await runs.wait(run.name, timeout=WAIT)
