"""Start a program as another user (only the superuser can, and only inside a container's own root folder), or with a terminal."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import termios
from collections.abc import Mapping, Sequence
from typing import Any


def is_other(spec: Mapping[str, Any]) -> bool:
    """Tell whether a container's programs run as another user than the node."""
    return spec.get("user") is not None


def own(folder: str, spec: Mapping[str, Any]) -> None:
    """Give a container's working folder to its user. Raises OSError."""
    os.chown(folder, spec["user"], spec["group"])


def spawn_as(
    spec: Mapping[str, Any],
    program: str,
    argv: Sequence[str],
    streams: tuple[int, int, int],
    reset: Sequence[int],
    *,
    terminal: bool = False,
) -> int:
    """Start a program in a session of its own; return its process number.

    Args:
        spec: the container's: `user` (None: as this process), `group`, `groups`, `env`.
        program: path of the executable.
        argv: all arguments.
        streams: its standard input, output and error.
        reset: signals whose handling is the system's again.
        terminal: its input is a terminal, which becomes its own.

    Raises:
        OSError: the identity or the program was refused.
    """
    told, telling = os.pipe()
    pid = os.fork()
    if pid == 0:
        _become(spec, program, argv, (streams, terminal), reset, telling)
    os.close(telling)
    with os.fdopen(told, "rb") as answer:
        code = answer.read()
    if code:
        os.waitpid(pid, 0)
        raise OSError(int(code), os.strerror(int(code)))
    return pid


def _become(
    spec: Mapping[str, Any], program: str, argv: Sequence[str], streams: tuple[tuple[int, int, int], bool],
    reset: Sequence[int], telling: int,
) -> None:  # fmt: skip
    """Be the program; never returns. What goes wrong is written to `telling`, which closes by itself otherwise."""
    try:
        os.setsid()
        for place, descriptor in enumerate(streams[0]):
            os.dup2(descriptor, place)
        if streams[1]:
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        for number in reset:
            signal.signal(number, signal.SIG_DFL)
        signal.set_wakeup_fd(-1)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        if is_other(spec):
            if streams[1]:
                os.fchown(0, spec["user"], -1)
            os.setgroups(spec.get("groups") or [])
            os.setgid(spec["group"])
            os.setuid(spec["user"])
        os.execve(program, list(argv), spec["env"])  # noqa: S606 - no shell is what is wanted
    except OSError as error:
        os.write(telling, str(error.errno or errno.EINVAL).encode())
    finally:
        os._exit(127)
