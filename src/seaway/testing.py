"""Clusters and servers for tests: as context managers here, as the fixture `kube` in `seaway.pytest_plugin`.

Nothing is shared between two of them: each has an API server, certificates, a port and a folder of its own, which are
gone when its block is left. Without nodes a cluster is an API server alone, in memory: what controllers do elsewhere is
yours to do, and pods need no service account. The platform is not needed: controllers of other projects can be tested.
"""

from __future__ import annotations

import asyncio
import secrets
import tempfile
import time
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from anyio.from_thread import BlockingPortal, start_blocking_portal

from seaway.client.manifests import Manifests
from seaway.client.named import NamedClient
from seaway.client.waiting import Question, wait_for
from seaway.controlplane import cluster as embedded
from seaway.controlplane.apiserver.authentication import digest
from seaway.controlplane.apiserver.settings import ApiServerSettings
from seaway.controlplane.apiserver.users import MASTERS, User
from seaway.controlplane.home import write_kubeconfig
from seaway.objects.builtin import NAMESPACES, SERVICE_ACCOUNTS
from seaway.sdk.temporary import Server, server

__all__ = ["AsyncCluster", "Cluster", "Credentials", "Server", "cluster", "server"]
Object = dict[str, Any]
Answer = TypeVar("Answer")
NAMESPACE = "default"
_NODE_STOP_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Credentials:
    """How somebody calls a cluster; the files are readable by their owner only."""

    url: str
    """https URL of the API server."""
    kubeconfig: Path
    certificate_authority: Path
    """PEM; signed the API server's certificate."""
    certificate: Path
    """PEM; names the user."""
    key: Path


class _Work(NamedClient):
    """What is done in a cluster's own thread."""

    def __init__(self, running: embedded.Cluster, accounts: bool) -> None:
        self._running, self._accounts = running, accounts
        client = running.client("seaway:testing", (MASTERS,))
        client.field_manager = "seaway-testing"
        super().__init__(client)

    async def namespace(self, prefix: str) -> str:
        made = await self.client.create(NAMESPACES, {"metadata": {"generateName": prefix}})
        name: str = made["metadata"]["name"]
        if self._accounts:  # pods of a namespace are refused before
            await wait_for(self.client, SERVICE_ACCOUNTS, "default", "create", name)
        return name

    def user(self, folder: Path, name: str, groups: Sequence[str], namespace: str, now: float) -> Credentials:
        pki = self._running.pki
        pair = pki.client_pair(folder.name, name, groups, now)
        folder.mkdir(mode=0o700)
        kubeconfig = folder / "kubeconfig"
        write_kubeconfig(kubeconfig, self._running.url, pki.ca, pair, namespace)
        return Credentials(self._running.url, kubeconfig, pki.ca.certificate, pair.certificate, pair.key)


class _Handle:
    """What both ways of use share.

    Args:
        portal: into the cluster's own thread.
        work: what is done there.
        home: the cluster's folder.
        credentials: of an administrator.
        token: of the same.
    """

    def __init__(
        self, portal: BlockingPortal, work: _Work, home: Path, credentials: Credentials, token: str
    ) -> None:
        self._portal, self._work, self._home = portal, work, home
        self._numbers = count(1)
        self.credentials = credentials
        """Of an administrator."""
        self.token = token
        """A bearer token of the same administrator."""
        self.url = credentials.url
        """https URL of the API server."""
        self.kubeconfig = credentials.kubeconfig
        """The administrator's, for kubectl, Helm and clients of any language; its namespace is `default`."""

    def user(self, name: str, groups: Sequence[str] = (), namespace: str = NAMESPACE) -> Credentials:
        """Return a client certificate and a kubeconfig of a user, who may do what RBAC lets that user do.

        Args:
            name: as RBAC names it.
            groups: the user's groups.
            namespace: the kubeconfig's own.
        """
        folder = self._home / f"user-{next(self._numbers)}"
        return self._portal.call(self._work.user, folder, name, groups, namespace, time.time())

    def _begin(self, work: Callable[..., Coroutine[Any, Any, Answer]], *arguments: Any) -> Future[Answer]:
        return self._portal.start_task_soon(work, *arguments)


class Cluster(_Handle):
    """A running cluster whose methods block: for plain tests.

    Kinds are named as kubectl reads them ("Deployment", "deploy", "widgets.example.com"). What the API server refuses
    raises `seaway.objects.errors.ApiError`; kinds and manifests that cannot be understood raise ValueError.
    """

    @property
    def aio(self) -> AsyncCluster:
        """The same cluster for coroutines."""
        return AsyncCluster(self._portal, self._work, self._home, self.credentials, self.token)

    def apply(self, source: Manifests, namespace: str = NAMESPACE) -> list[Object]:
        """Apply manifests server-side (YAML text, a `Path` of a file or folder, objects); return what is stored."""
        return self._begin(self._work.apply, source, namespace).result()

    def get(self, kind: str, name: str, namespace: str = NAMESPACE) -> Object:
        """Return one object."""
        return self._begin(self._work.get, kind, name, namespace).result()

    def list(self, kind: str, namespace: str | None = NAMESPACE, selector: str | None = None) -> list[Object]:
        """Return the objects of a namespace (None: of all) that a label selector matches."""
        return self._begin(self._work.list, kind, namespace, selector).result()

    def delete(self, kind: str, name: str, namespace: str = NAMESPACE) -> None:
        """Ask for an object's deletion; `wait_for(…, "delete")` waits until it is gone."""
        self._begin(self._work.delete, kind, name, namespace).result()

    def wait_for(
        self,
        kind: str,
        name: str,
        wanted: str | Question,
        namespace: str = NAMESPACE,
        *,
        seconds: float = 30.0,
    ) -> Object | None:
        """Return an object as soon as it is as wanted; it need not exist yet.

        Args:
            kind: what it is.
            name: its name.
            wanted: "condition=Ready", "create", "delete" (returns None), or a function of the object; what that looks
                up in vain is not there yet.
            namespace: its namespace.
            seconds: how long to wait at most.

        Raises:
            TimeoutError: it did not happen; the message shows the object's status.
        """
        return self._begin(self._work.wait, kind, name, wanted, namespace, seconds).result()

    def logs(self, pod: str, namespace: str = NAMESPACE, container: str | None = None) -> str:
        """Return what a container has printed."""
        return self._begin(self._work.logs, pod, namespace, container).result()

    def new_namespace(self, prefix: str = "test-") -> str:
        """Return the name of a new namespace, for tests that share a cluster."""
        return self._begin(self._work.namespace, prefix).result()


class AsyncCluster(_Handle):
    """A running cluster for coroutines; the methods are those of `Cluster`, awaited."""

    async def apply(self, source: Manifests, namespace: str = NAMESPACE) -> list[Object]:
        """Apply manifests server-side."""
        return await asyncio.wrap_future(self._begin(self._work.apply, source, namespace))

    async def get(self, kind: str, name: str, namespace: str = NAMESPACE) -> Object:
        """Return one object."""
        return await asyncio.wrap_future(self._begin(self._work.get, kind, name, namespace))

    async def list(
        self, kind: str, namespace: str | None = NAMESPACE, selector: str | None = None
    ) -> list[Object]:
        """Return the objects of a namespace (None: of all) that a label selector matches."""
        return await asyncio.wrap_future(self._begin(self._work.list, kind, namespace, selector))

    async def delete(self, kind: str, name: str, namespace: str = NAMESPACE) -> None:
        """Ask for an object's deletion."""
        await asyncio.wrap_future(self._begin(self._work.delete, kind, name, namespace))

    async def wait_for(
        self,
        kind: str,
        name: str,
        wanted: str | Question,
        namespace: str = NAMESPACE,
        *,
        seconds: float = 30.0,
    ) -> Object | None:
        """Return an object as soon as it is as wanted; see `Cluster.wait_for`."""
        return await asyncio.wrap_future(self._begin(self._work.wait, kind, name, wanted, namespace, seconds))

    async def logs(self, pod: str, namespace: str = NAMESPACE, container: str | None = None) -> str:
        """Return what a container has printed."""
        return await asyncio.wrap_future(self._begin(self._work.logs, pod, namespace, container))

    async def new_namespace(self, prefix: str = "test-") -> str:
        """Return the name of a new namespace."""
        return await asyncio.wrap_future(self._begin(self._work.namespace, prefix))


class cluster:  # noqa: N801  # reads as the context manager that it is
    """A cluster for the time of a `with` block (gives a `Cluster`) or an `async with` block (an `AsyncCluster`).

    It runs in a thread of its own and is ready when the block is entered.

    Args:
        nodes: how many nodes run pods, as processes of this machine; the image `python` is the Python of the tests.
        simulated_nodes: how many hollow nodes say that they run pods and run nothing.
        controllers: whether Kubernetes' controllers, scheduler and service proxy run; None: where there are nodes.
    """

    def __init__(self, *, nodes: int = 0, simulated_nodes: int = 0, controllers: bool | None = None) -> None:
        for name, number in (("nodes", nodes), ("simulated_nodes", simulated_nodes)):
            if number < 0:
                raise ValueError(f"{name} should be a number of nodes from 0, not {number}")
        some = bool(nodes or simulated_nodes)
        self._controllers = some if controllers is None else controllers
        self._nodes, self._simulated = nodes, simulated_nodes
        self._stack = ExitStack()

    def __enter__(self) -> Cluster:
        return self._start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()  # a test's own error is none of the cluster's

    async def __aenter__(self) -> AsyncCluster:
        starting = asyncio.ensure_future(asyncio.to_thread(self._start))
        try:
            return (await asyncio.shield(starting)).aio
        except asyncio.CancelledError:
            await asyncio.wait({starting})
            await asyncio.to_thread(self._stack.close)
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self._stack.close)

    def _start(self) -> Cluster:
        with ExitStack() as stack:
            # short, as the paths of sockets have to be
            home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="seaway-test-")))
            token = secrets.token_urlsafe(32)
            portal = stack.enter_context(
                start_blocking_portal(backend_options={"use_uvloop": True}, name="seaway.testing")
            )
            running = stack.enter_context(
                portal.wrap_async_context_manager(embedded.run_cluster(self._settings(home, token)))
            )
            pki = running.pki
            credentials = Credentials(
                running.url, running.kubeconfig, pki.ca.certificate, pki.admin.certificate, pki.admin.key
            )
            work = portal.call(_Work, running, self._controllers)
            self._stack = stack.pop_all()
            return Cluster(portal, work, home, credentials, token)
        raise AssertionError("the block returns or raises")

    def _settings(self, home: Path, token: str) -> embedded.ClusterSettings:
        administrator = User("seaway-admin", (MASTERS, "system:authenticated"))
        plain = embedded.ClusterSettings(home)
        return replace(
            plain,
            nodes=self._nodes,
            simulated_nodes=self._simulated,
            taint_simulated=self._nodes > 0,
            namespace=NAMESPACE,
            in_memory=True,
            run_controllers=self._controllers,
            run_scheduler=self._controllers,
            run_network=self._controllers,
            server=ApiServerSettings(
                static_tokens={digest(token): administrator}, service_accounts=self._controllers
            ),
            node_stop_seconds=_NODE_STOP_SECONDS,
        )
