"""Our API server and nodes with Kubernetes' own scheduler and controller manager instead of ours."""

from __future__ import annotations

import asyncio
import os
import re
import select
import subprocess
import sys
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from seaway.client.client import Client
from seaway.client.config import load_kubeconfig
from seaway.client.http import HttpTransport
from seaway.controlplane.apiserver.pki import ensure_pki
from seaway.objects.builtin import CONFIG_MAPS, NAMESPACES, PODS
from seaway.objects.resource import Resource
from tests.controlplanes import new_namespace
from tests.kubectl import BINARIES, NO_KUBECTL
from tests.waiting import until, until_gone, until_object
from tools.real_kubernetes.build import NOT_BUILT, TOOL
from tools.real_kubernetes.control_plane import (
    ControlPlane,
    Settings,
    run_control_plane,
    run_controller_manager,
    run_scheduler,
    write_kubeconfig,
)

PROGRAM = Path(__file__).with_name("serve_cluster.py")
SECONDS = 90.0
NOT_SERVED = "--controllers=*,-legacy-serviceaccount-token-cleaner-controller"
"""All controllers but one: our API server does not note when a token that is kept in a Secret was last used."""
THEIRS = (
    "The manifest file is empty",  # said by every start of every program of Kubernetes
    "is not as new as written version",  # its informer is behind its own write: it tries again
    "the object has been modified; please apply your changes",  # two controllers wrote at once: it tries again
    "because it is being terminated",  # a controller works on in a namespace that is going
    "unexpected items still remain in namespace",  # it waits for pods' grace
    'serviceaccount "default" not found',  # its own controller has not made it yet
    "unable to get metrics",  # nobody measures simulated nodes
    "failed to compute desired number of replicas",  # what a test asks for without giving it
    "failed to query scale subresource",  # the same
    "invalid metrics (",  # the same, beside a metric that there is
    "StorageError: invalid object",  # deleted while it was worked on
)
"""What Kubernetes' parts log as errors on their own API server too; each is tried again or means nothing."""
_SHAPED = re.compile(r"^E\d{4} ")
_DELETED = re.compile(
    r"\bt-[0-9a-f]{8}\b.* not found|not found.*\bt-[0-9a-f]{8}\b"
    r"|failed to update status for .* not found"
)
"""An object of a test's namespace that the test deleted while a part worked on it; of a kind that is not served, no name is told."""


@contextmanager
def _embedded(folder: Path) -> Iterator[Path]:
    with (folder / "log").open("w+") as log:
        process = subprocess.Popen(
            [sys.executable, str(PROGRAM), str(folder / "home")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
        )  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            said, _, _ = select.select([process.stdout], [], [], SECONDS)
            printed = process.stdout.readline().strip() if said else ""
            assert printed, (folder / "log").read_text()
            yield Path(printed)
        finally:
            process.stdin.close()
            try:
                code = process.wait(SECONDS)
            finally:
                process.kill()
                process.wait()
                process.stdout.close()
    log_text = (folder / "log").read_text()
    assert code == 0, log_text
    assert "Traceback" not in log_text, log_text


@pytest.fixture(scope="session")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An administrator's kubeconfig of the cluster; at the end, neither part may have logged an error that is ours."""
    if not TOOL.is_built():
        pytest.skip(NOT_BUILT)
    folder = tmp_path_factory.mktemp("parts")
    with _embedded(folder) as kubeconfig:
        connection = load_kubeconfig(kubeconfig)
        pki = ensure_pki(folder / "home" / "cluster" / "pki", (), time.time())
        files = {}
        for user in ("kube-scheduler", "kube-controller-manager"):
            files[user] = folder / f"kubeconfig-{user}"
            pair = pki.client_pair(user, f"system:{user}", (), time.time())
            write_kubeconfig(files[user], connection.server, pki.ca.certificate, pair)
        with (
            run_scheduler(files["kube-scheduler"], folder),
            run_controller_manager(
                files["kube-controller-manager"], folder, pki,
                (NOT_SERVED, "--concurrent-resource-quota-syncs=1", "--resource-quota-sync-period=2s", "--horizontal-pod-autoscaler-sync-period=1s"),
            ),
        ):  # fmt: skip
            yield kubeconfig
    errors = [
        f"{name}: {line}"
        for name in files
        for line in (folder / f"{name}.log").read_text().splitlines()
        if _SHAPED.match(line) and not _DELETED.search(line) and not any(known in line for known in THEIRS)
    ]
    assert not errors, "\n".join(errors)


class Place:
    """A namespace of the cluster, for one test."""

    def __init__(self, kubeconfig: Path, namespace: str) -> None:
        self.kubeconfig, self.namespace = kubeconfig, namespace
        self.connection = load_kubeconfig(kubeconfig)
        self.client = Client(HttpTransport(self.connection))

    async def create(self, resource: Resource, name: str, **fields: Any) -> dict[str, Any]:
        obj = {"metadata": {"name": name} | fields.pop("metadata", {})} | fields
        return await self.client.create(resource, obj, self.namespace if resource.namespaced else None)

    async def pod(self, name: str, *, container: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
        """Create a pod that does nothing for long."""
        metadata = spec.pop("metadata", {"labels": {"app": name}})
        return await self.create(PODS, name, metadata=metadata, spec=pod_spec(container, **spec))

    async def until(
        self, resource: Resource, name: str, check: Callable[[dict[str, Any]], Any], seconds: float = SECONDS
    ) -> dict[str, Any]:
        """Return an object as soon as it is there and passes the check."""
        return await until_object(self.client, resource, name, self._of(resource), check, seconds=seconds)

    async def gone(self, resource: Resource, name: str) -> None:
        """Return when an object is not there any more."""
        await until_gone(self.client, resource, name, self._of(resource), seconds=SECONDS)

    async def listed(
        self,
        resource: Resource,
        count: int | None = None,
        selector: str = "",
        check: Callable[[Any], Any] = bool,
    ) -> list[dict[str, Any]]:
        """Return a list as soon as it has so many items that pass the check; without a count, at once."""

        async def ask() -> list[dict[str, Any]]:
            listing = await self.client.list(resource, self.namespace, label_selector=selector or None)
            return listing["items"]

        def enough(found: list[dict[str, Any]]) -> bool:
            return count is None or (len(found) == count and all(check(item) for item in found))

        return await until(ask, f"{count} {resource.plural}", check=enough, seconds=SECONDS)

    async def placed(self, name: str) -> str:
        """Return the node that a pod was bound to."""
        pod = await self.until(PODS, name, lambda pod: pod["spec"].get("nodeName"))
        return str(pod["spec"]["nodeName"])

    async def kubectl(self, *arguments: str) -> str:
        """Run kubectl to its end, which must be a good one."""
        process = await asyncio.create_subprocess_exec(
            *(str(BINARIES[-1]), f"--kubeconfig={self.kubeconfig}", f"--namespace={self.namespace}"), *arguments,
            env=os.environ | {"NO_PROXY": "*"}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        try:
            async with asyncio.timeout(SECONDS):
                out, err = await process.communicate()
        except TimeoutError:
            process.kill()
            await process.wait()
            raise
        assert process.returncode == 0, err.decode()
        return out.decode()

    def _of(self, resource: Resource) -> str | None:
        return self.namespace if resource.namespaced else None


@pytest.fixture
def with_kubectl() -> None:
    """Skip where there is no kubectl."""
    if not BINARIES:
        pytest.skip(NO_KUBECTL)


def pod_spec(container: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    """Return the spec of a pod that does nothing for long, on a simulated node unless it says otherwise."""
    main: dict[str, Any] = {"name": "main", "image": "python", "command": ["sleep", "1000"]}
    main["resources"] = {"requests": {"cpu": "10m"}}
    defaults = {"terminationGracePeriodSeconds": 1, "nodeSelector": {"simulated": "true"}}
    return defaults | {"containers": [main | (container or {})]} | spec


@pytest.fixture
def template() -> Callable[..., dict[str, Any]]:
    """Make a pod template."""

    def make(app: str, container: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
        return {"metadata": {"labels": {"app": app}}, "spec": pod_spec(container, **spec)}

    return make


@pytest.fixture
async def place(parts: Path) -> AsyncIterator[Place]:
    """A new namespace, with the account that the controller manager gives it."""
    found = Place(parts, f"t-{uuid.uuid4().hex[:8]}")
    await new_namespace(found.client, found.namespace)
    await found.until(CONFIG_MAPS, "kube-root-ca.crt", lambda published: published["data"]["ca.crt"])
    yield found
    await found.client.delete(NAMESPACES, found.namespace)
    await found.client.close()


@pytest.fixture(scope="session")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """kube-apiserver and etcd alone: nobody else binds pods, or would."""
    if not TOOL.is_built():
        pytest.skip(NOT_BUILT)
    without = Settings(
        scheduler=False, controllers=False, api_flags=("--disable-admission-plugins=ServiceAccount",)
    )
    with run_control_plane(tmp_path_factory.mktemp("bare"), without) as running:
        yield running
