"""kubernetes-asyncio: the same API in coroutines."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from kubernetes_asyncio import client, config, dynamic, watch
from kubernetes_asyncio.client.exceptions import ApiException
from kubernetes_asyncio.stream import WsApiClient

from seaway import testing
from tests.conformance.clients.objects import LINES, config_map, deployment, pod


@pytest.fixture
async def api(shared: testing.Cluster) -> AsyncIterator[client.ApiClient]:
    async with await config.new_client_from_config(str(shared.kubeconfig)) as made:
        yield made


async def test_objects_and_patches(api: client.ApiClient, namespace: str) -> None:
    core = client.CoreV1Api(api)
    made = await core.create_namespaced_config_map(namespace, config_map("a", one="1"))
    made.data["two"] = "2"
    replaced = await core.replace_namespaced_config_map("a", namespace, made)
    assert replaced.data == {"one": "1", "two": "2"}
    with pytest.raises(ApiException, match="409"):
        await core.replace_namespaced_config_map("a", namespace, made)
    patched = await core.patch_namespaced_config_map("a", namespace, {"data": {"one": None}})
    assert patched.data == {"two": "2"}
    applied = await core.patch_namespaced_config_map(
        "a",
        namespace,
        config_map("a", three="3"),
        field_manager="me",
        _content_type="application/apply-patch+yaml",
    )
    assert applied.data == {"two": "2", "three": "3"}
    await core.delete_namespaced_config_map("a", namespace)


async def test_a_watch(api: client.ApiClient, namespace: str) -> None:
    core = client.CoreV1Api(api)
    seen = []
    revision = (await core.list_namespaced_config_map(namespace)).metadata.resource_version
    async with watch.Watch() as watching:
        stream = watching.stream(core.list_namespaced_config_map, namespace, resource_version=revision)
        await core.create_namespaced_config_map(namespace, config_map("a"))
        await core.delete_namespaced_config_map("a", namespace)
        async for event in stream:
            if event["object"].metadata.name == "a":
                seen.append(event["type"])
            if event["type"] == "DELETED":
                watching.stop()
    assert seen == ["ADDED", "DELETED"]


async def test_a_pods_life(api: client.ApiClient, namespace: str, shared: testing.Cluster) -> None:
    core = client.CoreV1Api(api)
    await core.create_namespaced_pod(namespace, pod("p", LINES.format(seconds=60)))
    await shared.aio.wait_for("pod", "p", "condition=Ready", namespace)
    await shared.aio.wait_for("pod", "p", lambda found: found["status"]["podIP"], namespace)
    followed = await core.read_namespaced_pod_log("p", namespace, follow=True, _preload_content=False)
    assert [await followed.content.readline() for _ in range(2)] == [b"one\n", b"two\n"]
    followed.close()
    async with WsApiClient(configuration=api.configuration) as streaming:
        said = await client.CoreV1Api(streaming).connect_get_namespaced_pod_exec(
            "p",
            namespace,
            command=["python", "-c", "print(6 * 7)"],
            stdin=False,
            stdout=True,
            stderr=True,
            tty=False,
        )
    assert said.strip() == "42"
    await core.delete_namespaced_pod("p", namespace, grace_period_seconds=0)
    await shared.aio.wait_for("pod", "p", "delete", namespace)


async def test_scale_and_the_dynamic_client(
    api: client.ApiClient, namespace: str, shared: testing.Cluster
) -> None:
    found = await dynamic.DynamicClient(api)
    deployments = await found.resources.get(api_version="apps/v1", kind="Deployment")
    await deployments.server_side_apply(
        body=deployment("web", 0), name="web", namespace=namespace, field_manager="me"
    )
    await client.AppsV1Api(api).patch_namespaced_deployment_scale("web", namespace, {"spec": {"replicas": 1}})
    await shared.aio.wait_for("deploy", "web", lambda one: one["status"]["readyReplicas"] == 1, namespace)
    await deployments.delete(name="web", namespace=namespace)
    async with asyncio.timeout(60):
        await shared.aio.wait_for("deploy", "web", "delete", namespace)
