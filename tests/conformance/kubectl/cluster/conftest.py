"""A whole embedded cluster, in a process of its own, and kubectl against it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from seaway.client.client import Client
from seaway.objects.builtin import NAMESPACES, PODS
from seaway.objects.errors import NotFound
from tests.conformance.kubectl.conftest import as_administrator
from tests.controlplanes import new_namespace
from tests.kubectl import BINARIES, NO_KUBECTL

PROGRAM = Path(__file__).with_name("serve_cluster.py")
SECONDS = 90
Kubectl = Any
Object = dict[str, Any]


@pytest.fixture(scope="session")
def cluster_kubeconfig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The administrator's kubeconfig of a running cluster with one node, for all tests of a worker: leave the node as it was."""
    folder = tmp_path_factory.mktemp("cluster")
    with (folder / "log").open("w+") as log:
        process = subprocess.Popen(
            [sys.executable, str(PROGRAM), str(folder / "home")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
        )  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            printed = process.stdout.readline().strip()
            assert printed, (folder / "log").read_text()
            yield Path(printed)
        finally:
            process.stdin.close()
            try:
                code = process.wait(SECONDS)
            finally:
                process.kill()
                process.stdout.close()
    said = (folder / "log").read_text()
    assert code == 0, said
    assert "Traceback" not in said, said


@pytest.fixture
def each_kubectl_at_once(
    cluster_kubeconfig: Path, make_kubectl: Callable[[Path, Path], Kubectl]
) -> Iterator[list[Kubectl]]:
    """All kubectls, each in a new namespace of the cluster: for what the cluster takes long for."""
    if not BINARIES:
        pytest.skip(NO_KUBECTL)
    with ExitStack() as stack:
        in_new_namespace = contextmanager(_in_new_namespace)
        made = [make_kubectl(binary, cluster_kubeconfig) for binary in BINARIES]
        yield [stack.enter_context(in_new_namespace(one)) for one in made]


def _in_new_namespace(made: Kubectl) -> Iterator[Kubectl]:
    async def begin(client: Client) -> None:
        await new_namespace(client, made.namespace)

    async def end(client: Client) -> None:
        with suppress(NotFound):
            await client.delete_collection(PODS, made.namespace, grace_seconds=0)
            await client.delete(NAMESPACES, made.namespace)

    as_administrator(made.kubeconfig, begin)
    yield made
    made.end()
    as_administrator(made.kubeconfig, end)


@pytest.fixture
def kubectl(
    newest_binary: Path, cluster_kubeconfig: Path, make_kubectl: Callable[[Path, Path], Kubectl]
) -> Iterator[Kubectl]:
    """The newest kubectl, in a new namespace of the cluster."""
    yield from _in_new_namespace(make_kubectl(newest_binary, cluster_kubeconfig))


@pytest.fixture
def each_kubectl(
    binary: Path, cluster_kubeconfig: Path, make_kubectl: Callable[[Path, Path], Kubectl]
) -> Iterator[Kubectl]:
    """Each kubectl in turn, in a new namespace of the cluster."""
    yield from _in_new_namespace(make_kubectl(binary, cluster_kubeconfig))


@pytest.fixture
def pod() -> Callable[..., Object]:
    """Make a pod whose one container runs a shell script."""

    def make(name: str, script: str, *, container: Object | None = None, **spec: Any) -> Object:
        main = {"name": "main", "image": "python:3.12", "command": ["sh", "-c", script], **(container or {})}
        defaults = {"restartPolicy": "Never", "terminationGracePeriodSeconds": 1}
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "labels": {"app": name}},
            "spec": {**defaults, "containers": [main], **spec},
        }

    return make


@pytest.fixture
def phase_is(kubectl: Kubectl) -> Callable[..., None]:
    """Wait until a pod is in a phase."""

    def wait(name: str, phase: str) -> None:
        kubectl("wait", f"--for=jsonpath={{.status.phase}}={phase}", f"pod/{name}", "--timeout=60s")

    return wait
