"""Our API server and Kubernetes' own side by side, for the tests that compare them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tools.compare.connection import Connection
from tools.compare.listed import PAGE, read_listed
from tools.compare.pair import Pair
from tools.compare.servers import run_ours, theirs
from tools.real_kubernetes.build import NOT_BUILT, TOOL
from tools.real_kubernetes.control_plane import Settings, run_control_plane


@pytest.fixture(scope="session")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Both API servers, without controllers and scheduler, one pair for all tests of a worker.

    Stories get a namespace each. Compared is the version that we follow, so SEAWAY_TEST_KUBECONFIG does not count here.
    """
    if not TOOL.is_built():
        pytest.skip(NOT_BUILT)
    quiet = Settings(scheduler=False, controllers=False)
    with (
        run_control_plane(tmp_path_factory.mktemp("kubernetes"), quiet) as plane,
        run_ours(tmp_path_factory.mktemp("ours")) as ours,
    ):
        pair = Pair(Connection(ours), Connection(theirs(plane)), read_listed(PAGE.read_text()))
        yield pair
        pair.ours.close()
        pair.theirs.close()
