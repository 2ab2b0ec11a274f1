"""Evictions for want of disk: whether the pod itself had filled it. Tried again unchanged, it would only fill it again.

Source: the kubelet's eviction messages, which say of each container how much it used beyond its request.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from seaway.base.messages import wording
from seaway.model.verdict import Level, VerdictClass
from seaway.objects.quantity import whole
from seaway.platform.diagnosis.advice import again
from seaway.platform.diagnosis.evidence import condition, event_time, exit_code, last_event, pod_status, quote
from seaway.platform.diagnosis.facts import Facts
from seaway.platform.diagnosis.finding import Finding
from seaway.platform.diagnosis.rules.resources import human_size

MUCH = 1 << 30
"""Bytes beyond its request from which on a pod has its part in it that the disk is full, however large that is."""
IN_A_ROW = 3
"""So many evictions of that kind, one after the other, are no accident."""
_LOW = "The node was low on resource: ephemeral-storage."
_QUANTITY = r"\d+(?:\.\d+)?(?:[KMGTPE]i|[kMGTPEm])?"
_USED = re.compile(
    rf"was using (?P<used>{_QUANTITY}),? (?:request is|which exceeds its request of) (?P<request>{_QUANTITY})"
)
_AVAILABLE = re.compile(rf"available: (?P<available>{_QUANTITY})")


def filled_disk(facts: Facts) -> Finding | None:
    """Find an eviction for want of disk from a disk that the pod itself had filled."""
    status = pod_status(facts)
    message = str(status.get("message") or "")
    written = written_beyond(message)
    if status.get("reason") != "Evicted" or not written:
        return None
    taken, often = _taken(facts, message), facts.evicted_before + 1
    if written * 2 >= taken > 0:
        said = wording(
            "it filled its node's disk and was evicted: {written} of the {taken} that were taken there were its own",
            written=human_size(written), taken=human_size(taken),
        )  # fmt: skip
    elif written >= MUCH and often >= IN_A_ROW:
        said = wording(
            "it was evicted {times} times in a row because its node's disk was full, of which it had written {written} itself",
            times=often, written=human_size(written),
        )  # fmt: skip
    else:
        return None
    event = last_event(facts, "Evicted")
    at = (condition(facts, "DisruptionTarget") or {}).get("lastTransitionTime") or (
        event_time(event) if event else None
    )
    return Finding(
        Level.CONTAINER, VerdictClass.RESOURCE, "DiskFilled", said,
        (quote(facts, "pod status", f"Evicted: {message}", at),),
        next_step=_written_less(facts), exit_code=exit_code(facts),
    )  # fmt: skip


def _written_less(facts: Facts) -> str:
    """Return how a pod is kept from filling its node's disk."""
    if facts.made is None:
        return wording(
            "write less or fewer files there, or large ones onto a volume; --scratch SIZE ends it alone before the node is short, then: {command}",
            command=again(facts),
        )
    return wording(
        "write less or fewer files there, or large ones onto a volume, then: {command}", command=again(facts)
    )


def written_beyond(message: str) -> int:
    """Return how many bytes a pod's containers had written beyond their requests, as a kubelet's message says; 0 of other messages."""
    if _LOW not in message:
        return 0
    return sum(max(0, whole(one["used"]) - whole(one["request"])) for one in _USED.finditer(message))


def evicted_before(verdicts: Iterable[Mapping[str, Any] | None]) -> int:
    """Return how many attempts were evicted one after the other that had each written much of what filled the disk.

    Args:
        verdicts: of the attempts before the one that is asked about, the newest first.
    """
    count = 0
    for verdict in verdicts:
        quotes = [str(piece.get("quote")) for piece in (verdict or {}).get("evidence") or ()]
        lost = (verdict or {}).get("class") == VerdictClass.INFRASTRUCTURE
        if not lost or max(map(written_beyond, quotes), default=0) < MUCH:
            break
        count += 1
    return count


def _taken(facts: Facts, message: str) -> int:
    """Return how much of the node's disk is taken, as far as that is known: at most all of it; 0 where its size is not known."""
    status = (facts.node or {}).get("status") or {}
    size = (status.get("capacity") or status.get("allocatable") or {}).get("ephemeral-storage")
    left = _AVAILABLE.search(message)
    return max(0, whole(size) - (whole(left["available"]) if left else 0)) if size else 0
