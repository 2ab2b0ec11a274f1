"""Who may do what, over both ways in; and who is nobody."""

from __future__ import annotations

import httpx
import pytest

from seaway.client.client import Client
from seaway.client.http import HttpTransport
from seaway.client.request import Request
from seaway.controlplane.apiserver.inprocess import InProcessTransport
from seaway.controlplane.apiserver.users import ADMIN
from seaway.objects.builtin import (
    CLUSTER_ROLE_BINDINGS,
    CLUSTER_ROLES,
    CONFIG_MAPS,
    NAMESPACES,
    NODES,
    PODS,
    ROLE_BINDINGS,
    ROLES,
    SECRETS,
    SERVICE_ACCOUNTS,
)  # fmt: skip
from seaway.objects.errors import Forbidden, Invalid, Unauthorized
from seaway.objects.resource import Resource

REVIEW = Resource(
    "authorization.k8s.io", "v1", "SelfSubjectAccessReview", "selfsubjectaccessreviews", namespaced=False
)
WHO = Resource("authentication.k8s.io", "v1", "SelfSubjectReview", "selfsubjectreviews", namespaced=False)
TOKEN_REVIEW = Resource("authentication.k8s.io", "v1", "TokenReview", "tokenreviews", namespaced=False)


def grant(name, role, user, kind="ClusterRole"):
    return {
        "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": role},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}],
    }


async def test_without_a_role_all_is_forbidden_in_kubernetes_words(client_as):
    with pytest.raises(Forbidden) as caught:
        await client_as("jane").get(PODS, "p", "default")
    assert caught.value.message == (
        'pods "p" is forbidden: User "jane" cannot get resource "pods" in API group "" in the namespace "default"'
    )
    with pytest.raises(
        Forbidden,
        match='nodes is forbidden: User "jane" cannot list resource "nodes" in API group "" at the cluster scope',
    ):
        await client_as("jane").list(NODES)


@pytest.mark.parametrize(
    ("role", "allowed", "refused"),
    [
        ("view", [("list", CONFIG_MAPS)], [("list", SECRETS), ("create", CONFIG_MAPS), ("list", ROLES)]),
        ("edit", [("list", SECRETS), ("create", CONFIG_MAPS)], [("list", ROLES), ("create", NAMESPACES)]),
        ("admin", [("list", SECRETS), ("list", ROLES)], [("create", NAMESPACES), ("list", NODES)]),
        ("cluster-admin", [("list", SECRETS), ("list", ROLES)], []),
    ],
)
async def test_default_roles_in_one_namespace(client, client_as, role, allowed, refused):
    await client.create(ROLE_BINDINGS, grant("b", role, "jane"), "default")
    jane = client_as("jane")

    async def attempt(verb, resource):
        namespace = "default" if resource.namespaced else None
        if verb == "list":
            return await jane.list(resource, namespace)
        return await jane.create(resource, {"metadata": {"name": "x"}}, namespace)

    for verb, resource in allowed:
        await attempt(verb, resource)
    for verb, resource in refused:
        with pytest.raises(Forbidden):
            await attempt(verb, resource)
    with pytest.raises(Forbidden):
        await jane.list(CONFIG_MAPS, "kube-system")


async def test_a_named_resource_only(client, client_as):
    rules = [
        {"apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["mine"], "verbs": ["get", "list"]}
    ]
    await client.create(ROLES, {"metadata": {"name": "r"}, "rules": rules}, "default")
    await client.create(ROLE_BINDINGS, grant("b", "r", "jane", "Role"), "default")
    for name in ("mine", "other"):
        await client.create(CONFIG_MAPS, {"metadata": {"name": name}}, "default")
    jane = client_as("jane")
    await jane.get(CONFIG_MAPS, "mine", "default")
    await jane.list(CONFIG_MAPS, "default", field_selector="metadata.name=mine")
    with pytest.raises(Forbidden):
        await jane.get(CONFIG_MAPS, "other", "default")
    with pytest.raises(Forbidden):
        await jane.list(CONFIG_MAPS, "default")


async def test_a_role_taken_away_counts_at_once(client, client_as):
    await client.create(CLUSTER_ROLE_BINDINGS, grant("b", "view", "jane"))
    jane = client_as("jane")
    await jane.list(PODS)
    await client.delete(CLUSTER_ROLE_BINDINGS, "b")
    with pytest.raises(Forbidden):
        await jane.list(PODS)


async def test_nobody_gives_away_more_than_they_have(client, client_as):
    rules = [{"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["*"], "verbs": ["*"]}]
    rules.append({"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]})
    # "*" as a verb would include escalate and bind: name the ordinary ones
    rules[0]["verbs"] = ["create", "get", "list", "update", "patch", "delete"]
    await client.create(CLUSTER_ROLES, {"metadata": {"name": "granter"}, "rules": rules})
    await client.create(CLUSTER_ROLE_BINDINGS, grant("granter", "granter", "jane"))
    jane = client_as("jane")
    wanted = {
        "metadata": {"name": "r"},
        "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}],
    }
    await jane.create(ROLES, wanted, "default")
    wanted = {
        "metadata": {"name": "s"},
        "rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}],
    }
    with pytest.raises(Forbidden, match="is attempting to grant RBAC permissions not currently held"):
        await jane.create(ROLES, wanted, "default")
    with pytest.raises(Forbidden, match="is attempting to grant RBAC permissions not currently held"):
        await jane.create(CLUSTER_ROLE_BINDINGS, grant("all", "cluster-admin", "jane"))


async def test_reviews_say_who_and_what(client, client_as):
    jane = client_as("jane")
    who = await jane.create(WHO, {})
    assert who["status"]["userInfo"]["username"] == "jane"
    question = {
        "spec": {"resourceAttributes": {"verb": "create", "resource": "pods", "namespace": "default"}}
    }
    assert (await jane.create(REVIEW, question))["status"]["allowed"] is False
    assert (await client.create(REVIEW, question))["status"]["allowed"] is True
    with pytest.raises(Invalid, match="exactly one of"):
        await jane.create(REVIEW, {"spec": {}})


async def test_acting_as_another_needs_the_right(client, client_as):
    request = Request("GET", "/api/v1/namespaces/default/pods", headers=(("impersonate-user", "jane"),))
    with pytest.raises(Forbidden, match='User "jane" cannot list'):
        await client.send(request)
    with pytest.raises(Forbidden, match='User "bob" cannot impersonate resource "users"'):
        await client_as("bob").send(request)


async def token_for(api_server, name="default", **spec):
    admin = Client(InProcessTransport(api_server, ADMIN))
    try:
        await admin.create(SERVICE_ACCOUNTS, {"metadata": {"name": name}}, "default")
    except Exception:
        await admin.get(SERVICE_ACCOUNTS, name, "default")
    answer = await admin.create_subresource(SERVICE_ACCOUNTS, name, "token", {"spec": spec}, "default")
    return admin, answer["status"]["token"]


async def test_a_service_account_is_its_token(api_server, served):
    admin, token = await token_for(api_server)
    await admin.create(
        ROLE_BINDINGS,
        {
            **grant("b", "view", ""),
            "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": "default"}],
        },
        "default",
    )
    transport = HttpTransport(served.connection(token=token))
    account = Client(transport)
    await account.list(PODS, "default")
    who = await account.create(WHO, {})
    assert who["status"]["userInfo"]["username"] == "system:serviceaccount:default:default"
    review = await admin.create(TOKEN_REVIEW, {"spec": {"token": token}})
    assert review["status"]["authenticated"] is True
    await admin.delete(SERVICE_ACCOUNTS, "default", "default")
    with pytest.raises(Unauthorized):
        await account.list(PODS, "default")
    await transport.close()


async def test_a_token_bound_to_a_pod_ends_with_it(api_server, served):
    admin, _ = await token_for(api_server)
    await admin.create(
        PODS, {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "m", "image": "i"}]}}, "default"
    )
    _, token = await token_for(api_server, boundObjectRef={"kind": "Pod", "apiVersion": "v1", "name": "p"})
    review = {"spec": {"token": token}}
    answer = await admin.create(TOKEN_REVIEW, review)
    assert answer["status"]["user"]["extra"]["authentication.kubernetes.io/pod-name"] == ["p"]
    await admin.delete(PODS, "p", "default")
    answer = await admin.create(TOKEN_REVIEW, review)
    assert "authenticated" not in answer["status"]


@pytest.mark.parametrize("path", ["/healthz", "/livez", "/readyz", "/version"])
async def test_health_and_version_are_open(served, path):
    async with httpx.AsyncClient(verify=tls(served)) as http:
        assert (await http.get(served.url + path)).status_code == 200


@pytest.mark.parametrize(
    "path", ["/", "/api", "/apis", "/api/v1/pods", "/openapi/v2", "/metrics", "/nothing"]
)
@pytest.mark.parametrize(
    "headers",
    [{}, {"authorization": "Bearer x.y.z"}, {"authorization": "Basic abc"}],
    ids=["none", "bad token", "basic"],
)
async def test_nobody_gets_nothing_else(served, path, headers):
    async with httpx.AsyncClient(verify=tls(served)) as http:
        answer = await http.get(served.url + path, headers=headers)
    assert answer.status_code == 401
    assert answer.json() == {
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": "Unauthorized", "reason": "Unauthorized", "code": 401,
    }  # fmt: skip


def tls(served):
    import ssl

    return ssl.create_default_context(cadata=served.ca.decode())
