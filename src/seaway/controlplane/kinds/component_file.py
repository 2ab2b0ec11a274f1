"""Component schemas as they lie in package data: a JSON object of which each component has a line of its own.

An idle cluster looks at a few of several hundred; read whole, they take ten times the room of the file's text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

Component = dict[str, Any]


class ComponentFile(Mapping[str, Component]):
    """The components of a file, by name; each is decoded when it is first looked at. Shared: do not change."""

    def __init__(self, data: bytes) -> None:
        lines = (line.removesuffix(b",").partition(b":") for line in data.splitlines()[1:-1])
        self._found: dict[str, Component | bytes] = {orjson.loads(name): value for name, _, value in lines}

    def __getitem__(self, name: str) -> Component:
        found = self._found[name]
        if isinstance(found, bytes):
            decoded: Component = orjson.loads(found)
            self._found[name] = found = decoded
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    def with_word(self, word: str) -> Iterator[tuple[str, Component]]:
        """Return the components in whose text a word stands; what was not decoded before is not kept."""
        for name, value in self._found.items():
            if not isinstance(value, bytes):
                yield name, value
            elif word.encode() in value:
                yield name, orjson.loads(value)

    @property
    def decoded(self) -> int:
        """How many were looked at."""
        return sum(1 for value in self._found.values() if not isinstance(value, bytes))
