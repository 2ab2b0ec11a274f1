"""Verdicts: how an attempt ended, and what `seaway why` says of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import Field, WrapValidator

from seaway.base.messages import Catalogue, Message, as_words, from_words, spoken_in
from seaway.model.base import Value


def _whole(value: object, checked: Callable[[object], str]) -> str:
    text = checked(value)
    return value if isinstance(value, Message) else text


Sentence = Annotated[str, WrapValidator(_whole)]
"""A str; a `Message` stays one, so that it can be said in another language."""


class VerdictClass(StrEnum):
    """What an ending means; decides whether it is tried again."""

    SUCCEEDED = "succeeded"
    INFRASTRUCTURE = "infrastructure"
    """Evicted, preempted, node lost, cluster stopped: tried again from the last checkpoint, never counted."""
    RESOURCE = "resource"
    """Out of memory or over its disk limit."""
    USER = "user"
    """The program's own failure."""
    CONFIGURATION = "configuration"
    """It can never start as it was asked for."""
    DEADLINE = "deadline"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


COUNTED = (VerdictClass.USER, VerdictClass.RESOURCE, VerdictClass.UNKNOWN, VerdictClass.DEADLINE)
"""Endings that the user's retries are for."""


class Level(StrEnum):
    """Where a cause sits."""

    CODE = "code"
    DATA = "data"
    SPEC = "spec"
    CONTAINER = "container"
    NODE = "node"
    CLUSTER = "cluster"


class Evidence(Value):
    """One observation, quoted."""

    source: str
    """Where it was seen: "log", "pod status", "event", "node", "submission"."""
    time: datetime | None = None
    quote: Sentence


def _spoken(evidence: Iterable[Evidence], catalogue: Catalogue) -> tuple[Evidence, ...]:
    return tuple(one.model_copy(update={"quote": spoken_in(one.quote, catalogue)}) for one in evidence)


class Verdict(Value):
    """How one attempt (or a run) ended, and why."""

    class_: VerdictClass = Field(alias="class")
    cause: str
    """A stable word: "Completed", "UserException", "ModuleNotFound", "OOMKilled", "Unschedulable" ..."""
    message: Sentence
    """One sentence that a data scientist understands."""
    exit_code: int | None = None
    evidence: tuple[Evidence, ...] = ()

    def spoken_in(self, catalogue: Catalogue) -> Self:
        """Return the same in another language; what is quoted stays as it is."""
        said = {"message": spoken_in(self.message, catalogue), "evidence": _spoken(self.evidence, catalogue)}
        return self.model_copy(update=said)

    def as_stored(self) -> dict[str, Any]:
        """Return it as JSON, and beside its sentences what they were made from: `from_stored` reads that."""
        stored = self.model_dump(mode="json", by_alias=True)
        pieces = zip(stored["evidence"], self.evidence, strict=True)
        evidence = [{**piece, **_made_from(one.quote)} for piece, one in pieces]
        return {**stored, **_made_from(self.message), "evidence": evidence}

    @classmethod
    def from_stored(cls, stored: Mapping[str, Any]) -> Self:
        """Return what `as_stored` wrote, also in an earlier release, which kept the English words alone."""
        evidence = [_made_again(piece, "quote") for piece in stored.get("evidence") or ()]
        return cls.model_validate({**_made_again(stored, "message"), "evidence": evidence})


_WORDS = "words"
"""Where a stored verdict keeps what a sentence was made from."""


def _made_from(sentence: str) -> dict[str, Any]:
    words = as_words(sentence)
    return {} if words is None else {_WORDS: words}


def _made_again(stored: Mapping[str, Any], field: str) -> dict[str, Any]:
    rest = {name: value for name, value in stored.items() if name != _WORDS}
    return rest if rest.keys() == stored.keys() else {**rest, field: from_words(stored[_WORDS])}


class Explanation(Value):
    """What `seaway why` answers."""

    subject: str
    """The run's name, or "run/task"."""
    level: Level | None = None
    class_: VerdictClass | None = Field(default=None, alias="class")
    """None while it has not ended."""
    cause: str
    message: Sentence
    evidence: tuple[Evidence, ...] = ()
    done: Sentence = ""
    """What Seaway already did about it."""
    retry: bool
    """Whether trying again unchanged would be right."""
    next_step: Sentence = ""
    """One command, or one short instruction."""

    def spoken_in(self, catalogue: Catalogue) -> Self:
        """Return the same in another language; what is quoted stays as it is."""
        said = {name: spoken_in(getattr(self, name), catalogue) for name in ("message", "done", "next_step")}
        return self.model_copy(update={**said, "evidence": _spoken(self.evidence, catalogue)})
