"""The time of day is set forward and back while runs are under way: each ends when it is due, and with the right verdict."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from seaway.client.client import Client
from seaway.client.config import load_kubeconfig
from seaway.client.http import HttpTransport
from seaway.objects.builtin import PODS
from seaway.sdk.client import SeawayClient
from tests.chaos.clocks import HOUR, ClockHome
from tests.chaos.storm.home import HomeStage
from tests.waiting import wait_until

WAITS = """
import signal
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1, signal.SIGTERM])
print("ready", flush=True)
signal.sigwait([signal.SIGUSR1])
"""
OBEYS = "import signal\nprint('ready', flush=True)\nsignal.pause()"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClockHome]:
    home = ClockHome(tmp_path_factory.mktemp("clock") / "home")
    HomeStage(home, nodes=2).up()
    yield home
    home.seaway("down", check=False)
    left = home.processes()
    for process in left:
        process.kill()
    assert left == [], "processes outlived `seaway down`"


@pytest.fixture(scope="module")
def client(home: ClockHome) -> Iterator[SeawayClient]:
    with HomeStage(home).client() as client:
        yield client


def start(client: SeawayClient, name: str, program: str = WAITS, **fields: Any) -> None:
    """Start a run that goes on until it gets a signal, and return when it is ready for it."""
    task = {"name": "main", "command": ["python", "-c", program], "resources": {"cpu": "0.1"}} | fields
    client.submit({"name": name, "tasks": [task]})
    until_ready(client, name, 1)


def until_ready(client: SeawayClient, name: str, attempt: int) -> None:
    def is_ready() -> bool:
        attempts = client.run(name)["tasks"][0]["attempts"]
        return len(attempts) >= attempt and b"ready" in b"".join(client.read_logs(name, attempt=attempt))

    wait_until(is_ready, f"attempt {attempt} of {name} runs", pause=0.1)


def end(home: ClockHome, name: str) -> None:
    wait_until(lambda: home.program(name), f"{name} runs").send_signal(signal.SIGUSR1)


def ended(client: SeawayClient, name: str) -> tuple[str, list[str]]:
    view = client.wait_until_ended(name, timeout=60)
    return view["phase"], [attempt["verdict"]["cause"] for attempt in view["tasks"][0]["attempts"]]


async def delete_pod(home: ClockHome, name: str) -> None:
    client = Client(HttpTransport(load_kubeconfig(home.path / "kubeconfig")), field_manager="test")
    try:
        await client.delete(PODS, name, "seaway-default", grace_seconds=3600)
    finally:
        await client.close()


@pytest.mark.chaos
@pytest.mark.timeout(600)
@pytest.mark.parametrize("step", [2 * HOUR, -2 * HOUR], ids=["forward", "back"])
def test_time_limits_and_deletions_while_the_clock_is_set(home, client, step: float, request) -> None:
    mark = request.node.callspec.id
    long, short, deleted = f"long-{mark}", f"short-{mark}", f"deleted-{mark}"
    start(client, long, timeout_seconds=5400.0)
    start(client, deleted)
    asyncio.run(delete_pod(home, f"{deleted}-1"))
    start(client, short, OBEYS, timeout_seconds=4.0)
    home.step_clock(step)
    home.program(deleted).kill()
    assert ended(client, short) == ("failed", ["Timeout"])
    until_ready(client, deleted, 2)
    for name, causes in {long: ["Completed"], deleted: ["PodDeleted", "Completed"]}.items():
        end(home, name)
        assert ended(client, name) == ("succeeded", causes)
