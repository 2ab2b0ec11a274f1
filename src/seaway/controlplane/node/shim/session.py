"""Run a command in a running container with streams that the agent holds the other ends of: what `kubectl exec` asks for."""

from __future__ import annotations

import os
import select
import signal
import socket
from contextlib import suppress
from typing import Any

from seaway.controlplane.node.shim import cgroups, files, identity
from seaway.controlplane.node.shim.container import RESET, StartError, find_program
from seaway.controlplane.node.shim.execute import enter

_LOOK_SECONDS = 0.5
"""How often the container is looked at where the system cannot tell of a process' end."""


def attend(connection: socket.socket, request: dict[str, Any], descriptors: list[int]) -> dict[str, Any]:
    """Run a command until it, its container or its caller ends.

    Args:
        connection: to the agent, whose end of it says that nobody wants the command any more.
        request: `folder` of the container, `argv`, and `terminal`: whether the streams are a terminal.
        descriptors: the command's standard input, output and error.

    Returns:
        `exit_code`, or `error` where it could not be started.
    """
    folder, argv, terminal = request["folder"], request["argv"], bool(request["terminal"])
    watched = _watch(folder)
    # Signals arrive as bytes on a pipe, so that one `poll` waits for everything.
    signals, signals_in = os.pipe()
    for descriptor in (signals, signals_in):
        os.set_blocking(descriptor, False)
    signal.set_wakeup_fd(signals_in, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    try:
        spec, _ = enter(folder)
        env = {"TERM": "xterm"} | spec["env"] if terminal else spec["env"]
        program = find_program(argv[0], env)
        streams = (descriptors[0], descriptors[1], descriptors[2])
        pid = identity.spawn_as(spec | {"env": env}, program, argv, streams, RESET, terminal=terminal)
    except StartError as error:
        return {"error": str(error)}
    except OSError as error:
        return {"error": f'exec: "{argv[0]}": {(error.strerror or str(error)).lower()}'}
    cgroups.join(spec["id"], pid)
    for descriptor in set(descriptors):
        os.close(descriptor)
    return {"exit_code": _until_end(pid, connection, signals, watched, folder)}


def _watch(folder: str) -> int | None:
    """Return a descriptor that tells when the container's shim ends; None where there is no such thing."""
    try:
        return os.pidfd_open(files.read_json(f"{folder}/{files.STATE}")["shim"])
    except (AttributeError, OSError):
        return None


def _runs(folder: str) -> bool:
    try:
        return files.is_locked(f"{folder}/{files.STARTED}")
    except FileNotFoundError:
        return False


def _until_end(pid: int, connection: socket.socket, signals: int, watched: int | None, folder: str) -> int:
    poll = select.poll()
    for descriptor in (connection.fileno(), signals, *(() if watched is None else (watched,))):
        poll.register(descriptor, select.POLLIN)
    while True:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
        found = [
            descriptor for descriptor, _ in poll.poll(None if watched is not None else _LOOK_SECONDS * 1000)
        ]
        if signals in found:
            os.read(signals, 4096)
        gone = connection.fileno() in found or watched in found
        if gone or (watched is None and not _runs(folder)):
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
            for descriptor in (connection.fileno(), watched):
                if descriptor is not None and descriptor in found:
                    poll.unregister(descriptor)
