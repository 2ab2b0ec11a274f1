"""The three streams of a process that was started without some of them: `seaway ps >&-`, and what many services do."""

from __future__ import annotations

import os
import sys


def open_closed_streams() -> None:
    """Let /dev/null stand for each standard stream that is closed.

    Python has None there, and the next file or connection that is opened would get the stream's number: what is said would
    be written into it.
    """
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        try:
            os.fstat(number)
        except OSError:
            null = os.open(os.devnull, os.O_RDWR)
            if null != number:
                os.dup2(null, number)
                os.close(null)
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, mode, closefd=False))  # noqa: SIM115 - as long as the process
