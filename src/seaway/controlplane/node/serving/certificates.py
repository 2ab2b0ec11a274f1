"""What a node's server shows its callers: a certificate that the cluster signed, and one of its own until then.

Source: Kubernetes documentation, "Kubelet TLS bootstrapping" and the signer kubernetes.io/kubelet-serving.
"""

from __future__ import annotations

import base64
import datetime
import ipaddress
import logging
import os
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from seaway.base.clock import Clock
from seaway.base.tasks import Backoff
from seaway.client.client import Client
from seaway.client.errors import Unreachable
from seaway.objects.errors import ApiError, NotFound
from seaway.objects.resource import Resource

log = logging.getLogger(__name__)
SIGNER = "kubernetes.io/kubelet-serving"
REQUESTS = Resource(
    "certificates.k8s.io", "v1", "CertificateSigningRequest", "certificatesigningrequests", namespaced=False
)
_OWN_DAYS = 365
_RENEW_PART = 0.7
"""A certificate is made anew after this part of its life, as the kubelet does."""
_POLL = Backoff(initial=0.5, factor=1.3, cap=30.0)
"""People approve requests: at first one is looked for often, for a test or a controller does it at once."""
_RETRY = Backoff(initial=5.0, factor=2.0, cap=600.0)


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its key, as files."""

    certificate: Path
    key: Path


def tls_context(client_ca: Path) -> ssl.SSLContext:
    """Return the server's TLS settings, still without a certificate: callers may show one, which must be of this authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(client_ca)
    context.verify_mode = ssl.CERT_OPTIONAL
    context.set_alpn_protocols(["http/1.1"])
    return context


class ServingCertificate:
    """Keeps the certificate of one node's server good.

    Args:
        client: of the cluster, as the node.
        folder: keys and certificates are kept here.
        node: the node's name.
        address: its address.
        clock: tells the time.
    """

    def __init__(self, client: Client, folder: Path, node: str, address: str, clock: Clock) -> None:
        self._client, self._folder, self._clock = client, folder, clock
        self._node, self._address = node, address
        self._signed = Pair(folder / "signed.crt", folder / "signed.key")

    def load(self, context: ssl.SSLContext) -> bool:
        """Show the signed certificate where there is a good one, else one of the node's own; tell which."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if self._seconds_left() > 0:
            context.load_cert_chain(self._signed.certificate, self._signed.key)
            return True
        own = Pair(self._folder / "own.crt", self._folder / "own.key")
        key = ec.generate_private_key(ec.SECP256R1())
        _write(own.key, _pem(key))
        _write(own.certificate, self._self_signed(key).public_bytes(serialization.Encoding.PEM))
        context.load_cert_chain(own.certificate, own.key)
        return False

    async def keep(self, context: ssl.SSLContext, signed: Callable[[], None] = lambda: None) -> None:
        """Have the cluster sign a certificate, again before it expires; show it. Runs until cancelled.

        Args:
            context: of the server.
            signed: called whenever a signed certificate is shown.
        """
        failures = 0
        while True:
            left = self._seconds_left()
            if left > 0:
                context.load_cert_chain(self._signed.certificate, self._signed.key)
                signed()
                failures = 0
                await self._clock.sleep(left)
                continue
            try:
                await self._obtain()
            except (ApiError, Unreachable, ValueError) as error:
                failures += 1
                log.warning("node %s has no signed serving certificate yet: %s", self._node, error)
                await self._clock.sleep(_RETRY.delay(failures))

    async def _obtain(self) -> None:
        """Ask for a certificate and wait until it is signed. Raises ApiError, Unreachable, ValueError (refused)."""
        key = ec.generate_private_key(ec.SECP256R1())
        spec = {
            "request": base64.b64encode(signing_request(key, self._node, self._address)).decode(),
            "signerName": SIGNER,
            "usages": ["digital signature", "server auth"],
        }
        made = await self._client.create(REQUESTS, {"metadata": {"generateName": "csr-"}, "spec": spec})
        name = made["metadata"]["name"]
        log.info("the certificate signing request %s waits for its approval", name)
        looks = 0
        while not (signed := (made.get("status") or {}).get("certificate")):
            for condition in (made.get("status") or {}).get("conditions") or ():
                if condition["type"] in {"Denied", "Failed"}:
                    raise ValueError(f"{name} was {condition['type'].lower()}: {condition.get('message')}")
            looks += 1
            await self._clock.sleep(_POLL.delay(looks))
            try:
                made = await self._client.get(REQUESTS, name)
            except NotFound:
                raise ValueError(f"{name} was deleted before it was approved") from None
        _write(self._signed.key, _pem(key))
        _write(self._signed.certificate, base64.b64decode(signed))

    def _seconds_left(self) -> float:
        """Return how long the signed certificate is good; 0 where there is none, or one for another address."""
        try:
            certificate = x509.load_pem_x509_certificate(self._signed.certificate.read_bytes())
            key = serialization.load_pem_private_key(self._signed.key.read_bytes(), None)
            names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except (OSError, ValueError, TypeError, x509.ExtensionNotFound):
            return 0.0
        hosts = {str(name.value) for name in names}
        if certificate.public_key() != key.public_key() or self._address not in hosts:
            return 0.0
        begin, end = certificate.not_valid_before_utc.timestamp(), certificate.not_valid_after_utc.timestamp()
        return max(0.0, begin + (end - begin) * _RENEW_PART - self._clock.now())

    def _self_signed(self, key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
        name = _subject(self._node)
        now = datetime.datetime.fromtimestamp(self._clock.now(), datetime.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(days=_OWN_DAYS))
            .add_extension(_alternatives(self._node, self._address), critical=False)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .sign(key, hashes.SHA256())
        )


def signing_request(key: ec.EllipticCurvePrivateKey, node: str, address: str) -> bytes:
    """Return a request for a node's serving certificate, as its signer wants it (PEM)."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(_subject(node))
    request = builder.add_extension(_alternatives(node, address), critical=False).sign(key, hashes.SHA256())
    return request.public_bytes(serialization.Encoding.PEM)


def _subject(node: str) -> x509.Name:
    return x509.Name([
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, "system:nodes"),
        x509.NameAttribute(NameOID.COMMON_NAME, f"system:node:{node}"),
    ])  # fmt: skip


def _alternatives(node: str, address: str) -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName([x509.DNSName(node), x509.IPAddress(ipaddress.ip_address(address))])


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write(path: Path, data: bytes) -> None:
    temporary = path.with_name(f".{path.name}.new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    temporary.replace(path)
