"""Ctrl-C: the first one breaks off what is being done, in order; a second one ends the process at once."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import NoReturn


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Let a second Ctrl-C end the process, wherever the first one's cleaning up may be held.

    Where SIGINT is ignored (a shell's command in the background) or somebody else's, it stays so.
    """
    in_main_thread = threading.current_thread() is threading.main_thread()
    if not in_main_thread or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    signal.signal(signal.SIGINT, _first)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _first(number: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    raise KeyboardInterrupt


def drop_output() -> None:
    """Forget what standard output still holds: a reader that does not read must not keep the process."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.close(null)
