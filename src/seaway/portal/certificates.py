"""The portal's own certificate: a CA made at first start, and a certificate from it for the names that it is reached by.

Elliptic curves (P-256): a handshake costs a fraction of RSA's, and every command of the command line makes one.
"""

from __future__ import annotations

import datetime
import ipaddress
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LOOPBACK = ("localhost", "127.0.0.1", "::1")
"""The names by which a machine reaches itself."""
CA_LIFE = datetime.timedelta(days=3650)
LIFE = datetime.timedelta(days=730)
RENEW_BEFORE = datetime.timedelta(days=90)
SKEW = datetime.timedelta(hours=1)
"""Certificates are valid from a little before now: clocks differ."""


@dataclass(frozen=True, slots=True)
class CertificateFiles:
    """Where the portal's certificate lies (PEM)."""

    ca: Path
    certificate: Path
    key: Path


def ensure_certificate(
    folder: Path, now: datetime.datetime, names: Sequence[str] = LOOPBACK
) -> CertificateFiles:
    """Return the portal's certificate, made or renewed where that is needed.

    Args:
        folder: where the files lie; the private keys have mode 0600.
        now: with a time zone.
        names: the host names and addresses that it must be good for.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    files = CertificateFiles(folder / "ca.crt", folder / "portal.crt", folder / "portal.key")
    if not (files.ca.is_file() and (folder / "ca.key").is_file() and _lives(files.ca, now)):
        key = ec.generate_private_key(ec.SECP256R1())
        ca = _sign(_name("seaway portal CA"), _name("seaway portal CA"), key, key, now, CA_LIFE, ca=True)
        _write(folder / "ca.key", _pem(key))
        _write(files.ca, ca.public_bytes(serialization.Encoding.PEM))
        files.certificate.unlink(missing_ok=True)
    if not (files.key.is_file() and _lives(files.certificate, now) and _serves(files.certificate, names)):
        issuer = x509.load_pem_x509_certificate(files.ca.read_bytes()).subject
        issuer_key = serialization.load_pem_private_key((folder / "ca.key").read_bytes(), None)
        assert isinstance(issuer_key, ec.EllipticCurvePrivateKey)
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = _sign(_name("seaway portal"), issuer, key, issuer_key, now, LIFE, ca=False, names=names)
        _write(files.key, _pem(key))
        _write(files.certificate, certificate.public_bytes(serialization.Encoding.PEM))
    return files


def _sign(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    issuer_key: ec.EllipticCurvePrivateKey,
    now: datetime.datetime,
    life: datetime.timedelta,
    *,
    ca: bool,
    names: Sequence[str] = (),
) -> x509.Certificate:
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - SKEW)
        .not_valid_after(now + life)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=0 if ca else None), critical=True)
        .add_extension(_key_usage(ca=ca), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False
        )
    )
    if not ca:
        alternatives = x509.SubjectAlternativeName([_alternative(name) for name in names])
        builder = builder.add_extension(alternatives, critical=False)
        builder = builder.add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False
        )
    return builder.sign(issuer_key, hashes.SHA256())


def _key_usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=ca,
        crl_sign=ca,
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


def _lives(path: Path, now: datetime.datetime) -> bool:
    try:
        return x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc - now > RENEW_BEFORE
    except (FileNotFoundError, ValueError):
        return False


def _serves(path: Path, names: Sequence[str]) -> bool:
    """Return whether a certificate is good for all names."""
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    kept = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {_alternative(name) for name in names} <= set(kept)


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write(path: Path, data: bytes) -> None:
    draft = path.with_suffix(path.suffix + ".new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    draft.replace(path)
