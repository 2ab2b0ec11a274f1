"""Logging of the programs themselves: one line an entry, without anybody's token."""

from __future__ import annotations

import logging
import re
from typing import TextIO

from seaway.base.clock import rfc3339_micro

TOKENS = (
    r"\b(?:(?:hf_|gh[pousr]_|npm_)[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{20,}|xox[abprs]-[\w-]{10,}|dapi[0-9a-f]{32}"
    r"|(?:AKIA|ASIA)[A-Z0-9]{16}\b|AIza[\w-]{35}|sk-(?=[\w-]{0,60}\d)[\w-]{20,})"
)
"""Matches the tokens and keys that one knows by how they begin: of Hugging Face, GitHub, npm, GitLab, Slack, Databricks, AWS, Google, OpenAI."""
_SECRETS = re.compile(
    r"(?i)(\bbearer\s+)[a-z0-9._~+/=-]+|(\b(?:access_?|id_?|refresh_?)?token[\"']?\s*[:=]\s*[\"']?)[a-z0-9._~+/=-]{8,}"
    r"|(://[^/\s:@]+:)[^/\s@]+(?=@)|\beyJ[a-z0-9_-]{8,}\.[a-z0-9_-]+\.[a-z0-9_-]+"
    rf"|(?-i:{TOKENS})"
)


def redact(text: str) -> str:
    """Return the text with bearer tokens, token values and passwords in URLs replaced by [redacted]."""
    return _SECRETS.sub(lambda match: f"{match[1] or match[2] or match[3] or ''}[redacted]", text)


class TextFormatter(logging.Formatter):
    """Format an entry as `time level logger: message`; a traceback follows, redacted as well."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the entry as text."""
        line = f"{rfc3339_micro(record.created)} {record.levelname.lower():<7} {record.name}: {record.getMessage()}"
        line = line.replace("\n", "\\n")
        if record.exc_info and record.exc_info[0] is not None:
            line += "\n" + self.formatException(record.exc_info)
        return redact(line)


def _is_no_advice_to_install(record: logging.LogRecord) -> bool:
    """Leave out what uvicorn says of each request to upgrade: the answer says it, and nothing is to be installed."""
    return not str(record.msg).startswith(("Unsupported upgrade request", "No supported WebSocket library"))


def configure(level: str, stream: TextIO) -> None:
    """Send the log of this process to a stream, in place of where it went before.

    Args:
        level: "debug", "info", "warning" or "error".
        stream: where to write.

    Raises:
        ValueError: the level is unknown.
    """
    number = logging.getLevelNamesMapping().get(level.upper())
    if number is None:
        raise ValueError(f"unknown log level {level!r}: use debug, info, warning or error")
    handler = logging.StreamHandler(stream)
    handler.setFormatter(TextFormatter())
    root = logging.getLogger()
    for old in list(root.handlers):
        if isinstance(old.formatter, TextFormatter):
            root.removeHandler(old)
            old.close()
    handler.addFilter(_is_no_advice_to_install)
    root.addHandler(handler)
    root.setLevel(number)
