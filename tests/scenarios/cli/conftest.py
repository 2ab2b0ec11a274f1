"""A real daemon in a temporary home, driven by real `seaway` processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from seaway.sdk.trust import fingerprint

STARTED: list[subprocess.Popen[str]] = []
"""The processes of the test that runs now."""


@pytest.fixture(autouse=True)
def ended_processes() -> Iterator[None]:
    """End what a failed test leaves, so that it is not the next one's failure too."""
    yield
    for process in STARTED:
        if process.poll() is None:
            process.kill()
            process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                stream.close()
    STARTED.clear()


@dataclass
class Shell:
    """Runs `seaway` in a folder, for one home."""

    home: Path
    folder: Path
    extra: dict[str, str] = field(default_factory=dict)
    server_log: Callable[[], str] | None = None
    """Of the server that it is logged in to."""

    @property
    def environ(self) -> dict[str, str]:
        left_out = ("VIRTUAL_ENV", "NO_COLOR", "SEAWAY_CONTEXT", "SEAWAY_TOKEN")
        kept = {name: value for name, value in os.environ.items() if name not in left_out}
        return {**kept, "SEAWAY_HOME": str(self.home), **self.extra}

    def start(self, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "seaway", *arguments]
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
        process = subprocess.Popen(command, cwd=self.folder, env=self.environ, text=True, **pipes)
        STARTED.append(process)
        return process

    def __call__(self, *arguments: str, code: int | None = 0) -> subprocess.CompletedProcess[str]:
        process = self.start(*arguments)
        try:
            out, err = process.communicate(timeout=100)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            pytest.fail(f"seaway {' '.join(arguments)} hangs: {out} {err}")
        done = subprocess.CompletedProcess(process.args, process.returncode, out, err)
        assert code is None or done.returncode == code, (
            f"{arguments}: {done.returncode}\n{out}\n{err}\n{self.log()}"
        )
        assert "Traceback" not in err or "Traceback" in out, err
        return done

    def json(self, *arguments: str) -> Any:
        return json.loads(self(*arguments, "-o", "json").stdout)

    def log(self) -> str:
        if self.server_log is not None:
            return self.server_log()
        path = self.home / "daemon.log"
        return path.read_text()[-3000:] if path.exists() else ""

    def pid(self) -> int:
        return int(json.loads((self.home / "daemon.json").read_text())["pid"])

    def processes(self) -> list[psutil.Process]:
        """Every process that belongs to this home: it is named in the command line or the environment."""
        found = []
        for process in psutil.process_iter():
            try:
                if str(self.home) in " ".join(process.cmdline()) or process.environ().get(
                    "SEAWAY_HOME"
                ) == str(self.home):
                    found.append(process)
            except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
                continue
        return found

    def clean(self) -> None:
        """End what is left, by its number."""
        for process in self.processes():
            process.send_signal(signal.SIGKILL)


def make_shell(folder: Path) -> Shell:
    project = folder / "project"
    project.mkdir(parents=True)
    (project / "requirements.txt").write_text("# nothing\n")
    return Shell(folder / "home", project)


def log_in(server: Shell, laptop: Shell, user: str, *options: str) -> str:
    """Log somebody in to a server that runs, from another home; return their token."""
    made = server.json("token", "create", user, *options)
    url = server.json("status")["url"]
    known_by = fingerprint((server.home / "server" / "ca.crt").read_text())
    with_token = replace(laptop, extra={**laptop.extra, "SEAWAY_TOKEN": made["token"]})
    with_token("login", url, "--fingerprint", known_by, "--name", "team", "--no-keyring")
    return str(made["token"])


@pytest.fixture
def laptop(tmp_path: Path, running: Shell) -> Iterator[Shell]:
    """A `seaway` without a server, whose user is logged in to the running one as "ada" (context "team")."""
    shell = make_shell(tmp_path / "laptop")
    log_in(running, shell, f"ada-{tmp_path.name}", "--user", "ada")
    try:
        yield shell
        assert not shell.processes()
    finally:
        shell.clean()


@pytest.fixture
def seaway(tmp_path: Path) -> Iterator[Shell]:
    """A `seaway` without a server."""
    shell = make_shell(tmp_path)
    yield shell
    shell.clean()


@pytest.fixture(scope="module", params=["here", "elsewhere"])
def anywhere(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A `seaway` whose server runs in its own home, and one that is logged in to a server of another home."""
    if request.param == "here":
        yield request.getfixturevalue("running")
        return
    server = make_shell(tmp_path_factory.mktemp("server"))
    far = make_shell(tmp_path_factory.mktemp("far"))
    server("up")
    try:
        log_in(server, far, "ada")
        far.server_log = server.log
        yield far
        server("down")
        assert not far.processes()
    finally:
        server.clean()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A `seaway` whose server runs; shared by the tests of a module."""
    shell = make_shell(tmp_path_factory.mktemp("running"))
    shell("up")
    yield shell
    try:
        shell("down")
        assert not shell.processes()
    finally:
        shell.clean()
