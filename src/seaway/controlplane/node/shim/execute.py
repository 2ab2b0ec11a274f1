"""Run one more command in a running container: exec probes and hooks."""

from __future__ import annotations

import os
import select
import signal
import time
from contextlib import suppress
from typing import Any

from seaway.controlplane.node.shim import files, identity, kernel, root
from seaway.controlplane.node.shim.container import UMASK, StartError, find_program, spawn, spawn_other

_OUTPUT_LIMIT = 10 * 1024


def execute(folder: str, argv: list[str], timeout: float) -> dict[str, Any]:
    """Run a command with a container's environment, folder and namespaces.

    Args:
        folder: of the container.
        argv: the command.
        timeout: seconds; then its processes are killed.

    Returns:
        `exit_code`, `output` (both streams, cut at 10 KiB), `timed_out`; or `error` where it could not be started.
    """
    try:
        spec, _ = enter(folder)
        reading, writing = os.pipe()
        program = find_program(argv[0], spec["env"])
        if identity.is_other(spec):
            pid = spawn_other(spec, program, argv, writing, writing)
        else:
            pid = spawn(program, argv, spec["env"], writing, writing)
        os.close(writing)
    except (OSError, StartError) as error:
        return {"error": str(error)}
    return _collect(pid, reading, time.monotonic() + timeout)


def enter(folder: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Enter a running container: its namespaces and working folder; return its spec and state. Raises OSError, StartError."""
    if not files.is_locked(f"{folder}/{files.STARTED}"):
        raise StartError("the container is not running")
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    spec, state = files.read_json(files.SPEC, descriptor), files.read_json(files.STATE, descriptor)
    os.close(descriptor)
    if spec.get("cpus"):
        os.sched_setaffinity(0, os.sched_getaffinity(state["shim"]))  # it may have changed since the start
    if state["namespaces"]:
        root.enter_namespaces(state["shim"])
        kernel.drop_privileges_of_programs()
    os.umask(UMASK)
    os.chdir(spec["cwd"])
    return spec, state


def _collect(pid: int, reading: int, deadline: float) -> dict[str, Any]:
    output = b""
    timed_out = False
    poll = select.poll()
    poll.register(reading, select.POLLIN)
    while not timed_out:
        left = deadline - time.monotonic()
        if left <= 0 or not poll.poll(left * 1000):
            timed_out = True
            break
        data = os.read(reading, 1 << 16)
        if not data:
            break
        output = (output + data)[:_OUTPUT_LIMIT]
    # It may close its output and run on: the wait has the same deadline.
    while not timed_out and os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None:
        timed_out = time.monotonic() > deadline
        time.sleep(0.005)
    if timed_out:
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
    status = os.waitpid(pid, 0)[1]
    code = 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
    return {"exit_code": code, "output": output.decode(errors="replace"), "timed_out": timed_out}
