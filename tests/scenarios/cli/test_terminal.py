"""What a person at a terminal sees: progress bars that live, colours, a question where no server runs."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from dataclasses import replace

import pytest

pytestmark = pytest.mark.timeout(200)


def on_terminal(shell, *arguments: str, typed: bytes = b"", **environ: str) -> tuple[int, str]:
    """Run `seaway` on a pseudo-terminal; return its exit code and all that was shown."""
    master, slave = pty.openpty()
    environment = {**replace(shell, extra=environ).environ, "TERM": "xterm"}
    command = [sys.executable, "-m", "seaway", *arguments]
    process = subprocess.Popen(
        command, cwd=shell.folder, env=environment, stdin=slave, stdout=slave, stderr=slave
    )
    os.close(slave)
    os.write(master, typed)
    shown = b""
    while True:
        try:
            data = os.read(master, 65536)
        except OSError:  # the other end was closed
            break
        if not data:
            break
        shown += data
    os.close(master)
    return process.wait(60), shown.decode(errors="replace")


def test_a_progress_bar_lives_on_a_terminal(running):
    (running.folder / "bar.py").write_text(
        "for i in range(3): print(f'\\r{i}/2', end='', flush=True)\nprint()"
    )
    code, shown = on_terminal(running, "run", "bar.py")
    assert code == 0
    assert "\r0/2\r1/2\r2/2\r\n" in shown


@pytest.mark.parametrize(("environ", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_colours_are_for_terminals_without_no_color(running, environ, coloured):
    running("run", "--", "true")
    code, shown = on_terminal(running, "ps", "-a", **environ)
    assert code == 0
    assert ("\x1b[32m" in shown) is coloured


def test_where_no_server_runs_it_offers_to_start_one(seaway):
    code, shown = on_terminal(seaway, "run", "--", "echo", "hello", typed=b"y\n")
    assert code == 0
    assert "Start it now?" in shown
    assert "hello" in shown
    seaway("down")


def test_and_takes_no_for_an_answer(seaway):
    code, shown = on_terminal(seaway, "run", "--", "echo", "hello", typed=b"n\n")
    assert code == 69
    assert "seaway run --up" in shown
    assert not seaway.home.exists()
