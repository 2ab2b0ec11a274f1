"""The three streams of a process: some may be closed (`seaway ps >&-`, and what many services do), or know few letters."""

from __future__ import annotations

import io
import os
import sys

_FAILING = ("strict", "surrogateescape")
"""How a stream may treat letters that it lacks so that it fails at some; the second is Python's choice in the locale C."""


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


def say_what_can_be_said() -> None:
    """Write letters that a stream's encoding lacks (another locale than UTF-8) as Python escapes them, not fail at them."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors in _FAILING:
            stream.reconfigure(errors="backslashreplace")
