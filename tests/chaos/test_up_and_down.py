"""Starting and stopping at awkward moments: one daemon, nothing left behind, what was in flight goes on once."""

from __future__ import annotations

import json
import signal
import subprocess
from itertools import pairwise

import pytest

WORKS = """
import os, pathlib, signal, socket, sys
count = pathlib.Path(os.environ["SEAWAY_CHECKPOINT"]) / "count"
before = int(count.read_text()) if count.exists() else 0
witness = socket.create_connection(("127.0.0.1", int(os.environ["WITNESS"])))
def stop(*_):
    count.write_text(str(before + 1))
    sys.exit(1)
signal.signal(signal.SIGTERM, stop)
witness.sendall(f"{os.environ['SEAWAY_RUN']} {os.environ['SEAWAY_ATTEMPT']}\\nline\\n".encode())
print("found", before, flush=True)
if before < 2:
    witness.recv(1)
"""


def outcome(process: subprocess.Popen[str]) -> tuple[int, str]:
    said = process.communicate(timeout=100)[0]
    assert "Traceback" not in said, said
    return process.returncode, said


def test_up_in_many_shells_at_once_starts_one_daemon(home) -> None:
    """Whoever is not first waits or is told to try again; nobody starts a second daemon."""
    outcomes = [outcome(process) for process in [home.start("up") for _ in range(4)]]
    assert {code for code, _ in outcomes} <= {0, 75}, outcomes
    assert 0 in {code for code, _ in outcomes}
    assert [process for process in home.processes() if "daemon" in process.cmdline()][1:] == []
    assert home.attempt("up")[0] == 0
    outcomes = [outcome(process) for process in [home.start("down") for _ in range(3)]]
    assert {code for code, _ in outcomes} == {0}, outcomes
    assert home.processes() == []
    assert home.attempt("down")[0] == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=["Ctrl-C", "kill -9"])
@pytest.mark.parametrize("moment", ["lock", "cluster/store.db", "server/seaway.db"])
def test_up_that_is_broken_off(home, moment: str, number: int) -> None:
    """Ended at three moments of its work, `up` can be called again, and `down` leaves nothing."""
    process = home.start("up")
    home.wait_until((home.path / moment).exists, moment)
    process.send_signal(number)
    code, _ = outcome(process)
    assert code in (0, 130, -signal.SIGKILL)
    home.wait_until(lambda: home.attempt("up")[0] == 0, "it cannot be started again")
    home.seaway("down")
    assert home.processes() == []


def test_down_that_is_broken_off_goes_on(home, witness) -> None:
    """Ctrl-C during `down` leaves the daemon to end by itself; a second `down` waits for it."""
    heard, port = witness
    home.seaway("up")
    home.submit("works", "--env", f"WITNESS={port}", "--", "python", "-c", WORKS)
    heard.wait_for_lines(1)
    process = home.start("down")
    home.wait_until(
        lambda: "stopping" in (home.path / "daemon.log").read_text(), "the daemon was not told to stop"
    )
    process.send_signal(signal.SIGINT)
    assert outcome(process)[0] in (0, 130)
    home.seaway("down")
    assert home.processes() == []


def test_runs_in_flight_go_on_after_down_and_up_one_attempt_at_a_time(home, witness) -> None:
    """Down and up twice under two runs: each goes on from its checkpoint, and no attempt begins before the last ended."""
    heard, port = witness
    home.seaway("up")
    for name in ("one", "two"):
        home.submit(name, "--env", f"WITNESS={port}", "--", "python", "-c", WORKS)
    heard.wait_for_lines(2)
    for rounds in (1, 2):
        home.seaway("down")
        assert home.processes() == []
        home.seaway("up")
        heard.wait_for_lines(2 + 2 * rounds)
    for name in ("one", "two"):
        view = home.ended(name)
        assert view["phase"] == "succeeded", view["message"]
        attempts = view["tasks"][0]["attempts"]
        assert [attempt["number"] for attempt in attempts] == [1, 2, 3]
        assert all(later["started"] >= earlier["finished"] for earlier, later in pairwise(attempts))
        found = [line for line in home.seaway("logs", name).splitlines() if line.startswith("found")]
        assert found == ["found 0", "found 1", "found 2"]
    assert heard.executions == {f"{name} {attempt}": 1 for name in ("one", "two") for attempt in (1, 2, 3)}


@pytest.mark.parametrize("moment", ["began", "submitted"])
def test_ctrl_c_of_an_attached_run_detaches(home, moment: str) -> None:
    """At whatever stage: a run that was announced goes on, one that was not does not exist."""
    home.seaway("up")
    home.submit("before", "--", "true")
    home.ended("before")
    process = home.start("run", "--cpu", "0.1", "--name", "attached", "--", "python", "-c", "print('began', flush=True)")  # fmt: skip
    if moment == "began":
        assert any("began" in line for line in process.stdout)
    process.send_signal(signal.SIGINT)
    assert outcome(process)[0] in (0, 130, -signal.SIGINT)  # the last: before Python was up
    runs = {run["name"] for run in json.loads(home.seaway("ps", "-a", "-o", "json"))}
    if moment == "began":
        assert "attached" in runs
    if "attached" in runs:
        assert home.ended("attached")["phase"] == "succeeded"


def test_kill_9_of_the_daemon_right_after_up_and_during_submission(home) -> None:
    """What was acknowledged is there and ends right; a submission that was cut off can be made again."""
    home.seaway("up")
    home.kill_daemon()
    home.seaway("up")
    acknowledged = []
    for number in range(3):
        name = f"quick-{number}"
        process = home.start("run", "--detach", "--cpu", "0.1", "--name", name, "--", "echo", name)
        if number == 1:
            home.kill_daemon()
        code, _ = outcome(process)
        if number == 1:
            home.seaway("up")
        if code == 0:
            acknowledged.append(name)
    assert {"quick-0", "quick-2"} <= set(acknowledged)
    for name in acknowledged:
        view = home.ended(name)
        assert (view["phase"], len(view["tasks"][0]["attempts"])) == ("succeeded", 1)
        assert home.seaway("logs", name).splitlines()[-1] == name
