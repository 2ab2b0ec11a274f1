"""The portal's own certificate: a CA made at first start, and a certificate from it for the names that it is reached by."""

from __future__ import annotations

import datetime
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from seaway.platform.certificates import Pair, lives, make_authority, make_certificate, serves

LOOPBACK = ("localhost", "127.0.0.1", "::1")
"""The names by which a machine reaches itself."""
LIFE = datetime.timedelta(days=730)
RENEW_BEFORE = datetime.timedelta(days=90)


@dataclass(frozen=True, slots=True)
class CertificateFiles:
    """Where the portal's certificate lies (PEM)."""

    ca: Path
    certificate: Path
    key: Path


def ensure_certificate(
    folder: Path, now: datetime.datetime, names: Sequence[str] = LOOPBACK, *, starting: bool = True
) -> CertificateFiles:
    """Return the portal's certificate, made or renewed where that is needed.

    Args:
        folder: where the files lie; the private keys have mode 0600.
        now: with a time zone.
        names: the host names and addresses that it must be good for.
        starting: an authority that is about to expire is made anew too, so that everybody has to trust the new one; False while
            it is in use.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    files = CertificateFiles(folder / "ca.crt", folder / "portal.crt", folder / "portal.key")
    ca_key, until = folder / "ca.key", now + RENEW_BEFORE
    if starting and not (ca_key.is_file() and lives(_read(files.ca), until)):
        authority = make_authority("seaway portal CA", now)
        _write(ca_key, authority.key)
        _write(files.ca, authority.certificate)
        files.certificate.unlink(missing_ok=True)
    certificate = _read(files.certificate)
    if not (files.key.is_file() and lives(certificate, until) and serves(certificate, names)):
        authority = Pair(files.ca.read_text(), ca_key.read_text())
        made = make_certificate("seaway portal", authority, names, now, LIFE)
        _write(files.key, made.key)
        _write(files.certificate, made.certificate)
    return files


def _read(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""


def _write(path: Path, text: str) -> None:
    draft = path.with_suffix(path.suffix + ".new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    draft.replace(path)
