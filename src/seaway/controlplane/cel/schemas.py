"""Values of a structural schema as an expression sees them: types, names of properties, numbers.

Source: "Type checking" and "Accessible property names" of Kubernetes' CustomResourceDefinition documentation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seaway.controlplane.cel.checking import escaped

Structure = Mapping[str, Any]
_SCALARS = {"integer": "int", "number": "double", "boolean": "bool", "string": "string"}
_TIMES = frozenset({"date-time", "date", "duration", "byte"})
_ROOT = {
    "apiVersion": {"type": "string"}, "kind": {"type": "string"},
    "metadata": {"type": "object", "properties": {"name": {"type": "string"}, "generateName": {"type": "string"}}},
}  # fmt: skip


def rooted(structure: Structure) -> Structure:
    """Return the schema of a whole object, or of one within another: what every object has is part of it."""
    properties = dict(structure.get("properties") or {})
    return {**structure, "type": "object", "properties": {**properties, **_ROOT}}


def cel_type(structure: Structure) -> str:
    """Return the type of a value in CEL's words."""
    if structure.get("x-kubernetes-int-or-string"):
        return "dyn"
    kind = structure.get("type")
    if kind == "array":
        return f"list<{cel_type(structure.get('items') or {})}>"
    if kind == "object":
        additional = structure.get("additionalProperties")
        inner = (
            cel_type(additional)
            if isinstance(additional, Mapping) and not structure.get("properties")
            else "dyn"
        )
        return f"map<string,{inner}>"
    if kind == "string" and structure.get("format") in _TIMES:
        return "dyn"
    return _SCALARS.get(str(kind), "dyn")


def converts(structure: Structure) -> bool:
    """Tell whether values of a schema differ from how expressions see them."""
    if structure.get("type") == "number":
        return True
    children = [
        *(structure.get("properties") or {}).values(),
        structure.get("items"),
        structure.get("additionalProperties"),
    ]
    if any(escaped(name) != name for name in structure.get("properties") or ()):
        return True
    return any(converts(child) for child in children if isinstance(child, Mapping))


def seen(value: Any, structure: Structure) -> Any:
    """Return a value as an expression sees it."""
    if isinstance(value, dict):
        properties, additional = structure.get("properties") or {}, structure.get("additionalProperties")
        other = additional if isinstance(additional, Mapping) else {}
        named = {name: (escaped(name) if name in properties else name) for name in value}
        return {
            named[name]: seen(item, properties.get(name, other))
            for name, item in value.items()
            if named[name] is not None
        }
    if isinstance(value, list):
        return [seen(item, structure.get("items") or {}) for item in value]
    if structure.get("type") == "number" and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return value
