"""What is wrong with a configuration that is applied, in the words of Kubernetes' structured merge. Pure.

Source: the answers of Kubernetes' API server to server-side apply.
"""

from __future__ import annotations

import json
from typing import Any

from seaway.objects.gotext import go_text
from seaway.objects.schema import Schema

_EXPECTED: dict[str, tuple[str, Any]] = {
    "string": ("string", str), "boolean": ("boolean", bool), "integer": ("numeric (int or float)", int),
    "number": ("numeric (int or float)", (int, float)),
}  # fmt: skip


def configuration_faults(value: Any, schema: Schema, path: str = "") -> list[str]:
    """Return every fault of types, of unknown fields and of list keys, for example ".spec.x: field not declared in schema"."""
    if value is None or schema.opaque:
        return []
    if schema.properties or schema.type == "object":
        if not isinstance(value, dict):
            return [f"{path}: expected map, got &{{{go_text(value)}}}"]
        return _map_faults(value, schema, path)
    if schema.type == "array":
        if not isinstance(value, list):
            return [f"{path}: expected list, got &{{{go_text(value)}}}"]
        return _list_faults(value, schema, path)
    name, kinds = _EXPECTED.get(schema.type, ("", ()))
    if schema.int_or_string or not name:
        return []
    if not isinstance(value, kinds) or (isinstance(value, bool) and kinds is not bool):
        return [f"{path}: expected {name}, got &value.valueUnstructured{{Value:{_shown(value)}}}"]
    return []


def _shown(value: Any) -> str:
    return json.dumps(value) if isinstance(value, str) else go_text(value)


def _map_faults(value: dict[str, Any], schema: Schema, path: str) -> list[str]:
    found: list[str] = []
    for name, item in value.items():
        child = schema.field(name)
        below = f"{path}.{name}"
        if child is None:
            found.append(f"{below}: field not declared in schema")
        else:
            found += configuration_faults(item, child, below)
    return found


def _list_faults(value: list[Any], schema: Schema, path: str) -> list[str]:
    found: list[str] = []
    seen: set[str] = set()
    for index, item in enumerate(value):
        step = _step(item, schema, index)
        if schema.list_type == "map" and not step:
            keys = "[" + " ".join(f'"{key}"' for key in schema.list_map_keys) + "]"
            why = f"associative list with keys has an element that omits all key fields {keys}"
            found.append(
                f"{path}: element {index}: {why} (and doesn't have default values for any key fields)"
            )
            continue
        if step in seen:
            found.append(f"{path}: duplicate entries for key [{step}]")
        seen.add(step)
        found += configuration_faults(item, schema.items, f"{path}[{step}]")
    return found


def _step(item: Any, schema: Schema, index: int) -> str:
    """Return what an item is known by, "" for an item of a keyed list without any key."""
    if schema.list_type == "set":
        return f"={json.dumps(item)}"
    if schema.list_type != "map":
        return str(index)
    parts = []
    for key in sorted(schema.list_map_keys):
        declared = schema.items.properties.get(key)
        value = item.get(key) if isinstance(item, dict) else None
        value = declared.default if value is None and declared is not None else value
        if value is not None:
            parts.append(f"{key}={json.dumps(value)}")
    return ",".join(parts)
