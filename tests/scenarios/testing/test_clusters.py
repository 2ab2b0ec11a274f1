"""Clusters for tests: what each kind of them does, that they know nothing of each other, and that nothing stays."""

from __future__ import annotations

import asyncio
import gc
import json
import ssl
import tempfile
import threading
import urllib.request
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import psutil
import pytest

from seaway import testing
from seaway.objects.errors import Forbidden, NotFound

CONFIG = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"key": "value"}}
POD = """
apiVersion: v1
kind: Pod
metadata: {name: hello}
spec:
  restartPolicy: Never
  containers: [{name: main, image: python, command: [python, -c, "print('hello')"]}]
"""
DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: main, image: python}]}
"""
WIDGETS = """
apiVersion: example.com/v1
kind: Widget
metadata: {name: first}
spec: {size: 3}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {kind: Widget, plural: widgets, shortNames: [wd]}
  versions:
    - name: v1
      served: true
      storage: true
      schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
"""


def test_an_api_server_alone(kube: testing.Cluster) -> None:
    """Pods are taken, and nobody does anything with them."""
    kube.apply([CONFIG])
    kube.apply(POD)
    kube.apply(DEPLOYMENT)
    assert kube.get("cm", "a")["data"] == {"key": "value"}
    assert "serviceAccountName" not in kube.get("Pod", "hello")["spec"]
    assert [pod["metadata"]["name"] for pod in kube.list("pods")] == ["hello"]
    kube.delete("configmaps", "a")
    assert kube.wait_for("configmap", "a", "delete") is None
    with pytest.raises(NotFound):
        kube.get("cm", "a")


def test_each_test_has_its_own(kube: testing.Cluster) -> None:
    with testing.cluster() as other:
        assert other.url != kube.url
        other.apply(CONFIG)
        assert kube.list("cm", selector="!nothing") == []


def test_definitions_are_applied_before_their_objects(kube: testing.Cluster) -> None:
    assert [one["kind"] for one in kube.apply(WIDGETS)] == ["CustomResourceDefinition", "Widget"]
    assert kube.get("widgets.example.com", "first") == kube.get("wd", "first")


def test_what_is_returned_is_the_callers_own(kube: testing.Cluster) -> None:
    stored = kube.apply(CONFIG)[0]
    stored["data"]["key"] = kube.get("cm", "a")["data"]["key"] = kube.list("cm")[0]["data"]["key"] = "changed"
    assert kube.get("cm", "a")["data"] == {"key": "value"}


def test_users_do_what_rbac_lets_them(kube: testing.Cluster) -> None:
    """By certificate and by token, over TLS."""

    def ask(certificates: testing.Credentials | None, token: str = "") -> int:
        context = ssl.create_default_context(cafile=str(kube.credentials.certificate_authority))
        if certificates:
            context.load_cert_chain(certificates.certificate, certificates.key)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        request = urllib.request.Request(f"{kube.url}/api/v1/namespaces/default/secrets", headers=headers)
        try:
            with urllib.request.urlopen(request, context=context) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            with error:
                return error.code

    assert ask(kube.credentials) == ask(None, kube.token) == 200
    assert ask(None, "wrong") == 401
    somebody = kube.user("system:serviceaccount:a/b", ["readers"])
    assert ask(somebody) == 403
    kube.apply(
        {
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "r"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "admin"},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "readers"}],
        }
    )  # fmt: skip
    assert ask(somebody) == 200
    for file in (somebody.key, somebody.kubeconfig, kube.kubeconfig, kube.credentials.key):
        assert file.stat().st_mode & 0o077 == 0


@pytest.mark.kube(simulated_nodes=2)
def test_controllers_and_simulated_nodes(kube: testing.Cluster) -> None:
    namespace = kube.new_namespace()
    kube.apply(DEPLOYMENT, namespace)
    kube.wait_for("deploy", "web", "condition=Available", namespace)
    ready = kube.wait_for("deploy", "web", lambda web: web["status"]["readyReplicas"] == 3, namespace)
    assert ready["metadata"]["namespace"] == namespace
    nodes = {pod["spec"]["nodeName"] for pod in kube.list("pods", namespace)}
    assert nodes <= {"simulated-0", "simulated-1"}


@pytest.mark.kube(nodes=1)
def test_a_node_that_runs_processes(kube: testing.Cluster) -> None:
    kube.apply(POD)
    kube.wait_for("pod", "hello", lambda pod: pod["status"]["phase"] == "Succeeded")
    assert kube.logs("hello") == "hello\n"


@pytest.mark.kube(controllers=True)
def test_a_wait_that_is_in_vain_shows_what_was_found(kube: testing.Cluster) -> None:
    kube.apply(POD)
    with pytest.raises(TimeoutError, match="no nodes available") as raised:
        # as soon as the scheduler has said why, which it does once
        kube.wait_for("pod", "hello", "condition=PodScheduled=False")
        kube.wait_for("pod", "hello", lambda pod: pod["status"]["podIP"], seconds=0.1)
    assert isinstance(raised.value.__cause__, KeyError)
    with pytest.raises(
        TimeoutError, match=r"configmaps/a in namespace default: waited .* for create; there is no"
    ):
        kube.wait_for("cm", "a", "create", seconds=0.1)


async def test_for_coroutines() -> None:
    async with testing.cluster() as cluster:
        namespace = await cluster.new_namespace("mine-")
        waiting = asyncio.create_task(cluster.wait_for("cm", "a", "create", namespace))
        await cluster.apply(CONFIG, namespace)
        found = await waiting
        assert found == await cluster.get("cm", "a", namespace)
        assert [one["metadata"]["name"] for one in await cluster.list("cm", namespace)] == ["a"]
        await cluster.delete("cm", "a", namespace)


async def test_start_that_is_given_up_leaves_nothing() -> None:
    before = set(threading.enumerate())
    starting = asyncio.create_task(testing.cluster().__aenter__())
    await asyncio.sleep(0)  # it has begun
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert not [one for one in set(threading.enumerate()) - before if one.name == "seaway.testing"]


def test_nothing_stays(tmp_path: Path) -> None:
    """Looked at in a process of its own: in this one, clusters of other tests begin threads and open files at any time."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as alone:
        alone.submit(nothing_stays, tmp_path).result(timeout=110)


def nothing_stays(folder: Path) -> None:
    """No thread, no file, no port, no process, no folder; also after an error of the test's own."""
    tempfile.tempdir = str(folder)
    me = psutil.Process()
    with testing.cluster():
        pass  # what is made once in a process is made
    gc.collect()
    threads, files = set(threading.enumerate()), me.num_fds()
    with pytest.raises(ZeroDivisionError), testing.cluster(nodes=1, simulated_nodes=1) as cluster:
        cluster.apply(POD)
        cluster.wait_for("pod", "hello", lambda pod: pod["status"]["phase"] == "Succeeded")
        running = [one for one in psutil.process_iter(["cmdline"]) if str(folder) in str(one.info["cmdline"])]
        assert running, "the node's own"
        raise ZeroDivisionError
    gc.collect()
    assert set(threading.enumerate()) <= threads
    assert me.num_fds() <= files
    assert list(folder.iterdir()) == []
    psutil.wait_procs(running, timeout=60)
    assert not [one for one in running if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.parametrize("asked", [{"nodes": -1}, {"simulated_nodes": -2}])
def test_what_cannot_be_asked_for(asked: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(asked))} should be a number of nodes from 0"):
        testing.cluster(**asked)


def test_refusals_are_kubernetes_own(kube: testing.Cluster) -> None:
    with pytest.raises(Forbidden, match="this namespace may not be deleted"):
        kube.delete("namespace", "default")
    with pytest.raises(ValueError, match="serves no resource named 'gadget'"):
        kube.list("gadget")


def test_a_whole_server() -> None:
    with testing.server() as server:
        assert server.url in server.seaway("status")
        assert server.kubeconfig.stat().st_mode & 0o077 == 0
        daemon = psutil.Process(json.loads((server.home / "daemon.json").read_text())["pid"])
    assert not daemon.is_running() or daemon.status() == psutil.STATUS_ZOMBIE
    assert not server.home.exists()
