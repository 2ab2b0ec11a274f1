"""What is wrong with a JSON text, in the words of Kubernetes' decoder, which people search the web for. Pure.

Source: RFC 8259 for the grammar; the sentences as Kubernetes' API server answers them.
"""

from __future__ import annotations

_END = "unexpected end of JSON input"
_SHOWN = 30
_DEEPEST = 1000
_SPACES = " \t\r\n"
_DIGITS = "0123456789"
_HEX = "0123456789abcdefABCDEF"
_ESCAPED = {"'": "'\\''", "\\": "'\\\\'", "\n": "'\\n'", "\t": "'\\t'", "\r": "'\\r'"}
_LITERALS = {"t": "true", "f": "false", "n": "null"}


class _FaultError(Exception):
    """The text is no JSON; the message says why."""


def json_fault(body: bytes) -> str:
    """Return what is wrong with a text that is no JSON, "" where nothing is."""
    text = body.decode("latin-1")
    try:
        position = _spaces(text, _value(text, _spaces(text, 0), "looking for beginning of value", 0))
        if position < len(text):
            raise _unexpected(text, position, "after top-level value")
    except _FaultError as fault:
        return str(fault)
    return ""


def shown_body(body: bytes) -> str:
    """Return the beginning of a body that cannot be read, as a fault shows it."""
    if not body:
        return "<empty>"
    start, more = body[:_SHOWN], " ..." if len(body) > _SHOWN else ""
    return (start.decode(errors="replace") if body[:1] == b"{" else start.hex()) + more


def _unexpected(text: str, position: int, where: str) -> _FaultError:
    if position >= len(text):
        return _FaultError(_END)
    sign = text[position]
    shown = _ESCAPED.get(sign) or (f"'{sign}'" if sign.isprintable() else f"'\\x{ord(sign):02x}'")
    return _FaultError(f"invalid character {shown} {where}")


def _spaces(text: str, position: int) -> int:
    while position < len(text) and text[position] in _SPACES:
        position += 1
    return position


def _value(text: str, position: int, where: str, depth: int) -> int:
    """Return the position after a value that begins here."""
    sign = text[position : position + 1]
    if depth > _DEEPEST:
        raise _FaultError("exceeded max depth")
    if sign == "{":
        return _members(text, position + 1, depth)
    if sign == "[":
        return _items(text, position + 1, depth)
    if sign == '"':
        return _string(text, position + 1)
    if sign and sign in "-" + _DIGITS:
        return _number(text, position)
    if sign in _LITERALS:
        return _literal(text, position, _LITERALS[sign])
    raise _unexpected(text, position, where)


def _members(text: str, position: int, depth: int) -> int:
    position = _spaces(text, position)
    if text[position : position + 1] == "}":
        return position + 1
    while True:
        if text[position : position + 1] != '"':
            raise _unexpected(text, position, "looking for beginning of object key string")
        position = _spaces(text, _string(text, position + 1))
        if text[position : position + 1] != ":":
            raise _unexpected(text, position, "after object key")
        position = _value(text, _spaces(text, position + 1), "looking for beginning of value", depth + 1)
        position = _spaces(text, position)
        match text[position : position + 1]:
            case "}":
                return position + 1
            case ",":
                position = _spaces(text, position + 1)
            case _:
                raise _unexpected(text, position, "after object key:value pair")


def _items(text: str, position: int, depth: int) -> int:
    position = _spaces(text, position)
    if text[position : position + 1] == "]":
        return position + 1
    while True:
        position = _spaces(text, _value(text, position, "looking for beginning of value", depth + 1))
        match text[position : position + 1]:
            case "]":
                return position + 1
            case ",":
                position = _spaces(text, position + 1)
            case _:
                raise _unexpected(text, position, "after array element")


def _string(text: str, position: int) -> int:
    while True:
        sign = text[position : position + 1]
        if sign == '"':
            return position + 1
        if sign == "\\":
            position = _escape(text, position + 1)
            continue
        if not sign or sign < " ":
            raise _unexpected(text, position, "in string literal")
        position += 1


def _escape(text: str, position: int) -> int:
    sign = text[position : position + 1]
    if sign == "u":
        for offset in range(1, 5):
            if text[position + offset : position + offset + 1] not in tuple(_HEX):
                raise _unexpected(text, position + offset, "in \\u hexadecimal character escape")
        return position + 5
    if not sign or sign not in '"\\/bfnrt':
        raise _unexpected(text, position, "in string escape code")
    return position + 1


def _number(text: str, position: int) -> int:
    if text[position] == "-":
        position += 1
        _need_digit(text, position, "in numeric literal")
    position = position + 1 if text[position] == "0" else _digits(text, position)
    if text[position : position + 1] == ".":
        _need_digit(text, position + 1, "after decimal point in numeric literal")
        position = _digits(text, position + 1)
    if text[position : position + 1] in ("e", "E"):
        position += 1
        if text[position : position + 1] in ("+", "-"):
            position += 1
        _need_digit(text, position, "in exponent of numeric literal")
        position = _digits(text, position)
    return position


def _need_digit(text: str, position: int, where: str) -> None:
    if text[position : position + 1] not in tuple(_DIGITS):
        raise _unexpected(text, position, where)


def _digits(text: str, position: int) -> int:
    while text[position : position + 1] in tuple(_DIGITS):
        position += 1
    return position


def _literal(text: str, position: int, literal: str) -> int:
    for offset, wanted in enumerate(literal):
        if text[position + offset : position + offset + 1] != wanted:
            raise _unexpected(text, position + offset, f"in literal {literal} (expecting '{wanted}')")
    return position + len(literal)
