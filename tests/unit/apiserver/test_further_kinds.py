"""The further kinds are served where that is told, with the roles of those who work on them; nobody else meets them."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from seaway.base.clock import SystemClock
from seaway.client.client import Client
from seaway.controlplane.apiserver.inprocess import InProcessTransport
from seaway.controlplane.apiserver.server import ApiServer
from seaway.controlplane.apiserver.settings import ApiServerSettings
from seaway.controlplane.apiserver.users import ADMIN, User, service_account_user
from seaway.controlplane.kinds import BUILTIN_KINDS
from seaway.controlplane.kinds.further import FURTHER_KINDS
from seaway.controlplane.store.memory import MemoryStore
from seaway.objects.builtin import CERTIFICATE_SIGNING_REQUESTS, CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, PODS
from seaway.objects.errors import Forbidden, NotFound
from seaway.objects.further import VOLUME_ATTACHMENTS
from seaway.objects.workloads import DEPLOYMENTS, REPLICA_SETS

CONTROLLER = "system:controller:replicaset-controller"
WEB = {"app": "web"}
POD = {"containers": [{"name": "a", "image": "python"}]}
SPEC = {"selector": {"matchLabels": WEB}, "template": {"metadata": {"labels": WEB}, "spec": POD}}


@pytest.fixture
async def further() -> AsyncIterator[ApiServer]:
    """An API server that serves the further kinds too."""
    kinds = (*BUILTIN_KINDS, *FURTHER_KINDS)
    server = ApiServer(MemoryStore(), kinds, ApiServerSettings(), SystemClock())
    await server.start()
    yield server
    await server.stop()
    await server.store.close()


def client(server: ApiServer, user: User = ADMIN) -> Client:
    return Client(InProcessTransport(server, user))


async def test_elsewhere_an_attachment_is_refused_and_no_controller_has_a_role(api_server: ApiServer) -> None:
    admin = client(api_server)
    with pytest.raises(NotFound):
        await admin.create(VOLUME_ATTACHMENTS, {"metadata": {"name": "disk"}, "spec": {}})
    names = {role["metadata"]["name"] for role in (await admin.list(CLUSTER_ROLES))["items"]}
    assert "system:kube-controller-manager" in names
    assert not any(name.startswith("system:controller:") for name in names)


async def test_each_controller_may_do_its_own_work_and_no_other(further: ApiServer) -> None:
    admin = client(further)
    await admin.get(CLUSTER_ROLES, CONTROLLER)
    binding = await admin.get(CLUSTER_ROLE_BINDINGS, CONTROLLER)
    assert binding["subjects"] == [
        {"kind": "ServiceAccount", "name": "replicaset-controller", "namespace": "kube-system"}
    ]
    controller = client(further, service_account_user("kube-system", "replicaset-controller"))
    assert (await controller.list(PODS))["items"] == []
    assert (await controller.list(REPLICA_SETS))["items"] == []
    with pytest.raises(Forbidden):
        await controller.create(DEPLOYMENTS, {"metadata": {"name": "web"}, "spec": SPEC}, "default")


@pytest.mark.parametrize(("role", "may"), [("edit", True), ("view", False)])
async def test_users_roles_cover_them(further: ApiServer, role: str, may: bool) -> None:
    admin = client(further)
    subject = {"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "ada"}
    reference = {"kind": "ClusterRole", "apiGroup": "rbac.authorization.k8s.io", "name": role}
    bound = {"metadata": {"name": "ada"}, "roleRef": reference, "subjects": [subject]}
    await admin.create(CLUSTER_ROLE_BINDINGS, bound)
    ada = client(further, User("ada", ("system:authenticated",)))
    assert (await ada.list(DEPLOYMENTS, "default"))["items"] == []
    making = ada.create(DEPLOYMENTS, {"metadata": {"name": "web"}, "spec": SPEC}, "default")
    if may:
        assert (await making)["spec"]["replicas"] == 1
    else:
        with pytest.raises(Forbidden):
            await making


async def test_a_certificate_request_says_who_made_it_and_not_who_they_say_they_are(
    further: ApiServer,
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
    spec = {
        "request": base64.b64encode(request.public_bytes(serialization.Encoding.PEM)).decode(),
        "signerName": "example.com/signer", "usages": ["client auth"],
        "username": "system:admin", "uid": "1", "groups": ["system:masters"], "extra": {"scopes": ["all"]},
    }  # fmt: skip
    robot = User("robot", ("system:masters", "system:authenticated"), "uid-7")
    made = await client(further, robot).create(
        CERTIFICATE_SIGNING_REQUESTS, {"metadata": {"name": "mine"}, "spec": spec}
    )
    told = {field: made["spec"].get(field) for field in ("username", "uid", "groups", "extra")}
    assert told == {
        "username": "robot", "uid": "uid-7", "groups": ["system:masters", "system:authenticated"], "extra": None,
    }  # fmt: skip
