"""Kills while a message is on its way: nothing is lost, and what comes twice is known by its key."""

from __future__ import annotations

import json
from collections import Counter

import psutil
import pytest

from tests.chaos.conftest import Home
from tools.receiver import Receiver, run_receiver

RUNS = ("one", "two", "three")


@pytest.fixture
def receiver():
    with run_receiver() as running:
        yield running


@pytest.fixture
def told(home: Home, receiver: Receiver) -> Home:
    """A home whose runs' ends are told to somebody who takes a message and does not say so yet."""
    home.seaway("up")
    home.seaway("notify", "add", "hook", receiver.url, "--on", "ended")
    receiver.answers.clear()
    for name in RUNS:
        home.submit(name, "--", "sh", "-c", "exit 1")
    for name in RUNS:
        home.ended(name)
    receiver.wait_tried(1)
    return home


def courier(home: Home) -> psutil.Process:
    """Return the process that sends."""
    found = [
        child
        for child in psutil.Process(home.daemon_pid()).children()
        if any(word.endswith("notifications.courier") for word in child.cmdline())
    ]
    (process,) = found
    return process


def everything_is_sent(home: Home) -> bool:
    (target,) = json.loads(home.seaway("notify", "list", "-o", "json"))
    return target["pending"] == 0


@pytest.mark.parametrize("killed", ["the daemon", "the process that sends"])
def test_a_kill_while_a_message_is_on_its_way_loses_none(told: Home, receiver: Receiver, killed: str) -> None:
    process = courier(told)
    if killed == "the daemon":
        told.kill_daemon()
        receiver.answers.set()
        psutil.wait_procs([process], timeout=60)
        assert not process.is_running(), "what nobody waits for ends by itself"
        told.seaway("up")
    else:
        process.kill()
        receiver.answers.set()
    told.wait_until(lambda: everything_is_sent(told), "everything is sent", limit=120)
    single = [message for message in receiver.got if message["event"] != "many"]
    assert {message["run"] for message in single} == set(RUNS), [m["title"] for m in receiver.got]
    doubled = {key: count for key, count in Counter(m["header"] for m in single).items() if count > 1}
    assert sum(count - 1 for count in doubled.values()) <= 1, doubled
    assert list(doubled) in ([], [single[0]["header"]]), (
        "only what was on its way may come twice, with the same key"
    )
