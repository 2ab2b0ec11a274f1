"""A Seaway of its own for each test: a home, its daemon's process id, its command line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
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

    def seaway(self, *arguments: str, check: bool = True) -> str:
        done = subprocess.run(
            [SEAWAY, *arguments], env=self.environment, capture_output=True, text=True, timeout=100
        )
        if check:
            assert done.returncode == 0, (
                f"seaway {' '.join(arguments)}: {done.returncode}\n{done.stdout}{done.stderr}"
            )
        return done.stdout

    def run_view(self, run: str) -> dict[str, Any]:
        return json.loads(self.seaway("show", run, "-o", "json"))

    def kill_daemon(self) -> None:
        """Kill the daemon as the kernel's out-of-memory killer would, and wait until it is gone."""
        process = psutil.Process(json.loads((self.path / "daemon.json").read_text())["pid"])
        process.send_signal(signal.SIGKILL)
        psutil.wait_procs([process], timeout=20)

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


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """A home whose daemon is stopped at the end, and after which no process is left."""
    home = Home(tmp_path / "home")
    yield home
    home.seaway("down", check=False)
    left = home.processes()
    for process in left:
        process.kill()
    assert left == [], "processes outlived `seaway down`"
