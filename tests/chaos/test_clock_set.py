"""The time of day is set forward and back while runs are under way: each ends when it is due, and with the right verdict."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator

import psutil
import pytest

from seaway.client.client import Client
from seaway.client.config import load_kubeconfig
from seaway.client.http import HttpTransport
from seaway.objects.builtin import PODS
from tests.chaos.clocks import HOUR, ClockHome
from tests.waiting import wait_until

WAITS = """
import signal
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1, signal.SIGTERM])
print("ready", flush=True)
signal.sigwait([signal.SIGUSR1])
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClockHome]:
    home = ClockHome(tmp_path_factory.mktemp("clock") / "home")
    home.seaway("up", "--nodes", "2")
    yield home
    home.seaway("down", check=False)
    left = home.processes()
    for process in left:
        process.kill()
    assert left == [], "processes outlived `seaway down`"


def start(home: ClockHome, name: str, *options: str) -> None:
    """Start a run that goes on until it gets a signal, and return when it is ready for it."""
    home.submit(name, *options, "--", "python", "-c", WAITS)
    until_ready(home, name, 1)


def until_ready(home: ClockHome, name: str, attempt: int) -> None:
    words = ("logs", "--attempt", str(attempt), name)
    wait_until(lambda: "ready" in home.seaway(*words, check=False), f"{name} runs", pause=0.5)


def program(home: ClockHome, name: str) -> psutil.Process:
    return wait_until(lambda: home.program(name), f"{name} runs")


def ended(home: ClockHome, name: str) -> tuple[str, list[str]]:
    view = home.ended(name)
    return view["phase"], [attempt["verdict"]["cause"] for attempt in view["tasks"][0]["attempts"]]


async def delete_pod(home: ClockHome, name: str) -> None:
    client = Client(HttpTransport(load_kubeconfig(home.path / "kubeconfig")), field_manager="test")
    try:
        await client.delete(PODS, name, "seaway-default")
    finally:
        await client.close()


@pytest.mark.chaos
@pytest.mark.timeout(600)
@pytest.mark.parametrize("step", [2 * HOUR, -2 * HOUR], ids=["forward", "back"])
def test_time_limits_and_deletions_while_the_clock_is_set(home, step: float, request) -> None:
    mark = request.node.callspec.id
    for name, options in {"long": ("--timeout", "90m"), "short": ("--timeout", "15s"), "deleted": ()}.items():
        start(home, f"{name}-{mark}", *options)
    asyncio.run(delete_pod(home, f"deleted-{mark}-1"))
    home.step_clock(step)
    program(home, f"deleted-{mark}").kill()
    until_ready(home, f"deleted-{mark}", 2)
    assert ended(home, f"short-{mark}") == ("failed", ["Timeout"])
    for name, causes in {"long": ["Completed"], "deleted": ["PodDeleted", "Completed"]}.items():
        program(home, f"{name}-{mark}").send_signal(signal.SIGUSR1)
        assert ended(home, f"{name}-{mark}") == ("succeeded", causes)
