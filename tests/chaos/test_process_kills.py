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


def start(running, witness, name: str) -> psutil.Process:
    """Start a program that waits for ever in its first attempt, and return its process."""
    heard, port = witness
    running.submit(name, "--env", f"WITNESS={port}", "--", "python", "-c", WAITS)
    heard.wait_for_lines(1)
    return running.wait_until(lambda: running.program(name), "no process of the program")


def name_of(process: psutil.Process) -> str:
    """Return a process's name, or "" when it has just ended."""
    try:
        return process.name()
    except psutil.NoSuchProcess:
        return ""


@pytest.mark.parametrize(
    ("generation", "cause", "attempts"),
    [
        pytest.param(0, "KilledBySignal", 1, id="the program"),
        pytest.param(1, "KilledBySignal", 1, id="the runner"),
        pytest.param(2, "", 2, id="the container's shim"),
    ],
)
def test_a_killed_process_of_an_attempt(running, witness, generation, cause, attempts) -> None:
    """The program's own end is the user's; what Seaway lost itself is tried again, once the old one is gone."""
    name = f"victim-{generation}"
    program = start(running, witness, name)
    victim = [program, *program.parents()][generation]
    victim.send_signal(signal.SIGKILL)
    view = running.ended(name)
    assert not program.is_running(), "the program outlived its container"
    assert len(view["tasks"][0]["attempts"]) == attempts, view
    if attempts == 1:
        assert (view["phase"], view["exit_code"]) == ("failed", 137)
        assert view["verdict"]["cause"] == cause
    else:
        assert view["phase"] == "succeeded"
        assert view["tasks"][0]["attempts"][0]["verdict"]["class"] == "infrastructure"
    assert witness[0].executions == {f"{name} {number}": 1 for number in range(1, attempts + 1)}


def test_a_killed_fork_server_costs_nothing(running, witness) -> None:
    """What runs goes on, what comes next is started by another fork server."""
    program = start(running, witness, "stays")
    (server,) = (process for process in running.processes() if name_of(process) == "seaway-forks")
    server.send_signal(signal.SIGKILL)
    running.submit("next", "--", "python", "-c", "print('next')")
    assert running.ended("next")["phase"] == "succeeded"
    assert program.is_running()
    running.seaway("stop", "stays")
    assert running.ended("stays")["phase"] == "stopped"
