"""Both servers as a stage for scenes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tools.compare.pair import Pair
from tools.compare.scenes import Stage


@pytest.fixture(scope="session")
def stage(both: Pair) -> Iterator[Stage]:
    """Both API servers, called with raw messages; scenes get a namespace each."""
    stage = Stage.of(both.ours.endpoint, both.theirs.endpoint, both.listed)
    yield stage
    stage.close()
