"""What the engine says of a run in its log."""

from __future__ import annotations

import pytest

from seaway.model.run import TaskSpec
from seaway.platform.engine import texts


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        pytest.param(None, False, id="not asked for"),
        pytest.param(60.0, True, id="asked for"),
    ],
)
def test_what_is_missing_without_the_runner_names_the_watch_for_hanging(
    limit: float | None, said: bool
) -> None:
    """A limit that may not be kept is not passed over."""
    spec = TaskSpec(name="main", command=("./solve",), image="tools", stop_if_hung_seconds=limit)
    text = texts.plain("tools", spec)
    assert "without checkpoints and outputs" in text
    assert ("that it hangs is seen only where" in text) is said
