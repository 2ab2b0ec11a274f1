"""`kill -9` of each process between the daemon and the program: the right verdict, nothing twice, nothing left."""

from __future__ import annotations

import signal

import psutil
import pytest

WAITS = """
import os, pathlib, socket, sys
witness = socket.create_connection(("127.0.0.1", int(os.environ["WITNESS"])))
witness.sendall(f"{os.environ['SEAWAY_RUN']} {os.environ['SEAWAY_ATTEMPT']}\\nline\\n".encode())
print("began", flush=True)
if os.environ["SEAWAY_ATTEMPT"] == "1":
    witness.recv(1)
print("ended", flush=True)
"""


def start(home, witness) -> psutil.Process:
    """Start a program that waits for ever in its first attempt, and return its process."""
    heard, port = witness
    home.submit("victim", "--env", f"WITNESS={port}", "--", "python", "-c", WAITS)
    heard.wait_for_lines(1)
    return home.wait_until(lambda: home.program("victim"), "no process of the program")


@pytest.mark.parametrize(
    ("generation", "cause", "attempts"),
    [
        pytest.param(0, "KilledBySignal", 1, id="the program"),
        pytest.param(1, "KilledBySignal", 1, id="the runner"),
        pytest.param(2, "", 2, id="the container's shim"),
    ],
)
def test_a_killed_process_of_an_attempt(home, witness, generation, cause, attempts) -> None:
    """The program's own end is the user's; what Seaway lost itself is tried again, once the old one is gone."""
    home.seaway("up")
    program = start(home, witness)
    victim = [program, *program.parents()][generation]
    victim.send_signal(signal.SIGKILL)
    view = home.ended("victim")
    assert not program.is_running(), "the program outlived its container"
    assert len(view["tasks"][0]["attempts"]) == attempts, view
    if attempts == 1:
        assert (view["phase"], view["exit_code"]) == ("failed", 137)
        assert view["verdict"]["cause"] == cause
    else:
        assert view["phase"] == "succeeded"
        assert view["tasks"][0]["attempts"][0]["verdict"]["class"] == "infrastructure"
    assert witness[0].executions == {f"victim {number}": 1 for number in range(1, attempts + 1)}


def test_a_killed_fork_server_costs_nothing(home, witness) -> None:
    """What runs goes on, what comes next is started by another fork server."""
    home.seaway("up")
    program = start(home, witness)
    own = {process.pid for process in [program, *program.parents()]}
    servers = [
        process for process in home.processes()
        if any("shim" in word for word in process.cmdline()) and process.pid not in own
    ]  # fmt: skip
    assert len(servers) == 1, servers
    servers[0].send_signal(signal.SIGKILL)
    home.submit("next", "--", "python", "-c", "print('next')")
    assert home.ended("next")["phase"] == "succeeded"
    assert program.is_running()
    home.seaway("stop", "victim")
    assert home.ended("victim")["phase"] == "stopped"
