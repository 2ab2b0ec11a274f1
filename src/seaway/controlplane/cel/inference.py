"""Types of the parts of an expression by the schemas of its variables, which the library does not know.

A field that a schema does not have, and operands of two types, are told in the compiler's own words.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seaway.controlplane.cel.checking import Node, escaped

Structure = Mapping[str, Any]
_BOOL: Structure = {"type": "boolean"}
_TEXT: Structure = {"type": "string"}
_CONSTANTS: Mapping[str, Structure] = {
    "bool": _BOOL, "int": {"type": "integer"}, "double": {"type": "number"}, "string": _TEXT,
}  # fmt: skip
_COMPARING = frozenset({"_==_", "_!=_", "_<_", "_<=_", "_>_", "_>=_"})
_JOINING = frozenset({"_+_", "_-_", "_*_", "_/_", "_%_"})
_TRUTHS = frozenset({*_COMPARING, "_&&_", "_||_", "!_", "@in"})
_SCALARS = {"integer": "int", "number": "double", "boolean": "bool", "string": "string"}
_TIMES = frozenset({"date-time", "date", "duration", "byte"})


def inferred(root: Node, text: str, schemas: Mapping[str, Structure]) -> tuple[list[str], str]:
    """Return the faults of an expression that its variables' schemas show, and its type, "dyn" where that is unknown."""
    inference = _Inference(root.offsets)
    found = inference.schema(root, dict(schemas))
    faults = [_placed(text, offset, words) for offset, words in inference.faults]
    return faults, scalar(found) or "dyn"


def scalar(schema: Any) -> str:
    """Return the type of a scalar in CEL's words, "" of anything else."""
    if (
        not isinstance(schema, Mapping)
        or schema.get("x-kubernetes-int-or-string")
        or schema.get("format") in _TIMES
    ):
        return ""
    return _SCALARS.get(str(schema.get("type")), "")


def _placed(text: str, offset: int, words: str) -> str:
    line = text.count("\n", 0, offset)
    column = offset - (text.rfind("\n", 0, offset) + 1)
    shown = text.splitlines()[line] if text else ""
    return f"ERROR: <input>:{line + 1}:{column + 1}: {words}\n | {shown}\n | {'.' * column}^"


class _Inference:
    """Walks an expression once."""

    def __init__(self, offsets: Mapping[int, int]) -> None:
        self._offsets = offsets
        self.faults: list[tuple[int, str]] = []

    def schema(self, node: Node, known: Mapping[str, Any]) -> Any:
        """Return the schema of a part, None where it is not known."""
        match node.kind:
            case "ident":
                return known.get(node.name)
            case "const":
                return _CONSTANTS.get(node.type)
            case "comprehension":
                return self._comprehension(node, known)
        schemas = [self.schema(child, known) for child in node.children]
        if node.kind == "select":
            found = self._field(node, schemas[0])
            return _BOOL if node.test else found
        return self._call(node, schemas) if node.kind == "call" else None

    def _comprehension(self, node: Node, known: Mapping[str, Any]) -> None:
        items, start, *rest = node.children
        inner = {**known, node.name: _member(self.schema(items, known)), node.accumulator: None}
        self.schema(start, known)
        for child in rest:
            self.schema(child, inner)

    def _call(self, node: Node, schemas: list[Any]) -> Any:
        if node.name in _COMPARING | _JOINING and len(schemas) == 2:
            left, right = scalar(schemas[0]), scalar(schemas[1])
            if (
                left
                and right
                and left != right
                and not (node.name in _COMPARING and {left, right} == {"int", "double"})
            ):
                words = f"found no matching overload for '{node.name}' applied to '({left}, {right})'"
                self.faults.append((self._offsets.get(node.id, 0), words))
        if node.name in _TRUTHS:
            return _BOOL
        if node.name in _JOINING:
            return schemas[0]
        return _element(schemas[0]) if node.name == "_[_]" else None

    def _field(self, node: Node, schema: Any) -> Any:
        if (
            not isinstance(schema, Mapping)
            or schema.get("x-kubernetes-int-or-string")
            or schema.get("type") != "object"
        ):
            return None
        properties, additional = schema.get("properties"), schema.get("additionalProperties")
        if properties is None:
            return additional if isinstance(additional, Mapping) else None
        named = {escaped(name): child for name, child in properties.items()}
        if node.name not in named:
            self.faults.append((self._offsets.get(node.id, 0), f"undefined field '{node.name}'"))
        return named.get(node.name)


def _member(schema: Any) -> Any:
    """Return the schema of what a walk over a value gives: items of a list, keys of a map."""
    if not isinstance(schema, Mapping):
        return None
    return schema.get("items") if schema.get("type") == "array" else _TEXT


def _element(schema: Any) -> Any:
    if not isinstance(schema, Mapping):
        return None
    found = schema.get("items") if schema.get("type") == "array" else schema.get("additionalProperties")
    return found if isinstance(found, Mapping) else None
