"""Two real servers on one PostgreSQL: whatever becomes of the leader, the other one leads within 15 s, and each run ends once."""

from __future__ import annotations

import asyncio
import re
import signal
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from tools.replicas import PROGRAM, Replicas, Witness, run_replicas, run_witness, until

RUNS = [f"run-{number}" for number in range(10)]
FAILOVER_SECONDS = 30.0
"""What is promised is 15 s, where the machine has time; the measured ones are printed."""
Fault = Callable[[Replicas], Awaitable[None]]


@pytest.fixture
async def replicas(cluster, postgres_url, tmp_path) -> AsyncIterator[Replicas]:
    async with run_replicas(cluster, postgres_url, tmp_path / "replicas") as running:
        yield running


@pytest.fixture
async def witness() -> AsyncIterator[Witness]:
    async with run_witness() as running:
        yield running


async def submit(replicas: Replicas, witness: Witness, name: str) -> None:
    """Submit a run as a client does that may have to send it again."""
    command = ["python3", "-c", PROGRAM, name, str(witness.port)]
    spec = {"name": name, "tasks": [{"command": command, "resources": {"cpu": "50m", "memory": "64Mi"}}]}
    answer = await replicas.ask(
        "POST", "/api/v1/runs", json=spec, headers={"Idempotency-Key": uuid.uuid4().hex}
    )
    assert answer.status_code == 201, answer.text


async def all_in_flight(replicas: Replicas, witness: Witness) -> None:
    for name in RUNS:
        await submit(replicas, witness, name)

    async def begun() -> bool:
        return len(witness.began) == len(RUNS)

    await until(begun, "all programs run", replicas.logs)


async def assert_each_ended_once(replicas: Replicas, witness: Witness, names: list[str]) -> None:
    for name in names:

        async def has_ended(name: str = name) -> bool:
            run = (await replicas.ask("GET", f"/api/v1/runs/{name}")).json()
            return run["phase"] in ("succeeded", "failed", "stopped")

        await until(has_ended, f"{name} ends", replicas.logs)
        run = (await replicas.ask("GET", f"/api/v1/runs/{name}")).json()
        assert run["phase"] == "succeeded", run
        assert [len(task["attempts"]) for task in run["tasks"]] == [1], run
        log = (await replicas.ask("GET", f"/api/v1/runs/{name}/logs")).text
        numbers = [int(number) for number in re.findall(r"^line (\d+)$", log, re.MULTILINE)]
        assert numbers == list(range(witness.lines[name])), f"{name}: {log}"
    assert witness.began == dict.fromkeys(names, 1)


async def assert_stands_by(replicas: Replicas) -> None:
    """A standby lives, is ready to take over, and says to everybody else that it is none to ask."""
    url = f"https://127.0.0.1:{replicas.standby.port}"
    answers = {path: await replicas.http.get(url + path) for path in ("/healthz", "/readyz", "/api/v1/runs")}
    assert [answer.status_code for answer in answers.values()] == [200, 200, 503]
    refused = answers["/api/v1/runs"]
    assert refused.headers["retry-after"] == "1"
    assert "stands by" in refused.json()["error"]["message"]


async def kill(replicas: Replicas) -> None:
    replicas.leader.signal(signal.SIGKILL)


async def pause(replicas: Replicas) -> None:
    replicas.leader.signal(signal.SIGSTOP)


async def silence_the_database(replicas: Replicas) -> None:
    replicas.leader.database.silence()


async def silence_the_api_server(replicas: Replicas) -> None:
    replicas.leader.api.silence()


async def terminate(replicas: Replicas) -> None:
    replicas.leader.signal(signal.SIGTERM)


async def test_a_leader_that_is_killed_is_followed_by_another(replicas: Replicas, witness: Witness) -> None:
    assert await fail_over(replicas, witness, kill) == -signal.SIGKILL


@pytest.mark.parametrize("cluster", ["embedded"], indirect=True)
@pytest.mark.parametrize("fault", [pause, silence_the_database, silence_the_api_server])
async def test_a_leader_that_cannot_go_on_ends_itself(
    replicas: Replicas, witness: Witness, fault: Fault
) -> None:
    assert await fail_over(replicas, witness, fault) > 0


@pytest.mark.parametrize("cluster", ["embedded"], indirect=True)
async def test_a_leader_that_is_ended_in_order_hands_over(replicas: Replicas, witness: Witness) -> None:
    assert await fail_over(replicas, witness, terminate) == 0


async def fail_over(replicas: Replicas, witness: Witness, fault: Fault) -> int:
    """Break the leader with runs in flight, see all of them end once; return the old leader's exit status."""
    await all_in_flight(replicas, witness)
    await assert_stands_by(replicas)
    old = replicas.leader
    await replicas.log_in()
    following = await replicas.follow("run-0")
    await fault(replicas)
    late = asyncio.create_task(submit(replicas, witness, "late"))

    async def another_leads() -> bool:
        return replicas.leader is not old and await replicas.serves()

    seconds = await until(another_leads, "another server leads", replicas.logs)
    print(f"failover: {seconds:.1f} s ({fault.__name__})")
    assert seconds < FAILOVER_SECONDS, replicas.logs()
    if fault is pause:
        old.signal(signal.SIGCONT)
    status = await old.ended()
    await late
    witness.let_end()
    await assert_each_ended_once(replicas, witness, [*RUNS, "late"])
    assert (await following).splitlines() == [f"line {number}" for number in range(witness.lines["run-0"])]
    return status
