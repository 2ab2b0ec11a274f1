"""How much memory a task gets that may have more after it ran out of it. Pure."""

from __future__ import annotations

from seaway.model.run import TaskSpec
from seaway.objects.quantity import Format, format_quantity, whole

_LARGEST = 4
"""Times the memory that was asked for, where no cap is named."""


def can_grow(spec: TaskSpec, times: int) -> bool:
    """Return whether a task whose memory has grown so many times may have more."""
    return spec.on_oom == "grow" and _bytes(spec, times + 1) > _bytes(spec, times)


def grown(spec: TaskSpec, times: int) -> TaskSpec:
    """Return a task with its memory doubled so many times, up to its cap."""
    if not times or spec.on_oom != "grow":
        return spec
    style: Format = "binary" if str(spec.resources.memory).endswith("i") else "decimal"
    memory = format_quantity(_bytes(spec, times), style)
    return spec.model_copy(update={"resources": spec.resources.model_copy(update={"memory": memory})})


def memory_grown(spec: TaskSpec, times: int) -> str:
    """Return how much memory a task has that has grown so many times, "" where it has what was asked for."""
    return str(grown(spec, times).resources.memory) if times and spec.on_oom == "grow" else ""


def _bytes(spec: TaskSpec, times: int) -> int:
    asked = whole(spec.resources.memory or "0")
    cap = whole(spec.memory_cap) if spec.memory_cap else asked * _LARGEST
    return max(asked, min(cap, asked << times))
