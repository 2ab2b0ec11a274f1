"""Fixtures that many folders need: an API server alone, a whole cluster, and Kubernetes' own control plane."""

from __future__ import annotations

import os
import shutil
import signal
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from seaway.base.clock import SystemClock
from seaway.controlplane.apiserver.server import ApiServer
from seaway.controlplane.apiserver.settings import ApiServerSettings
from seaway.controlplane.kinds import BUILTIN_KINDS
from seaway.controlplane.store.memory import MemoryStore
from tools import postgresql
from tools.real_kubernetes.build import NOT_BUILT, TOOL
from tools.real_kubernetes.control_plane import ControlPlane, run_control_plane
from tools.real_kubernetes.node import RunningNode, run_node
from tools.s3_server.build import NOT_BUILT as S3_NOT_BUILT
from tools.s3_server.build import TOOL as S3_TOOL
from tools.s3_server.server import S3Server, run_s3_server

# how long an example takes says how busy the machine is, not whether the code is right
settings.register_profile("seaway", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("seaway")


def pytest_configure() -> None:
    """Take what the suite was started with out of its tests' way; programs inherit both.

    A shell's background ignores SIGINT; explanations would be in the language of the developer's locale.
    """
    os.environ["SEAWAY_LANGUAGE"] = "en"
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
async def api_server():
    """An API server alone: in memory, no network, no controllers, no nodes; ready in milliseconds."""
    server = ApiServer(MemoryStore(), BUILTIN_KINDS, ApiServerSettings(), SystemClock())
    await server.start()
    yield server
    await server.stop()
    await server.store.close()


@pytest.fixture
async def cluster(tmp_path):
    """A whole embedded cluster with one node, in a home of its own."""
    from seaway.controlplane.cluster import ClusterSettings, run_cluster

    async with run_cluster(ClusterSettings(home=tmp_path / "home", node_stop_seconds=2.0)) as running:
        yield running


@pytest.fixture(scope="session")
def real_control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """Kubernetes' own API server, scheduler and controllers, one for all tests of a worker: use a namespace of your own."""
    if not TOOL.is_built():
        pytest.skip(NOT_BUILT)
    with run_control_plane(tmp_path_factory.mktemp("real-kubernetes")) as running:
        yield running


@pytest.fixture(scope="session")
def plain_tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that is all of an image's PATH: a few programs, and no Python."""
    folder = tmp_path_factory.mktemp("tools")
    for name in ("sh", "cat", "sleep"):
        (folder / name).symlink_to(shutil.which(name) or pytest.fail(f"this machine has no {name}"))
    return folder


@pytest.fixture(scope="session")
def real_node(
    real_control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory, plain_tools: Path
) -> Iterator[RunningNode]:
    """One of Seaway's own nodes under the real control plane, for all tests of a worker; kill others, not this one.

    Beside Python it has the image "tools", which has none.
    """
    folder = tmp_path_factory.mktemp("real-node") / "node-1"
    with run_node(real_control_plane, folder, "node-1", ("--image", f"tools={plain_tools}")) as running:
        yield running


@pytest.fixture(scope="session")
def real_kubeconfig(request: pytest.FixtureRequest) -> Path:
    """An administrator's kubeconfig of a real cluster: SEAWAY_TEST_KUBECONFIG, else the control plane above."""
    named = os.environ.get("SEAWAY_TEST_KUBECONFIG")
    if named:
        return Path(named).absolute()
    plane: ControlPlane = request.getfixturevalue("real_control_plane")
    return plane.kubeconfig


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """An S3-compatible server, one for all tests of a worker: use a bucket of your own."""
    if not S3_TOOL.is_built():
        pytest.skip(S3_NOT_BUILT)
    with run_s3_server(tmp_path_factory.mktemp("s3")) as running:
        yield running


@pytest.fixture(scope="session")
def postgres() -> Iterator[postgresql.PostgresServer]:
    """A PostgreSQL server, one for all tests of a worker: use a database of your own (`postgres_url`)."""
    if postgresql.programs() is None:
        pytest.skip(postgresql.NOT_INSTALLED)
    with postgresql.run_postgres() as running:
        yield running


@pytest.fixture(scope="session")
def postgres_template(postgres: postgresql.PostgresServer) -> str:
    """The name of a database with this release's schema, to be copied."""
    from seaway.platform.database.location import PostgresLocation, locate
    from seaway.platform.database.postgres_driver import PostgresDriver, PostgresSettings

    location = locate(postgres.create_database("template_of_tests"), Path())
    assert isinstance(location, PostgresLocation)
    PostgresDriver(location, PostgresSettings(), on_taken=print).prepare()
    postgres.make_template("template_of_tests")
    return "template_of_tests"


@pytest.fixture
def postgres_url(postgres: postgresql.PostgresServer, postgres_template: str) -> str:
    """The URL of a fresh database with this release's schema."""
    return postgres.create_database(f"test-{uuid.uuid4().hex[:12]}", postgres_template)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_setting(request: pytest.FixtureRequest) -> str:
    """What a server's settings say of its database, for each of the two: "" is SQLite in its home."""
    return "" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
