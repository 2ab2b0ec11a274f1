"""When certificates end: read from files and texts, or looked at as a server shows them."""

from __future__ import annotations

import logging
import socket
import ssl
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509

log = logging.getLogger(__name__)
_PATIENCE = 5.0
"""Seconds that another server may take to show its certificate."""
_POSTGRESQL, _POSTGRESQL_PORT = "postgresql", 5432
_SSL_REQUEST = (8).to_bytes(4, "big") + (80877103).to_bytes(4, "big")
"""PostgreSQL's message that asks for TLS: its length, and a code (protocol 3.0, section 55.7)."""


def end_of(name: str, source: Path | bytes | str) -> datetime | None:
    """Return when a certificate ends, None where that cannot be seen now.

    Args:
        name: of the certificate, for the log.
        source: see `WatchedCertificate`.
    """
    try:
        if isinstance(source, str):
            text = _shown(source)
        else:
            text = source if isinstance(source, bytes) else source.read_bytes()
        return max(one.not_valid_after_utc for one in x509.load_pem_x509_certificates(text))
    except (OSError, ValueError) as error:
        log.debug("when %s ends cannot be seen: %s", name, error)
        return None


def _shown(url: str) -> bytes:
    """Return the certificate that a server shows (PEM), whoever signed it."""
    place = urlsplit(url)
    if place.scheme != _POSTGRESQL:
        return ssl.get_server_certificate(
            (place.hostname or "", place.port or 443), timeout=_PATIENCE
        ).encode()
    with socket.create_connection(
        (place.hostname or "", place.port or _POSTGRESQL_PORT), _PATIENCE
    ) as connection:
        connection.sendall(_SSL_REQUEST)
        if connection.recv(1) != b"S":
            raise OSError(f"{place.hostname} does without TLS")
        return _certificate_of(connection, place.hostname or "")


def _certificate_of(connection: socket.socket, host: str) -> bytes:
    """Return what is shown in a handshake; nothing is sent that would need whoever shows it to be trusted."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with context.wrap_socket(connection, server_hostname=host) as secured:
        shown = secured.getpeercert(binary_form=True)
    return ssl.DER_cert_to_PEM_cert(shown or b"").encode()
