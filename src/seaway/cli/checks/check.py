"""What a check found."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from seaway.base.messages import Catalogue, spoken_in


class State(StrEnum):
    """How something is."""

    OK = "ok"
    WARN = "warn"
    """It works now and will not for long, or works less well than it could."""
    FAIL = "fail"


class Check(NamedTuple):
    """One line of the doctor's, in English."""

    name: str
    state: State
    message: str
    remedy: str = ""

    def spoken_in(self, catalogue: Catalogue) -> Check:
        """Return it as it is said in another language; its name is also one for programs, and stays."""
        return self._replace(
            message=spoken_in(self.message, catalogue), remedy=spoken_in(self.remedy, catalogue)
        )


def ok(name: str, message: str) -> Check:
    """Return that something is well."""
    return Check(name, State.OK, message)


def warn(name: str, message: str, remedy: str) -> Check:
    """Return that something will not be well for long."""
    return Check(name, State.WARN, message, remedy)


def fail(name: str, message: str, remedy: str) -> Check:
    """Return that something is not well."""
    return Check(name, State.FAIL, message, remedy)
