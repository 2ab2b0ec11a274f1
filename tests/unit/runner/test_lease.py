"""An attempt with a lease: it asks before it starts its program, and ends it when the server stays away or says so."""

from __future__ import annotations

import json
import signal
import time

import pytest

from seaway.runner.lease import grace_left

FOR_EVER = "import time\nprint('began', flush=True)\nwhile True: time.sleep(0.02)"
LEASE = "/gateway/v1/runs/digits/tasks/main/lease?fence=1"
SAVES_AT_ITS_END = """
import os, signal, sys, time
def end(*_):
    open(os.environ["SEAWAY_CHECKPOINT"] + "/step", "w").write("7")
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
print("began", flush=True)
while True: time.sleep(0.02)
"""


def test_without_a_lease_nobody_is_asked(start, gateway):
    assert start("pass").wait() == 0
    assert not any("lease" in request for request in gateway.requests)


def test_it_is_taken_before_the_program_starts_and_renewed_while_it_runs(start, gateway):
    container = start(FOR_EVER, lease_seconds=6)
    container.wait_until(lambda: len(gateway.received.get(LEASE, ())) >= 3)
    container.terminate()
    assert container.wait() == 143, container.text


def test_an_attempt_that_comes_too_late_never_starts_its_program(start, gateway):
    gateway.refuse["lease"] = (409, "the attempt with the fencing number 1 is over")
    container = start("open('/dev/stdout', 'w').write('began')", lease_seconds=60)
    assert container.wait() == 119, container.text
    assert "began" not in container.text
    assert container.failure["stage"] == "lease"
    assert "is over" in container.failure["error"]


def test_a_program_that_the_server_does_not_want_to_go_on_is_ended(start, gateway):
    container = start(FOR_EVER, lease_seconds=6)
    container.wait_for("began")
    gateway.refuse["lease"] = (409, "the node does not act")
    assert container.wait() == 119, container.text
    assert "the node does not act" in container.failure["error"]


def test_a_server_that_stays_away_ends_the_program(start, gateway):
    container = start(FOR_EVER, lease_seconds=2)
    container.wait_for("began")
    gateway.leave()
    assert container.wait() == 119, container.text
    gateway.listen()
    assert "could not be reached for 2 s" in container.failure["error"]


def test_a_server_that_is_away_for_less_than_a_lease_costs_nothing(start, gateway):
    container = start(FOR_EVER, lease_seconds=9)
    container.wait_for("began")
    gateway.leave()
    gateway.listen()
    before = len(gateway.received.get(LEASE, ()))
    container.wait_until(lambda: len(gateway.received[LEASE]) > before)
    container.terminate()
    assert container.wait() == 143, container.text


def test_what_it_saves_when_it_is_told_to_end_is_kept(start, gateway, unpack):
    container = start(SAVES_AT_ITS_END, lease_seconds=9)
    container.wait_for("began")
    gateway.refuse["lease"] = (409, "the node does not act")
    assert container.wait() == 119, container.text
    assert unpack(gateway.checkpoint) == {"step": b"7"}


def test_a_program_that_ignores_being_told_is_killed(start, gateway):
    stubborn = f"import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n{FOR_EVER}"
    container = start(stubborn, lease_seconds=2)
    container.wait_for("began")
    gateway.refuse["lease"] = (401, "the run has ended")
    assert container.wait() == 119, container.text
    assert json.loads(container.termination_log.read_text())["stage"] == "lease"


TELLS = f"""
import signal
signal.signal(signal.SIGTERM, lambda *_: print("told to end", flush=True))
{FOR_EVER}"""


def stand_still(container, seconds: float) -> None:
    """Have the runner do nothing for so many seconds."""
    container.process.send_signal(signal.SIGSTOP)
    over = time.monotonic() + seconds
    container.wait_until(lambda: time.monotonic() > over)


def test_a_program_goes_on_when_its_runner_stood_still_and_the_server_grants_the_lease(start, gateway):
    container = start(FOR_EVER, lease_seconds=3)  # its first renewal may then take a quarter of that
    container.wait_for("began")
    stand_still(container, 3.1)
    before = len(gateway.received[LEASE])
    container.process.send_signal(signal.SIGCONT)
    container.wait_until(lambda: len(gateway.received[LEASE]) > before + 1)
    container.terminate()
    assert container.wait() == 143, container.text


def test_a_program_gets_no_grace_whose_lease_was_over_long_before_its_runner_noticed(start, gateway):
    container = start(TELLS, lease_seconds=1)
    container.wait_for("began")
    stand_still(container, 2)
    gateway.refuse["lease"] = (409, "the attempt with the fencing number 1 is over")
    container.process.send_signal(signal.SIGCONT)
    assert container.wait() == 119, container.text
    assert "told to end" not in container.text


@pytest.mark.parametrize(
    ("over", "lease", "grace"),
    [
        pytest.param(-30, 60, 15, id="refused while it is held: a quarter"),
        pytest.param(0, 3600, 30, id="no more than half a minute"),
        pytest.param(15, 60, 15, id="after a request that took a quarter"),
        pytest.param(25, 60, 5, id="what is left"),
        pytest.param(30, 60, 0, id="another attempt may have begun"),
        pytest.param(9000, 60, 0, id="the machine stood still"),
    ],
)
def test_how_long_a_program_may_take_to_end(over, lease, grace):
    assert grace_left(over, lease) == grace
