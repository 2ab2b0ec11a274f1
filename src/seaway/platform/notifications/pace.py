"""When messages go to one target, and whether one by one or together. Pure.

A message waits a moment for others. A few go one by one; a storm is held until it is over and told in one message.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from seaway.platform.database.records import NoticeRecord


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a target is told."""

    gather: float = 2.0
    """Seconds that a message waits for others."""
    burst: int = 5
    """So many go one by one; more go together."""
    quiet: float = 10.0
    """A storm is over when nothing was added for so many seconds ..."""
    longest: float = 300.0
    """... or its first message has waited for so long."""
    most: int = 20
    """Messages within `window`, no more."""
    window: float = 600.0
    """Seconds."""


@dataclass(frozen=True, slots=True)
class Later:
    """Nothing is to be sent before a time."""

    at: float


@dataclass(frozen=True, slots=True)
class Now:
    """Messages are to be sent now."""

    together: bool


def decide(
    pending: Sequence[NoticeRecord], sent: Sequence[float], now: float, pace: Pace
) -> Now | Later | None:
    """Return what to do about the messages to one target; None where there are none.

    Args:
        pending: what is to be sent, oldest first.
        sent: when the target was told lately, rising.
        now: seconds since the epoch.
        pace: how fast it may be told.
    """
    if not pending:
        return None
    blocked = max(notice.due for notice in pending if notice.tries) if any(n.tries for n in pending) else 0.0
    if blocked > now:
        return Later(blocked)
    first, last = min(n.created for n in pending), max(n.created for n in pending)
    if now < first + pace.gather:
        return Later(first + pace.gather)
    lately = [at for at in sent if at > now - pace.window]
    if len(pending) <= pace.burst and len(lately) + len(pending) <= pace.most:
        return Now(together=False)
    over = min(last + pace.quiet, first + pace.longest)
    room = lately[-pace.most] + pace.window if len(lately) >= pace.most else now
    at = max(over, room)
    return Later(at) if at > now else Now(together=True)
