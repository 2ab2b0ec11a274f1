"""Getting to know a server: what it shows, and by which fingerprint a person can tell that it is the right one.

As with ssh, a server whose certificate no known authority signed is trusted once somebody has compared its fingerprint.
What is trusted then is the authority that the server names, where that signed its certificate (so that the certificate may
be renewed), else the certificate itself. Nothing but the question for it is sent before.
"""

from __future__ import annotations

import hashlib
import re
import ssl
from collections.abc import Callable
from dataclasses import replace
from http.client import HTTPException, HTTPSConnection
from typing import NamedTuple
from urllib.parse import urlsplit

from seaway.sdk.connection import Endpoint, connect, reason, tunnel
from seaway.sdk.errors import SeawayError, ServerUnreachable, Untrusted

AUTHORITY = "/api/v1/ca"
MOST_BYTES = 64 * 1024
_HEX = re.compile(r"[0-9a-f]{64}")
_CERTIFICATE = re.compile("-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


class Offer(NamedTuple):
    """What a server shows to be known by."""

    pem: str
    fingerprint: str
    """As `fingerprint` writes it."""


def fingerprint(pem: str) -> str:
    """Return the SHA-256 fingerprint of the first certificate of a PEM text, as `openssl x509 -fingerprint` writes it.

    Raises:
        ValueError: it holds no certificate.
    """
    found = _CERTIFICATE.search(pem)
    if found is None:
        raise ValueError("it holds no certificate (PEM)")
    digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(found[0])).hexdigest().upper()
    return "SHA256:" + ":".join(digest[at : at + 2] for at in range(0, len(digest), 2))


def parse_fingerprint(text: str) -> str:
    """Return a fingerprint as `fingerprint` writes it, however it was typed.

    Raises:
        SeawayError: it is none.
    """
    plain = (
        re.sub(r"^sha-?256( fingerprint)?[:=]", "", text.strip().lower()).replace(":", "").replace(" ", "")
    )
    if not _HEX.fullmatch(plain):
        raise SeawayError(
            f"{text!r} is no SHA-256 fingerprint",
            code="Usage",
            field="--fingerprint",
            remedy="It has 64 hexadecimal digits, such as SHA256:0A:1B:...",
        )
    return "SHA256:" + ":".join(plain[at : at + 2] for at in range(0, 64, 2)).upper()


def is_trusted(endpoint: Endpoint, timeout: float) -> bool:
    """Return whether a server proves itself by what is trusted already.

    Raises:
        ServerUnreachable: none answers.
    """
    try:
        connect(endpoint, timeout).close()
    except Untrusted:
        return False
    return True


def offers(endpoint: Endpoint, timeout: float) -> list[Offer]:
    """Return by what a server could be known, the best first: only what it can prove itself by.

    Raises:
        ServerUnreachable: it does not answer.
        Untrusted: it can prove nothing, for example because its certificate is for another name.
    """
    shown, named = _look(endpoint, timeout)
    provable = [
        Offer(pem, fingerprint(pem))
        for pem in (named, shown)
        if pem is not None and is_trusted(replace(endpoint, ca=pem), timeout)
    ]
    if not provable:
        host = urlsplit(endpoint.url).hostname
        raise Untrusted(
            f"the certificate of the server at {endpoint.url} is not for {host}, or not valid now",
            remedy="Use the name that it was made for, or have it renewed",
        )
    return provable


def _look(endpoint: Endpoint, timeout: float) -> tuple[str, str | None]:
    """Return the certificate that a server shows, and the authority that it names where it names one."""
    parts = urlsplit(endpoint.url)
    anything = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    anything.check_hostname = False
    anything.verify_mode = ssl.CERT_NONE  # looking alone: no token goes over this connection
    connection = tunnel(parts.hostname or "", parts.port or 443, endpoint.proxy, timeout, anything)
    try:
        connection.connect()
        shown = connection.sock.getpeercert(True) or b""
        return ssl.DER_cert_to_PEM_cert(shown), _named_authority(connection)
    except OSError as error:
        raise ServerUnreachable(
            f"no server answers at {endpoint.url}: {reason(error)}",
            remedy="Check the address and the network (VPN, proxy)",
        ) from error
    finally:
        connection.close()


def _named_authority(connection: HTTPSConnection) -> str | None:
    try:
        connection.request("GET", AUTHORITY)
        with connection.getresponse() as response:
            text = response.read(MOST_BYTES).decode("ascii")
        found = _CERTIFICATE.search(text)
    except (HTTPException, OSError, UnicodeDecodeError):
        return None
    return found[0] + "\n" if response.status == 200 and found else None


def choose_trust(
    offered: list[Offer], expected: str | None, confirm: Callable[[Offer], bool]
) -> Offer | None:
    """Return what is trusted from now on; None where nobody said so.

    Args:
        offered: by a server.
        expected: the fingerprint that a person was given; nobody is asked then.
        confirm: shows a fingerprint to the person and asks.
    """
    if expected is not None:
        return next((offer for offer in offered if offer.fingerprint == expected), None)
    return offered[0] if confirm(offered[0]) else None
