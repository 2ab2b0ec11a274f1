"""YAML as Kubernetes reads and writes it: JSON values, and nothing that JSON lacks."""

from __future__ import annotations

import re
from typing import Any

import yaml

from seaway.objects.errors import BadRequest

_MAX_NODES = 400_000
_MAX_DEPTH = 200


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML whose dates stay text, as JSON has none."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in _Loader.yaml_implicit_resolvers.items()
}
# YAML 1.1's one-letter booleans, which PyYAML leaves out and Kubernetes reads
_Loader.bool_values = {**yaml.SafeLoader.bool_values, "y": True, "n": False}
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^[yYnN]$"), list("yYnN"))


def decode_yaml(body: bytes) -> Any:
    """Parse YAML to a JSON value. Raises BadRequest."""
    try:
        value = yaml.load(body, Loader=_Loader)  # noqa: S506  # derived from the safe loader
        return _json_value(value, [_MAX_NODES], 0)
    except yaml.MarkedYAMLError as error:
        raise BadRequest(f"yaml: {_where(error)}{error.problem}") from error
    except (yaml.YAMLError, ValueError, UnicodeError, RecursionError) as error:
        words = " ".join(str(error).split()) or "nested too deeply"
        raise BadRequest(f"error converting YAML to JSON: {words}") from error


def _where(error: yaml.MarkedYAMLError) -> str:
    """Return the line of a fault as Go's YAML library counts it."""
    lines = [mark.line for mark in (error.context_mark, error.problem_mark) if mark is not None and mark.line]
    if not lines:
        return ""
    return f"line {lines[0] + isinstance(error, yaml.scanner.ScannerError)}: "


def encode_yaml(value: Any) -> bytes:
    """Write a JSON value as YAML."""
    text: str = yaml.dump(
        value, Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper), default_flow_style=False
    )
    return text.encode()


def _json_value(value: Any, budget: list[int], depth: int) -> Any:
    """Copy a YAML value as JSON; the budget stops aliases that multiply."""
    budget[0] -= 1
    if budget[0] < 0 or depth > _MAX_DEPTH:
        raise ValueError("document too large: too many or too deeply nested nodes")
    if isinstance(value, dict):
        return {_key(key): _json_value(item, budget, depth + 1) for key, item in value.items()}
    if isinstance(value, list):
        return [_json_value(item, budget, depth + 1) for item in value]
    if isinstance(value, int) and not isinstance(value, bool) and not -(2**63) <= value < 2**64:
        return float(value)
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        raise ValueError("numbers must be finite")
    if value is None or isinstance(value, str | int | float):
        return value
    raise ValueError(f"{type(value).__name__} has no JSON form")


def _key(key: Any) -> str:
    if isinstance(key, str):
        return key
    if isinstance(key, bool):
        return "true" if key else "false"
    if isinstance(key, int | float):
        return str(key)
    raise ValueError(f"a mapping's key must be text, not {type(key).__name__}")
