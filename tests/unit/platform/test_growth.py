"""How much memory a task gets after it ran out of it."""

from __future__ import annotations

import pytest

from seaway.model.resources import Resources
from seaway.model.run import TaskSpec
from seaway.platform.workloads.growth import can_grow, grown


@pytest.mark.parametrize(
    ("memory", "cap", "times", "expected", "more"),
    [
        ("1Gi", None, 0, "1Gi", True),
        ("1Gi", None, 1, "2Gi", True),
        ("1Gi", None, 2, "4Gi", False),
        ("1Gi", "3Gi", 1, "2Gi", True),
        ("1Gi", "3Gi", 2, "3Gi", False),
        ("1G", "16G", 3, "8G", True),
        ("1500Mi", None, 1, "3000Mi", True),
    ],
)
def test_it_doubles_up_to_the_cap(memory, cap, times, expected, more) -> None:
    spec = TaskSpec(command=("x",), resources=Resources(memory=memory), on_oom="grow", memory_cap=cap)
    assert (grown(spec, times).resources.memory, can_grow(spec, times)) == (expected, more)


def test_what_was_not_asked_to_grow_stays() -> None:
    spec = TaskSpec(command=("x",), resources=Resources(memory="1Gi"))
    assert (grown(spec, 2), can_grow(spec, 0)) == (spec, False)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"retry_on": ("user",)}, "retries"),
        ({"retries": 1, "retry_on": ("now",)}, "retry_on"),
        ({"on_oom": "grow"}, "resources.memory"),
        ({"memory_cap": "1Gi"}, "on_oom"),
        ({"on_oom": "grow", "resources": {"memory": "2Gi"}, "memory_cap": "1Gi"}, "less than"),
        ({"on_oom": "grow", "resources": {"memory": "2Gi"}, "memory_cap": "much"}, "much"),
        ({"lock": "A b"}, "lock"),
    ],
)
def test_what_cannot_be_meant_is_refused(fields, named) -> None:
    with pytest.raises(ValueError, match=named):
        TaskSpec(command=("x",), **fields)
