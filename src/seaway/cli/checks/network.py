"""Checks of the way to a server: its name, the proxy, the port, the certificate that it shows."""

from __future__ import annotations

import ipaddress
import socket
import ssl
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from seaway.cli.checks.certificates import lifetime
from seaway.cli.checks.check import Check, fail, ok, warn
from seaway.sdk.connection import Endpoint, connect
from seaway.sdk.errors import SeawayError
from seaway.sdk.proxies import proxy_for

_CERTIFICATE = "certificate"
_SECONDS = 20.0
Lookup = Callable[[str, int], Any]


def name_of(url: str, lookup: Lookup = socket.getaddrinfo) -> Check:
    """Look a server's name up."""
    name, parts = "name", urlsplit(url)
    host = parts.hostname or ""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        pass
    else:
        return ok(name, f"{host} is an address: nothing is looked up")
    try:
        found = lookup(host, parts.port or 443)
    except (OSError, UnicodeError) as error:
        said = getattr(error, "strerror", None) or str(error)
        return fail(
            name,
            f"{host} is not found: {said}",
            "Check the spelling, the VPN and /etc/resolv.conf (getent hosts NAME)",
        )
    return ok(name, f"{host} is {found[0][4][0]}")


def proxy(url: str, environ: Mapping[str, str]) -> Check:
    """Look at which proxy the way to a server takes."""
    try:
        found = proxy_for(url, environ)
    except SeawayError as error:
        return fail("proxy", error.message, error.remedy or "Mend HTTPS_PROXY")
    if found is None:
        return ok("proxy", "none on the way to the server")
    return ok("proxy", f"{found.host}:{found.port}")


def certificate(endpoint: Endpoint, now: datetime) -> Check:
    """Look at the certificate that a server shows. Raises what `connect` does."""
    connection = connect(endpoint, _SECONDS)
    try:
        shown = connection.sock.getpeercert() if isinstance(connection.sock, ssl.SSLSocket) else None
    finally:
        connection.close()
    if not shown:
        return warn(
            _CERTIFICATE,
            "the server shows none: what is sent can be read on the way",
            "Use its https:// address",
        )
    begins, ends = (
        datetime.fromtimestamp(ssl.cert_time_to_seconds(str(shown[part])), UTC)
        for part in ("notBefore", "notAfter")
    )
    remedy = (
        "Have whoever runs the server renew it: one that Seaway made is made anew when the server starts "
        "(or seaway install runs) in its last 90 days"
    )
    return lifetime(_CERTIFICATE, begins, ends, now, remedy)


def port(number: int | None, table: str, *, running: bool) -> Check:
    """Look at whether a port that the settings name can be had, where nothing of ours has it already."""
    name = f"port {table}"
    if number is None or running:
        return ok(name, "any free one" if number is None else f"{number} is in use by Seaway")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", number))
        except OSError as error:
            return warn(
                name, f"{number} cannot be had: {error.strerror}",
                f"End the program that has it (ss -ltnp 'sport = :{number}'), or set another in settings.toml",
            )  # fmt: skip
    return ok(name, f"{number} is free")
