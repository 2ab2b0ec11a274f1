"""What is wrong with what secrets hold, in the words of Go's libraries."""

from __future__ import annotations

import re

import orjson

_PEM = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----")


def json_object_fault(data: bytes) -> str:
    """Return what Go's JSON decoder says of data that is no object, "" where it is one."""
    if not data.strip():
        return "unexpected end of JSON input"
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError:
        return f"invalid character {_quoted(data.lstrip()[:1])} looking for beginning of value"
    kinds = {list: "array", str: "string", bool: "bool", int: "number", float: "number"}
    if value is None or isinstance(value, dict):
        return ""
    return f"json: cannot unmarshal {kinds[type(value)]} into Go value of type map[string]interface {{}}"


def key_pair_fault(certificate: bytes, key: bytes) -> str:
    """Return why a certificate and a key are no pair, "" where they may be: they are only looked at as PEM."""
    for data, what in ((certificate, "certificate"), (key, "key")):
        found = _PEM.findall(data)
        if not found:
            return f"tls: failed to find any PEM data in {what} input"
    return ""


def _quoted(letter: bytes) -> str:
    text = letter.decode("ascii", errors="replace")
    return f"'{text}'" if text != "'" else "'\\''"
