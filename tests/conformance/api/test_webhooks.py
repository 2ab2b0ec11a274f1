"""Webhooks are asked before a write, and what they say counts."""

from __future__ import annotations

import asyncio

import pytest

from seaway.client.request import MERGE_PATCH
from seaway.controlplane.apiserver.messages import ApiRequest
from seaway.controlplane.apiserver.users import ADMIN
from seaway.objects.builtin import (
    CONFIG_MAPS,
    CUSTOM_RESOURCE_DEFINITIONS,
    MUTATING_WEBHOOK_CONFIGURATIONS,
    NAMESPACES,
    PODS,
    SERVICES,
    VALIDATING_WEBHOOK_CONFIGURATIONS,
)
from seaway.objects.errors import ApiError, Forbidden, Invalid
from tests.conformance.api.test_custom_resources import BOATS, DEFINITION, OLD_BOATS, boat
from tests.waiting import until
from tools.webhook_server import run_webhook_server, webhook


@pytest.fixture(scope="module")
def hook(tmp_path_factory):
    with run_webhook_server(tmp_path_factory.mktemp("webhook")) as server:
        yield server


@pytest.fixture(autouse=True)
def forgotten(hook):
    hook.asked.clear()
    hook.paths.clear()


def config(name="c", **data):
    return {"metadata": {"name": name}, "data": data}


async def mutating(client, *webhooks, name="m"):
    return await client.create(
        MUTATING_WEBHOOK_CONFIGURATIONS, {"metadata": {"name": name}, "webhooks": list(webhooks)}
    )


async def validating(client, *webhooks, name="v"):
    return await client.create(
        VALIDATING_WEBHOOK_CONFIGURATIONS, {"metadata": {"name": name}, "webhooks": list(webhooks)}
    )


async def test_a_webhook_that_says_no_refuses_each_kind_of_write(client, hook):
    await client.create(CONFIG_MAPS, config("old"), "default")
    await validating(client, webhook(hook, "/deny"))
    said = 'admission webhook "a.example.com" denied the request: not today'
    with pytest.raises(Forbidden) as created:
        await client.create(CONFIG_MAPS, config(), "default")
    with pytest.raises(Forbidden) as patched:
        await client.patch(CONFIG_MAPS, "old", {"data": {"a": "b"}}, "default", content_type=MERGE_PATCH)
    with pytest.raises(Forbidden) as deleted:
        await client.delete(CONFIG_MAPS, "old", "default")
    assert [one.value.message for one in (created, patched, deleted)] == [said] * 3
    assert [one["operation"] for one in hook.asked] == ["CREATE", "UPDATE", "DELETE"]
    assert (await client.get(CONFIG_MAPS, "old", "default")).get("data") is None


async def test_a_review_says_all_about_the_request(client, hook):
    await validating(client, webhook(hook, "/allow"))
    await client.create(CONFIG_MAPS, config(a="b"), "default")
    request = hook.asked[0]
    assert request["kind"] == request["requestKind"] == {"group": "", "version": "v1", "kind": "ConfigMap"}
    assert request["resource"] == {"group": "", "version": "v1", "resource": "configmaps"}
    assert (request["namespace"], request["name"], request["dryRun"]) == ("default", "c", False)
    assert request["object"]["data"] == {"a": "b"}
    assert request["oldObject"] is None
    assert request["options"]["kind"] == "CreateOptions"
    assert request["userInfo"]["username"]
    assert hook.paths == ["/allow?timeout=10s"]


async def test_a_webhook_changes_what_is_stored(client, hook):
    await mutating(client, webhook(hook, "/label"))
    made = await client.create(CONFIG_MAPS, config(), "default")
    assert made["metadata"]["labels"] == {"hooked": "yes"}
    assert (await client.get(CONFIG_MAPS, "c", "default"))["metadata"]["labels"] == {"hooked": "yes"}


async def test_what_a_webhook_made_of_the_object_is_validated(client, hook):
    rule = {
        "operations": ["CREATE"],
        "apiGroups": ["sea.example.com"],
        "apiVersions": ["v1"],
        "resources": ["boats"],
    }
    await client.create(CUSTOM_RESOURCE_DEFINITIONS, DEFINITION)
    await mutating(client, webhook(hook, "/bad-patch", rules=[rule]))
    with pytest.raises(ApiError) as failed:
        await client.create(BOATS, boat("b"), "default")
    assert failed.value.code == 500
    assert failed.value.message.startswith("Internal error occurred: ")


@pytest.mark.parametrize(("policy", "count"), [("Never", "1"), ("IfNeeded", "2")])
async def test_a_webhook_is_asked_again_when_another_changed_the_object(client, hook, policy, count):
    first = webhook(hook, "/count", reinvocationPolicy=policy)
    await mutating(client, first, webhook(hook, "/label", name="b.example.com"))
    made = await client.create(CONFIG_MAPS, config(), "default")
    assert made["metadata"]["labels"] == {"count": count, "hooked": "yes"}


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/wrong-uid", 'received invalid webhook response: expected response.uid="*", got "another"'),
        ("/empty", "received invalid webhook response: webhook response was absent"),
        (
            "/error",
            "failed to call webhook: an error on the server (*) has prevented the request from succeeding",
        ),
        ("/broken", "failed to call webhook: couldn't get version/kind; json parse error: *"),
    ],
)
async def test_a_webhook_that_answers_wrongly_fails_the_write_or_is_passed_over(client, hook, path, words):
    from fnmatch import fnmatchcase

    await validating(client, webhook(hook, path))
    with pytest.raises(ApiError) as failed:
        await client.create(CONFIG_MAPS, config(), "default")
    shown = f'Internal error occurred: failed calling webhook "a.example.com": {words}'
    assert fnmatchcase(failed.value.message, shown), failed.value.message
    await client.delete(VALIDATING_WEBHOOK_CONFIGURATIONS, "v")
    await validating(client, webhook(hook, path, failurePolicy="Ignore"))
    await client.create(CONFIG_MAPS, config(), "default")


async def test_a_webhook_that_hangs_holds_up_nobody_else(client, hook):
    await validating(client, webhook(hook, "/hang", timeoutSeconds=2))
    waiting = asyncio.create_task(client.create(CONFIG_MAPS, config(), "default"))
    await until(lambda: hook.asked, "the webhook is asked")
    await client.create(NAMESPACES, {"metadata": {"name": "meanwhile"}})
    assert not waiting.done()
    with pytest.raises(ApiError) as failed:
        await waiting
    url = hook.url("/hang")
    assert failed.value.message.endswith(
        f'failed to call webhook: Post "{url}?timeout=2s": context deadline exceeded'
    )


async def test_a_server_that_is_not_trusted_is_not_asked(client, hook, tmp_path):
    with run_webhook_server(tmp_path) as other:
        client_config = {"url": hook.url("/allow"), "caBundle": other.bundle}
        await validating(client, webhook(hook, "/allow", clientConfig=client_config))
        with pytest.raises(ApiError) as failed:
            await client.create(CONFIG_MAPS, config(), "default")
    assert (
        "tls: failed to verify certificate: x509: certificate signed by unknown authority"
        in failed.value.message
    )
    assert hook.asked == []


async def test_nobody_at_the_address_is_told(client, hook, tmp_path):
    with run_webhook_server(tmp_path) as gone:
        where = {"url": gone.url("/allow"), "caBundle": gone.bundle}
    await validating(client, webhook(hook, "/allow", clientConfig=where))
    with pytest.raises(ApiError) as failed:
        await client.create(CONFIG_MAPS, config(), "default")
    dialed = f"dial tcp 127.0.0.1:{gone.port}: connect: connection refused"
    assert failed.value.message.endswith(f'Post "{gone.url("/allow")}?timeout=10s": {dialed}')


async def test_a_service_is_reached_by_its_ready_endpoint_and_trusted_by_its_name(client, hook):
    reference = {"namespace": "default", "name": "hook", "path": "/allow"}
    where = {"service": reference, "caBundle": hook.bundle}
    await validating(client, webhook(hook, "/allow", clientConfig=where))
    with pytest.raises(ApiError, match='service "hook" not found'):
        await client.create(CONFIG_MAPS, config(), "default")
    spec = {"type": "ExternalName", "externalName": "127.0.0.1"}
    await client.create(SERVICES, {"metadata": {"name": "hook"}, "spec": spec}, "default")
    await client.patch(
        VALIDATING_WEBHOOK_CONFIGURATIONS, "v",
        [{"op": "replace", "path": "/webhooks/0/clientConfig/service/port", "value": hook.port}],
        content_type="application/json-patch+json",
    )  # fmt: skip
    with pytest.raises(ApiError, match=r"certificate is not valid for hook\.default\.svc"):
        await client.create(CONFIG_MAPS, config(), "default")


async def test_a_dry_run_asks_only_those_without_side_effects(client, hook):
    await validating(client, webhook(hook, "/allow", sideEffects="NoneOnDryRun"))
    await client.create(CONFIG_MAPS, config(), "default", dry_run=True)
    assert hook.asked[0]["dryRun"] is True


async def test_objects_and_namespaces_are_selected_by_their_labels(client, hook):
    chosen = {"matchLabels": {"hooked": "yes"}}
    await validating(
        client,
        webhook(hook, "/deny", objectSelector=chosen),
        webhook(hook, "/deny", name="b.example.com", namespaceSelector=chosen),
    )
    await client.create(CONFIG_MAPS, config("free"), "default")
    with pytest.raises(Forbidden, match=r"a\.example\.com"):
        await client.create(CONFIG_MAPS, {"metadata": {"name": "c", "labels": {"hooked": "yes"}}}, "default")
    await client.create(NAMESPACES, {"metadata": {"name": "team", "labels": {"hooked": "yes"}}})
    with pytest.raises(Forbidden, match=r"b\.example\.com"):
        await client.create(CONFIG_MAPS, config(), "team")


async def test_conditions_decide_whether_a_webhook_is_asked(client, hook):
    conditions = [{"name": "wanted", "expression": "object.data.wanted == 'yes'"}]
    await validating(client, webhook(hook, "/deny", matchConditions=conditions))
    await client.create(CONFIG_MAPS, config("a", wanted="no"), "default")
    with pytest.raises(Forbidden, match="denied the request"):
        await client.create(CONFIG_MAPS, config("b", wanted="yes"), "default")
    with pytest.raises(Forbidden, match="resulted in error: no such key: data"):
        await client.create(CONFIG_MAPS, config("c"), "default")


@pytest.mark.parametrize(("policy", "asked"), [("Equivalent", 1), ("Exact", 0)])
async def test_another_version_of_the_same_objects_is_equivalent(client, hook, policy, asked):
    await client.create(CUSTOM_RESOURCE_DEFINITIONS, DEFINITION)
    rule = {
        "operations": ["*"],
        "apiGroups": ["sea.example.com"],
        "apiVersions": ["v1beta1"],
        "resources": ["boats"],
    }
    await validating(client, webhook(hook, "/allow", rules=[rule], matchPolicy=policy))
    await client.create(BOATS, boat("b"), "default")
    assert len(hook.asked) == asked
    for request in hook.asked:
        assert request["object"]["apiVersion"] == "sea.example.com/v1beta1"
        assert (request["resource"]["version"], request["requestResource"]["version"]) == ("v1beta1", "v1")
    await client.create(OLD_BOATS, boat("c"), "default")
    assert len(hook.asked) == asked + 1


async def test_configurations_themselves_are_never_judged_by_webhooks(client, hook):
    everything = {"operations": ["*"], "apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*/*"]}
    await validating(client, webhook(hook, "/deny", rules=[everything]))
    await client.delete(VALIDATING_WEBHOOK_CONFIGURATIONS, "v")
    await client.create(CONFIG_MAPS, config(), "default")


async def test_a_change_that_lost_the_race_is_judged_again(client, hook):
    await client.create(CONFIG_MAPS, config(), "default")
    await mutating(client, webhook(hook, "/label"))
    await asyncio.gather(*(
        client.patch(CONFIG_MAPS, "c", {"data": {str(n): "x"}}, "default", content_type=MERGE_PATCH) for n in range(4)
    ))  # fmt: skip
    stored = await client.get(CONFIG_MAPS, "c", "default")
    assert (stored["data"], stored["metadata"]["labels"]) == (
        {str(n): "x" for n in range(4)},
        {"hooked": "yes"},
    )


FAULTS = {
    "name: Invalid value: \"short\": should be a domain with at least three segments separated by dots": {"name": "short"},
    "sideEffects: Required value: must specify one of None, NoneOnDryRun": {"sideEffects": None},
    "timeoutSeconds: Invalid value: 31: the timeout value must be between 1 and 30 seconds": {"timeoutSeconds": 31},
    "clientConfig: Required value: exactly one of url or service is required": {"clientConfig": {}},
    "clientConfig.url: Invalid value: \"http\": 'https' is the only allowed URL scheme; desired format: "
    "https://host[/path]": {"clientConfig": {"url": "http://a.example.com/"}},
    "admissionReviewVersions: Required value: must specify one of v1, v1beta1": {"admissionReviewVersions": []},
    "failurePolicy: Unsupported value: \"Maybe\": supported values: \"Fail\", \"Ignore\"": {"failurePolicy": "Maybe"},
    "matchConditions[0].expression: Invalid value: \"object.\": compilation failed": {
        "matchConditions": [{"name": "a", "expression": "object."}]
    },
}  # fmt: skip


@pytest.mark.parametrize("words", FAULTS)
async def test_what_is_wrong_with_a_webhook_is_told(client, hook, words):
    given = {
        name: value for name, value in webhook(hook, "/allow", **FAULTS[words]).items() if value is not None
    }
    with pytest.raises(Invalid) as refused:
        await validating(client, given)
    assert f"webhooks[0].{words}" in refused.value.message


async def test_defaults_are_kubernetes_own(client, hook):
    made = await mutating(client, webhook(hook, "/allow"))
    filled = made["webhooks"][0]
    assert {name: filled[name] for name in (
        "failurePolicy", "matchPolicy", "timeoutSeconds", "reinvocationPolicy", "namespaceSelector", "objectSelector"
    )} == {
        "failurePolicy": "Fail", "matchPolicy": "Equivalent", "timeoutSeconds": 10, "reinvocationPolicy": "Never",
        "namespaceSelector": {}, "objectSelector": {},
    }  # fmt: skip
    assert filled["rules"][0]["scope"] == "*"


async def test_an_eviction_and_a_connection_are_judged_as_what_they_are(client, hook):
    pod = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "a", "image": "a"}]}}
    await client.create(PODS, pod, "default")
    pods = {
        "operations": ["*"],
        "apiGroups": [""],
        "apiVersions": ["v1"],
        "resources": ["pods/eviction", "pods/exec"],
    }
    await validating(client, webhook(hook, "/deny", rules=[pods]))
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "p"}}
    with pytest.raises(Forbidden, match="denied the request: not today"):
        await client.create_subresource(PODS, "p", "eviction", eviction, "default")
    (asked,) = hook.asked
    assert (asked["operation"], asked["subResource"], asked["kind"]["kind"]) == (
        "CREATE",
        "eviction",
        "Eviction",
    )
    assert (await client.get(PODS, "p", "default"))["metadata"].get("deletionTimestamp") is None


async def test_a_connection_is_judged_before_it_is_made(api_server, client, hook):
    await client.create(
        PODS, {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "a", "image": "a"}]}}, "default"
    )
    pods = {"operations": ["CONNECT"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods/exec"]}
    await validating(client, webhook(hook, "/deny", rules=[pods]))
    call = ApiRequest(
        "GET", "/api/v1/namespaces/default/pods/p/exec", {"command": "ls", "stdout": "1"}, user=ADMIN
    )
    assert (await api_server.handle(call)).status == 403
    assert hook.asked[0]["object"] | {"metadata": {}} == {
        "kind": "PodExecOptions", "apiVersion": "v1", "metadata": {}, "stdout": True, "command": ["ls"],
    }  # fmt: skip
