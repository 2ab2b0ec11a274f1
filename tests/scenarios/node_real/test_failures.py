"""The node's process dies, the API server goes away, the node is gone for good: no pod is lost, none runs twice."""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from seaway.objects.builtin import NODES, PODS
from tests.scenarios.node_real.conftest import DEPLOYMENTS, SECONDS, Place
from tools.real_kubernetes.build import NOT_BUILT, TOOL
from tools.real_kubernetes.control_plane import ControlPlane, Settings, run_control_plane
from tools.real_kubernetes.node import RunningNode, run_node

pytestmark = pytest.mark.real
GRACE = 12
"""Seconds after which Kubernetes gives a silent node up; shorter than its default, which is 50."""


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A control plane that gives a silent node up soon."""
    if not TOOL.is_built():
        pytest.skip(NOT_BUILT)
    flags = [f"--node-monitor-grace-period={GRACE}s", "--node-monitor-period=1s"]
    with run_control_plane(tmp_path_factory.mktemp("hasty"), Settings(controller_flags=flags)) as running:
        yield running


@pytest.fixture
def first(hasty: ControlPlane, tmp_path: Path) -> Iterator[RunningNode]:
    """A node that a test may kill."""
    with run_node(
        hasty, tmp_path / "first", f"first-{uuid.uuid4().hex[:6]}", ("--heartbeat-seconds", "1")
    ) as node:
        yield node


@pytest.fixture
async def here(hasty: ControlPlane, first: RunningNode) -> AsyncIterator[Place]:
    """A namespace of that control plane."""
    found = Place(hasty.kubeconfig, f"t-{uuid.uuid4().hex[:8]}")
    await found.prepare()
    yield found
    await found.remove()


def _once(tmp_path: Path, script: str) -> dict[str, Any]:
    """Return the spec of a pod that notes outside, in a folder of the host, that it was started."""
    out = tmp_path / "out"
    out.mkdir(exist_ok=True)
    mounts = [{"name": "out", "mountPath": "/out"}]
    container = {"command": ["sh", "-c", f"echo start >> /out/starts; {script}"], "volumeMounts": mounts}
    return {"container": container, "volumes": [{"name": "out", "hostPath": {"path": str(out)}}]}


async def test_a_killed_node_takes_its_pods_up_again(here: Place, first: RunningNode, tmp_path: Path) -> None:
    """Kill -9 of the node: its pod goes on, ends while nobody looks, and is reported when the node is back, run once."""
    wait = "until [ -e /out/go ]; do sleep 0.02; done"
    await here.pod("p", **_once(tmp_path, f"echo before; {wait}; echo after; exit 7"))
    await here.running("p")
    before = await here.client.get(NODES, first.name)
    first.kill()
    (tmp_path / "out" / "go").touch()
    record = first.folder / "pods" / (await here.client.get(PODS, "p", here.namespace))["metadata"]["uid"]
    async with asyncio.timeout(SECONDS):
        while not (record / "containers" / "main" / "0" / "exit.json").exists():
            await asyncio.sleep(0.05)
    first.start()
    pod = await here.ended("p")
    (status,) = pod["status"]["containerStatuses"]
    assert (status["restartCount"], status["state"]["terminated"]["exitCode"]) == (0, 7)
    assert await here.log("p") == "before\nafter\n"
    assert (tmp_path / "out" / "starts").read_text() == "start\n"
    after = await here.client.get(NODES, first.name)
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert after["status"]["addresses"] == before["status"]["addresses"]


async def test_the_api_server_restarts(
    here: Place, hasty: ControlPlane, first: RunningNode, tmp_path: Path
) -> None:
    """While it is away pods go on and end; once it is back that is told, and new ones are run."""
    wait = "until [ -e /out/go ]; do sleep 0.02; done"
    await here.pod("ends", **_once(tmp_path, f"{wait}; exit 3"))
    await here.pod("stays", "while true; do sleep 0.1; done")
    for name in ("ends", "stays"):
        await here.running(name)
    hasty.stop_apiserver()
    (tmp_path / "out" / "go").touch()
    hasty.start_apiserver()  # in this thread: the kernel ends a program with the thread that started it
    pod = await here.ended("ends")
    assert pod["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 3
    assert (tmp_path / "out" / "starts").read_text() == "start\n"
    await here.pod("new", "echo new")
    assert (await here.ended("new"))["status"]["phase"] == "Succeeded"
    assert await here.log("new") == "new\n"
    stays = await here.client.get(PODS, "stays", here.namespace)
    assert (stays["status"]["phase"], stays["status"]["containerStatuses"][0]["restartCount"]) == (
        "Running",
        0,
    )


async def test_a_dead_node_is_given_up(
    here: Place, hasty: ControlPlane, first: RunningNode, tmp_path: Path
) -> None:
    """Silent, it is not ready; its pods are evicted and run on another node; back, it ends what it still had."""
    taints = [
        {
            "key": f"node.kubernetes.io/{key}",
            "operator": "Exists",
            "effect": "NoExecute",
            "tolerationSeconds": 1,
        }
        for key in ("unreachable", "not-ready")
    ]
    container = {"name": "main", "image": "python", "command": ["sh", "-c", "echo $NODE; exec sleep 600"],
                 "env": [{"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}]}  # fmt: skip
    spec = {"tolerations": taints, "terminationGracePeriodSeconds": 1, "containers": [container]}
    template = {"metadata": {"labels": {"app": "d"}}, "spec": spec}
    deployment = {"replicas": 1, "selector": {"matchLabels": {"app": "d"}}, "template": template}
    await here.create(DEPLOYMENTS, {"metadata": {"name": "d"}, "spec": deployment})
    await here.until(DEPLOYMENTS, "d", lambda d: d.get("status", {}).get("availableReplicas") == 1)
    (old,) = await here.pods("app=d")
    assert old["spec"]["nodeName"] == first.name
    name = f"second-{uuid.uuid4().hex[:6]}"
    with run_node(hasty, tmp_path / "second", name, ("--heartbeat-seconds", "1")):
        first.kill()
        await here.until(
            DEPLOYMENTS,
            "d",
            lambda d: d["status"].get("conditions") and d["status"].get("availableReplicas") is None,
        )
        node = await here.client.get(NODES, first.name)
        ready = next(c for c in node["status"]["conditions"] if c["type"] == "Ready")
        assert (ready["status"], ready["reason"]) == ("Unknown", "NodeStatusUnknown")
        await here.until(DEPLOYMENTS, "d", lambda d: d["status"].get("availableReplicas") == 1)
        (new,) = [pod for pod in await here.pods("app=d") if "deletionTimestamp" not in pod["metadata"]]
        assert new["spec"]["nodeName"] == name
        assert await here.log(new["metadata"]["name"]) == f"{name}\n"
        shim = _processes(first.folder)
        assert shim, "the old container runs on: nobody has told it"
        await asyncio.to_thread(first.start)
        await here.gone(old["metadata"]["name"])
        async with asyncio.timeout(SECONDS):
            while any(_is_alive(number) for number in shim):
                await asyncio.sleep(0.05)
        await here.client.delete(DEPLOYMENTS, "d", here.namespace, propagation="Foreground")
        await here.gone(new["metadata"]["name"])


def _processes(folder: Path) -> list[int]:
    """Return the shims of a node that still run."""
    import json

    states = [json.loads(path.read_text()) for path in folder.glob("pods/*/containers/*/*/state.json")]
    return [state["shim"] for state in states if _is_alive(state["shim"])]


def _is_alive(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    return True
