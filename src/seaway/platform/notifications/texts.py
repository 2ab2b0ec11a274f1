"""What messages say. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from urllib.parse import urlsplit

from seaway.model.notification import Event
from seaway.platform.database.records import NoticeRecord

_WITH_HOST = re.compile(r"(json|xml|form|mailto)s?", re.IGNORECASE)
"""Kinds of URL whose host is a machine's name; that of the others may be a token."""
_LISTED = 10
_LONGEST = 600
_WORDS = {
    Event.SUCCEEDED: "succeeded",
    Event.FAILED: "failed",
    Event.STOPPED: "were stopped",
    Event.LOST: "lost and tried again",
    Event.RECOVERED: "go on after a loss",
    Event.WAITING: "wait for long",
    Event.HUNG: "seem to hang",
    Event.GPU: "use no GPU",
    Event.NODE: "messages of nodes",
    Event.STORAGE: "messages of storage",
    Event.CERTIFICATE: "messages of certificates",
}


def shown(url: str) -> str:
    """Return what may be shown of a target's URL: its kind, and its host where that is no secret."""
    kind = url.partition("://")[0].lower()
    if not _WITH_HOST.fullmatch(kind):
        return f"{kind}://…"
    try:
        host = urlsplit(url).hostname or "…"
    except ValueError:
        return f"{kind}://…"
    return f"{kind}://{host}/…"


def single(notice: NoticeRecord, next_step: str = "") -> str:
    """Return the text of one message."""
    message = _cut(notice.message)
    said = message[:1].upper() + message[1:] + ("" if message.endswith((".", "!", "?")) else ".")
    return f"{said}\nNext: {next_step}" if next_step else said


def safe_step(step: str, run: str) -> str:
    """Return a next step that repeats no command line: its arguments may hold what others in a chat must not read."""
    return f"seaway why {run}" if "seaway run" in step else step


def together(notices: Sequence[NoticeRecord]) -> tuple[str, str]:
    """Return title and text of one message that stands for many."""
    counts = Counter(Event(notice.event) for notice in notices)
    parts = ", ".join(f"{count} {_WORDS[event]}" for event, count in counts.most_common())
    lines = [f"- {notice.title}: {_cut(notice.message, 120)}" for notice in notices[:_LISTED]]
    if len(notices) > _LISTED:
        lines.append(f"... and {len(notices) - _LISTED} more")
    return f"{len(notices)} messages: {parts}", "\n".join([*lines, "Next: seaway ps -a"])


def _cut(text: str, length: int = _LONGEST) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
