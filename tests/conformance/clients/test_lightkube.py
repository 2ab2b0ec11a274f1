"""lightkube: typed models, generic resources, server-side apply, logs."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from lightkube import ApiError, Client, KubeConfig, codecs
from lightkube.generic_resource import create_namespaced_resource
from lightkube.models.autoscaling_v1 import ScaleSpec
from lightkube.models.meta_v1 import ObjectMeta
from lightkube.resources.apps_v1 import Deployment
from lightkube.resources.core_v1 import ConfigMap, Pod
from lightkube.types import CascadeType, PatchType

from seaway import testing
from tests.conformance.clients.objects import LINES, definition, deployment, pod


@pytest.fixture
def client(shared: testing.Cluster, namespace: str) -> Iterator[Client]:
    made = Client(
        config=KubeConfig.from_file(str(shared.kubeconfig)), namespace=namespace, field_manager="me"
    )
    yield made
    made._client._client.close()


def test_objects_and_patches(client: Client) -> None:
    made = client.create(ConfigMap(metadata=ObjectMeta(name="a", labels={"k": "v"}), data={"one": "1"}))
    made.data["two"] = "2"
    assert client.replace(made).data == {"one": "1", "two": "2"}
    with pytest.raises(ApiError) as raised:
        client.replace(made)
    assert (raised.value.status.code, raised.value.status.reason) == (409, "Conflict")
    assert client.patch(ConfigMap, "a", {"data": {"one": None}}).data == {"two": "2"}
    merged = client.patch(ConfigMap, "a", {"data": {"two": "3"}}, patch_type=PatchType.MERGE)
    assert merged.data == {"two": "3"}
    applied = client.apply(ConfigMap(metadata=ObjectMeta(name="a"), data={"three": "3"}))
    assert applied.data == {"two": "3", "three": "3"}
    assert [one.metadata.name for one in client.list(ConfigMap, labels={"k": ["v", "w"]})] == ["a"]
    client.delete(ConfigMap, "a")
    assert [one.metadata.name for one in client.list(ConfigMap, labels={"k": "v"})] == []


def test_a_watch(client: Client) -> None:
    listed = client.list(ConfigMap)
    assert [one.metadata.name for one in listed] == ["kube-root-ca.crt"]
    revision = listed.resourceVersion
    client.create(ConfigMap(metadata=ObjectMeta(name="a")))
    client.delete(ConfigMap, "a")
    seen = []
    for kind, one in client.watch(ConfigMap, resource_version=revision):
        if one.metadata.name == "a":
            seen.append(kind)
        if kind == "DELETED":
            break
    assert seen == ["ADDED", "DELETED"]


def test_a_pods_life(client: Client, namespace: str, shared: testing.Cluster) -> None:
    client.create(codecs.from_dict(pod("p", LINES.format(seconds=60))))
    assert client.wait(Pod, "p", for_conditions=["Ready"]).spec.nodeName == "node-1"
    shared.wait_for("pod", "p", "condition=Ready", namespace)
    lines = client.log("p", follow=True)
    assert [next(lines), next(lines)] == ["one\n", "two\n"]
    lines.close()
    client.delete(Pod, "p", grace_period=0)


def test_scale_and_status(client: Client, namespace: str, shared: testing.Cluster) -> None:
    client.create(codecs.from_dict(deployment("web", 0)))
    scale = client.get(Deployment.Scale, "web")
    scale.spec, scale.metadata.resourceVersion = ScaleSpec(replicas=1), None
    assert client.replace(scale).spec.replicas == 1
    client.wait(Deployment, "web", for_conditions=["Available"])
    patched = client.patch(Deployment.Scale, "web", {"spec": {"replicas": 0}})
    assert patched.spec.replicas in {0, None}
    client.delete(Deployment, "web", cascade=CascadeType.FOREGROUND)
    shared.wait_for("deploy", "web", "delete", namespace)


def test_generic_resources(client: Client, shared: testing.Cluster) -> None:
    group = f"g{uuid.uuid4().hex[:8]}.example.com"
    shared.apply(definition("Widget", group))
    widget = create_namespaced_resource(group, "v1", "Widget", "widgets")
    made = client.apply(widget(metadata=ObjectMeta(name="w"), spec={"size": 3}))
    ended = client.replace(widget.Status(metadata=made.metadata, status={"size": 1}))
    assert (ended.status, ended.spec) == ({"size": 1}, {"size": 3})
    assert [one.spec["size"] for one in client.list(widget)] == [3]
    client.deletecollection(widget)
    assert not list(client.list(widget))
