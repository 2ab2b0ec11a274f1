"""What the compiler does not check: fields by their schema, and how far text can grow.

The checked expression is read from the library's own serialized form, `cel.expr.CheckedExpr`.

Source: the protobuf definitions of cel-spec (`checked.proto`, `syntax.proto`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

_MOST_GROWTH = 1000
"""How many times as large as what it is made of a text or list may become."""
_RESERVED = frozenset({
    "true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function", "if", "import", "let",
    "loop", "package", "namespace", "return", "var", "void", "while",
})  # fmt: skip
_ESCAPES = {"_": "__underscores__", ".": "__dot__", "-": "__dash__", "/": "__slash__"}


class GrowthError(Exception):
    """A text could grow without bound."""


@dataclass(slots=True)
class Node:
    """One part of an expression."""

    id: int
    kind: str
    """"ident", "select", "call", "list", "struct", "comprehension" or "const"."""
    name: str = ""
    """The identifier, field or function; of a comprehension the name of the item."""
    children: Sequence[Node] = ()
    """Operand; target and arguments; items; of a comprehension: range, start, condition, step, result."""
    test: bool = False
    """A `has(...)`."""
    accumulator: str = ""
    offsets: Mapping[int, int] = field(default_factory=dict)
    """Of the root: where each part stands in the text, in characters."""
    type: str = ""
    """Of a constant."""

    def names(self, bound: frozenset[str] = frozenset()) -> Iterator[str]:
        """Yield the variables that are read and not made within."""
        if self.kind == "ident" and self.name not in bound:
            yield self.name
        for index, child in enumerate(self.children):
            within = (
                bound | {self.name, self.accumulator} if self.kind == "comprehension" and index > 1 else bound
            )
            yield from child.names(within)

    def fields_of(self, variable: str) -> Iterator[str]:
        """Yield the fields of a variable that are read."""
        if self.kind == "select" and self.children[0].kind == "ident" and self.children[0].name == variable:
            yield self.name
        for child in self.children:
            yield from child.fields_of(variable)


def read_checked(data: bytes) -> Node:
    """Return the tree of a serialized checked expression."""
    envelope = dict(_entries(data))
    parts = list(_entries(envelope[2]))
    root = _node(next(value for number, value in parts if number == 4))
    source = next((value for number, value in parts if number == 5), b"")
    pairs = [dict(_entries(value)) for number, value in _entries(source) if number == 4]
    root.offsets = {pair.get(1, 0): pair.get(2, 0) for pair in pairs}
    return root


def _node(data: bytes) -> Node:
    parts = dict(_entries(data))
    identity = parts.pop(2, 0)
    number, body = next(iter(parts.items()), (3, b""))
    read = _READERS.get(number)
    return read(identity, body) if read is not None else Node(identity, "const")


def _const(identity: int, body: bytes) -> Node:
    number = next((number for number, _ in _entries(body)), 0)
    return Node(identity, "const", type=_CONSTANTS.get(number, ""))


def _ident(identity: int, body: bytes) -> Node:
    return Node(identity, "ident", dict(_entries(body))[1].decode())


def _select(identity: int, body: bytes) -> Node:
    parts = dict(_entries(body))
    return Node(identity, "select", parts[2].decode(), [_node(parts[1])], test=bool(parts.get(3)))


def _call(identity: int, body: bytes) -> Node:
    parts = list(_entries(body))
    name = next(value.decode() for number, value in parts if number == 2)
    return Node(identity, "call", name, [_node(value) for number, value in parts if number in (1, 3)])


def _list(identity: int, body: bytes) -> Node:
    return Node(identity, "list", "", [_node(value) for number, value in _entries(body) if number == 1])


def _struct(identity: int, body: bytes) -> Node:
    children = []
    for number, value in _entries(body):
        if number == 2:
            children += [_node(inner) for part, inner in _entries(value) if part in (3, 4)]
    return Node(identity, "struct", "", children)


def _comprehension(identity: int, body: bytes) -> Node:
    parts = dict(_entries(body))
    children = [_node(parts[number]) for number in (2, 4, 5, 6, 7)]
    return Node(identity, "comprehension", parts[1].decode(), children, accumulator=parts[3].decode())


_READERS = {3: _const, 4: _ident, 5: _select, 6: _call, 7: _list, 8: _struct, 9: _comprehension}
_CONSTANTS = {1: "null", 2: "bool", 3: "int", 4: "uint", 5: "double", 6: "string", 7: "bytes"}


def _entries(data: bytes) -> Iterator[tuple[int, Any]]:
    """Yield the fields of a protobuf message: number and value."""
    position = 0
    while position < len(data):
        tag, position = _varint(data, position)
        match tag & 7:
            case 0:
                value, position = _varint(data, position)
                yield tag >> 3, value
            case 2:
                size, position = _varint(data, position)
                yield tag >> 3, data[position : position + size]
                position += size
            case wire:
                position += 8 if wire == 1 else 4
                yield tag >> 3, b""


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[position]
        value |= (byte & 0x7F) << shift
        position, shift = position + 1, shift + 7
        if byte < 0x80:
            return value, position


def check_growth(root: Node) -> None:
    """Refuse an expression whose texts or lists double again and again. Raises GrowthError."""
    if _growth(root, {}) > _MOST_GROWTH:
        raise GrowthError(f"a text or list could grow to more than {_MOST_GROWTH} times its size")


def _growth(node: Node, known: Mapping[str, int]) -> int:
    if node.kind == "ident":
        return known.get(node.name, 1)
    if node.kind == "comprehension":
        items, start, condition, step, result = node.children
        size = _growth(items, known)
        inner = {**known, node.name: size, node.accumulator: 1}
        return max(
            size,
            _growth(start, known),
            _growth(condition, inner),
            _growth(step, inner),
            _growth(result, inner),
        )
    grown = [_growth(child, known) for child in node.children]
    if node.kind == "call" and node.name in _GROWS:
        return sum(grown) or 1
    return max(grown, default=1)


_GROWS = frozenset({"_+_", "format", "join", "replace"})


def escaped(name: str) -> str | None:
    """Return how an expression names a property, None where it cannot.

    Source: "Accessible property names" of Kubernetes' CustomResourceDefinition documentation.
    """
    if name in _RESERVED:
        return f"__{name}__"
    text = name.replace("__", "__underscores__")
    for sign in ".-/":
        text = text.replace(sign, _ESCAPES[sign])
    return text if text.replace("_", "a").isalnum() and text.isascii() and not text[0].isdigit() else None
