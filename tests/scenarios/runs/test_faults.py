"""An API server that is busy, forgets, breaks off, vanishes and comes back costs no run, and has nothing run twice.

Executions are counted by a witness outside Seaway. Times are compressed by settings: what takes seconds here takes
minutes with the usual ones.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from seaway.base.tasks import Backoff
from seaway.client.client import Client
from seaway.client.http import HttpSettings, HttpTransport
from seaway.client.retry import RetrySettings
from seaway.client.watch import FollowSettings
from seaway.model.run import Phase, RunSpec, TaskSpec
from seaway.objects.builtin import PODS, SECRETS
from seaway.platform.engine.carrier import CarrierSettings
from seaway.platform.engine.engine import EngineSettings
from seaway.platform.engine.situation import Policy
from seaway.platform.history.collector import CollectorSettings
from tests.waiting import until
from tools.fault_proxy import Faults, run_fault_proxy
from tools.platforms import run_platform

WAIT = 90.0
QUICK = Backoff(0.05, 2.0, 0.5, jitter=0.5)
HTTP = HttpSettings(
    connect_seconds=1.0,
    read_seconds=1.5,
    retry=RetrySettings(tries=3, patience=5.0, backoff=Backoff(0.05, 2.0, 0.2)),
)
SETTINGS = {
    "follow": FollowSettings(list_seconds=4.0, watch_seconds=3, slack_seconds=2.0, backoff=QUICK),
    "engine": EngineSettings(policy=Policy(QUICK), carrier=CarrierSettings(backoff=QUICK)),
    "collector": CollectorSettings(follow_after=0.05, tries=20, backoff=QUICK),
}
PROGRAM = """
import os, socket
with socket.create_connection((os.environ["WITNESS"], int(os.environ["PORT"]))) as witness:
    witness.sendall(f"{os.environ['SEAWAY_RUN']} {os.environ['SEAWAY_TASK']}\\n".encode())
    print("began", flush=True)
    if os.environ["HELD"]:
        witness.recv(1)
print("ended", flush=True)
"""


class Witness:
    """Hears from the programs themselves who was executed, and lets those end that are held."""

    def __init__(self, host: str) -> None:
        self.host, self.port = host, 0
        self.executions: Counter[str] = Counter()
        self._writers: dict[str, asyncio.StreamWriter] = {}

    async def hear(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async for line in reader:
            name = line.decode().strip()
            self.executions[name] += 1
            self._writers[name] = writer
        writer.close()

    def task(self, name: str = "main", *, held: bool = False, **fields) -> TaskSpec:
        env = {"WITNESS": self.host, "PORT": str(self.port), "HELD": "yes" if held else ""}
        return TaskSpec(name=name, command=("python", "-c", PROGRAM), env=env, **fields)

    def let_end(self, run: str) -> None:
        """Let a run's program end that is held."""
        self._writers[f"{run} main"].write(b"x")


@pytest.fixture
async def witness(cluster) -> AsyncIterator[Witness]:
    found = Witness(cluster.gateway_host)
    local = cluster.gateway_host == "127.0.0.1"
    async with await asyncio.start_server(found.hear, "127.0.0.1" if local else "0.0.0.0", 0) as server:
        found.port = server.sockets[0].getsockname()[1]
        yield found


@asynccontextmanager
async def behind_faults(cluster, home, seed: int):
    """A platform whose server reaches its cluster through a proxy that breaks things."""
    async with run_fault_proxy(cluster.connection, seed) as proxy:
        client = Client(HttpTransport(proxy.connection, HTTP), field_manager="seaway")
        try:
            async with run_platform(cluster, home, client=client, **SETTINGS) as platform:
                yield platform, proxy
        finally:
            await client.close()


async def begun(platform, witness: Witness, name: str) -> None:
    """Return when a run's program runs, and its server knows."""

    async def known() -> bool:
        view = await platform.server.runs.get(name)
        return view.phase is Phase.RUNNING and witness.executions[f"{name} main"] > 0

    await until(known, f"{name} runs", seconds=WAIT)


async def ended_once(platform, witness: Witness, *names: str) -> None:
    """All runs succeed, each of their tasks at its first attempt and executed once, with a whole log."""
    async with asyncio.timeout(WAIT):
        found = [await platform.server.runs.wait(name, timeout=WAIT) for name in names]
    assert {
        run.name: (run.phase.value, run.message) for run in found if run.phase is not Phase.SUCCEEDED
    } == {}
    assert {
        run.name: [len(task.attempts) for task in run.tasks if len(task.attempts) != 1] for run in found
    } == {name: [] for name in names}
    assert witness.executions == {f"{run.name} {task.name}": 1 for run in found for task in run.tasks}
    for run in found:
        log = b"".join([chunk async for chunk in await platform.server.runs.logs(run.name)]).decode()
        said = [line.rpartition("| ")[2] for line in log.splitlines() if line.endswith(("began", "ended"))]
        assert Counter(said) == {"began": len(run.tasks), "ended": len(run.tasks)}, log
        assert "may be missing" not in log


async def nothing_left(cluster) -> None:
    """No pod and no token stays behind."""
    async with asyncio.timeout(WAIT):
        for resource in (PODS, SECRETS):
            while (await cluster.admin.list(resource, cluster.namespace, label_selector="seaway.dev/run"))[
                "items"
            ]:
                await asyncio.sleep(0.05)


STORM = Faults(busy=0.12, unavailable=0.06, expired=0.3, reset=0.08, lost=0.12, silent=0.02, cut=0.4)


async def test_runs_through_a_storm(cluster, witness, tmp_path) -> None:
    seed = random.SystemRandom().randrange(1_000_000)
    print("seed", seed)
    async with behind_faults(cluster, tmp_path / "server", seed) as (platform, proxy):
        proxy.faults = STORM
        names = [f"run-{number}" for number in range(8)]
        for name in names:
            tasks = (witness.task("a"), witness.task("b", after=("a",)))
            await platform.server.runs.submit(RunSpec(name=name, tasks=tasks), user="ada")
        await ended_once(platform, witness, *names)
        print(dict(proxy.happened))
        assert all(proxy.happened[fault] for fault in ("busy", "reset", "lost")), proxy.happened
        proxy.faults = Faults()
        await nothing_left(cluster)


@pytest.mark.parametrize("fault", ["lost", "expired", "cut"])
async def test_what_goes_wrong_every_time_for_a_while(cluster, witness, tmp_path, fault) -> None:
    """Every write is done and none is told; every watch is too old; every stream breaks off: nothing is made twice."""
    async with behind_faults(cluster, tmp_path / "server", 1) as (platform, proxy):
        proxy.faults = Faults(**{fault: 1.0})
        await platform.server.runs.submit(RunSpec(name="run", tasks=(witness.task(),)), user="ada")
        async with asyncio.timeout(WAIT):
            while proxy.happened[fault] < 6:
                await asyncio.sleep(0.05)
        proxy.faults = Faults()
        await ended_once(platform, witness, "run")
        await nothing_left(cluster)


async def test_an_api_server_that_vanishes_under_runs_in_every_state(cluster, witness, tmp_path) -> None:
    async with behind_faults(cluster, tmp_path / "server", 1) as (platform, proxy):
        runs = platform.server.runs
        for name in ("runs-on", "ends-meanwhile"):
            await runs.submit(RunSpec(name=name, tasks=(witness.task(held=True),)), user="ada")
            await begun(platform, witness, name)
        proxy.take_away()
        await runs.submit(RunSpec(name="submitted", tasks=(witness.task(),)), user="ada")
        async with asyncio.timeout(WAIT):
            while "the cluster does not answer" not in (await runs.get("submitted")).message:
                await asyncio.sleep(0.05)
            while not (await platform.server.status())["cluster_problem"]:
                await asyncio.sleep(0.05)
            witness.let_end("ends-meanwhile")
            while await program_runs(cluster, "ends-meanwhile"):
                await asyncio.sleep(0.1)
        assert (await runs.get("ends-meanwhile")).phase is Phase.RUNNING, "nobody could tell"
        proxy.faults = Faults()
        witness.let_end("runs-on")
        await ended_once(platform, witness, "runs-on", "ends-meanwhile", "submitted")
        assert (await platform.server.status())["cluster_problem"] == ""
        await nothing_left(cluster)


async def program_runs(cluster, run: str) -> bool:
    (pod,) = (await cluster.admin.list(PODS, cluster.namespace, label_selector=f"seaway.dev/run={run}"))[
        "items"
    ]
    return pod["status"]["phase"] == "Running"


@pytest.mark.real
async def test_kubernetes_own_api_server_is_killed_and_comes_back(
    request, real_cluster_with_witness, tmp_path
) -> None:
    cluster, witness = real_cluster_with_witness
    plane = request.getfixturevalue("real_control_plane")
    async with run_platform(cluster, tmp_path / "server", **SETTINGS) as platform:
        await platform.server.runs.submit(RunSpec(name="first", tasks=(witness.task(held=True),)), user="ada")
        await begun(platform, witness, "first")
        await asyncio.to_thread(plane.stop_apiserver)
        try:
            await platform.server.runs.submit(RunSpec(name="second", tasks=(witness.task(),)), user="ada")
            async with asyncio.timeout(WAIT):
                while "the cluster does not answer" not in (await platform.server.runs.get("second")).message:
                    await asyncio.sleep(0.05)
            witness.let_end("first")
        finally:
            plane.start_apiserver()  # in this thread: it ends with the one that starts it
        await ended_once(platform, witness, "first", "second")
        await nothing_left(cluster)


@pytest.fixture
async def real_cluster_with_witness(request, real_place):
    found = Witness("127.0.0.1")
    async with await asyncio.start_server(found.hear, "127.0.0.1", 0) as server:
        found.port = server.sockets[0].getsockname()[1]
        yield real_place, found
