"""How the runner speaks: plain lines in the log, and one line of JSON where its own work fails."""

# ruff: noqa: PTH123
# pathlib would take longer to import than all of this takes to run
from __future__ import annotations

import os
import sys

EXIT_CODES = {
    "outputs": 117,
    "scratch": 118,
    "lease": 119,
    "runner": 120,
    "code": 121,
    "environment": 122,
    "checkpoint": 123,
    "spec": 125,
}
"""What the container exits with when a stage of the runner's own work fails; 124 stays free: a time limit ends with it."""
_ERROR_LIMIT = 3000
"""Characters of an error in the termination log, of which Kubernetes keeps 4,096 bytes."""

_SIGNALLED = 128
"""Codes above it say which signal ended a program, unless it chose one of them itself."""
_PEAK = b"peak memory "
"""How the pod's status begins where it says the most memory that was used."""


class StageFailed(Exception):
    """The runner's own work failed; the message is for the user."""

    def __init__(self, stage: str, message: str, *, refused: bool = False, damaged: bool = False) -> None:
        super().__init__(message)
        self.stage = stage
        self.message = message
        self.refused = refused
        """What the program made was refused for good: running it again would end the same."""
        self.damaged = damaged
        """What the server keeps is damaged, which it was asked about: running it again would end the same."""

    @property
    def exit_code(self) -> int:
        """What the container exits with."""
        return EXIT_CODES[self.stage]


MADE_SO = (NotADirectoryError, IsADirectoryError, PermissionError)
"""What is raised where a program has left a folder as nobody can read it: running it again would leave the same."""


class Stopped(Exception):
    """The pod was asked to end before its program was started."""

    def __init__(self, signal: int) -> None:
        super().__init__(f"stopped by signal {signal}")
        self.signal = signal


def say(message: str) -> None:
    """Write a line into the container's log, so marked that it is not taken for the program's."""
    lines = "".join(f"[seaway] {line}\n" for line in message.splitlines())
    os.write(2, lines.encode("utf-8", "replace"))


def note_failure(failure: StageFailed) -> None:
    """Say on the log and in the pod's status which of the runner's stages failed, and why."""
    import json

    say(f"{failure.stage}: {failure.message}")
    text = failure.message
    if len(text) > _ERROR_LIMIT:
        text = text[: _ERROR_LIMIT // 2] + " ... " + text[-_ERROR_LIMIT // 2 :]
    try:
        with open(_termination_log(), "w", encoding="utf-8") as log:
            told: dict[str, object] = {"stage": failure.stage, "error": text}
            told |= {name: True for name in ("refused", "damaged") if getattr(failure, name)}
            log.write(json.dumps(told) + "\n")
    except OSError as error:
        say(f"the pod's status cannot be written: {error}")
    sys.stderr.flush()


def note_peak(peak: int, own_code: int = 0) -> None:
    """Write the most memory that was used into the pod's status, unless the program has written something of its own there.

    With an exit code that the program chose itself it is said that it did, where it looks like a signal's.
    """
    chosen = b", exit code %d was its own choice" % own_code if own_code > _SIGNALLED else b""
    try:
        with open(_termination_log(), "rb+") as log:
            if log.read(len(_PEAK)) in (b"", _PEAK):
                log.seek(0)
                log.write(b"%b%d bytes%b" % (_PEAK, peak, chosen))
                log.truncate()
    except OSError:  # there is none here, and what the server was told is enough
        return


def _termination_log() -> str:
    return os.environ.get("SEAWAY_TERMINATION_LOG", "/dev/termination-log")
