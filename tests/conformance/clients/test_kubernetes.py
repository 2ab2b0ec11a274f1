"""Kubernetes' own client for Python: typed and dynamic, watches, streams over WebSocket, leader election."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from kubernetes import client, config, dynamic, utils, watch
from kubernetes.client.exceptions import ApiException
from kubernetes.dynamic.exceptions import ConflictError, NotFoundError
from kubernetes.leaderelection import electionconfig, leaderelection
from kubernetes.leaderelection.resourcelock.leaselock import LeaseLock
from kubernetes.stream import portforward, stream

from seaway import testing
from tests.conformance.clients.objects import LINES, config_map, definition, deployment, pod, server

APPLY = "application/apply-patch+yaml"


@pytest.fixture
def api(shared: testing.Cluster) -> Iterator[client.ApiClient]:
    with config.new_client_from_config(str(shared.kubeconfig)) as made:
        yield made


@pytest.fixture
def core(api: client.ApiClient) -> client.CoreV1Api:
    return client.CoreV1Api(api)


def test_objects_are_typed_both_ways(core: client.CoreV1Api, namespace: str) -> None:
    body = client.V1ConfigMap(metadata=client.V1ObjectMeta(generate_name="a-"), data={"k": "v"})
    made = core.create_namespaced_config_map(namespace, body)
    assert made.metadata.creation_timestamp <= datetime.now(UTC)
    made.data["k"] = "w"
    replaced = core.replace_namespaced_config_map(made.metadata.name, namespace, made)
    assert (replaced.data, replaced.metadata.uid) == ({"k": "w"}, made.metadata.uid)
    with pytest.raises(ApiException) as raised:
        core.replace_namespaced_config_map(made.metadata.name, namespace, made)
    assert (raised.value.status, "the object has been modified" in raised.value.body) == (409, True)
    assert core.delete_namespaced_config_map(made.metadata.name, namespace)["status"] == "Success"
    with pytest.raises(ApiException) as raised:
        core.read_namespaced_config_map(made.metadata.name, namespace)
    assert (raised.value.status, raised.value.reason) == (404, "Not Found")


def test_patches_of_each_kind(core: client.CoreV1Api, namespace: str) -> None:
    core.create_namespaced_config_map(namespace, config_map("a", one="1"))

    def patch(body: Any, content_type: str, **options: Any) -> dict[str, str]:
        return core.patch_namespaced_config_map(
            "a", namespace, body, _content_type=content_type, **options
        ).data

    assert patch({"data": {"two": "2"}}, "application/merge-patch+json") == {"one": "1", "two": "2"}
    assert patch({"data": {"one": None}}, "application/strategic-merge-patch+json") == {"two": "2"}
    operation = [{"op": "replace", "path": "/data/two", "value": "3"}]
    assert patch(operation, "application/json-patch+json") == {"two": "3"}
    applied = patch(config_map("a", three="3"), APPLY, field_manager="me")
    assert applied == {"two": "3", "three": "3"}
    with pytest.raises(ApiException) as raised:
        patch(config_map("a", three="4"), APPLY, field_manager="you")
    assert 'conflict with \\"me\\"' in raised.value.body
    assert patch(config_map("a", three="4"), APPLY, field_manager="you", force=True)["three"] == "4"


def test_lists_in_pages_and_by_selector(core: client.CoreV1Api, namespace: str) -> None:
    for number in range(5):
        body = config_map(f"c{number}")
        body["metadata"]["labels"] = {"odd": str(number % 2), "page": "1"}
        core.create_namespaced_config_map(namespace, body)
    names, token = [], None
    while True:
        page = core.list_namespaced_config_map(namespace, limit=2, _continue=token, label_selector="page")
        names += [one.metadata.name for one in page.items]
        if not (token := page.metadata._continue):
            break
    assert names == [f"c{number}" for number in range(5)]
    odd = core.list_namespaced_config_map(namespace, label_selector="odd in (1),page")
    assert [one.metadata.name for one in odd.items] == ["c1", "c3"]
    one = core.list_namespaced_config_map(namespace, field_selector="metadata.name=c4")
    assert [found.metadata.name for found in one.items] == ["c4"]
    core.delete_collection_namespaced_config_map(namespace, label_selector="odd=0")
    left = core.list_namespaced_config_map(namespace, label_selector="page").items
    assert [found.metadata.name for found in left] == ["c1", "c3"]


def test_a_watch_sees_what_happens_after_a_list(core: client.CoreV1Api, namespace: str) -> None:
    revision = core.list_namespaced_config_map(namespace).metadata.resource_version
    core.create_namespaced_config_map(namespace, config_map("a"))
    core.patch_namespaced_config_map("a", namespace, {"data": {"k": "v"}})
    core.delete_namespaced_config_map("a", namespace)
    seen, watching = [], watch.Watch()
    for event in watching.stream(
        core.list_namespaced_config_map, namespace, resource_version=revision, timeout_seconds=30
    ):
        if event["object"].metadata.name == "a":
            seen.append((event["type"], event["object"].data))
        if event["type"] == "DELETED":
            watching.stop()
    assert seen == [("ADDED", None), ("MODIFIED", {"k": "v"}), ("DELETED", {"k": "v"})]


def test_a_pods_life(core: client.CoreV1Api, namespace: str, shared: testing.Cluster) -> None:
    """Run, read and follow its log, step in, end."""
    core.create_namespaced_pod(namespace, pod("p", LINES.format(seconds=60)))
    lines, watching = [], watch.Watch()
    shared.wait_for("pod", "p", "condition=Ready", namespace)
    for line in watching.stream(core.read_namespaced_pod_log, "p", namespace):
        lines.append(line)
        if len(lines) == 2:
            watching.stop()
    assert lines == ["one", "two"]
    assert core.read_namespaced_pod_log("p", namespace, tail_lines=1) == "two\n"
    program = (
        "import sys; print('out'); print('err', file=sys.stderr); print(sys.stdin.readline()); sys.exit(3)"
    )
    session = stream(
        core.connect_get_namespaced_pod_exec, "p", namespace, command=["python", "-c", program],
        stdin=True, stdout=True, stderr=True, tty=False, _preload_content=False,
    )  # fmt: skip
    session.write_stdin("typed\n")
    session.run_forever(timeout=60)
    assert (session.read_stdout(), session.read_stderr()) == ("out\ntyped\n\n", "err\n")
    assert session.returncode == 3
    session.close()
    assert stream(
        core.connect_get_namespaced_pod_exec, "p", namespace, command=["python", "-c", "print(6 * 7)"],
        stdin=False, stdout=True, stderr=True, tty=False,
    ) == "42\n"  # fmt: skip
    core.delete_namespaced_pod("p", namespace, grace_period_seconds=0)
    shared.wait_for("pod", "p", "delete", namespace)


def test_a_port_is_forwarded(core: client.CoreV1Api, namespace: str, shared: testing.Cluster) -> None:
    core.create_namespaced_pod(namespace, server("web"))
    shared.wait_for("pod", "web", "condition=Ready", namespace)
    forwarded = portforward(core.connect_get_namespaced_pod_portforward, "web", namespace, ports="8080")
    socket = forwarded.socket(8080)
    socket.setblocking(True)
    socket.sendall(b"GET /here HTTP/1.0\r\n\r\n")
    answer = b""
    while chunk := socket.recv(4096):
        answer += chunk
    socket.close()
    assert answer.endswith(b"answered /here")
    assert forwarded.error(8080) is None
    assert "answered /through" in core.connect_get_namespaced_pod_proxy_with_path(
        "web:8080", namespace, "through"
    )


def test_a_deployment_is_scaled(api: client.ApiClient, namespace: str, shared: testing.Cluster) -> None:
    apps = client.AppsV1Api(api)
    apps.create_namespaced_deployment(namespace, deployment("web"))
    shared.wait_for("deploy", "web", "condition=Available", namespace)
    scale = apps.read_namespaced_deployment_scale("web", namespace)
    scale.spec.replicas = 2
    apps.replace_namespaced_deployment_scale("web", namespace, scale)
    shared.wait_for("deploy", "web", lambda found: found["status"]["readyReplicas"] == 2, namespace)
    apps.patch_namespaced_deployment_scale("web", namespace, {"spec": {"replicas": 0}})
    shared.wait_for("deploy", "web", lambda found: found["status"].get("replicas", 0) == 0, namespace)
    apps.delete_namespaced_deployment("web", namespace, propagation_policy="Foreground")
    shared.wait_for("deploy", "web", "delete", namespace)
    assert shared.list("replicasets", namespace) == []


def test_the_dynamic_client(api: client.ApiClient, namespace: str) -> None:
    """Discovery, custom resources, server-side apply, status and scale, watches."""
    group = f"g{uuid.uuid4().hex[:8]}.example.com"
    utils.create_from_dict(api, definition("Widget", group))
    found = dynamic.DynamicClient(api)
    definitions = found.resources.get(api_version="apiextensions.k8s.io/v1", kind="CustomResourceDefinition")
    for event in definitions.watch(name=f"widgets.{group}", timeout=60):
        if any(
            c.type == "Established" and c.status == "True" for c in event["object"].status.conditions or ()
        ):
            break
    widgets = found.resources.get(api_version=f"{group}/v1", kind="Widget")
    body = {"apiVersion": f"{group}/v1", "kind": "Widget", "metadata": {"name": "w"}, "spec": {}}
    made = widgets.server_side_apply(body=body, name="w", namespace=namespace, field_manager="me")
    assert (made.spec.size, made.metadata.managedFields[0].operation) == (1, "Apply")
    with pytest.raises(ConflictError):
        widgets.create(body=body, namespace=namespace)
    widgets.status.patch(
        body={"status": {"size": 4}},
        name="w",
        namespace=namespace,
        content_type="application/merge-patch+json",
    )
    scaled = widgets.scale.patch(
        body={"spec": {"replicas": 7}},
        name="w",
        namespace=namespace,
        content_type="application/merge-patch+json",
    )
    assert (scaled.kind, scaled.spec.replicas, scaled.status.replicas) == ("Scale", 7, 4)
    assert [one.spec.size for one in widgets.get(namespace=namespace).items] == [7]
    widgets.delete(name="w", namespace=namespace)
    with pytest.raises(NotFoundError):
        widgets.get(name="w", namespace=namespace)


def test_custom_objects(api: client.ApiClient, namespace: str, shared: testing.Cluster) -> None:
    group = f"g{uuid.uuid4().hex[:8]}.example.com"
    shared.apply(definition("Widget", group))
    custom = client.CustomObjectsApi(api)
    body = {"apiVersion": f"{group}/v1", "kind": "Widget", "metadata": {"name": "w"}, "spec": {"size": 2}}
    custom.create_namespaced_custom_object(group, "v1", namespace, "widgets", body)
    patched = custom.patch_namespaced_custom_object(
        group, "v1", namespace, "widgets", "w", {"spec": {"size": 3}}
    )
    assert patched["spec"] == {"size": 3}
    listed = custom.list_namespaced_custom_object(group, "v1", namespace, "widgets")
    assert [one["metadata"]["name"] for one in listed["items"]] == ["w"]
    assert (
        custom.delete_namespaced_custom_object(group, "v1", namespace, "widgets", "w")["status"] == "Success"
    )


def test_access_is_reviewed_and_tokens_are_given(
    api: client.ApiClient, core: client.CoreV1Api, namespace: str
) -> None:
    asked = {"resourceAttributes": {"verb": "create", "resource": "pods", "namespace": namespace}}
    review = client.AuthorizationV1Api(api).create_self_subject_access_review({"spec": asked})
    assert review.status.allowed is True
    token = core.create_namespaced_service_account_token(
        "default", namespace, {"spec": {"expirationSeconds": 600}}
    )
    checked = client.AuthenticationV1Api(api).create_token_review({"spec": {"token": token.status.token}})
    assert checked.status.user.username == f"system:serviceaccount:{namespace}:default"


def test_one_of_two_leads(api: client.ApiClient, namespace: str, shared: testing.Cluster) -> None:
    """The client's own leader election, with a Lease."""
    leads = threading.Event()

    class Stopped(Exception):
        """Ends the election, which has no other end."""

    def lead() -> None:
        leads.set()

    def stop_leading() -> None:
        raise Stopped

    lock = LeaseLock("leader", namespace, "me")
    lock.api_instance = client.CoordinationV1Api(api)
    election = electionconfig.Config(
        lock,
        lease_duration=3,
        renew_deadline=2,
        retry_period=1,
        onstarted_leading=lead,
        onstopped_leading=stop_leading,
    )

    def run() -> None:
        with pytest.raises(Stopped):
            leaderelection.LeaderElection(election).run()

    thread = threading.Thread(target=run)
    thread.start()
    assert leads.wait(60)
    held = shared.wait_for("lease", "leader", "create", namespace)
    assert held is not None
    assert held["spec"]["holderIdentity"] == "me"
    shared.apply(
        {
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": {"name": "leader", "namespace": namespace},
            "spec": {
                "holderIdentity": "another", "leaseDurationSeconds": 60, "leaseTransitions": 1,
                "acquireTime": "2100-01-01T00:00:00.000000Z", "renewTime": "2100-01-01T00:00:00.000000Z",
            },
        }
    )  # fmt: skip
    thread.join(60)
    assert not thread.is_alive(), "it noticed that another one leads"


def test_manifests_are_created_from_files(api: client.ApiClient, namespace: str, tmp_path) -> None:
    import yaml

    file = tmp_path / "all.yaml"
    file.write_text(yaml.safe_dump_all([config_map("a"), deployment("web", 0)]))
    made = utils.create_from_yaml(api, str(file), namespace=namespace)
    assert [type(one[0]).__name__ for one in made] == ["V1ConfigMap", "V1Deployment"]
    with pytest.raises(utils.FailToCreateError, match="AlreadyExists"):
        utils.create_from_yaml(api, str(file), namespace=namespace)
