"""What `seaway why` answers: the finding in at most about a hundred words, with what to do next."""

from __future__ import annotations

from seaway.model.verdict import COUNTED, Evidence, Explanation
from seaway.platform.diagnosis.advice import elsewhere
from seaway.platform.diagnosis.evidence import blanked, is_plain, moment
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
    done = "; ".join(filter(None, (_done(facts, found), done)))
    next_step = elsewhere(facts, found.next_step).replace("{run}", facts.run)
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
    said = []
    if facts.waiting and facts.before:
        said.append(
            f"this is attempt {facts.attempt}; the one before it ended: {blanked(facts, facts.before)}"
        )
    if facts.waiting and (at := moment(facts.starts_by)) is not None:
        said.append(f"it is given up unless it has started by {at:%H:%M} UTC (--wait-limit)")
    if not facts.waiting:
        said += _tries(facts, found)
    if is_plain(facts):
        code = "its code, " if facts.needs_code else ""
        said.append(f"its image has no python3, so it ran without {code}checkpoints and outputs")
    return "; ".join([*said, *([found.done] if found.done else [])])


def _tries(facts: Facts, found: Finding) -> list[str]:
    """Return how often a task was tried that has ended, with what, and why not more often."""
    said = []
    if facts.attempt > 1:
        more = f", at last with {facts.memory_grown} of memory" if facts.memory_grown else ""
        said.append(f"it was tried {facts.attempt} times{more}")
        if facts.before and facts.before != found.message:
            said.append(f"the time before it ended: {blanked(facts, facts.before)}")
    if facts.retries_left and facts.retry_on and found.class_ in COUNTED and not facts.requested:
        said.append(f"it is not tried again: retries are for {', '.join(facts.retry_on)} (--retry-on)")
    return said


def _fitting(evidence: tuple[Evidence, ...], room: int) -> tuple[Evidence, ...]:
    """Return the evidence that fits into so many words, at least the first piece."""
    kept: list[Evidence] = []
    for piece in evidence:
        words = piece.quote.split()
        if len(words) > room and kept:
            break
        if len(words) > max(room, 15):
            kept_words = max(room, 15)
            ends = [*words[: kept_words // 3], "...", *words[len(words) - (kept_words - kept_words // 3) :]]
            piece = piece.model_copy(update={"quote": " ".join(ends)})
        kept.append(piece)
        room -= len(words)
    return tuple(kept)
