"""What a rule finds: one cause, with its evidence and what to do about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from seaway.model.verdict import Evidence, Level, VerdictClass
from seaway.platform.diagnosis.facts import Facts


@dataclass(frozen=True, slots=True)
class Finding:
    """One cause of an attempt's state."""

    level: Level | None
    class_: VerdictClass
    cause: str
    """A stable word."""
    message: str
    """One sentence that a data scientist understands."""
    evidence: tuple[Evidence, ...] = ()
    next_step: str = ""
    """One command, or one short instruction; "{run}" stands for the run's name."""
    done: str = ""
    """What Seaway does about it by itself."""
    retry: bool = False
    """Whether trying again unchanged would be right."""
    permanent: bool = True
    """Of an attempt that waits: it can never start as it was asked for."""
    exit_code: int | None = None


Rule = Callable[[Facts], Finding | None]
