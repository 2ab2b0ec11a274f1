"""Change one field of an object, mostly for the worse. Pure: a mutation is a value, applying it makes a new object."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Path = tuple[str | int, ...]
REMOVE = "<removed>"
DOUBLE = "<doubled>"

STRINGS = (
    "", " ", "a", "A", "Bad_Name", "-a", "a-", "a.b", "a/b", "a/b/c", "ä", "0", "9a", "%", "None", "*", "$(X)", "..",
    "/", "/a/../b", "a:b", "x" * 64, "x" * 254, "10.0.0.1", "::1", "1Gi", "2020-01-02T03:04:05Z", "true", "UDP", "In",
)  # fmt: skip
NUMBERS = (0, 1, -1, 2, 80, 65535, 65536, 2**31 - 1, 2**31, -(2**31) - 1, 2**63, 0.5, 1.0)
OTHERS: tuple[Any, ...] = (True, False, None, [], {}, [""], [1], {"a": "b"}, [{}], {"": ""}, [None])
QUANTITIES = (
    "0",
    "1",
    "-1",
    "0.5",
    "1.0005",
    "1Gi",
    "1e3",
    "1E3",
    "1k",
    "1K",
    "100m",
    "1.5Gi",
    "1 Gi",
    "999999999999Ei",
    "1n",
)


@dataclass(frozen=True, slots=True)
class Mutation:
    """Set, remove or double what lies at a path."""

    path: Path
    value: Any

    def apply(self, obj: Any) -> Any:
        """Return the changed object; where the path no longer leads anywhere, the object as it was."""
        changed = copy.deepcopy(obj)
        holder = changed
        for step in self.path[:-1]:
            holder = _step(holder, step)
        last = self.path[-1]
        if isinstance(holder, dict) and isinstance(last, str):
            _change_map(holder, last, self.value)
        elif isinstance(holder, list) and isinstance(last, int) and last < len(holder):
            _change_list(holder, last, self.value)
        return changed


def _step(holder: Any, step: str | int) -> Any:
    if isinstance(holder, dict):
        return holder.get(str(step))
    return holder[step] if isinstance(holder, list) and isinstance(step, int) and step < len(holder) else None


def _change_map(holder: dict[str, Any], name: str, value: Any) -> None:
    if value == REMOVE:
        holder.pop(name, None)
    elif value == DOUBLE:
        if isinstance(holder.get(name), list):
            holder[name] = [*holder[name], *copy.deepcopy(holder[name])]
    else:
        holder[name] = copy.deepcopy(value)


def _change_list(holder: list[Any], index: int, value: Any) -> None:
    if value == REMOVE:
        del holder[index]
    elif value == DOUBLE:
        holder.append(copy.deepcopy(holder[index]))
    else:
        holder[index] = copy.deepcopy(value)


def paths(obj: Any, before: Path = ()) -> Iterator[Path]:
    """Yield the path of every field and item of an object."""
    items: Iterator[tuple[str | int, Any]]
    if isinstance(obj, dict):
        items = iter(obj.items())
    elif isinstance(obj, list):
        items = iter(enumerate(obj))
    else:
        return
    for step, value in items:
        yield (*before, step)
        yield from paths(value, (*before, step))
