"""The string extensions, with a bound that the library's own lack: a text of theirs grows to 3 MiB and no further.

Source: version 2 of cel-go's string extensions, as Kubernetes has them.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

from seaway.base.clock import rfc3339
from seaway.controlplane.cel.libraries import Function

_LONGEST = 3 * 1024 * 1024
_CLAUSE = re.compile(r"%(?:\.(\d+))?([sdfeboxX%])|%")


def _bounded(size: int) -> None:
    if size > _LONGEST:
        raise ValueError(f"a text may not grow to more than {_LONGEST} characters")


def _within(index: int, text: str) -> int:
    if not 0 <= index <= len(text):
        raise ValueError(f"index out of range: {index}")
    return index


def _substring(text: str, start: int, end: int | None = None) -> str:
    stop = len(text) if end is None else _within(end, text)
    if _within(start, text) > stop:
        raise ValueError(f"invalid substring range. start: {start}, end: {stop}")
    return text[start:stop]


def replace(text: str, old: str, new: str, limit: int = -1) -> str:
    """Return a text with a part replaced, so many times at most."""
    times = text.count(old) if limit < 0 else min(text.count(old), limit)
    _bounded(len(text) + times * max(len(new) - len(old), 0))
    return text.replace(old, new, times)


def _split(text: str, separator: str, limit: int = -1) -> list[str]:
    if limit == 0:
        return []
    if not separator:
        parts = list(text) if limit < 0 else [*text[: limit - 1], text[limit - 1 :]]
        return [part for part in parts if part]
    return text.split(separator, limit - 1 if limit > 0 else -1)


def join(items: list[Any], separator: str = "") -> str:
    """Return texts as one."""
    if not all(isinstance(item, str) for item in items):
        raise ValueError("no such overload")
    _bounded(sum(map(len, items)) + len(separator) * len(items))
    return separator.join(items)


def format_text(text: str, values: list[Any]) -> str:
    """Return a text with values in the places of its clauses."""
    left = list(values)
    size = len(text)

    def shown(match: re.Match[str]) -> str:
        nonlocal size
        if match[0] == "%%":
            return "%"
        if match[2] is None:
            raise ValueError(
                f'could not parse formatting clause: unrecognized formatting clause "{match[0]}"'
            )
        if not left:
            raise ValueError(f"index {len(values)} out of range")
        made = _clause(match[2], int(match[1] or 6), left.pop(0))
        size += len(made)
        _bounded(size)
        return made

    return _CLAUSE.sub(shown, text)


def _clause(kind: str, precision: int, value: Any) -> str:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    whole = isinstance(value, int) and not isinstance(value, bool)
    if kind == "s":
        return _plain(value)
    if kind in "fe" and number:
        return format(float(value), f".{min(precision, 100)}{kind}")
    if kind == "d" and number:
        return str(int(value))
    if kind in "xX" and isinstance(value, str | bytes):
        digits = (value.encode() if isinstance(value, str) else value).hex()
        return digits.upper() if kind == "X" else digits
    if kind in "boxX" and whole:
        return format(value, kind)
    if kind == "b" and isinstance(value, bool):
        return str(int(value))
    raise ValueError(f"error during formatting: {kind} clause cannot be used on {type(value).__name__}")


def _plain(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case float():
            return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
        case list():
            return "[" + ", ".join(_plain(item) for item in value) + "]"
        case dict():
            return (
                "{"
                + ", ".join(f"{_plain(name)}: {_plain(item)}" for name, item in sorted(value.items()))
                + "}"
            )
        case datetime():
            return rfc3339(value.timestamp())
        case timedelta():
            return f"{value.total_seconds():g}s"
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _quote(text: str) -> str:
    escapes = {
        "\\": "\\\\",
        '"': '\\"',
        "\n": "\\n",
        "\r": "\\r",
        "\t": "\\t",
        "\a": "\\a",
        "\b": "\\b",
        "\f": "\\f",
        "\v": "\\v",
    }
    return '"' + "".join(escapes.get(sign, sign) for sign in text) + '"'


def _lower(text: str) -> str:
    return "".join(sign.lower() if sign.isascii() else sign for sign in text)


def _upper(text: str) -> str:
    return "".join(sign.upper() if sign.isascii() else sign for sign in text)


def _last(text: str, part: str, end: int | None = None) -> int:
    return text.rfind(part) if end is None else text.rfind(part, 0, _within(end, text) + len(part))


_S = "string"
FUNCTIONS = (
    Function("charAt", [_S, "int"], _S, lambda text, index: text[_within(index, text) : index + 1]),
    Function("indexOf", [_S, _S], "int", lambda text, part: text.find(part)),
    Function(
        "indexOf", [_S, _S, "int"], "int", lambda text, part, start: text.find(part, _within(start, text))
    ),
    Function("lastIndexOf", [_S, _S], "int", _last),
    Function("lastIndexOf", [_S, _S, "int"], "int", _last),
    Function("lowerAscii", [_S], _S, _lower),
    Function("upperAscii", [_S], _S, _upper),
    Function("replace", [_S, _S, _S], _S, replace),
    Function("replace", [_S, _S, _S, "int"], _S, replace),
    Function("split", [_S, _S], "list<string>", _split),
    Function("split", [_S, _S, "int"], "list<string>", _split),
    Function("substring", [_S, "int"], _S, _substring),
    Function("substring", [_S, "int", "int"], _S, _substring),
    Function("trim", [_S], _S, lambda text: text.strip()),
    Function("join", ["list<string>"], _S, join),
    Function("join", ["list<string>", _S], _S, join),
    Function("format", [_S, "list<dyn>"], _S, format_text),
    Function("strings.quote", [_S], _S, _quote, member=False),
)
