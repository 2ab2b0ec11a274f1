"""Which proxy a request takes, by the variables that every other tool reads. Pure."""

from __future__ import annotations

import base64
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from seaway.sdk.errors import SeawayError

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy that lets TLS through (CONNECT)."""

    host: str
    port: int
    authorization: str | None = field(default=None, repr=False)
    """The header Proxy-Authorization."""


def proxy_for(url: str, environ: Mapping[str, str]) -> Proxy | None:
    """Return the proxy on the way to a server, None for none.

    HTTPS_PROXY, ALL_PROXY and NO_PROXY count, also in lower case. As for kubectl, this machine itself is never reached
    through a proxy; NO_PROXY names hosts (and all below them), host:port, addresses, networks (10.0.0.0/8), or "*".

    Raises:
        SeawayError: the variable names no HTTP proxy.
    """
    parts = urlsplit(url)
    host, port = (parts.hostname or "").rstrip("."), parts.port or _PORTS.get(parts.scheme, 443)
    named = _first(environ, "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")
    if not named or _is_here(host) or _is_excepted(host, port, _first(environ, "no_proxy", "NO_PROXY")):
        return None
    return _parse(named)


def _first(environ: Mapping[str, str], *names: str) -> str:
    return next((environ[name].strip() for name in names if environ.get(name, "").strip()), "")


def _is_here(host: str) -> bool:
    address = _address(host)
    return host == "localhost" or (address is not None and address.is_loopback)


def _is_excepted(host: str, port: int, exceptions: str) -> bool:
    return any(_covers(item.strip().lower(), host, port) for item in exceptions.split(","))


def _covers(item: str, host: str, port: int) -> bool:
    if item in ("", "*"):
        return item == "*"
    address = _address(host)
    if "/" in item:
        try:
            return address is not None and address in ipaddress.ip_network(item, strict=False)
        except ValueError:
            return False
    name, colon, wanted = item.rpartition(":")
    if colon and wanted.isdigit() and _address(item) is None:
        if int(wanted) != port:
            return False
        item = name
    item = item.strip("[]").removeprefix("*").removeprefix(".")
    if address is not None:
        return address == _address(item)
    return host == item or host.endswith("." + item)


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _parse(named: str) -> Proxy:
    def refuse() -> SeawayError:  # without the value: it may hold a password
        return SeawayError(
            "the proxy that HTTPS_PROXY (or ALL_PROXY) names cannot be used",
            code="Usage",
            remedy="Name an HTTP proxy, such as http://proxy.example.com:3128, or add the server to NO_PROXY",
        )

    try:
        parts = urlsplit(named if "://" in named else f"http://{named}")
        port = parts.port or 80
    except ValueError:
        raise refuse() from None
    if parts.scheme != "http" or not parts.hostname:
        raise refuse()
    if parts.username is None:
        return Proxy(parts.hostname, port)
    login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return Proxy(parts.hostname, port, "Basic " + base64.b64encode(login.encode()).decode())
