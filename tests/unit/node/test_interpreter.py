"""A program that is forked instead of executed must not be able to tell the difference."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from seaway.controlplane.node import launch
from seaway.controlplane.node.processes import ProcessRuntime, log_path
from seaway.controlplane.node.shim import interpreter
from seaway.controlplane.node.state import ContainerSpec

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux programs are forked")

ENV = {"PATH": f"{Path(sys.executable).parent}:{os.defpath}", "LANG": "C.UTF-8", "NAME": "value"}
EXECUTED = {"MALLOC_ARENA_MAX": "8"}
"""A variable that only a new process can obey: with it the program is executed."""

STATE = """
import gc, os, signal, sys
status = open("/proc/self/status").read().splitlines()
print("seaway" in " ".join(sys.modules), [n for n in os.environ if n != "MALLOC_ARENA_MAX"], os.getcwd())
print(sys.argv, sys.orig_argv, sys.flags, sys.path, sys.executable, sys.prefix, __name__)
print(os.getpid() == os.getsid(0), sorted(os.listdir("/proc/self/fd")), os.umask(0), gc.isenabled())
print([str(signal.getsignal(n)) for n in (1, 2, 10, 12, 13, 15, 17, 25)], signal.set_wakeup_fd(-1))
print([line for line in status if line.partition(":")[0] in ("Name", "CapInh", "CapPrm", "CapEff", "CapBnd", "SigBlk")])
print(sys.stdin.read(), sys.stdout.encoding, sys.stdout.line_buffering, sys.getfilesystemencoding())
"""
END = """
import atexit, sys, threading
atexit.register(print, "exit function", flush=True)
threading.Thread(target=lambda: (threading.main_thread().join(), print("thread", flush=True))).start()
left = open("left", "w")
left.write("not flushed by the program")
class Last:
    def __del__(self):
        print("removed", flush=True)
last = Last()
print("end", flush=True)
"""


async def outcome(tmp_path: Path, env: dict[str, str], text: str, *, namespaces: bool) -> tuple[Any, ...]:
    """Run a program; return its exit code, its lines and what it left in its folder."""
    runtime = ProcessRuntime(tmp_path, namespaces=namespaces)
    await runtime.prepare()
    folder = tmp_path / ("executed" if EXECUTED.items() <= env.items() else "forked")
    launch.write_files(folder, {"hosts": "127.0.0.1\tlocalhost\n"})
    work = tmp_path / "work"
    work.mkdir(exist_ok=True)
    mounts = [("proc", "/proc", False), (str(work), str(work), False)] if runtime.namespaces else []
    spec = ContainerSpec(
        id=folder.name, argv=("python3", *interpreter.FLAGS, text, "argument"), env=env, cwd=str(work),
        hostname="host", mounts=tuple(mounts), memory=None, cpu_millis=None, log_max_bytes=1 << 20, log_max_files=2,
    )  # fmt: skip
    try:
        await runtime.start(folder, spec)
        end = await runtime.wait(folder)
    finally:
        await runtime.stop()
    entries = [line.split(" ", 3) for line in log_path(folder).read_text().splitlines()]
    entries.sort(key=lambda entry: entry[1])  # only within a stream lines have an order
    lines = [entry[-1] for entry in entries]
    return end.exit_code, lines, {path.name: path.read_text() for path in work.iterdir()}


@pytest.mark.parametrize("namespaces", [True, False], ids=["namespaces", "plain"])
@pytest.mark.parametrize(
    "text",
    [
        pytest.param(STATE, id="what it sees"),
        pytest.param(END, id="the end of its text"),
        pytest.param(END + "raise ValueError('why')", id="an exception"),
        pytest.param(END + "sys.exit('a reason')", id="an exit with a reason"),
        pytest.param("import sys; sys.exit(259)", id="an exit code beyond a byte"),
        pytest.param("import os; os._exit(7)", id="an exit at once"),
        pytest.param("raise KeyboardInterrupt", id="an interrupt"),
        pytest.param("import os, signal; os.kill(os.getpid(), 15)", id="a signal"),
        pytest.param("no Python", id="a syntax error"),
    ],
)
async def test_a_forked_program_does_as_an_executed_one(
    tmp_path: Path, text: str, *, namespaces: bool
) -> None:
    executed = await outcome(tmp_path, ENV | EXECUTED, text, namespaces=namespaces)
    assert await outcome(tmp_path, ENV, text, namespaces=namespaces) == executed


@pytest.mark.parametrize(
    ("program", "argv", "env", "forked"),
    [
        pytest.param(sys.executable, ["python3", "-I", "-S", "-c", ""], ENV, True, id="this interpreter"),
        pytest.param("/bin/sh", ["sh", "-I", "-S", "-c", ""], ENV, False, id="another program"),
        pytest.param("/missing", ["python3", "-I", "-S", "-c", ""], ENV, False, id="a missing program"),
        pytest.param(sys.executable, ["python3", "-c", ""], ENV, False, id="other flags"),
        pytest.param(sys.executable, ["python3", "-I", "-S", "-c"], ENV, False, id="no text"),
        pytest.param(sys.executable, ["python3", "-I", "-S", "-c", ""], {}, False, id="no language"),
        pytest.param(sys.executable, ["python3", "-I", "-S", "-c", ""], ENV | {"LC_ALL": "C"}, False, id="another language"),
        pytest.param(sys.executable, ["python3", "-I", "-S", "-c", ""], ENV | {"LD_PRELOAD": "x"}, False, id="a library before others"),
    ],
)  # fmt: skip
def test_only_what_this_process_is_already_is_forked(
    program: str, argv: list[str], env: dict[str, str], *, forked: bool
) -> None:
    assert interpreter.is_asked_for(program, argv, env) is forked
