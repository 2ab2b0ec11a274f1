"""What each signer signs, and how long a request is kept."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from seaway.controlplane.controllers.certificates import LONGEST, Unfit, check_fit, due, lifetime

SIGNER = "kubernetes.io/kube-apiserver-client"
DNS, EMAIL = x509.DNSName("n"), x509.RFC822Name("a@example.com")


def request(user: str, groups: tuple, names: tuple = ()) -> x509.CertificateSigningRequest:
    subject = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
    subject.append(x509.NameAttribute(NameOID.COMMON_NAME, user))
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(subject))
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())


@pytest.mark.parametrize(
    ("user", "groups", "signer", "usages", "why"),
    [
        ("a", (), SIGNER, ("server auth",), "invalid usage for client certificate: server auth"),
        ("a", (), SIGNER, ("digital signature",), "missing required usage for client certificate: client auth"),
        ("a", ("system:nodes",), f"{SIGNER}-kubelet", ("client auth", "digital signature"), "subject common name does not begin with system:node:"),
        ("system:node:n", ("x",), f"{SIGNER}-kubelet", ("client auth", "digital signature"), "subject organization is not system:nodes"),
        ("system:node:n", ("system:nodes",), f"{SIGNER}-kubelet", ("server auth",), "usages did not match [client auth digital signature key encipherment]"),
        ("system:node:n", ("system:nodes",), "kubernetes.io/kubelet-serving", ("server auth", "digital signature"), "DNS or IP subjectAltName is required"),
    ],
)  # fmt: skip
def test_what_a_signer_does_not_sign(user: str, groups: tuple, signer: str, usages: tuple, why: str) -> None:
    with pytest.raises(Unfit) as refused:
        check_fit(request(user, groups), signer, set(usages))
    assert str(refused.value) == why


@pytest.mark.parametrize(
    ("signer", "usages", "names"),
    [
        (SIGNER, ("client auth",), (DNS, EMAIL)),
        (f"{SIGNER}-kubelet", ("client auth", "digital signature"), ()),
        ("kubernetes.io/kubelet-serving", ("server auth", "digital signature", "key encipherment"), (DNS,)),
    ],
)
def test_what_signers_sign(signer: str, usages: tuple, names: tuple) -> None:
    assert check_fit(request("system:node:n", ("system:nodes",), names), signer, set(usages))


def test_other_signers_are_none_of_ours() -> None:
    assert not check_fit(request("a", ()), "example.com/signer", {"any"})


@pytest.mark.parametrize(("asked", "given"), [(None, LONGEST), (3600, 3600), (10, 600), (10**9, LONGEST)])
def test_lifetimes(asked: int | None, given: int) -> None:
    assert lifetime(asked) == given


def test_requests_are_kept_for_a_while() -> None:
    made = {"metadata": {"creationTimestamp": "1970-01-01T00:00:00Z"}}
    assert due(made) == 86400
    decided = {"type": "Approved", "lastUpdateTime": "1970-01-01T00:10:00Z"}
    assert due({**made, "status": {"conditions": [decided]}}) == 600 + 3600
