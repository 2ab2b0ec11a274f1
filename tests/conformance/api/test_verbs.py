"""The verbs, over both ways in."""

from __future__ import annotations

import asyncio

import pytest

from seaway.client import build
from seaway.client.request import JSON_PATCH, MERGE_PATCH, STRATEGIC_MERGE_PATCH, Request
from seaway.objects.builtin import CONFIG_MAPS, EVENTS, EVENTS_V1, NAMESPACES, PODS, SECRETS, SERVICES
from seaway.objects.errors import (
    AlreadyExists,
    BadRequest,
    Conflict,
    Expired,
    Forbidden,
    Invalid,
    NotFound,
    Timeout,
)  # fmt: skip
from seaway.objects.meta import copy


def config(name, **data):
    return {"metadata": {"name": name}, "data": data}


def pod(name, **spec):
    container = {"name": "main", "image": "python"}
    return {"metadata": {"name": name}, "spec": {"containers": [container], **spec}}


async def test_create_get_update_delete(client):
    made = await client.create(CONFIG_MAPS, config("a", x="1"), "default")
    metadata = made["metadata"]
    assert metadata["namespace"] == "default"
    assert metadata["uid"]
    assert metadata["creationTimestamp"].endswith("Z")
    assert metadata["managedFields"][0]["manager"] == "tester"
    assert await client.get(CONFIG_MAPS, "a", "default") == made
    changed = copy(made)
    changed["data"] = {"x": "2"}
    updated = await client.replace(CONFIG_MAPS, changed)
    assert int(updated["metadata"]["resourceVersion"]) > int(metadata["resourceVersion"])
    status = await client.delete(CONFIG_MAPS, "a", "default")
    assert status["status"] == "Success"
    with pytest.raises(NotFound, match='configmaps "a" not found'):
        await client.get(CONFIG_MAPS, "a", "default")


async def test_create_twice_is_already_exists(client):
    await client.create(CONFIG_MAPS, config("a"), "default")
    with pytest.raises(AlreadyExists, match='configmaps "a" already exists'):
        await client.create(CONFIG_MAPS, config("a"), "default")


async def test_generated_names_are_unique(client):
    obj = {"metadata": {"generateName": "run-"}}
    names = {(await client.create(CONFIG_MAPS, obj, "default"))["metadata"]["name"] for _ in range(20)}
    assert len(names) == 20
    assert all(name.startswith("run-") for name in names)


async def test_stale_update_conflicts_in_kubernetes_words(client):
    made = await client.create(CONFIG_MAPS, config("a", x="1"), "default")
    first = copy(made)
    first["data"] = {"x": "2"}
    await client.replace(CONFIG_MAPS, first)
    with pytest.raises(Conflict) as caught:
        await client.replace(CONFIG_MAPS, first)
    assert caught.value.message == (
        'Operation cannot be fulfilled on configmaps "a": the object has been modified; '
        "please apply your changes to the latest version and try again"
    )


async def test_an_update_that_changes_nothing_keeps_the_revision(client):
    made = await client.create(CONFIG_MAPS, config("a", x="1"), "default")
    again = await client.replace(CONFIG_MAPS, copy(made))
    assert again["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]
    patched = await client.patch(CONFIG_MAPS, "a", {"data": {"x": "1"}}, "default")
    assert patched["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ([{"op": "add", "path": "/data/y", "value": "2"}], JSON_PATCH),
        ({"data": {"y": "2"}}, MERGE_PATCH),
        ({"data": {"y": "2"}}, STRATEGIC_MERGE_PATCH),
    ],
    ids=["JSON patch", "merge patch", "strategic merge patch"],
)
async def test_patches(client, body, content_type):
    await client.create(CONFIG_MAPS, config("a", x="1"), "default")
    patched = await client.patch(CONFIG_MAPS, "a", body, "default", content_type=content_type)
    assert patched["data"] == {"x": "1", "y": "2"}


async def test_racing_patches_all_succeed(client):
    await client.create(CONFIG_MAPS, config("a"), "default")
    patches = [client.patch(CONFIG_MAPS, "a", {"data": {f"k{i}": "v"}}, "default") for i in range(6)]
    await asyncio.gather(*patches)
    assert len((await client.get(CONFIG_MAPS, "a", "default"))["data"]) == 6


async def test_apply_creates_owns_and_conflicts(client):
    obj = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "a", "namespace": "default"},
        "data": {"x": "1"},
    }
    made = await client.apply(CONFIG_MAPS, obj)
    assert made["metadata"]["managedFields"][0]["operation"] == "Apply"
    await client.patch(CONFIG_MAPS, "a", {"data": {"x": "other"}}, "default")
    with pytest.raises(Conflict, match="Apply failed with 1 conflict"):
        await client.apply(CONFIG_MAPS, obj)
    forced = await client.apply(CONFIG_MAPS, obj, force=True)
    assert forced["data"] == {"x": "1"}


async def test_apply_again_changes_nothing(client):
    obj = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "a", "namespace": "default"},
        "data": {"x": "1"},
    }
    made = await client.apply(CONFIG_MAPS, obj)
    again = await client.apply(CONFIG_MAPS, obj)
    assert again["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]


async def test_dry_run_changes_nothing(client):
    made = await client.send(build.create(CONFIG_MAPS, config("a"), "default", dry_run=True))
    assert made["metadata"]["uid"]
    with pytest.raises(NotFound):
        await client.get(CONFIG_MAPS, "a", "default")


@pytest.mark.parametrize("validation", ["Strict", "Warn", "Ignore"])
async def test_unknown_fields(client, validation):
    body = {**pod("p"), "apiVersion": "v1", "kind": "Pod"}
    body["spec"]["foo"] = 1
    request = Request("POST", "/api/v1/namespaces/default/pods", (("fieldValidation", validation),), body)
    if validation == "Strict":
        with pytest.raises(BadRequest, match=r'strict decoding error: unknown field "spec\.foo"$'):
            await client.send(request)
        return
    made = await client.send(request)
    assert "foo" not in made["spec"]


async def test_pages_are_of_one_revision(client):
    for number in range(7):
        await client.create(CONFIG_MAPS, config(f"c{number}"), "default")
    first = await client.list(CONFIG_MAPS, "default", limit=3)
    assert first["metadata"]["remainingItemCount"] == 4
    await client.create(CONFIG_MAPS, config("c9"), "default")
    await client.delete(CONFIG_MAPS, "c6", "default")
    second = await client.list(CONFIG_MAPS, "default", limit=10, continue_=first["metadata"]["continue"])
    names = [item["metadata"]["name"] for item in first["items"] + second["items"]]
    assert names == [f"c{number}" for number in range(7)]
    assert second["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]
    assert "continue" not in second["metadata"]


async def test_selectors_choose(client):
    for number in range(4):
        obj = config(f"c{number}")
        obj["metadata"]["labels"] = {"even": str(number % 2 == 0).lower()}
        await client.create(CONFIG_MAPS, obj, "default")
    even = await client.list(CONFIG_MAPS, "default", label_selector="even=true")
    assert [item["metadata"]["name"] for item in even["items"]] == ["c0", "c2"]
    one = await client.list(CONFIG_MAPS, "default", field_selector="metadata.name=c3")
    assert [item["metadata"]["name"] for item in one["items"]] == ["c3"]
    paged = await client.list(CONFIG_MAPS, "default", label_selector="even=true", limit=1)
    assert paged["metadata"]["continue"]
    with pytest.raises(BadRequest, match=r'"spec\.nothing" is not a known field selector'):
        await client.list(CONFIG_MAPS, "default", field_selector="spec.nothing=1")


async def test_too_new_a_revision_times_out(client):
    with pytest.raises(Timeout, match="Too large resource version"):
        await client.list(CONFIG_MAPS, "default", resource_version="999999")


async def test_watch_tells_what_happened_in_order(client):
    start = (await client.list(CONFIG_MAPS, "default"))["metadata"]["resourceVersion"]
    async with client.watch(CONFIG_MAPS, "default", resource_version=start) as events:
        await client.create(CONFIG_MAPS, config("a", x="1"), "default")
        await client.patch(CONFIG_MAPS, "a", {"data": {"x": "2"}}, "default")
        await client.delete(CONFIG_MAPS, "a", "default")
        seen = [await anext(events) for _ in range(3)]
    assert [event.type for event in seen] == ["ADDED", "MODIFIED", "DELETED"]
    versions = [int(event.object["metadata"]["resourceVersion"]) for event in seen]
    assert versions == sorted(set(versions))
    assert seen[1].object["data"] == {"x": "2"}


async def test_a_selecting_watch_sees_objects_come_and_go(client):
    start = (await client.list(CONFIG_MAPS, "default"))["metadata"]["resourceVersion"]
    async with client.watch(
        CONFIG_MAPS, "default", resource_version=start, label_selector="on=yes"
    ) as events:
        await client.create(CONFIG_MAPS, config("a"), "default")
        await client.patch(CONFIG_MAPS, "a", {"metadata": {"labels": {"on": "yes"}}}, "default")
        await client.patch(CONFIG_MAPS, "a", {"metadata": {"labels": {"on": "no"}}}, "default")
        seen = [await anext(events) for _ in range(2)]
    assert [event.type for event in seen] == ["ADDED", "DELETED"]


async def test_watch_from_nowhere_begins_with_what_is(client):
    await client.create(CONFIG_MAPS, config("a"), "default")
    async with client.watch(CONFIG_MAPS, "default", resource_version="0") as events:
        assert (await anext(events)).type == "ADDED"


async def test_watch_that_streams_the_list_says_when_it_has(client):
    await client.create(CONFIG_MAPS, config("a"), "default")
    query = (
        ("watch", "1"), ("sendInitialEvents", "true"), ("resourceVersionMatch", "NotOlderThan"), ("allowWatchBookmarks", "true"),
    )  # fmt: skip
    request = Request("GET", "/api/v1/namespaces/default/configmaps", query)
    async with client.transport.watch(request) as events:
        assert (await anext(events)).type == "ADDED"
        bookmark = await anext(events)
    assert bookmark.type == "BOOKMARK"
    assert bookmark.object["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


async def test_watch_ends_after_its_time_with_a_bookmark(client):
    start = (await client.list(CONFIG_MAPS, "default"))["metadata"]["resourceVersion"]
    async with client.watch(CONFIG_MAPS, "default", resource_version=start, timeout_seconds=1) as events:
        seen = [event.type async for event in events]
    assert seen == ["BOOKMARK"]


async def test_watch_of_the_forgotten_past_is_expired(client, api_server):
    start = (await client.list(CONFIG_MAPS, "default"))["metadata"]["resourceVersion"]
    for number in range(3):
        await client.create(CONFIG_MAPS, config(f"c{number}"), "default")
    await api_server.store.compact(api_server.store.revision)
    with pytest.raises(Expired, match="too old resource version"):
        async with client.watch(CONFIG_MAPS, "default", resource_version=start) as events:
            await anext(events)


async def test_a_pod_on_a_node_goes_gracefully(client):
    await client.create(PODS, pod("p", terminationGracePeriodSeconds=7), "default")
    await client.create_subresource(
        PODS, "p", "binding", {"metadata": {"name": "p"}, "target": {"kind": "Node", "name": "n"}}, "default"
    )
    going = await client.delete(PODS, "p", "default")
    assert going["metadata"]["deletionGracePeriodSeconds"] == 7
    assert going["metadata"]["deletionTimestamp"]
    shorter = await client.delete(PODS, "p", "default", grace_seconds=2)
    assert shorter["metadata"]["deletionGracePeriodSeconds"] == 2
    await client.delete(PODS, "p", "default", grace_seconds=0)
    with pytest.raises(NotFound):
        await client.get(PODS, "p", "default")


async def test_a_pod_that_was_never_placed_goes_at_once(client):
    await client.create(PODS, pod("p"), "default")
    await client.delete(PODS, "p", "default")
    with pytest.raises(NotFound):
        await client.get(PODS, "p", "default")


async def test_finalizers_hold_an_object_until_they_are_gone(client):
    obj = config("a")
    obj["metadata"]["finalizers"] = ["seaway.dev/recorded"]
    await client.create(CONFIG_MAPS, obj, "default")
    going = await client.delete(CONFIG_MAPS, "a", "default")
    assert going["metadata"]["deletionTimestamp"]
    with pytest.raises(Invalid, match="no new finalizers can be added"):
        await client.patch(
            CONFIG_MAPS, "a", {"metadata": {"finalizers": ["seaway.dev/recorded", "x.dev/y"]}}, "default"
        )
    await client.patch(CONFIG_MAPS, "a", {"metadata": {"finalizers": None}}, "default")
    with pytest.raises(NotFound):
        await client.get(CONFIG_MAPS, "a", "default")


@pytest.mark.parametrize(
    ("policy", "finalizer"), [("Foreground", "foregroundDeletion"), ("Orphan", "orphan")]
)
async def test_propagation_becomes_a_finalizer(client, policy, finalizer):
    await client.create(CONFIG_MAPS, config("a"), "default")
    await client.delete(CONFIG_MAPS, "a", "default", propagation=policy)
    assert (await client.get(CONFIG_MAPS, "a", "default"))["metadata"]["finalizers"] == [finalizer]


async def test_delete_preconditions(client):
    made = await client.create(CONFIG_MAPS, config("a"), "default")
    with pytest.raises(Conflict, match=r"UID in the precondition \(wrong\)"):
        await client.delete(CONFIG_MAPS, "a", "default", uid="wrong")
    with pytest.raises(Conflict, match=r"ResourceVersion in the precondition \(1\)"):
        await client.delete(CONFIG_MAPS, "a", "default", resource_version="1")
    await client.delete(CONFIG_MAPS, "a", "default", uid=made["metadata"]["uid"])


async def test_delete_collection_by_label(client):
    for number in range(4):
        obj = config(f"c{number}")
        obj["metadata"]["labels"] = {"half": str(number % 2)}
        await client.create(CONFIG_MAPS, obj, "default")
    await client.send(build.delete_collection(CONFIG_MAPS, "default", label_selector="half=0"))
    left = await client.list(CONFIG_MAPS, "default")
    assert [item["metadata"]["name"] for item in left["items"]] == ["c1", "c3"]


async def test_status_and_spec_are_written_apart(client):
    await client.create(PODS, pod("p"), "default")
    stored = copy(await client.get(PODS, "p", "default"))
    stored["status"]["phase"] = "Running"
    stored["metadata"]["labels"] = {"seen": "yes"}
    plain = await client.replace(PODS, copy(stored))
    assert plain["status"]["phase"] == "Pending"
    stored["metadata"]["resourceVersion"] = plain["metadata"]["resourceVersion"]
    stored["spec"] = {"containers": [{"name": "other", "image": "other"}]}
    through_status = await client.replace(PODS, stored, subresource="status")
    assert through_status["status"]["phase"] == "Running"
    assert through_status["spec"]["containers"][0]["name"] == "main"


async def test_a_pod_is_bound_once(client):
    await client.create(PODS, pod("p"), "default")
    binding = {"metadata": {"name": "p"}, "target": {"kind": "Node", "name": "n1"}}
    await client.create_subresource(PODS, "p", "binding", binding, "default")
    bound = await client.get(PODS, "p", "default")
    assert bound["spec"]["nodeName"] == "n1"
    assert bound["status"]["conditions"][0]["type"] == "PodScheduled"
    with pytest.raises(Conflict, match='pod p is already assigned to node "n1"'):
        await client.create_subresource(PODS, "p", "binding", binding, "default")


async def test_eviction_deletes(client):
    await client.create(PODS, pod("p"), "default")
    eviction = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": "p", "namespace": "default"},
    }
    await client.create_subresource(PODS, "p", "eviction", eviction, "default")
    with pytest.raises(NotFound):
        await client.get(PODS, "p", "default")


async def test_a_namespace_lives_and_ends(client):
    await client.create(NAMESPACES, {"metadata": {"name": "team"}})
    await client.create(CONFIG_MAPS, config("a"), "team")
    going = await client.delete(NAMESPACES, "team")
    assert going["status"]["phase"] == "Terminating"
    with pytest.raises(
        Forbidden, match="unable to create new content in namespace team because it is being terminated"
    ):
        await client.create(CONFIG_MAPS, config("b"), "team")
    final = copy(await client.get(NAMESPACES, "team"))
    final["spec"]["finalizers"] = []
    await client.replace(NAMESPACES, final, subresource="finalize")
    with pytest.raises(NotFound):
        await client.get(NAMESPACES, "team")
    with pytest.raises(NotFound, match='namespaces "team" not found'):
        await client.create(CONFIG_MAPS, config("b"), "team")


async def test_some_namespaces_stay(client):
    with pytest.raises(Forbidden, match="this namespace may not be deleted"):
        await client.delete(NAMESPACES, "kube-system")


async def test_admission_fills_in_a_pod(client):
    made = await client.create(PODS, pod("p", priorityClassName="system-node-critical"), "default")
    spec = made["spec"]
    assert spec["serviceAccountName"] == "default"
    assert spec["priority"] == 2_000_001_000
    assert [toleration["tolerationSeconds"] for toleration in spec["tolerations"]] == [300, 300]
    volume = next(volume for volume in spec["volumes"] if volume["name"].startswith("kube-api-access-"))
    assert [next(iter(source)) for source in volume["projected"]["sources"]] == [
        "serviceAccountToken", "configMap", "downwardAPI",
    ]  # fmt: skip
    assert (
        spec["containers"][0]["volumeMounts"][0]["mountPath"]
        == "/var/run/secrets/kubernetes.io/serviceaccount"
    )


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"serviceAccountName": "nobody"}, 'serviceaccount "nobody" not found'),
        ({"priorityClassName": "none"}, "no PriorityClass with name none was found"),
        ({"priority": 5}, "must not be provided in pod spec"),
    ],
    ids=["missing account", "missing class", "own number"],
)
async def test_admission_refuses_a_pod(client, spec, words):
    with pytest.raises(Forbidden, match=words):
        await client.create(PODS, pod("p", **spec), "default")


async def test_services_get_addresses_of_their_own(client):
    ports = [{"port": 80}]
    first = await client.create(SERVICES, {"metadata": {"name": "a"}, "spec": {"ports": ports}}, "default")
    second = await client.create(SERVICES, {"metadata": {"name": "b"}, "spec": {"ports": ports}}, "default")
    assert first["spec"]["clusterIP"].startswith("127.96.")
    assert first["spec"]["clusterIP"] != second["spec"]["clusterIP"]
    taken = {"ports": ports, "clusterIP": first["spec"]["clusterIP"]}
    with pytest.raises(Invalid, match="provided IP is already allocated"):
        await client.create(SERVICES, {"metadata": {"name": "c"}, "spec": taken}, "default")


async def test_node_ports_of_one_moment_differ_and_leave_the_first_ones_to_people(client):
    """What is created at once does not see each other; and what people choose, as 30080, is not given away before."""
    spec = {"type": "NodePort", "ports": [{"port": 80}]}
    made = await asyncio.gather(
        *(client.create(SERVICES, {"metadata": {"name": f"s{n}"}, "spec": spec}, "default") for n in range(8))
    )
    given = {service["spec"]["ports"][0]["nodePort"] for service in made}
    assert len(given) == 8
    assert min(given) > 30085


async def test_events_are_seen_through_both_groups(client):
    about = {"kind": "Pod", "name": "p", "namespace": "default"}
    await client.create(
        EVENTS,
        {"metadata": {"name": "e"}, "involvedObject": about, "message": "hello", "type": "Normal"},
        "default",
    )
    new = await client.get(EVENTS_V1, "e", "default")
    assert new["note"] == "hello"
    assert new["regarding"]["name"] == "p"
    found = await client.list(EVENTS, "default", field_selector="involvedObject.name=p")
    assert len(found["items"]) == 1


async def test_secrets_take_text_and_keep_base64(client):
    made = await client.create(SECRETS, {"metadata": {"name": "s"}, "stringData": {"k": "v"}}, "default")
    assert made["data"] == {"k": "dg=="}
