"""What `seaway why` answers: the finding in at most about a hundred words, with what to do next."""

from __future__ import annotations

from seaway.base.messages import Message, joined, mapped, wording
from seaway.model.verdict import COUNTED, Evidence, Explanation
from seaway.platform.diagnosis.advice import elsewhere
from seaway.platform.diagnosis.evidence import blanked, is_plain, longest, moment
from seaway.platform.diagnosis.facts import Facts
from seaway.platform.diagnosis.finding import Finding
from seaway.platform.diagnosis.verdict import find

MOST_WORDS = 100
"""Words of an explanation: message, evidence, what was done and the next step together."""


def explain(facts: Facts, found: Finding | None = None, done: str = "") -> Explanation:
    """Return why an attempt ended as it did, or why it does not run yet.

    Args:
        facts: what is known.
        found: the cause, where it was looked for already.
        done: what else was done about it.
    """
    found = found or find(facts)
    done = joined("; ", filter(None, (_done(facts, found), done)))
    next_step = mapped(elsewhere(facts, found.next_step), lambda part: part.replace("{run}", facts.run))
    room = MOST_WORDS - sum(len(text.split()) for text in (found.message, done, next_step))
    return Explanation(
        subject=facts.run if facts.task == "main" else f"{facts.run}/{facts.task}",
        level=found.level,
        **{"class": None if facts.made is None and facts.waiting and not found.permanent else found.class_},
        cause=found.cause,
        message=found.message,
        evidence=_fitting(found.evidence, room),
        done=done,
        retry=found.retry,
        next_step=next_step,
    )


def _done(facts: Facts, found: Finding) -> str:
    """Return what was done; of an attempt under way also why it is not the first, and what it went without."""
    if facts.made is not None:
        return facts.made.done
    said: list[str] = []
    if facts.waiting and facts.before:
        before = wording(
            "this is attempt {attempt}; the one before it ended: {ending}",
            attempt=facts.attempt, ending=blanked(facts, facts.before),
        )  # fmt: skip
        said.append(before)
    if facts.waiting and (at := moment(facts.starts_by)) is not None:
        until = f"{at:%H:%M}"
        said.append(wording("it is given up unless it has started by {time} UTC (--wait-limit)", time=until))
    if not facts.waiting:
        said += _tries(facts, found)
    if is_plain(facts) and facts.needs_code:
        said.append(wording("its image has no python3, so it ran without its code, checkpoints and outputs"))
    elif is_plain(facts):
        said.append(wording("its image has no python3, so it ran without checkpoints and outputs"))
    return joined("; ", [*said, *([found.done] if found.done else [])])


def _tries(facts: Facts, found: Finding) -> list[str]:
    """Return how often a task was tried that has ended, with what, and why not more often."""
    said: list[str] = []
    if facts.attempt > 1 and facts.memory_grown:
        tried = wording(
            "it was tried {attempts} times, at last with {memory} of memory",
            attempts=facts.attempt, memory=facts.memory_grown,
        )  # fmt: skip
        said.append(tried)
    elif facts.attempt > 1:
        said.append(wording("it was tried {attempts} times", attempts=facts.attempt))
    if facts.attempt > 1 and facts.before and facts.before != found.message:
        said.append(wording("the time before it ended: {ending}", ending=blanked(facts, facts.before)))
    if (
        facts.retries_left
        and facts.retry_on
        and found.class_ in COUNTED
        and facts.requested in ("", "timeout", "hung")
    ):
        endings = ", ".join(facts.retry_on)
        said.append(wording("it is not tried again: retries are for {endings} (--retry-on)", endings=endings))
    return said


def _fitting(evidence: tuple[Evidence, ...], room: int) -> tuple[Evidence, ...]:
    """Return the evidence that fits into so many words, at least the first piece."""
    kept: list[Evidence] = []
    for piece in evidence:
        words = len(piece.quote.split())
        if words > room and kept:
            break
        cut = _without_middle(piece.quote, max(room, 15))
        kept.append(piece.model_copy(update={"quote": cut}))
        room -= words
    return tuple(kept)


def _without_middle(text: str, most: int) -> str:
    """Return a text of so many words that has lost those between; a message loses them of the longest that fills it in."""
    if isinstance(text, Message):
        part = longest(text)
        left = most - len(text.split()) + len(part.split())
        return mapped(text, lambda one: _without_middle(one, max(left, 5)) if one == part else one)
    words = text.split()
    if len(words) <= most:
        return text
    return " ".join([*words[: most // 3], "...", *words[len(words) - (most - most // 3) :]])
