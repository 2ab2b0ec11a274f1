"""kr8s: kubectl's words in Python, in plain code and in coroutines."""

from __future__ import annotations

import gc
import uuid
from collections.abc import Iterator

import httpx2
import kr8s
import kr8s.asyncio
import pytest
from kr8s._async_utils import Portal
from kr8s.asyncio.objects import ConfigMap as AsyncConfigMap
from kr8s.objects import ConfigMap, Deployment, Pod, new_class

from seaway import testing
from tests.conformance.clients.conftest import until
from tests.conformance.clients.objects import LINES, config_map, definition, deployment, pod, server

# It names the versions that it was tried with: no newer one, whoever serves it.
pytestmark = pytest.mark.filterwarnings("ignore:Kubernetes version .* is not supported:UserWarning")


@pytest.fixture(scope="module", autouse=True)
def own_loop() -> Iterator[None]:
    """End the loop that it keeps for plain code, with the connections that are open in it."""
    yield
    portal = Portal()
    portal._portal.call(portal._portal.stop, True)
    portal.thread.join()
    del Portal._instance
    gc.collect()


@pytest.fixture
def api(shared: testing.Cluster, namespace: str) -> kr8s.Api:
    return kr8s.api(kubeconfig=str(shared.kubeconfig), namespace=namespace)


def test_objects_and_patches(api: kr8s.Api, namespace: str) -> None:
    made = ConfigMap(config_map("a", one="1"), api=api, namespace=namespace)
    made.create()
    assert made.exists()
    made.patch({"data": {"two": "2"}})
    made.label(k="v")
    found = list(api.get("configmaps", label_selector={"k": "v"}, namespace=namespace))
    assert [one.data for one in found] == [{"one": "1", "two": "2"}]
    made.patch([{"op": "remove", "path": "/data/one"}], type="json")
    made.refresh()
    assert made.data == {"two": "2"}
    made.delete()
    assert not made.exists()
    with pytest.raises(kr8s.NotFoundError):
        ConfigMap.get("a", namespace=namespace, api=api)


def test_a_pods_life(api: kr8s.Api, namespace: str) -> None:
    running = Pod(pod("p", LINES.format(seconds=60)), api=api, namespace=namespace)
    running.create()
    running.wait("condition=Ready", timeout=60)
    lines = running.logs(follow=True)
    assert [next(lines), next(lines)] == ["one", "two"]
    done = running.exec(["python", "-c", "print(6 * 7)"])
    assert (done.stdout, done.returncode) == (b"42\n", 0)
    assert running.exec(["python", "-c", "raise SystemExit(3)"], check=False).returncode == 3
    running.delete(grace_period=0)
    running.wait("delete", timeout=60)


def test_a_port_is_forwarded(api: kr8s.Api, namespace: str) -> None:
    web = Pod(server("web"), api=api, namespace=namespace)
    web.create()
    web.wait("condition=Ready", timeout=60)
    with web.portforward(remote_port=8080, local_port="auto") as port:
        for path in ("one", "two"):
            assert httpx2.get(f"http://127.0.0.1:{port}/{path}", trust_env=False).text == f"answered /{path}"


def test_a_deployment_is_scaled(api: kr8s.Api, namespace: str) -> None:
    web = Deployment(deployment("web", 1), api=api, namespace=namespace)
    web.create()
    web.wait("condition=Available", timeout=60)
    web.scale(2)
    assert web.replicas == 2
    until(lambda: len(web.pods()) == 2)
    web.delete(propagation_policy="Foreground")
    web.wait("delete", timeout=60)


def test_custom_resources(api: kr8s.Api, namespace: str, shared: testing.Cluster) -> None:
    group = f"g{uuid.uuid4().hex[:8]}.example.com"
    shared.apply(definition("Widget", group))
    widget = new_class(kind="Widget", version=f"{group}/v1", namespaced=True, plural="widgets")
    made = widget({"metadata": {"name": "w"}, "spec": {}}, api=api, namespace=namespace)
    made.create()
    assert made.spec["size"] == 1
    assert [one.name for one in api.get(f"widgets.{group}", namespace=namespace)] == ["w"]


async def test_coroutines_and_watches(shared: testing.Cluster, namespace: str) -> None:
    api = await kr8s.asyncio.api(kubeconfig=str(shared.kubeconfig), namespace=namespace)
    made = await AsyncConfigMap(config_map("a"), api=api, namespace=namespace)
    await made.create()
    seen = []
    async for kind, one in api.watch("configmaps", namespace=namespace):
        if one.name == "a":
            seen.append(kind)
            if kind == "ADDED":
                await made.delete()
        if kind == "DELETED":
            break
    assert seen == ["ADDED", "DELETED"]
