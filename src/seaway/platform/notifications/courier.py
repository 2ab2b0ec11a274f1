"""Bring messages to one target: a program of its own, started when there are some.

Apprise and what it speaks through take half a second to read and 30 MB to keep, and a receiver may take its time: none of
that is the server's. The target's URL comes on standard input, never as an argument that others could see. Each answer is
a line of its own, so that what was sent before this is killed is known.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from typing import Any, TextIO

_LONGEST_REASON = 200


def main(given: TextIO, answers: TextIO) -> None:
    """Read {"url", "messages": [{"key", "event", "title", "text"}]}, send each, answer {"key", "sent", "problem"}.

    Without messages the URL is only looked at; the answer's key is "".
    """
    order = json.load(given)
    reasons = _Reasons()
    logging.getLogger("apprise").addHandler(reasons)
    logging.getLogger("apprise").propagate = False
    try:
        from apprise import Apprise  # late: where it is missing that is an answer
    except ImportError:
        missing = "the package apprise, which sends messages, is not installed: pip install apprise"
        _answer(answers, "", sent=False, problem=missing)
        return
    service: Any = Apprise.instantiate(order["url"], suppress_exceptions=True)
    if service is None:
        _answer(answers, "", sent=False, problem="no service of Apprise understands this URL")
        return
    if not order["messages"]:
        _answer(answers, "", sent=True)
    for message in order["messages"]:
        reasons.last = ""
        _mark(service, message)
        sent = bool(service.notify(title=message["title"], body=message["text"], notify_type=message["type"]))
        problem = "" if sent else shortened(reasons.last, order["url"])
        _answer(answers, message["key"], sent=sent, problem=problem)


def shortened(reason: str, url: str) -> str:
    """Return why a message did not arrive: a status or a kind of failure, never a part of the URL."""
    if not reason:
        return "the receiver did not take it"
    told = re.sub(r"\S+://\S+", "…", reason)
    for part in sorted({part for part in re.split(r"[/:@?&=]+", url)[1:] if len(part) > 3}, key=len)[::-1]:
        told = told.replace(part, "…")
    return " ".join(told.split())[:_LONGEST_REASON]


class _Reasons(logging.Handler):
    """Keeps the last warning: Apprise answers True or False, and says why in its log."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.last = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.last = record.getMessage()


def _mark(service: Any, message: dict[str, Any]) -> None:
    """Have what is sent carry its key, where the service has a place for that: a receiver knows a message that comes twice."""
    if isinstance(getattr(service, "headers", None), dict):
        service.headers["Idempotency-Key"] = message["key"]
    if isinstance(getattr(service, "payload_extras", None), dict):
        service.payload_extras |= {"key": message["key"], "event": message["event"], "run": message["run"]}


def _answer(answers: TextIO, key: str, *, sent: bool, problem: str = "") -> None:
    print(json.dumps({"key": key, "sent": sent, "problem": problem}), file=answers, flush=True)


if __name__ == "__main__":
    main(sys.stdin, sys.stdout)
