"""What is shown of what a user submitted: neither the values of variables, nor what the command says of passwords. Pure.

The task itself gets everything as it was given; what can be seen by all who see runs is masked.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator

from seaway.base.logs import redact
from seaway.model.run import Origin, RunSpec

MASKED = "[redacted]"
_NAMED = r"(?:[a-z0-9]{1,60}[-_.]){0,20}(?:token|secret|passw(?:or)?d|passphrase|api[-_]?key|access[-_]?key|private[-_]?key|credentials?)s?(?:[-_.](?:key|id|value))?"
_OPTION = re.compile(rf"--?{_NAMED}\Z", re.IGNORECASE)
_ASSIGNED = re.compile(rf"(?i)((?:--?)?\b({_NAMED})[\"']?\s*[=:]\s*[\"']?)([^\s\"'&;,]+)")
_COUNTED = re.compile(r"(?:[a-z0-9]+[-_.])*tokens|(?:[a-z0-9]+[-_.])+token[-_.]ids?", re.IGNORECASE)
"""Names of what language models read: how many, and which number one has."""
_NUMBER = re.compile(r"\d{1,9}(?:\.\d{1,9})?(?:[kmb]|e\d{1,2})?", re.IGNORECASE)
_MARK = re.compile(r"(?:pad|eos|bos|unk|mask|sep|cls|stop|special|image)[-_.]tokens?", re.IGNORECASE)
"""Names of such a word itself."""
_NOTHING = frozenset({"true", "false", "none", "null"})


def _is_harmless(name: str, value: str) -> bool:
    """Tell whether a value is no secret for all that its name sounds like one."""
    if value.lower() in _NOTHING or _MARK.fullmatch(name):
        return True
    return bool(_COUNTED.fullmatch(name) and _NUMBER.fullmatch(value))


def masked_words(words: Iterable[str]) -> Iterator[str]:
    """Return the words of a command line, without the values of options and assignments that are named like secrets."""
    option = ""
    for word in words:
        if option and not word.startswith("-"):
            yield word if _is_harmless(option.lstrip("-"), word) else MASKED
            option = ""
            continue
        option = word if _OPTION.match(word) else ""
        yield _ASSIGNED.sub(_masked_value, redact(word))


def _masked_value(found: re.Match[str]) -> str:
    return found[0] if _is_harmless(found[2], found[3]) else found[1] + MASKED


def masked_command(words: Iterable[str]) -> str:
    """Return a command line as it is shown in lists."""
    return " ".join(word if word == MASKED else shlex.quote(word) for word in masked_words(words))


def masked_origin(origin: Origin | None, *, values: bool) -> Origin | None:
    """Return how a run was typed.

    Args:
        origin: as it was submitted.
        values: keep the values of variables that are not named like secrets: advice repeats them.
    """
    if origin is None:
        return None
    words, before = [], ""
    for word in masked_words(origin.arguments):
        cut = before == "--env" and (not values or MASKED in word)
        words.append(word.partition("=")[0] if cut else word)
        before = word
    return origin.model_copy(update={"arguments": tuple(words)})


def masked_spec(spec: RunSpec) -> RunSpec:
    """Return what was submitted as everybody may see it."""
    tasks = tuple(
        task.model_copy(
            update={
                "env": dict.fromkeys(task.env, MASKED),
                "command": tuple(masked_words(task.command)),
            }
        )
        for task in spec.tasks
    )
    return spec.model_copy(update={"tasks": tasks, "origin": masked_origin(spec.origin, values=False)})
