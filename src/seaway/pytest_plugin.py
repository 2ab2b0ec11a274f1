"""The pytest plugin: the fixture `kube`, a cluster for each test that asks for it.

pytest reads this in every project that has Seaway installed, so nothing else is imported before the fixture is used.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from seaway.testing import Cluster

_MARKER = "kube(nodes=0, simulated_nodes=0, controllers=None): what the cluster of the fixture `kube` has"


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line("markers", _MARKER)


@pytest.fixture
def kube(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """A cluster of this test alone: an API server, unless `@pytest.mark.kube(nodes=1)` asks for more.

    See `seaway.testing.cluster` for what can be asked for and `seaway.testing.Cluster` for what can be done with it.
    """
    from seaway import testing  # late: see above

    marker = request.node.get_closest_marker("kube")
    asked = marker.kwargs if marker else {}
    unknown = sorted(asked.keys() - {"nodes", "simulated_nodes", "controllers"})
    if unknown or (marker and marker.args):
        wrong = unknown[0] if unknown else repr(marker.args[0])
        pytest.fail(f"the marker kube does not take {wrong}; it is: {_MARKER}", pytrace=False)
    with testing.cluster(**asked) as running:
        yield running
