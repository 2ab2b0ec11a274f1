"""The process runtime: a container is a folder, and the process tree of the shim that works in it.

The folder is the truth: `spec.json` (what to run), `started` (made before anything runs, locked while the shim lives),
`state.json`, `log`, `exit.json`. So a daemon that comes back finds out what happened by looking, and nothing is started
twice: the fork server refuses a folder that has the marker.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import fields
from pathlib import Path
from typing import Any

import psutil

from seaway.controlplane.node.forks import Answers, ForkServer, RuntimeUnavailableError
from seaway.controlplane.node.outputs import Outputs
from seaway.controlplane.node.sessions import CommandSession, open_ends
from seaway.controlplane.node.shim import files
from seaway.controlplane.node.shim.container import KILL, LOG
from seaway.controlplane.node.state import ContainerSpec, ExecResult, Exit, Running

UNKNOWN = "ContainerStatusUnknown"
"""The reason of an end that nobody recorded."""
WRITTEN = ("root", "tmp", "workspace")
"""The folders of a container's folder that its program writes to."""
_POLL_SECONDS = 0.05
_LOST = "The container's supervisor ended without a record: it was killed, or the machine was restarted"


class ProcessRuntime:
    """Starts, watches and ends containers of one node."""

    def __init__(self, folder: Path, *, namespaces: bool = True) -> None:
        self._server = ForkServer(folder)
        self._wanted = namespaces
        self._open: dict[Path, Answers] = {}
        self.namespaces = False
        """Containers get mounts and a process namespace of their own."""
        self.why_not = ""
        """Where they do not: what this machine answered."""

    async def prepare(self) -> None:
        """Have a fork server and learn what this machine allows. Raises RuntimeUnavailableError."""
        hello = await self._server.ensure()
        self.namespaces = self._wanted and bool(hello["namespaces"])
        self.why_not = "" if self.namespaces else hello.get("why") or "switched off by the node's settings"

    async def start(self, folder: Path, spec: ContainerSpec) -> Running | Exit:
        """Start a container in its fresh folder.

        Returns:
            Running, or an Exit whose `reason` is set where the program could not be started. A folder that was
            started before is not started again: what became of it is returned.
        """
        values = {field.name: getattr(spec, field.name) for field in fields(spec)}
        _write_spec(folder, values | {"namespaces": self.namespaces})
        for _ in range(3):
            answers = await self._server.send({"operation": "start", "folder": str(folder)})
            try:
                answer = await answers.next()
                if answer is not None and "started_ns" in answer:
                    self._open[folder] = answers
                    return Running(answer["started_ns"])
            finally:
                if self._open.get(folder) is not answers:
                    answers.close()
            found = await self.settle(folder)
            if found is not None:
                return found
        raise RuntimeUnavailableError(f"the fork server does not start {folder}")

    def look(self, folder: Path) -> Running | Exit | None:
        """Return what became of a container: None where it was never started, or is about to show."""
        with suppress(FileNotFoundError):
            return _exit(files.read_json(str(folder / files.EXIT)))
        try:
            alive = files.is_locked(str(folder / files.STARTED))
        except FileNotFoundError:
            return None
        with suppress(FileNotFoundError):
            return _exit(files.read_json(str(folder / files.EXIT)))
        state = _state(folder)
        if alive:
            return Running(state["started_ns"]) if state else None
        _kill_leftover(state)
        started = state["started_ns"] if state else 0
        return Exit(
            137,
            9,
            started_ns=started,
            finished_ns=time.time_ns(),
            reason=UNKNOWN,
            error=_LOST,
        )

    async def settle(self, folder: Path) -> Running | Exit | None:
        """Return what became of a container, waiting for one that is just being started; None: it never was."""
        while (found := self.look(folder)) is None and (folder / files.STARTED).exists():  # noqa: ASYNC110
            await asyncio.sleep(_POLL_SECONDS / 5)  # another process writes the file: nothing to wait on
        return found

    async def wait(self, folder: Path) -> Exit:
        """Return how a running container ended, when it does. One waiter at a time."""
        outputs = Outputs(folder, _state(folder))
        try:
            end = await self._end_of(folder)
            if end.reason == UNKNOWN:
                await outputs.save()
        finally:
            outputs.close()
        return end

    async def _end_of(self, folder: Path) -> Exit:
        answers = self._open.pop(folder, None)
        if answers is not None:
            try:
                answer = await answers.next()
            finally:
                answers.close()
            if answer is not None and "exited" in answer:
                return _exit(answer["exited"])
        while not isinstance(found := self.look(folder), Exit):
            await self._until_gone(folder)
        return found

    async def _until_gone(self, folder: Path) -> None:
        """Wait until the shim's process ends (or for a moment, where the system offers no such wait)."""
        state = _state(folder)
        if state is None or not hasattr(os, "pidfd_open"):
            await asyncio.sleep(_POLL_SECONDS)
            return
        try:
            descriptor = os.pidfd_open(state["shim"])
        except OSError:
            await asyncio.sleep(_POLL_SECONDS)
            return
        loop = asyncio.get_running_loop()
        gone: asyncio.Future[None] = loop.create_future()
        loop.add_reader(descriptor, _resolve, gone)
        try:
            if isinstance(self.look(folder), Running):
                # A shim in its last microseconds may have let go of neither: then look again soon.
                await gone
                await asyncio.sleep(0)
        finally:
            loop.remove_reader(descriptor)
            os.close(descriptor)

    def terminate(self, folder: Path) -> None:
        """Ask the program to end."""
        self._signal(folder, signal.SIGTERM)

    def kill(self, folder: Path) -> None:
        """End every process of the container at once."""
        self._signal(folder, KILL)

    def cut(self, folder: Path) -> None:
        """End every process of the container at once, its shim included: nothing is recorded, as where power is cut."""
        state = _state(folder)
        if state is None or not files.is_locked(str(folder / files.STARTED)):
            return
        with suppress(psutil.NoSuchProcess):
            shim = psutil.Process(state["shim"])
            for process in [shim, *shim.children(recursive=True)]:
                with suppress(psutil.NoSuchProcess):
                    process.kill()

    def _signal(self, folder: Path, number: int) -> None:
        state = _state(folder)
        if state is None or not isinstance(self.look(folder), Running):
            return
        with suppress(ProcessLookupError):
            os.kill(state["shim"], number)

    async def execute(self, folder: Path, argv: list[str], timeout: float) -> ExecResult:
        """Run a command in a running container.

        Args:
            folder: of the container.
            argv: the command.
            timeout: seconds; then it is killed.

        Raises:
            RuntimeUnavailableError: it could not be run; the message says why.
        """
        request = {"operation": "exec", "folder": str(folder), "argv": argv, "timeout": timeout}
        answers = await self._server.send(request)
        try:
            answer = await answers.next()
        finally:
            answers.close()
        if answer is None or "error" in answer:
            raise RuntimeUnavailableError(answer["error"] if answer else "the fork server went away")
        return ExecResult(answer["exit_code"], answer["output"], answer["timed_out"])

    async def open_session(
        self, folder: Path, argv: Sequence[str], *, stdin: bool, terminal: bool
    ) -> CommandSession:
        """Start a command in a running container, its streams in the caller's hands.

        Args:
            folder: of the container.
            argv: the command.
            stdin: whether it gets an input; it reads nothing otherwise.
            terminal: its streams are one terminal.

        Raises:
            RuntimeUnavailableError: the fork server does not answer.
        """
        ends = open_ends(stdin=stdin, terminal=terminal)
        try:
            request = {
                "operation": "session",
                "folder": str(folder),
                "argv": list(argv),
                "terminal": terminal,
            }
            answers = await self._server.send(request, ends.theirs)
        except BaseException:
            ends.close_ours()
            raise
        finally:
            ends.close_theirs()
        return CommandSession(answers, ends)

    async def stop(self) -> None:
        """Stop the fork server. Containers go on; end them first."""
        for answers in self._open.values():
            answers.close()
        self._open.clear()
        await self._server.stop()

    def close(self) -> None:
        """Let go of open connections; nothing else ends."""
        for answers in self._open.values():
            answers.close()
        self._open.clear()


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def log_path(folder: Path) -> Path:
    """Return the current log file of a container folder."""
    return folder / LOG


@contextmanager
def open_folder(folder: Path) -> Iterator[int]:
    """Return a folder's descriptor: what lies in it is reached by name alone, which costs less than by its whole path."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _write_spec(folder: Path, spec: dict[str, Any]) -> None:
    """Make a container's folders and its spec: a few small files, cheaper than a hop to another thread."""
    os.makedirs(folder, mode=0o700, exist_ok=True)  # noqa: PTH103 - fewer calls than pathlib's
    with open_folder(folder) as descriptor:
        for name in WRITTEN:
            with suppress(FileExistsError):
                os.mkdir(name, 0o700, dir_fd=descriptor)
        # The container's own user may be any inside: /tmp is for everyone, and its parent folder keeps others out.
        os.chmod("tmp", 0o1777, dir_fd=descriptor)  # noqa: S103
        os.close(files.write_json(files.SPEC, spec, descriptor))


def _state(folder: Path) -> dict[str, Any] | None:
    try:
        state: dict[str, Any] = files.read_json(str(folder / files.STATE))
    except FileNotFoundError:
        return None
    return state


def _exit(record: dict[str, Any]) -> Exit:
    return Exit(**record)


def _kill_leftover(state: dict[str, Any] | None) -> None:
    """End the program of a shim that was killed itself; in a process namespace the kernel has done it."""
    if state is None or state["namespaces"] or not state.get("main_start"):
        return
    if files.start_time(state["main"]) == state["main_start"]:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(state["main"], signal.SIGKILL)
