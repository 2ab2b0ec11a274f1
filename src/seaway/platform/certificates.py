"""Certificates of a server, as PEM texts: an authority, and what it signs. Keys are made here; nothing is read or written.

Elliptic curves (P-256): a handshake costs a fraction of RSA's, and every command of the command line makes one.
"""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_LIFE = datetime.timedelta(days=3650)
SKEW = datetime.timedelta(hours=1)
"""Certificates are valid from a little before now: clocks differ."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its private key (PEM)."""

    certificate: str
    key: str = field(repr=False)


def make_authority(name: str, now: datetime.datetime) -> Pair:
    """Return a new authority; `now` has a time zone."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _name(name)
    builder = _builder(subject, subject, key, key, now, AUTHORITY_LIFE, authority=True)
    return _pair(builder.sign(key, hashes.SHA256()), key)


def make_certificate(
    name: str, authority: Pair, names: Sequence[str], now: datetime.datetime, life: datetime.timedelta
) -> Pair:
    """Return a new certificate of a server.

    Args:
        name: its subject's common name.
        authority: who signs it.
        names: the host names and addresses that it is good for.
        now: with a time zone.
        life: how long it is good.
    """
    issuer = x509.load_pem_x509_certificate(authority.certificate.encode()).subject
    issuer_key = serialization.load_pem_private_key(authority.key.encode(), None)
    assert isinstance(issuer_key, ec.EllipticCurvePrivateKey)
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _builder(_name(name), issuer, key, issuer_key, now, life, authority=False)
    alternatives = x509.SubjectAlternativeName([_alternative(one) for one in names])
    builder = builder.add_extension(alternatives, critical=False)
    builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    return _pair(builder.sign(issuer_key, hashes.SHA256()), key)


def lives(certificate: bytes, until: datetime.datetime) -> bool:
    """Return whether a certificate (PEM) is one, and good at least until then."""
    try:
        return x509.load_pem_x509_certificate(certificate).not_valid_after_utc > until
    except ValueError:
        return False


def serves(certificate: bytes, names: Sequence[str]) -> bool:
    """Return whether a certificate (PEM) is good for all names."""
    extensions = x509.load_pem_x509_certificate(certificate).extensions
    kept = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {_alternative(name) for name in names} <= set(kept)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    issuer_key: ec.EllipticCurvePrivateKey,
    now: datetime.datetime,
    life: datetime.timedelta,
    *,
    authority: bool,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - SKEW)
        .not_valid_after(now + life)
        .add_extension(
            x509.BasicConstraints(ca=authority, path_length=0 if authority else None), critical=True
        )
        .add_extension(_key_usage(authority=authority), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False
        )
    )


def _key_usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _pair(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> Pair:
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return Pair(certificate.public_bytes(serialization.Encoding.PEM).decode(), private.decode())
