"""Checks of the way to a server: its name, the proxy, the port, the certificate that it shows."""

from __future__ import annotations

import ipaddress
import socket
import ssl
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from seaway.base.messages import wording
from seaway.cli.checks.certificates import lifetime
from seaway.cli.checks.check import Check, fail, ok, warn
from seaway.sdk.connection import Endpoint, connect
from seaway.sdk.errors import SeawayError
from seaway.sdk.proxies import proxy_for

_CERTIFICATE = wording("certificate")
_SECONDS = 20.0
Lookup = Callable[[str, int], Any]


def name_of(url: str, lookup: Lookup = socket.getaddrinfo) -> Check:
    """Look a server's name up."""
    name, parts = wording("name"), urlsplit(url)
    host = parts.hostname or ""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        pass
    else:
        return ok(name, wording("{host} is an address: nothing is looked up", host=host))
    try:
        found = lookup(host, parts.port or 443)
    except (OSError, UnicodeError) as error:
        said = getattr(error, "strerror", None) or str(error)
        remedy = wording(
            "Check the spelling, the VPN and {file} ({command})",
            file="/etc/resolv.conf", command="getent hosts NAME",
        )  # fmt: skip
        return fail(name, wording("{host} is not found: {reason}", host=host, reason=said), remedy)
    return ok(name, wording("{host} is {address}", host=host, address=str(found[0][4][0])))


def proxy(url: str, environ: Mapping[str, str]) -> Check:
    """Look at which proxy the way to a server takes."""
    name = wording("proxy")
    try:
        found = proxy_for(url, environ)
    except SeawayError as error:
        return fail(name, error.message, error.remedy or wording("Mend {variable}", variable="HTTPS_PROXY"))
    if found is None:
        return ok(name, wording("none on the way to the server"))
    return ok(name, f"{found.host}:{found.port}")


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
            wording("the server shows none: what is sent can be read on the way"),
            wording("Use its https:// address"),
        )
    begins, ends = (
        datetime.fromtimestamp(ssl.cert_time_to_seconds(str(shown[part])), UTC)
        for part in ("notBefore", "notAfter")
    )
    remedy = wording(
        "Have whoever runs the server renew it: one that Seaway made is made anew when the server starts "
        "(or {command} runs) in its last 90 days", command="seaway install",
    )  # fmt: skip
    return lifetime(_CERTIFICATE, begins, ends, now, remedy)


def port(number: int | None, table: str, *, running: bool) -> Check:
    """Look at whether a port that the settings name can be had, where nothing of ours has it already."""
    name = wording("port {setting}", setting=table)
    if number is None:
        return ok(name, wording("any free one"))
    if running:
        return ok(name, wording("{port} is in use by Seaway", port=number))
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", number))
        except OSError as error:
            return warn(
                name, wording("{port} cannot be had: {reason}", port=number, reason=error.strerror or str(error)),
                wording(
                    "End the program that has it ({command}), or set another in {file}",
                    command=f"ss -ltnp 'sport = :{number}'", file="settings.toml",
                ),
            )  # fmt: skip
    return ok(name, wording("{port} is free", port=number))
