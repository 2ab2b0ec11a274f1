"""What of a log a caller of the node asks for, from the query of its request: pure.

Source: `PodLogOptions` of core/v1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from seaway.base.clock import parse_rfc3339
from seaway.client.logs import LogOptions
from seaway.objects.errors import BadRequest

_STREAMS = {"": "", "All": "", "Stdout": "stdout", "Stderr": "stderr"}


def log_options(query: Mapping[str, Sequence[str]]) -> LogOptions:
    """Return what is asked for. Raises BadRequest."""
    given = {name: values[0] for name, values in query.items() if values and values[0]}
    stream = given.get("stream", "")
    if stream not in _STREAMS:
        raise BadRequest(f'invalid stream type "{stream}": choose All, Stdout or Stderr')
    options = LogOptions(
        _flag(given, "follow"), _flag(given, "previous"), _flag(given, "timestamps"),
        _number(given, "sinceSeconds", 1), given.get("sinceTime"),
        _number(given, "tailLines", 0), _number(given, "limitBytes", 1),
    )  # fmt: skip
    if options.since_time is not None:
        try:
            parse_rfc3339(options.since_time)
        except ValueError as error:
            raise BadRequest(f"sinceTime: {error}") from None
    return replace(options, stream=_STREAMS[stream])


def _flag(given: Mapping[str, str], name: str) -> bool:
    return given.get(name, "").lower() in {"1", "t", "true"}


def _number(given: Mapping[str, str], name: str, least: int) -> int | None:
    text = given.get(name)
    if text is None:
        return None
    if not text.isdigit() or int(text) < least:
        raise BadRequest(f"{name} must be a whole number of at least {least}, not {text!r}")
    return int(text)
