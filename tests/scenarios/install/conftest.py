"""A cluster with a node that has the server's image, a database and an object storage: what a team has."""

from __future__ import annotations

import json
import os
import secrets
import socket
import stat
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.waiting import wait_until
from tools import server_image
from tools.real_kubernetes.control_plane import ControlPlane
from tools.real_kubernetes.node import RunningNode, call, run_node

SECONDS = 120
USER = os.getuid() or 65532
"""Whom the server runs as; only a node that is root can start it as somebody else."""


@dataclass
class Seaway:
    """Runs `seaway` as somebody with a kubeconfig, in a home of their own."""

    folder: Path
    kubeconfig: Path
    situation: Callable[[], str] = str
    """Says what is in the cluster, for the text of a failure."""
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def run(self, *arguments: str, stdin: str = "", **extra: str) -> subprocess.CompletedProcess[str]:
        """Run it to its end, well or not."""
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("SEAWAY_")},
            "SEAWAY_HOME": str(self.folder / "home"), "KUBECONFIG": str(self.kubeconfig), "NO_COLOR": "1", **extra,
        }  # fmt: skip
        try:
            done = subprocess.run(
                [sys.executable, "-m", "seaway", *arguments], cwd=self.folder, env=environment, input=stdin,
                capture_output=True, text=True, timeout=SECONDS, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired as late:
            pytest.fail(
                f"{arguments} hangs; it said {late.stdout!r}, {late.stderr!r}; there is\n{self.situation()}"
            )
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def __call__(self, *arguments: str, stdin: str = "", code: int = 0) -> subprocess.CompletedProcess[str]:
        """Run it, and expect this exit code."""
        done = self.run(*arguments, stdin=stdin)
        assert done.returncode == code, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done


@dataclass(frozen=True)
class Namespace:
    """A namespace of the real control plane that enforces Pod Security's level restricted."""

    plane: ControlPlane
    name: str

    def get(self, path: str) -> Any:
        """Return an object or a list: "apis/apps/v1 deployments/seaway"."""
        group, _, rest = path.partition(" ")
        return call(self.plane, "GET", f"/{group}/namespaces/{self.name}/{rest}")

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """Create an object."""
        group, _, rest = path.partition(" ")
        return call(self.plane, "POST", f"/{group}/namespaces/{self.name}/{rest}", body)

    def delete(self, path: str) -> None:
        """Delete an object."""
        group, _, rest = path.partition(" ")
        call(self.plane, "DELETE", f"/{group}/namespaces/{self.name}/{rest}")

    def names(self, path: str) -> list[str]:
        """Return the names of all objects of a kind."""
        return [one["metadata"]["name"] for one in self.get(path)["items"]]

    def situation(self) -> str:
        """Return what there is to say of the pods, their leader and what happened to them."""
        pods = [
            (pod["metadata"]["name"], pod["metadata"].get("labels"), pod["status"])
            for pod in self.get("api/v1 pods")["items"]
        ]
        leases = [one["spec"] for one in self.get("apis/coordination.k8s.io/v1 leases")["items"]]
        events = [(one.get("count"), one["message"]) for one in self.get("api/v1 events")["items"]]
        return "\n".join(json.dumps(told) for told in (*pods, *leases, *events))

    def secret(self, name: str, **texts: str) -> None:
        """Create a Secret."""
        self.post("api/v1 secrets", {"metadata": {"name": name}, "stringData": texts})


@pytest.fixture
def namespace(real_control_plane: ControlPlane) -> Iterator[Namespace]:
    name = f"team-{secrets.token_hex(4)}"
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    call(real_control_plane, "POST", "/api/v1/namespaces", {"metadata": {"name": name, "labels": labels}})
    yield Namespace(real_control_plane, name)
    call(real_control_plane, "DELETE", f"/api/v1/namespaces/{name}")


@pytest.fixture
def workspaces(real_control_plane: ControlPlane) -> Iterator[tuple[Namespace, Namespace]]:
    """Two more namespaces, with no rules of their own."""
    made = [Namespace(real_control_plane, f"workspace-{secrets.token_hex(4)}") for _ in range(2)]
    for one in made:
        call(real_control_plane, "POST", "/api/v1/namespaces", {"metadata": {"name": one.name}})
    yield made[0], made[1]
    for one in made:
        call(real_control_plane, "DELETE", f"/api/v1/namespaces/{one.name}")


@pytest.fixture
def admin_kubeconfig(namespace: Namespace, tmp_path: Path) -> Path:
    """The kubeconfig of somebody who has the ClusterRole admin in the namespace, and nothing else."""
    user = f"admin-of-{namespace.name}"
    api = "rbac.authorization.k8s.io"
    binding = {
        "metadata": {"name": "admins"},
        "roleRef": {"apiGroup": api, "kind": "ClusterRole", "name": "admin"},
        "subjects": [{"apiGroup": api, "kind": "User", "name": user}],
    }
    namespace.post(f"apis/{api}/v1 rolebindings", binding)
    asked = {
        "user": user,
        "resourceAttributes": {
            "namespace": namespace.name,
            "verb": "create",
            "group": "apps",
            "resource": "deployments",
        },
    }
    review = "/apis/authorization.k8s.io/v1/subjectaccessreviews"

    def allowed() -> bool:
        return bool(call(namespace.plane, "POST", review, {"spec": asked})["status"]["allowed"])

    wait_until(allowed, "the authoriser knows the binding", seconds=SECONDS)
    content = json.loads(namespace.plane.user_kubeconfig(user).read_text())
    content["contexts"][0]["context"]["namespace"] = namespace.name
    path = tmp_path / "kubeconfig"
    path.write_text(json.dumps(content))
    path.chmod(0o600)
    return path


@pytest.fixture
def seaway(tmp_path: Path, namespace: Namespace, admin_kubeconfig: Path) -> Seaway:
    """The command line of that administrator."""
    folder = tmp_path / "laptop"
    folder.mkdir()
    (folder / "requirements.txt").touch()
    return Seaway(folder, admin_kubeconfig, namespace.situation)


@dataclass(frozen=True)
class Image:
    """The server's image as a node of ours has it."""

    python: Path
    variables: dict[str, str]
    """What its interpreter needs."""


@pytest.fixture(scope="session")
def image() -> Iterator[Image]:
    """An environment that the Dockerfile's steps made, where every user can reach it."""
    python = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
    if not _succeeds(str(python), "-m", "pip", "--version"):
        pytest.skip(f"{python} has no pip, which the Dockerfile's steps use")
    with tempfile.TemporaryDirectory(prefix="seaway-image-", dir="/var/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        variables: dict[str, str] = {}
        if not _open_to_all(python):
            server_image.link_tree(Path(sys.base_prefix), folder / "python")
            python = folder / "python" / python.relative_to(sys.base_prefix)
            if sysconfig.get_config_var(
                "Py_ENABLE_SHARED"
            ):  # it looks for its library where it was built for
                variables["LD_LIBRARY_PATH"] = str(folder / "python" / "lib")
        yield Image(server_image.build(folder / "image", python) / "bin" / "python", variables)


def _succeeds(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _open_to_all(path: Path) -> bool:
    return all(parent.stat().st_mode & stat.S_IXOTH for parent in path.parents)


@pytest.fixture(scope="session")
def image_node(
    real_control_plane: ControlPlane, image: Image, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningNode]:
    """A node of ours that has the server's image, and can give it a read-only root; cordoned: it has not the images of other tests."""
    user = () if os.geteuid() == 0 else ("--user", "--map-root-user")
    if not _succeeds("unshare", *user, "--mount", "--pid", "--fork", "true"):
        pytest.skip("the kernel gives no namespaces here: a node cannot serve a read-only root folder")
    folder = tmp_path_factory.mktemp("image-node") / "node"
    flags = ("--label", "seaway.dev/test=image")
    with run_node(real_control_plane, folder, "image-node", flags, str(image.python)) as running:
        _cordon(real_control_plane, running.name, unschedulable=True)
        yield running


@pytest.fixture
def image_node_alone(image_node: RunningNode) -> Iterator[None]:
    """No other node takes pods meanwhile: those that run for other tests have no environment that every user can reach."""
    others = [name for name in _nodes(image_node.plane) if name != image_node.name]
    for name in others:
        _cordon(image_node.plane, name, unschedulable=True)
    _cordon(image_node.plane, image_node.name, unschedulable=False)
    yield
    _cordon(image_node.plane, image_node.name, unschedulable=True)
    for name in _nodes(image_node.plane) & set(others):
        _cordon(image_node.plane, name, unschedulable=False)


def _nodes(plane: ControlPlane) -> set[str]:
    return {node["metadata"]["name"] for node in call(plane, "GET", "/api/v1/nodes")["items"]}


def _cordon(plane: ControlPlane, name: str, *, unschedulable: bool) -> None:
    node = call(plane, "GET", f"/api/v1/nodes/{name}")
    node["spec"]["unschedulable"] = unschedulable
    del node["metadata"]["resourceVersion"]  # its heartbeats change it all the time
    call(plane, "PUT", f"/api/v1/nodes/{name}", node)


@pytest.fixture
def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
