"""Ctrl-C at every stage of `seaway run`: it ends with 130, no traceback and nothing left; a second one ends at once."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.waiting import wait_until


def until(condition: Callable[[], object], process: subprocess.Popen[str]) -> None:
    def holds() -> object:
        assert process.poll() is None, process.communicate()
        return condition()

    wait_until(holds, pause=0.005)


def interrupt(process: subprocess.Popen[str]) -> str:
    """Send Ctrl-C to that process alone; return what it said."""
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, (out, err)
    assert "Traceback" not in err
    return err


def is_full(process: subprocess.Popen[str]) -> bool:
    """Return whether the pipe of its output takes nothing more."""
    with Path(f"/proc/self/fd/{process.stdout.fileno()}").open("wb", buffering=0) as end:
        writable = select.select([], [end], [], 0)[1]
    return not writable and psutil.Process(process.pid).status() == psutil.STATUS_SLEEPING


def caught(process: subprocess.Popen[str]) -> bool:
    """Return whether it has a handler for Ctrl-C."""
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    mask = next(line.split()[1] for line in lines if line.startswith("SigCgt:"))
    return bool(int(mask, 16) & 1 << signal.SIGINT - 1)


def test_while_it_is_loaded(seaway):
    seaway.extra["PYTHONPROFILEIMPORTTIME"] = "1"  # says each module that it has loaded
    process = seaway.start("run", "--", "true")
    while "typer" not in process.stderr.readline():
        assert process.poll() is None
    interrupt(process)


def test_while_packages_are_resolved(running):
    """The resolver ends too."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        index = f"--index-url http://127.0.0.1:{listener.getsockname()[1]}/simple\n"
        (running.folder / "slow.txt").write_text(index + "some-package\n")
        process = running.start("run", "--requirements", "slow.txt", "--", "true")
        listener.settimeout(60)
        with listener.accept()[0]:
            resolvers = psutil.Process(process.pid).children(recursive=True)
            assert [resolver.name() for resolver in resolvers] == ["uv"]
            interrupt(process)
    assert psutil.wait_procs(resolvers, timeout=60)[1] == []


@pytest.mark.parametrize("stage", ["snapshot", "upload"])
def test_while_code_is_sent(running, stage):
    (running.folder / "data.bin").write_bytes(os.urandom(20_000_000))
    daemon = psutil.Process(running.pid())
    process = running.start("run", "--name", f"cut-{stage}", "--", "true")
    try:
        until(lambda: list((running.home / "cache").glob("snapshot-*/*")), process)
        if stage == "upload":
            daemon.suspend()
            until(lambda: psutil.Process(process.pid).status() == psutil.STATUS_SLEEPING, process)
        interrupt(process)
    finally:
        daemon.resume()
        (running.folder / "data.bin").unlink()
    assert list((running.home / "cache").glob("snapshot-*")) == []
    assert f"cut-{stage}" not in [run["name"] for run in running.json("ps", "-a")]


def test_while_the_server_is_stuck(running):
    daemon = psutil.Process(running.pid())
    daemon.suspend()
    try:
        process = running.start("run", "--", "true")
        until(lambda: psutil.Process(process.pid).net_connections(), process)
        interrupt(process)
    finally:
        daemon.resume()


def test_while_it_waits_for_a_place(running):
    process = running.start("run", "--name", "no-place", "--memory", "900Ti", "--", "true")
    while "queued" not in process.stderr.readline():
        assert process.poll() is None
    assert "seaway stop no-place" in interrupt(process)
    running("stop", "no-place")


def test_while_nobody_reads_its_output(running):
    """What waits in a full pipe does not keep it."""
    lines = "for i in range(200000): print('x' * 50)"
    process = running.start("run", "--name", "unread", "--", "python", "-c", lines)
    until(lambda: is_full(process), process)
    assert "seaway stop unread" in interrupt(process)


def test_a_second_one_ends_at_once(running):
    """Also where the first one's last words find no reader."""
    lines = "for i in range(200000): print('x' * 50)"
    process = running.start("run", "--name", "twice", "--", "python", "-c", lines, stderr=subprocess.STDOUT)
    until(lambda: is_full(process), process)
    process.send_signal(signal.SIGINT)
    until(lambda: not caught(process), process)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == -signal.SIGINT
    process.stdout.close()


def test_in_the_background_of_a_shell_it_is_ignored(running):
    """As by every program there: the shell had SIGINT ignored before it started it."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.settimeout(60)
            port = listener.getsockname()[1]
            program = f"import socket; socket.create_connection(('127.0.0.1', {port})).recv(1); print('end')"
            process = running.start("run", "--name", "behind", "--", "python", "-c", program)
            with listener.accept()[0]:
                process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=60)[0] == "end\n"
    finally:
        signal.signal(signal.SIGINT, before)
    assert process.returncode == 0
