"""The shim: one process per container, which starts the program, writes its log and records how it ended."""

from __future__ import annotations

import errno
import json
import os
import select
import signal
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from seaway.controlplane.node.shim import cgroups, files, identity, interpreter, kernel, root, tree
from seaway.controlplane.node.shim.attached import Attached
from seaway.controlplane.node.shim.logfile import LogFile
from seaway.controlplane.node.shim.rootplan import Mount

LOG = "log"
KILL = signal.SIGUSR1
"""What the agent sends the shim so that it kills every process of the container; SIGTERM is passed to the program."""
UMASK = 0o022
"""What programs start with, as in container runtimes: what an init container writes, another user's container reads."""
_PASSED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR2)
_MEASURE_EVERY = 0.1
_DRAIN = 2.0
_CHUNK = 1 << 16
RESET = (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGCHLD,
          signal.SIGUSR1, signal.SIGUSR2)  # fmt: skip


class StartError(Exception):
    """The program could not be started; `reason` is the word for the container's status."""

    def __init__(self, message: str, reason: str = "StartError") -> None:
        super().__init__(message)
        self.reason = reason


class Shim:
    """Runs one container to its end. Everything is relative to open folders: mounts may hide their paths."""

    def __init__(self, path: str, folder: int, spec: dict[str, Any], connection: socket.socket) -> None:
        self._path, self._folder, self._spec, self._connection = path, folder, spec, connection
        self._namespace: bool = self._spec["namespaces"]
        self._limit: int = self._spec.get("memory") or 0
        self._peak = 0
        self._oom = self._forced = False
        self._main = 0
        self._status: int | None = None
        self._started = self._finished = 0
        self._cgroup: cgroups.Cgroup | None = None
        self._attached: Attached | None = None
        self._poll = select.poll()
        self._log = LogFile(folder, LOG, self._spec["log_max_bytes"], self._spec["log_max_files"])
        # Signals arrive as bytes on a pipe, so that one `poll` waits for everything.
        self._signals, self._signals_in = os.pipe()
        for descriptor in (self._signals, self._signals_in):
            os.set_blocking(descriptor, False)
        signal.set_wakeup_fd(self._signals_in, warn_on_full_buffer=False)
        for number in (*_PASSED, KILL, signal.SIGCHLD):
            signal.signal(number, lambda *_: None)

    def run(self) -> None:
        """Start the program and stay until it and all below it ended; write the exit record."""
        kernel.set_name("seaway-shim")
        me = os.readlink("/proc/self") if kernel.LINUX else str(os.getpid())  # noqa: PTH115 - the host's number of this process
        try:
            files.reserve(files.EXIT, self._folder)
            if self._spec.get("cpus"):
                os.sched_setaffinity(0, self._spec["cpus"])  # all that it starts inherits it
            outputs = self._start()
        except (StartError, OSError) as error:
            self._finish_unstarted(error)
            return
        # The agent holds pipes too, so that a killed shim loses nothing; a terminal would be another one to it.
        pipes = {} if self._spec.get("terminal") else outputs
        state = {"shim": int(me), "main": self._main, "started_ns": self._started, "namespaces": self._namespace,
                 "main_start": files.start_time(self._main),
                 "outputs": {stream.decode(): (pipe, os.fstat(pipe).st_ino) for pipe, stream in pipes.items()}}  # fmt: skip
        os.close(files.write_json(files.STATE, state, self._folder))
        self._answer({"started_ns": self._started})
        self._follow(outputs)
        self._finish()

    def _start(self) -> dict[int, bytes]:
        # The host's terminal, and the socket's path: both before the root folder changes.
        terminal = os.openpty() if self._spec.get("terminal") else None
        if terminal or self._spec.get("stdin"):
            self._attached = Attached(self._folder, self._poll)
        if self._namespace:
            self._enter()
        else:
            kernel.become_subreaper()
        if self._limit or self._spec.get("cpu_millis"):
            self._cgroup = cgroups.create(self._spec["id"], self._limit, self._spec.get("cpu_millis") or 0)
        pipes = {stream: os.pipe() for stream in (b"stdout", b"stderr")} if terminal is None else {}
        os.umask(UMASK)  # what this process itself makes names its mode
        if self._attached is not None:
            self._main = self._spawn_attached(self._attached, terminal, pipes)
        else:
            self._main = self._spawn(pipes[b"stdout"][1], pipes[b"stderr"][1])
        self._started = time.time_ns()
        if self._cgroup:
            self._cgroup.add(self._main)
            for pid in tree.members(namespace=self._namespace):  # it may have started others meanwhile
                self._cgroup.add(pid)
        if terminal is not None:
            pipes = {b"stdout": terminal}
        for reading, writing in pipes.values():
            os.close(writing)
            os.set_blocking(reading, False)
        return {reading: stream for stream, (reading, _) in pipes.items()}

    def _spawn_attached(
        self, attached: Attached, terminal: tuple[int, int] | None, pipes: Mapping[bytes, tuple[int, int]]
    ) -> int:
        """Start a program that has a terminal or an input, and say where input goes."""
        wanted = bool(self._spec.get("stdin"))
        if terminal is not None:
            theirs, into = terminal[1], os.dup(terminal[0]) if wanted else None
            streams = (theirs, theirs, theirs)
        else:
            theirs, into = os.pipe()
            streams = (theirs, pipes[b"stdout"][1], pipes[b"stderr"][1])
        if into is not None:
            os.set_blocking(into, False)
        attached.serve(into, terminal[0] if terminal else None, once=bool(self._spec.get("stdin_once")))
        argv, env = self._spec["argv"], self._spec["env"]
        self._change_folder()
        try:
            program = find_program(argv[0], env)
            return identity.spawn_as(self._spec, program, argv, streams, RESET, terminal=terminal is not None)
        except OSError as error:
            raise StartError(f'exec: "{argv[0]}": {(error.strerror or str(error)).lower()}') from error
        finally:
            if terminal is None:
                os.close(theirs)

    def _enter(self) -> None:
        try:
            kernel.set_hostname(self._spec["hostname"])
            if identity.is_other(self._spec):
                identity.own(f"{self._path}/workspace", self._spec)
            mounts = [Mount(*mount) for mount in self._spec["mounts"]]
            root.build_root(f"{self._path}/root", mounts, read_only=self._spec["read_only_root"])
            kernel.drop_privileges_of_programs()
        except OSError as error:
            raise StartError(
                f"failed to create the container's root folder: {error.args[-1]}", "CreateContainerError"
            ) from error

    def _spawn(self, stdout: int, stderr: int) -> int:
        argv, env = self._spec["argv"], self._spec["env"]
        self._change_folder()
        program = find_program(argv[0], env)
        if identity.is_other(self._spec):
            return spawn_other(self._spec, program, argv, stdout, stderr)
        if interpreter.is_asked_for(program, argv, env):
            return interpreter.fork(program, argv, env, stdout, stderr, namespace=self._namespace)
        return spawn(program, argv, env, stdout, stderr)

    def _change_folder(self) -> None:
        folder = self._spec["cwd"]
        try:
            os.chdir(folder)
        except OSError as error:
            raise StartError(
                f'chdir to cwd ("{folder}") set in the specification failed: {(error.strerror or str(error)).lower()}'
            ) from error

    def _follow(self, outputs: dict[int, bytes]) -> None:
        poll = self._poll
        for descriptor in (*outputs, self._signals):
            poll.register(descriptor, select.POLLIN)
        give_up: float | None = None
        held = False
        while outputs or self._status is None or self._waits_for_room():
            if held is not self._log.full:  # a full disk holds the program up at its next line
                held = self._log.full
                for descriptor in outputs:
                    if held:
                        poll.unregister(descriptor)
                    else:
                        poll.register(descriptor, select.POLLIN)
            for descriptor, event in poll.poll(self._timeout(give_up)):
                if descriptor == self._signals:
                    self._on_signals(os.read(descriptor, 4096))
                elif descriptor not in outputs:
                    if self._attached is not None:
                        self._attached.handle(descriptor, event)
                elif not held and not self._read(descriptor, outputs[descriptor]):
                    poll.unregister(descriptor)
                    del outputs[descriptor]
            self._log.flush_partial()
            if self._limit and self._status is None:
                self._measure()
            if self._status is not None:
                give_up = give_up or time.monotonic() + _DRAIN
                if time.monotonic() > give_up and not self._waits_for_room():
                    break

    def _waits_for_room(self) -> bool:
        """Tell whether the end has to wait for room on the disk; a pod that is ended by force does not wait."""
        return self._log.full and not self._forced

    def _timeout(self, give_up: float | None) -> int | None:
        waits = [self._log.wait()]
        if self._limit:
            waits.append(_MEASURE_EVERY)
        if give_up is not None:
            waits.append(0.05)
        known = [wait for wait in waits if wait is not None]
        return int(min(known) * 1000) + 1 if known else None

    def _read(self, descriptor: int, stream: bytes) -> bool:
        try:
            data = os.read(descriptor, _CHUNK)
        except BlockingIOError:
            return True
        except OSError as error:
            if error.errno != errno.EIO:  # a terminal whose last program ended
                raise
            data = b""
        if not data:
            os.close(descriptor)
            return False
        self._log.feed(stream, data)
        if self._attached is not None:
            self._attached.tell(stream, data)
        return True

    def _on_signals(self, numbers: bytes) -> None:
        for number in set(numbers):
            if number == KILL:
                self._forced = True
                tree.kill_everything(self._main, namespace=self._namespace)
            elif number != signal.SIGCHLD and self._status is None:
                with suppress(ProcessLookupError):
                    os.kill(self._main, number)
        self._reap()

    def _reap(self) -> None:
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            self._peak = max(self._peak, usage.ru_maxrss * (1024 if kernel.LINUX else 1))
            if pid == self._main:
                self._status, self._finished = status, time.time_ns()
                # The container is its program: what it left behind ends with it.
                tree.kill_everything(self._main, namespace=self._namespace)

    def _measure(self) -> None:
        used = tree.memory_in_use(tree.members(namespace=self._namespace), self._limit)
        self._peak = max(self._peak, used)
        if used > self._limit:
            self._oom = True
            tree.kill_everything(self._main, namespace=self._namespace)

    def _finish(self) -> None:
        self._reap()
        if self._attached is not None:
            self._attached.close()
        with suppress(OSError):  # a full disk, and nobody waits for room
            self._log.close()
        status = self._status or 0
        number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        if self._cgroup:
            # The kernel may have chosen a child, whose parent then told of it with an exit code of its own.
            self._oom = self._oom or (self._cgroup.killed() and status != 0)
            self._peak = max(self._peak, self._cgroup.peak())
            self._cgroup.remove()
        code = 128 + number if number else os.WEXITSTATUS(status)
        self._record({
            "exit_code": code, "signal": number, "oom_killed": self._oom, "started_ns": self._started,
            "finished_ns": self._finished, "peak_memory": self._peak,
        })  # fmt: skip

    def _finish_unstarted(self, error: Exception) -> None:
        self._log.close()
        reason = error.reason if isinstance(error, StartError) else "CreateContainerError"
        self._record({
            "exit_code": 128, "signal": 0, "oom_killed": False, "started_ns": 0, "finished_ns": time.time_ns(),
            "peak_memory": 0, "reason": reason, "error": str(error),
        })  # fmt: skip

    def _record(self, record: Mapping[str, Any]) -> None:
        try:
            descriptor = files.write_json(files.EXIT, record, self._folder)
        except OSError:  # the disk was full from the start, or the folder is removed
            self._answer({"exited": record})
            return
        self._answer({"exited": record})
        # Told first, durable next: who was told writes it down durably himself.
        os.fsync(descriptor)
        os.fsync(self._folder)

    def _answer(self, value: Mapping[str, Any]) -> None:
        with suppress(OSError):  # the daemon may have died: all it needs stands in the folder
            self._connection.sendall(json.dumps(value).encode() + b"\n")


def find_program(name: str, env: Mapping[str, str]) -> str:
    """Return the path of a program as a shell would find it.

    Raises:
        StartError: worded as container runtimes word it.
    """
    if "/" in name:
        return name
    for folder in env.get("PATH", os.defpath).split(":"):
        path = f"{folder or '.'}/{name}"
        if os.access(path, os.X_OK) and not os.path.isdir(path):  # noqa: PTH112
            return path
    raise StartError(f'exec: "{name}": executable file not found in $PATH')


def spawn(program: str, argv: list[str], env: Mapping[str, str], stdout: int, stderr: int) -> int:
    """Start a program in a session of its own with no input; return its process number.

    Raises:
        StartError: worded as container runtimes word it.
    """
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
        (os.POSIX_SPAWN_DUP2, stdout, 1),
        (os.POSIX_SPAWN_DUP2, stderr, 2),
    ]
    group: dict[str, Any] = {"setsid": True} if kernel.LINUX else {"setpgroup": 0}
    try:
        return os.posix_spawn(
            program, argv, env, file_actions=actions, setsigmask=[], setsigdef=RESET, **group
        )
    except OSError as error:
        raise StartError(f'exec: "{argv[0]}": {(error.strerror or str(error)).lower()}') from error


def spawn_other(spec: Mapping[str, Any], program: str, argv: list[str], stdout: int, stderr: int) -> int:
    """Start a program as `spawn` does, as the user that the container's spec names. Raises StartError."""
    null = os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC)
    try:
        return identity.spawn_as(spec, program, argv, (null, stdout, stderr), RESET)
    except OSError as error:
        raise StartError(f'exec: "{argv[0]}": {(error.strerror or str(error)).lower()}') from error
    finally:
        os.close(null)
