"""Keys and certificates of one cluster: made at first start, kept private, renewed before they expire.

Source: Kubernetes' "PKI certificates and requirements"; EC P-256 (RFC 5480) throughout.
"""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from seaway.base.files import write_private

CA_DAYS = 3650
LEAF_DAYS = 365
RENEW_DAYS = 90
"""A certificate with less than this left is made anew: at the next start, and, but for the authority's, while the cluster runs."""

BACKDATED = 300
"""Seconds by which clocks may differ, for certificates that are signed on request."""
_PURPOSES = {"client auth": ExtendedKeyUsageOID.CLIENT_AUTH, "server auth": ExtendedKeyUsageOID.SERVER_AUTH}


class PkiBroken(ValueError):  # reads as what happened
    """A key or certificate on disk cannot be used. The message names the file and the remedy."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its key, as files."""

    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class Pki:
    """The files of one cluster's public-key infrastructure."""

    folder: Path
    ca: Pair
    server: Pair
    admin: Pair
    service_account_key: Path

    def client_pair(self, name: str, user: str, groups: Sequence[str], now: float) -> Pair:
        """Return a client certificate for a user, made or renewed where needed."""
        pair = Pair(self.folder / f"{name}.crt", self.folder / f"{name}.key")
        issuer = _load(self.ca)
        subject = _subject(user, groups)
        if _needs_renewal(pair, issuer[0], now, subject=subject):
            _issue(pair, issuer, subject, _when(now), client=True, hosts=())
        return pair

    def sign(self, request: bytes, usages: Sequence[str], seconds: int, now: float) -> bytes:
        """Return a certificate (PEM) for a request that somebody approved.

        Args:
            request: PEM.
            usages: as CertificateSigningRequests name them; those of clients and servers count.
            seconds: how long it is good for.
            now: seconds since the epoch.
        """
        asked = x509.load_pem_x509_csr(request)
        authority, authority_key = _load(self.ca)
        purposes = [purpose for usage, purpose in _PURPOSES.items() if usage in usages]
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key())
        ends = min(now + seconds, authority.not_valid_after_utc.timestamp())
        builder = (
            x509.CertificateBuilder()
            .subject_name(asked.subject)
            .issuer_name(authority.subject)
            .public_key(asked.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(_when(now - BACKDATED))
            .not_valid_after(_when(ends))
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(authority=False, encipherment="key encipherment" in usages), critical=True)
            .add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
            .add_extension(identifier, critical=False)
        )
        for extension in asked.extensions:
            if isinstance(extension.value, x509.SubjectAlternativeName):
                builder = builder.add_extension(extension.value, critical=extension.critical)
        return builder.sign(authority_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def load_service_account_key(self) -> ec.EllipticCurvePrivateKey:
        """Return the key that signs service-account tokens."""
        return _load_key(self.service_account_key)


def ensure_pki(folder: Path, hosts: Sequence[str], now: float, *, starting: bool = True) -> Pki:
    """Return a cluster's files, with whatever was missing or about to expire made.

    Args:
        folder: created with mode 0700; keys get mode 0600.
        hosts: names and addresses of the server certificate.
        now: seconds since the epoch.
        starting: an authority that is about to expire is made anew too: whoever trusted it has to read the new one.

    Raises:
        PkiBroken: a file is there and cannot be read.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    pki = Pki(
        folder,
        Pair(folder / "ca.crt", folder / "ca.key"),
        Pair(folder / "apiserver.crt", folder / "apiserver.key"),
        Pair(folder / "admin.crt", folder / "admin.key"),
        folder / "service-account.key",
    )
    if not pki.ca.certificate.exists():
        _make_authority(pki.ca, _when(now))
    issuer = _load(pki.ca)
    if starting and _is_about_to_expire(issuer[0], now):
        _make_authority(pki.ca, _when(now))
        issuer = _load(pki.ca)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kube-apiserver")])
    if _needs_renewal(pki.server, issuer[0], now, hosts=hosts):
        _issue(pki.server, issuer, subject, _when(now), client=False, hosts=hosts)
    pki.client_pair("admin", "seaway-admin", ("system:masters",), now)
    if not pki.service_account_key.exists():
        write_private(pki.service_account_key, _key_bytes(ec.generate_private_key(ec.SECP256R1())))
    return pki


def _when(now: float) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(now, datetime.UTC)


def _subject(user: str, groups: Sequence[str]) -> x509.Name:
    organizations = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
    return x509.Name([*organizations, x509.NameAttribute(NameOID.COMMON_NAME, user)])


def _key_bytes(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _load_key(path: Path) -> ec.EllipticCurvePrivateKey:
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), None)
    except (OSError, ValueError, TypeError) as error:
        raise PkiBroken(
            f"{path} cannot be read as a private key: restore it, or delete its folder to make a new authority"
        ) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise PkiBroken(f"{path} is not an elliptic-curve key: delete its folder to make a new authority")
    return key


def _load(pair: Pair) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    try:
        certificate = x509.load_pem_x509_certificate(pair.certificate.read_bytes())
    except (OSError, ValueError) as error:
        raise PkiBroken(
            f"{pair.certificate} cannot be read as a certificate: restore it, or delete its folder to make a new authority"
        ) from error
    return certificate, _load_key(pair.key)


def _needs_renewal(
    pair: Pair,
    issuer: x509.Certificate,
    now: float,
    *,
    hosts: Sequence[str] = (),
    subject: x509.Name | None = None,
) -> bool:
    """Tell whether a leaf is missing, broken, of another authority, about to expire or for other hosts."""
    try:
        certificate, key = _load(pair)
        certificate.verify_directly_issued_by(issuer)
    except (PkiBroken, ValueError, TypeError, InvalidSignature):
        return True  # whatever is wrong with a leaf, the remedy is a new one
    if certificate.public_key() != key.public_key() or (
        subject is not None and certificate.subject != subject
    ):
        return True
    if _is_about_to_expire(certificate, now):
        return True
    return bool(hosts) and set(_hosts_of(certificate)) != set(hosts)


def _is_about_to_expire(certificate: x509.Certificate, now: float) -> bool:
    return certificate.not_valid_after_utc < _when(now) + datetime.timedelta(days=RENEW_DAYS)


def _hosts_of(certificate: x509.Certificate) -> list[str]:
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return [str(name.value) for name in names]


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    public_key: ec.EllipticCurvePublicKey,
    now: datetime.datetime,
    days: int,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=days))
    )


def _usage(*, authority: bool, encipherment: bool = False) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True, content_commitment=False, key_encipherment=encipherment, data_encipherment=False,
        key_agreement=False, key_cert_sign=authority, crl_sign=authority, encipher_only=False, decipher_only=False,
    )  # fmt: skip


def _make_authority(pair: Pair, now: datetime.datetime) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "seaway-ca")])
    certificate = (
        _builder(name, name, key.public_key(), now, CA_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(authority=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    write_private(pair.key, _key_bytes(key))
    write_private(pair.certificate, certificate.public_bytes(serialization.Encoding.PEM))


def _issue(
    pair: Pair,
    issuer: tuple[x509.Certificate, ec.EllipticCurvePrivateKey],
    subject: x509.Name,
    now: datetime.datetime,
    *,
    client: bool,
    hosts: Sequence[str],
) -> None:
    authority, authority_key = issuer
    key = ec.generate_private_key(ec.SECP256R1())
    purpose = ExtendedKeyUsageOID.CLIENT_AUTH if client else ExtendedKeyUsageOID.SERVER_AUTH
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key())
    builder = (
        _builder(subject, authority.subject, key.public_key(), now, LEAF_DAYS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        .add_extension(identifier, critical=False)
    )
    if hosts:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([_general(host) for host in hosts]), critical=False
        )
    certificate = builder.sign(authority_key, hashes.SHA256())
    write_private(pair.key, _key_bytes(key))
    write_private(pair.certificate, certificate.public_bytes(serialization.Encoding.PEM))


def _general(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def user_of_certificate(der: bytes) -> tuple[str, tuple[str, ...]]:
    """Return (common name, organizations) of a verified peer's certificate: user and groups."""
    subject = x509.load_der_x509_certificate(der).subject
    names = subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    groups = subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    return (str(names[0].value) if names else "", tuple(str(group.value) for group in groups))
