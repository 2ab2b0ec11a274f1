"""Functions of URLs, addresses and networks."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

from seaway.controlplane.cel.libraries import Function, tagged

_URL, _IP, _CIDR = "kubernetes.URL", "kubernetes.IP", "kubernetes.CIDR"
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Interface | ipaddress.IPv6Interface
_BAD_URL = re.compile(r"[\x00-\x20\x7f]|%(?![0-9A-Fa-f]{2})")


def url(text: str) -> dict[str, str]:
    """Return a URL. Raises ValueError."""
    parts = urlsplit(text)
    absolute = bool(parts.scheme) or text.startswith("/")
    if not absolute or _BAD_URL.search(text):
        raise ValueError(
            f'URL parse error during conversion from string: parse "{text}": invalid URI for request'
        )
    _ = parts.port  # raises where it is no number
    return {_URL: text}


def _part(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: read(urlsplit(tagged(value, _URL)))


def _host(parts: Any) -> str:
    return str(parts.netloc.rpartition("@")[2])


def _hostname(parts: Any) -> str:
    host = _host(parts)
    return host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]


def _address(text: str) -> Address:
    address = ipaddress.ip_address(text) if "%" not in text else None
    if address is None or (isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None):
        raise ValueError(
            f"IP Address '{text}' with a zone or in the form of an IPv4-mapped IPv6 address is not allowed"
        )
    return address


def _network(text: str) -> Network:
    network = ipaddress.ip_interface(text) if "/" in text and text.rpartition("/")[2].isdigit() else None
    if network is None:
        raise ValueError(
            f"network address parse error during conversion from string: invalid CIDR address: {text}"
        )
    _address(text.rpartition("/")[0])
    return network


def _is(read: Callable[[str], Any]) -> Callable[[str], bool]:
    def valid(text: str) -> bool:
        try:
            read(text)
        except ValueError:
            return False
        return True

    return valid


def _ip(value: Any) -> Address:
    return _address(value if isinstance(value, str) else tagged(value, _IP))


def _cidr(value: Any) -> Network:
    return _network(value if isinstance(value, str) else tagged(value, _CIDR))


def _contains(network: Any, other: Any) -> bool:
    return _cidr(network).network.supernet_of(_cidr(other).network)  # type: ignore[arg-type]  # of two families: raises TypeError


def _global(address: Address) -> bool:
    special = address.is_multicast or address.is_loopback or address.is_link_local or address.is_unspecified
    return not special and str(address) != "255.255.255.255"


def _text(value: Any) -> str:
    return str(next(iter(value.values())))


def _ip_of(cidr: Any) -> dict[str, str]:
    return {_IP: str(_cidr(cidr).ip)}


FUNCTIONS = (
    Function("url", ["string"], "dyn", url, member=False),
    Function("isURL", ["string"], "bool", _is(url), member=False),
    Function("getScheme", ["dyn"], "string", _part(lambda parts: parts.scheme)),
    Function("getHost", ["dyn"], "string", _part(_host)),
    Function("getHostname", ["dyn"], "string", _part(_hostname)),
    Function("getPort", ["dyn"], "string", _part(lambda parts: str(parts.port or ""))),
    Function("getEscapedPath", ["dyn"], "string", _part(lambda parts: quote(unquote(parts.path), safe="/:@!$&'()*+,;=~"))),
    Function("getQuery", ["dyn"], "map<string,dyn>", _part(lambda parts: parse_qs(parts.query, keep_blank_values=True))),
    Function("ip", ["string"], "dyn", lambda text: {_IP: str(_address(text))}, member=False),
    Function("isIP", ["string"], "bool", _is(_address), member=False),
    Function("ip.isCanonical", ["string"], "bool", lambda text: str(_address(text)) == text, member=False),
    Function("family", ["dyn"], "int", lambda value: _ip(value).version),
    Function("isUnspecified", ["dyn"], "bool", lambda value: _ip(value).is_unspecified),
    Function("isLoopback", ["dyn"], "bool", lambda value: _ip(value).is_loopback),
    Function("isLinkLocalMulticast", ["dyn"], "bool",
             lambda value: _ip(value) in ipaddress.ip_network("224.0.0.0/24" if _ip(value).version == 4 else "ff02::/16")),
    Function("isLinkLocalUnicast", ["dyn"], "bool", lambda value: _ip(value).is_link_local),
    Function("isGlobalUnicast", ["dyn"], "bool", lambda value: _global(_ip(value))),
    Function("cidr", ["string"], "dyn", lambda text: {_CIDR: str(_network(text))}, member=False),
    Function("isCIDR", ["string"], "bool", _is(_network), member=False),
    Function("containsIP", ["dyn", "dyn"], "bool", lambda network, value: _ip(value) in _cidr(network).network),
    Function("containsCIDR", ["dyn", "dyn"], "bool",
             lambda network, other: _cidr(network).version == _cidr(other).version and _contains(network, other)),
    Function("ip", ["dyn"], "dyn", _ip_of),
    Function("prefixLength", ["dyn"], "int", lambda value: _cidr(value).network.prefixlen),
    Function("masked", ["dyn"], "dyn", lambda value: {_CIDR: str(_cidr(value).network)}),
    Function("string", ["map<string,dyn>"], "string", _text, member=False),
)  # fmt: skip
