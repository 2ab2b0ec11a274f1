"""Whether a program uses the CPU, by real processes."""

from __future__ import annotations

import os
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from seaway.runner import idle
from seaway.runner.gateway import GatewayError
from seaway.runner.idle import Idle, spent_below, waits_in

pytestmark = pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="this system has no /proc")  # noqa: PTH112


class Told:
    """A gateway that keeps what it is told, unless it is away."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.away = False

    def put(self, path: str, _send: Any, *, patience: float) -> None:
        assert patience == 0, "the program's end is not noticed meanwhile"
        if self.away:
            raise GatewayError("away")
        self.paths.append(path)

    @property
    def seconds(self) -> list[float]:
        return [float(path.partition("&seconds=")[2].partition("&")[0]) for path in self.paths]


@pytest.fixture
def looked(monkeypatch):
    """A look each 5 s at what a table says was spent."""
    now, spent, told = [100.0], [0.0], Told()
    monkeypatch.setattr(idle, "spent_below", lambda _root: spent[0])
    # not that of the module `time`: servers that other tests share run in threads of this process
    monkeypatch.setattr(idle, "time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(idle, "Gateway", lambda *_args, **_more: told)
    task: Any = SimpleNamespace(
        gateway="", ca="", token="", run="r", name="main", fence=3, hung_seconds=40.0, gpus=0
    )
    program: Any = SimpleNamespace(group=os.getpid())
    looks = Idle(task, program, 100.0)

    def look(cpu: float) -> list[float]:
        now[0] += 5.0
        spent[0] += cpu
        looks.look()
        return told.seconds

    return look, told


def test_idleness_is_told_when_it_has_lasted_and_again_while_it_lasts(looked) -> None:
    look, told = looked
    assert look(5.0) == []
    assert look(0.05) == [], "5 s are not enough"
    assert look(0.05) == [10.0]
    assert look(0.0) == [10.0, 15.0]
    assert told.paths[0].startswith("/gateway/v1/runs/r/tasks/main/idle?fence=3&")
    assert look(2.0) == [10.0, 15.0, 0.0], "it works again"
    assert look(2.0) == [10.0, 15.0, 0.0], "which is told once"
    look(0.0)
    assert look(0.0)[-1] == 10.0, "and counted anew"


def test_what_could_not_be_told_is_told_at_the_next_look(looked) -> None:
    look, told = looked
    told.away = True
    assert look(0.0) == look(0.0) == look(0.0) == []
    told.away = False
    assert look(0.0) == [20.0]
    told.away = True
    assert look(3.0) == [20.0]
    told.away = False
    assert look(3.0) == [20.0, 0.0]


def test_what_children_and_ended_grandchildren_spent_counts() -> None:
    burn = "import time\nend = time.process_time() + 0.3\nwhile time.process_time() < end: pass"
    nested = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {burn!r}], check=True)\nprint('done', flush=True)\nsys.stdin.read()"
    # below a process of its own: children of this one end at any time
    outer = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {nested!r}], check=True)"
    with subprocess.Popen(
        [sys.executable, "-c", outer], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "done\n"
        spent = spent_below(process.pid)
        process.stdin.close()
    assert spent is not None
    assert spent >= 0.3
    assert spent_below(2**22 + 1) is None


def test_what_a_process_waits_in_is_a_word_or_nothing() -> None:
    assert waits_in(2**22 + 1) == ""
    word = waits_in(os.getpid())
    assert word == "" or word.replace("_", "").isalnum()
