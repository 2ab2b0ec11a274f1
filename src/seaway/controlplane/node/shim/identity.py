"""Start a program as another user: only the superuser can, and only inside a container's own root folder."""

from __future__ import annotations

import errno
import os
import signal
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
    outputs: tuple[int, int],
    reset: Sequence[int],
) -> int:
    """Start a program in a session of its own with no input; return its process number.

    Args:
        spec: the container's: `user`, `group`, `groups`, `env`.
        program: path of the executable.
        argv: all arguments.
        outputs: where its standard output and standard error go.
        reset: signals whose handling is the system's again.

    Raises:
        OSError: the identity or the program was refused.
    """
    told, telling = os.pipe()
    pid = os.fork()
    if pid == 0:
        _become(spec, program, argv, outputs, reset, telling)
    os.close(telling)
    with os.fdopen(told, "rb") as answer:
        code = answer.read()
    if code:
        os.waitpid(pid, 0)
        raise OSError(int(code), os.strerror(int(code)))
    return pid


def _become(
    spec: Mapping[str, Any], program: str, argv: Sequence[str], outputs: tuple[int, int], reset: Sequence[int],
    telling: int,
) -> None:  # fmt: skip
    """Be the program; never returns. What goes wrong is written to `telling`, which closes by itself otherwise."""
    try:
        os.setsid()
        null = os.open("/dev/null", os.O_RDONLY)
        for descriptor, place in ((null, 0), (outputs[0], 1), (outputs[1], 2)):
            os.dup2(descriptor, place)
        for number in reset:
            signal.signal(number, signal.SIG_DFL)
        signal.set_wakeup_fd(-1)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        os.setgroups(spec.get("groups") or [])
        os.setgid(spec["group"])
        os.setuid(spec["user"])
        os.execve(program, list(argv), spec["env"])  # noqa: S606 - no shell is what is wanted
    except OSError as error:
        os.write(telling, str(error.errno or errno.EINVAL).encode())
    finally:
        os._exit(127)
