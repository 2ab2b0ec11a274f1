"""One cluster with a node that runs processes, for all client tests of a worker; each test has a namespace of its own."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from seaway import testing

FOLDER = Path(__file__).parent


def until(question: Callable[[], Any], seconds: float = 60.0) -> Any:
    """Return the first true answer of a question that is asked again and again."""
    end = time.monotonic() + seconds
    while not (answer := question()):
        assert time.monotonic() < end, f"{question.__name__} did not come about within {seconds:g} s"
        time.sleep(0.05)
    return answer


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the clients leave sockets open, as some do; that our own side leaves none is tested elsewhere."""
    for item in items:
        if item.path.parent == FOLDER:
            item.add_marker(pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"))
            item.add_marker(
                pytest.mark.filterwarnings(
                    "ignore:Exception ignored in:pytest.PytestUnraisableExceptionWarning"
                )
            )


@pytest.fixture(autouse=True)
def swept() -> Iterator[None]:
    """Find what a client left open in its own test, and not in another one."""
    yield
    gc.collect()


@pytest.fixture(scope="session")
def shared() -> Iterator[testing.Cluster]:
    with testing.cluster(nodes=1) as running:
        yield running


@pytest.fixture
def namespace(shared: testing.Cluster) -> Iterator[str]:
    """A new namespace; what runs in it ends with it."""
    name = shared.new_namespace("client-")
    yield name
    shared.delete("namespace", name)
