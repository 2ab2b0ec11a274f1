"""A Seaway of its own for each test, or for each module: a home, its daemon's process id, its command line."""

from __future__ import annotations

import json
import os
import signal
import socketserver
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

SEAWAY = str(Path(sys.executable).with_name("seaway"))


@dataclass(frozen=True)
class Home:
    """One home and what can be done to it."""

    path: Path

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {"SEAWAY_HOME": str(self.path), "NO_COLOR": "1"}

    @property
    def code(self) -> Path:
        """A folder for code, without requirements: what is submitted from another one brings that one's along."""
        folder = self.path.parent / "code"
        folder.mkdir(exist_ok=True)
        (folder / "requirements.txt").touch()
        return folder

    def seaway(self, *arguments: str, check: bool = True) -> str:
        done = subprocess.run(
            [SEAWAY, *arguments], cwd=self.code, env=self.environment, capture_output=True,
            text=True, errors="replace", timeout=100,
        )  # fmt: skip
        if check:
            assert done.returncode == 0, (
                f"seaway {' '.join(arguments)}: {done.returncode}\n{done.stdout}{done.stderr}"
            )
        return done.stdout

    def attempt(self, *arguments: str) -> tuple[int, str]:
        """Run `seaway`, which may fail; return its exit code and all that it said."""
        process = self.start(*arguments)
        said = process.communicate(timeout=100)[0]
        assert "Traceback" not in said, said
        return process.returncode, said

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start `seaway` and do not wait for it."""
        return subprocess.Popen(
            [SEAWAY, *arguments], cwd=self.code, env=self.environment, text=True, errors="replace",
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def run_view(self, run: str) -> dict[str, Any]:
        return json.loads(self.seaway("show", run, "-o", "json"))

    def submit(self, name: str, *words: str) -> None:
        """Submit a command without requirements, in this home's folder for code."""
        done = subprocess.run(
            [SEAWAY, "run", "--detach", "--cpu", "0.1", "--memory", "256Mi", "--name", name, *words],
            cwd=self.code, env=self.environment, capture_output=True, text=True, timeout=100,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

    def ended(self, run: str) -> dict[str, Any]:
        """Wait until a run has ended, and return it."""
        self.seaway("logs", "--follow", run)
        return self.run_view(run)

    def wait_until(self, condition: Callable[[], Any], what: str, limit: float = 60) -> Any:
        """Return what the condition returns as soon as it is true."""
        deadline = time.monotonic() + limit
        while not (found := condition()):
            assert time.monotonic() < deadline, f"{what}: not within {limit} s\n{self.log()}"
            time.sleep(0.02)
        return found

    def log(self) -> str:
        """Return the end of the daemon's log."""
        path = self.path / "daemon.log"
        return path.read_text()[-3000:] if path.exists() else ""

    def program(self, run: str) -> psutil.Process | None:
        """Return the live process of a run's program: the one that the runner started."""
        for process in psutil.process_iter():
            try:
                found = process.environ()
                own = "SEAWAY_OUTPUTS" in found and "SEAWAY_TOKEN" not in found
                if found.get("SEAWAY_RUN") == run and own and process.status() != psutil.STATUS_ZOMBIE:
                    return process
            except psutil.Error:
                continue
        return None

    def daemon_pid(self) -> int:
        """Return the process id of the daemon that said last that it is ready."""
        pid: int = json.loads((self.path / "daemon.json").read_text())["pid"]
        return pid

    def kill_daemon(self) -> None:
        """Kill the daemon as the kernel's out-of-memory killer would, and wait until it is gone."""
        process = psutil.Process(self.daemon_pid())
        process.send_signal(signal.SIGKILL)
        psutil.wait_procs([process], timeout=60)

    def processes(self) -> list[psutil.Process]:
        """Return every live process that names this home on its command line or in its environment."""
        found = []
        for process in psutil.process_iter():
            try:
                words = [*process.cmdline(), process.environ().get("SEAWAY_HOME", "")]
                if process.status() != psutil.STATUS_ZOMBIE and any(str(self.path) in word for word in words):
                    found.append(process)
            except psutil.Error:
                continue
        return found


@pytest.fixture(scope="session")
def make_home() -> type[Home]:
    """How a test makes a further home."""
    return Home


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """A home whose daemon is stopped at the end, and after which no process is left."""
    yield from _ended_at_last(Home(tmp_path / "home"))


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A home with a server, one for all tests of a module that leave it as it was: give runs names of their own."""
    home = Home(tmp_path_factory.mktemp("running") / "home")
    home.seaway("up")
    yield from _ended_at_last(home)


def _ended_at_last(home: Home) -> Iterator[Home]:
    yield home
    if home.path.exists():
        home.seaway("down", check=False)
    left = home.processes()
    for process in left:
        process.kill()
    assert left == [], "processes outlived `seaway down`"


class Witness:
    """Hears from the programs themselves, past everything that Seaway keeps: who was executed, how far all got."""

    def __init__(self) -> None:
        self.executions: Counter[str] = Counter()
        self.lines = 0
        self._changed = threading.Condition()

    def hear(self, words: str) -> None:
        with self._changed:
            if words == "line":
                self.lines += 1
            else:
                self.executions[words] += 1
            self._changed.notify_all()

    def wait_for_lines(self, count: int, limit: float = 100) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self.lines >= count, limit), (
                f"{self.lines} of {count} lines in {limit} s"
            )


@pytest.fixture
def witness() -> Iterator[tuple[Witness, int]]:
    heard = Witness()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            for line in self.rfile:
                heard.hear(line.decode().strip())

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield heard, server.server_address[1]
        server.shutdown()
        thread.join()
