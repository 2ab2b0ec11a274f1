"""Directed acyclic graphs of tasks: the one check that a graph can run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter


def check_graph(after: Mapping[str, Iterable[str]], names: Iterable[str]) -> None:
    """Raise ValueError, naming the tasks, where names repeat, a dependency is unknown or the graph has a cycle.

    Args:
        after: for each task, the tasks that must succeed before it.
        names: every task's name, as given.
    """
    repeated = sorted(name for name, count in Counter(names).items() if count > 1)
    if repeated:
        raise ValueError(f"two tasks are named {repeated[0]!r}: give each its own name")
    for task, needs in after.items():
        for need in needs:
            if need not in after:
                raise ValueError(f"task {task!r} comes after {need!r}, which is not a task of this run")
    try:
        TopologicalSorter(after).prepare()
    except CycleError as error:
        cycle = " -> ".join(error.args[1])
        raise ValueError(f"tasks wait for each other in a circle: {cycle}") from error
