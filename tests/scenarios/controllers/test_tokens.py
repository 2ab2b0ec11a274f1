"""Tokens that are kept in Secrets, and tokens that are bound to what may go."""

from __future__ import annotations

import base64

import pytest

from seaway.client.client import Client
from seaway.client.config import Connection
from seaway.client.http import HttpTransport
from seaway.controlplane.apiserver.inprocess import InProcessTransport
from seaway.controlplane.apiserver.users import User
from seaway.objects.builtin import CONFIG_MAPS, NODES, PODS, SECRETS, SERVICE_ACCOUNTS
from seaway.objects.errors import BadRequest, Forbidden, Unauthorized
from seaway.objects.resource import Resource
from tests.waiting import until_gone

REVIEWS = Resource("authentication.k8s.io", "v1", "TokenReview", "tokenreviews", namespaced=False)


@pytest.fixture
def admin(cluster):
    return cluster.client("admin", ("system:masters",))


async def wait_for(client: Client, resource, name: str, check) -> dict:
    """Return an object of the namespace default as soon as it is as wanted."""
    async with client.watch(resource, "default", field_selector=f"metadata.name={name}") as events:
        async for event in events:
            if check(event):
                return event.object
    raise AssertionError("the watch ended")


async def gone(client: Client, name: str) -> None:
    """Wait until a Secret is gone."""
    await until_gone(client, SECRETS, name, "default")


async def ask_as(cluster, token: str) -> None:
    transport = HttpTransport(
        Connection(cluster.url, ca=cluster.pki.ca.certificate.read_bytes(), token=token)
    )
    try:
        await Client(transport).list(CONFIG_MAPS, "default")
    finally:
        await transport.close()


async def test_a_kept_token_is_made_and_goes_with_its_account(cluster, admin) -> None:
    await admin.create(SERVICE_ACCOUNTS, {"metadata": {"name": "robot", "namespace": "default"}})
    annotations = {"kubernetes.io/service-account.name": "robot"}
    secret = {
        "metadata": {"name": "kept", "namespace": "default", "annotations": annotations},
        "type": "kubernetes.io/service-account-token",
    }
    await admin.create(SECRETS, secret)
    made = await wait_for(admin, SECRETS, "kept", lambda event: (event.object.get("data") or {}).get("token"))
    data = {name: base64.b64decode(value).decode() for name, value in made["data"].items()}
    assert data["namespace"] == "default"
    assert data["ca.crt"] == cluster.pki.ca.certificate.read_text()
    with pytest.raises(Forbidden, match="system:serviceaccount:default:robot"):
        await ask_as(cluster, data["token"])
    await admin.delete(SERVICE_ACCOUNTS, "robot", "default")
    with pytest.raises(Unauthorized):
        await ask_as(cluster, data["token"])
    await gone(admin, "kept")


async def request(client: Client, account: str, **spec) -> str:
    """Return a token that an account was asked for."""
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
    answer = await client.create_subresource(SERVICE_ACCOUNTS, account, "token", body, "default")
    return answer["status"]["token"]


async def reviewed(client: Client, token: str, *audiences: str) -> dict:
    spec = {"token": token} | ({"audiences": list(audiences)} if audiences else {})
    return (await client.create(REVIEWS, {"spec": spec}))["status"]


async def test_tokens_are_for_their_audience_and_end_with_what_they_are_bound_to(api_server) -> None:
    client = Client(InProcessTransport(api_server, User("admin", ("system:masters",))))
    for account in ("robot", "other"):
        await client.create(SERVICE_ACCOUNTS, {"metadata": {"name": account, "namespace": "default"}})
    node = await client.create(NODES, {"metadata": {"name": "n"}})
    spec = {"serviceAccountName": "robot", "nodeName": "n", "containers": [{"name": "c", "image": "python"}]}
    await client.create(PODS, {"metadata": {"name": "p", "namespace": "default"}, "spec": spec})
    await client.create(SECRETS, {"metadata": {"name": "s", "namespace": "default"}})

    plain = await request(client, "robot", audiences=["vault"])
    assert (await reviewed(client, plain, "vault", "x"))["audiences"] == ["vault"]
    assert "error" in await reviewed(client, plain)

    reference = {"kind": "Pod", "apiVersion": "v1", "name": "p"}
    with pytest.raises(BadRequest, match='cannot bind token for serviceaccount "other" to pod'):
        await request(client, "other", boundObjectRef=reference)
    bound = await request(client, "robot", boundObjectRef=reference)
    extra = (await reviewed(client, bound))["user"]["extra"]
    assert extra["authentication.kubernetes.io/pod-name"] == ["p"]
    assert extra["authentication.kubernetes.io/node-name"] == ["n"]
    assert extra["authentication.kubernetes.io/node-uid"] == [node["metadata"]["uid"]]

    of_node = await request(client, "robot", boundObjectRef={"kind": "Node", "apiVersion": "v1", "name": "n"})
    of_secret = await request(
        client, "robot", boundObjectRef={"kind": "Secret", "apiVersion": "v1", "name": "s"}
    )
    for token in (of_node, of_secret):
        assert (await reviewed(client, token))["authenticated"]
    await client.delete(NODES, "n")
    await client.delete(SECRETS, "s", "default")
    for token in (of_node, of_secret):
        assert "error" in await reviewed(client, token)
    assert (await reviewed(client, bound))["authenticated"]  # its node only says where the pod was
    await client.delete(PODS, "p", "default", grace_seconds=0)
    assert "error" in await reviewed(client, bound)
