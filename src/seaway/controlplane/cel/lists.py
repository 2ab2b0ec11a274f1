"""Functions of lists and sets."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from seaway.controlplane.cel.libraries import Function

_MOST_ITEMS = 10_000


def is_sorted(items: list[Any]) -> bool:
    """Tell whether no item is less than the one before it."""
    return all(not after < before for before, after in itertools.pairwise(items))


def total(items: list[Any]) -> Any:
    """Return the sum of numbers or durations."""
    if items and isinstance(items[0], timedelta):
        return sum(items, timedelta())
    return sum(items)


def _extreme(name: str, choose: Callable[[list[Any]], Any]) -> Callable[[list[Any]], Any]:
    def chosen(items: list[Any]) -> Any:
        if not items:
            raise ValueError(f"{name} called on empty list")
        return choose(items)

    return chosen


def _same(left: Any, right: Any) -> bool:
    return bool(left == right) and isinstance(left, bool) == isinstance(right, bool)


def index_of(items: list[Any], wanted: Any) -> int:
    """Return the first place of an item, -1 for none."""
    return next((index for index, item in enumerate(items) if _same(item, wanted)), -1)


def last_index_of(items: list[Any], wanted: Any) -> int:
    """Return the last place of an item, -1 for none."""
    return next((index for index in range(len(items) - 1, -1, -1) if _same(items[index], wanted)), -1)


def distinct(items: list[Any]) -> list[Any]:
    """Return the items without repetitions."""
    found: list[Any] = []
    for item in items:
        if not any(_same(item, other) for other in found):
            found.append(item)
    return found


def flatten(items: list[Any], depth: int = 1) -> list[Any]:
    """Return a list of lists as one list."""
    if depth < 0:
        raise ValueError("level must be non-negative")
    found: list[Any] = []
    for item in items:
        found += flatten(item, depth - 1) if isinstance(item, list) and depth else [item]
    return found


def part(items: list[Any], start: int, end: int) -> list[Any]:
    """Return some of the items."""
    if start < 0 or end < 0:
        raise ValueError(f"cannot slice({start}, {end}), negative indexes not supported")
    if start > end:
        raise ValueError(f"cannot slice({start}, {end}), start index must be less than or equal to end index")
    if end > len(items):
        raise ValueError(f"cannot slice({start}, {end}), list is length {len(items)}")
    return items[start:end]


def numbers(count: int) -> list[int]:
    """Return the numbers from zero."""
    if count > _MOST_ITEMS:
        raise ValueError(f"lists.range: at most {_MOST_ITEMS} items")
    return list(range(count))


def contains(items: list[Any], wanted: list[Any]) -> bool:
    """Tell whether a list has all items of another."""
    return all(any(_same(item, one) for item in items) for one in wanted)


FUNCTIONS = (
    Function("isSorted", ["list<dyn>"], "bool", is_sorted),
    Function("sum", ["list<dyn>"], "dyn", total),
    Function("min", ["list<dyn>"], "dyn", _extreme("min", min)),
    Function("max", ["list<dyn>"], "dyn", _extreme("max", max)),
    Function("indexOf", ["list<dyn>", "dyn"], "int", index_of),
    Function("lastIndexOf", ["list<dyn>", "dyn"], "int", last_index_of),
    Function("distinct", ["list<dyn>"], "list<dyn>", distinct),
    Function("flatten", ["list<dyn>"], "list<dyn>", flatten),
    Function("flatten", ["list<dyn>", "int"], "list<dyn>", flatten),
    Function("reverse", ["list<dyn>"], "list<dyn>", lambda items: items[::-1]),
    Function("slice", ["list<dyn>", "int", "int"], "list<dyn>", part),
    Function("sort", ["list<dyn>"], "list<dyn>", sorted),
    Function("lists.range", ["int"], "list<int>", numbers, member=False),
    Function("sets.contains", ["list<dyn>", "list<dyn>"], "bool", contains, member=False),
    Function("sets.equivalent", ["list<dyn>", "list<dyn>"], "bool",
             lambda left, right: contains(left, right) and contains(right, left), member=False),
    Function("sets.intersects", ["list<dyn>", "list<dyn>"], "bool",
             lambda left, right: any(_same(one, other) for one in left for other in right), member=False),
)  # fmt: skip
