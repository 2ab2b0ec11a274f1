"""The standard way to a new user: a key, a request, somebody's approval, a certificate, a role."""

from __future__ import annotations

import base64
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from seaway.client.client import Client
from seaway.client.config import Connection
from seaway.client.http import HttpTransport
from seaway.objects import meta
from seaway.objects.builtin import CERTIFICATE_SIGNING_REQUESTS, CONFIG_MAPS, ROLE_BINDINGS, SECRETS
from seaway.objects.errors import Forbidden, Invalid

SIGNER = "kubernetes.io/kube-apiserver-client"


def make_request(
    user: str, *groups: str, alternatives: tuple[x509.GeneralName, ...] = ()
) -> tuple[bytes, str]:
    """Return a key (PEM) and a request for its certificate (base64)."""
    key = ec.generate_private_key(ec.SECP256R1())
    names = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
    names.append(x509.NameAttribute(NameOID.COMMON_NAME, user))
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(names))
    if alternatives:
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    pem = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private, base64.b64encode(pem).decode()


async def ask(client: Client, name: str, request: str, signer: str = SIGNER, *usages: str, **spec) -> dict:
    asked = {"request": request, "signerName": signer, "usages": list(usages or ("client auth",)), **spec}
    return await client.create(CERTIFICATE_SIGNING_REQUESTS, {"metadata": {"name": name}, "spec": asked})


async def decide(client: Client, request: dict, kind: str = "Approved") -> dict:
    condition = {"type": kind, "status": "True", "reason": "Test"}
    decided = {**request, "status": {"conditions": [condition]}}
    return await client.replace(CERTIFICATE_SIGNING_REQUESTS, decided, "approval")


async def outcome(client: Client, name: str) -> dict:
    """Wait until a request is signed or failed."""
    named = f"metadata.name={name}"
    async with client.watch(CERTIFICATE_SIGNING_REQUESTS, field_selector=named) as events:
        async for event in events:
            request = event.object
            if (request.get("status") or {}).get("certificate") or meta.get_condition(request, "Failed"):
                return request
    raise AssertionError("the watch ended")


@pytest.fixture
def admin(cluster):
    return cluster.client("admin", ("system:masters",))


async def test_a_user_gets_in_with_a_signed_certificate(cluster, admin) -> None:
    key, request = make_request("ada", "team")
    made = await ask(admin, "ada", request, expirationSeconds=3600)
    assert made["spec"]["username"] == "admin"
    await decide(admin, made)
    signed = await outcome(admin, "ada")
    certificate = base64.b64decode(signed["status"]["certificate"])
    left = x509.load_pem_x509_certificate(certificate).not_valid_after_utc.timestamp() - time.time()
    assert 3000 < left <= 3600
    connection = Connection(
        cluster.url,
        ca=cluster.pki.ca.certificate.read_bytes(),
        client_certificate=certificate,
        client_key=key,
    )
    transport = HttpTransport(connection)
    try:
        ada = Client(transport)
        with pytest.raises(Forbidden, match='User "ada" cannot list'):
            await ada.list(CONFIG_MAPS, "default")
        group = "rbac.authorization.k8s.io"
        binding = {
            "metadata": {"name": "team", "namespace": "default"},
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "view"},
            "subjects": [{"apiGroup": group, "kind": "Group", "name": "team"}],
        }
        await admin.create(ROLE_BINDINGS, binding)
        await ada.list(CONFIG_MAPS, "default")
        with pytest.raises(Forbidden):
            await ada.list(SECRETS, "default")
    finally:
        await transport.close()


async def test_what_does_not_fit_its_signer_fails(admin) -> None:
    made = await ask(admin, "r", make_request("a")[1], SIGNER, "server auth")
    await decide(admin, made)
    failed = meta.get_condition(await outcome(admin, "r"), "Failed")
    assert failed["reason"] == "SignerValidationFailure"
    assert failed["message"] == "invalid usage for client certificate: server auth"


async def test_decisions_stand_and_certificates_are_signed_by_signers_only(cluster, admin) -> None:
    names = (x509.DNSName("node-9"),)
    request = make_request("system:node:node-9", "system:nodes", alternatives=names)[1]
    made = await ask(admin, "r", request, "example.com/other", "server auth")
    denied = await decide(admin, made, "Denied")
    with pytest.raises(Invalid, match="updates may not remove a condition"):
        await decide(admin, denied)
    forged = {**denied, "status": {**denied["status"], "certificate": base64.b64encode(b"x").decode()}}
    controllers = cluster.client("system:kube-controller-manager")
    await controllers.get(CERTIFICATE_SIGNING_REQUESTS, "r")
    nobody = cluster.client("bob")
    with pytest.raises(Forbidden):
        await nobody.replace(CERTIFICATE_SIGNING_REQUESTS, forged, "status")
    with pytest.raises(Forbidden, match="signer with system:masters group is not allowed"):
        await ask(admin, "masters", make_request("a", "system:masters")[1])
