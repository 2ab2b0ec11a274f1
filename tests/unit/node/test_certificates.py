"""A node's serving certificate: its own until the cluster signed one, and again when that is about to end."""

from __future__ import annotations

import asyncio
import base64
import datetime
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from seaway.base.clock import SystemClock
from seaway.controlplane.apiserver.pki import ensure_pki
from seaway.controlplane.node.serving.certificates import ServingCertificate, tls_context
from seaway.controlplane.node.shim import attached


class Signer:
    """A cluster that signs the second request that is made, and refuses the first."""

    def __init__(self, hours: float) -> None:
        self._hours = hours
        self.requests: list[dict[str, Any]] = []

    async def create(self, _: Any, obj: dict[str, Any]) -> dict[str, Any]:
        self.requests.append(obj)
        return {"metadata": {"name": f"csr-{len(self.requests)}"}}

    async def get(self, _: Any, name: str) -> dict[str, Any]:
        if name == "csr-1":
            return {"status": {"conditions": [{"type": "Denied", "message": "not yet"}]}}
        request = x509.load_pem_x509_csr(base64.b64decode(self.requests[-1]["spec"]["request"]))
        key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
        issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ca")])
        names = request.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        builder = x509.CertificateBuilder().subject_name(request.subject).issuer_name(issuer)
        builder = builder.public_key(request.public_key()).serial_number(1).add_extension(names.value, False)
        builder = builder.not_valid_before(now).not_valid_after(now + datetime.timedelta(hours=self._hours))
        pem = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        return {"status": {"certificate": base64.b64encode(pem).decode()}}


class Hurried(SystemClock):
    """A clock on which waiting for less than a minute takes no time."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0 if seconds < 60 else seconds)


async def test_a_certificate_is_asked_for_kept_and_shown(tmp_path: Path) -> None:
    """A refused request is made again; the signed one is used at the next start too, but not for another address."""
    pki = ensure_pki(tmp_path / "pki", ("127.0.0.1",), SystemClock().now())
    context, cluster, folder = tls_context(pki.ca.certificate), Signer(hours=24), tmp_path / "serving"
    certificate = ServingCertificate(cluster, folder, "n1", "127.0.0.1", Hurried())  # type: ignore[arg-type]
    assert not certificate.load(context)
    signed = asyncio.Event()
    keeping = asyncio.create_task(certificate.keep(context, signed.set))
    async with asyncio.timeout(60):
        await signed.wait()
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)
    spec = cluster.requests[-1]["spec"]
    request = x509.load_pem_x509_csr(base64.b64decode(spec["request"]))
    assert (spec["signerName"], spec["usages"]) == (
        "kubernetes.io/kubelet-serving",
        ["digital signature", "server auth"],
    )
    assert request.subject.rfc4514_string() == "CN=system:node:n1,O=system:nodes"
    assert len(cluster.requests) == 2
    assert ServingCertificate(cluster, folder, "n1", "127.0.0.1", Hurried()).load(context)  # type: ignore[arg-type]
    assert not ServingCertificate(cluster, folder, "n1", "127.0.0.2", Hurried()).load(context)  # type: ignore[arg-type]
    assert folder.stat().st_mode & 0o077 == 0
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


@given(st.lists(st.tuples(st.integers(0, 3), st.binary(max_size=50)), max_size=5), st.integers(0, 300))
def test_messages_of_callers_come_whole(messages: list[tuple[int, bytes]], cut: int) -> None:
    """Whatever the pieces are, messages are read as they were sent."""
    sent = b"".join(attached.message(kind, data) for kind, data in messages)
    first, rest = attached.parse(sent[:cut])
    second, left = attached.parse(rest + sent[cut:])
    assert (first + second, left) == (messages, b"")
