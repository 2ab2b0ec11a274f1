"""What a check found."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class State(StrEnum):
    """How something is."""

    OK = "ok"
    WARN = "warn"
    """It works now and will not for long, or works less well than it could."""
    FAIL = "fail"


class Check(NamedTuple):
    """One line of the doctor's."""

    name: str
    state: State
    message: str
    remedy: str = ""


def ok(name: str, message: str) -> Check:
    """Return that something is well."""
    return Check(name, State.OK, message)


def warn(name: str, message: str, remedy: str) -> Check:
    """Return that something will not be well for long."""
    return Check(name, State.WARN, message, remedy)


def fail(name: str, message: str, remedy: str) -> Check:
    """Return that something is not well."""
    return Check(name, State.FAIL, message, remedy)
