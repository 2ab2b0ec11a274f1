"""How a caller wants to go on with its connection: pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from seaway.objects.errors import BadRequest

SPDY, WEBSOCKET = "spdy/3.1", "websocket"


@dataclass(frozen=True, slots=True)
class Upgrade:
    """How the caller wants to speak."""

    head: bytes
    """Of its request, as it came."""
    protocol: str
    """The Upgrade header, in lower case."""
    versions: tuple[str, ...] = ()
    """X-Stream-Protocol-Version (SPDY) or Sec-WebSocket-Protocol."""


def upgrade_of(headers: Mapping[str, str], head: bytes) -> Upgrade:
    """Return how a caller wants to speak. Raises BadRequest where it wants no other protocol than HTTP.

    Args:
        headers: names in lower case.
        head: of the request, as it came.
    """
    wants = "upgrade" in headers.get("connection", "").lower()
    protocol = headers.get("upgrade", "").strip().lower() if wants else ""
    if protocol not in {WEBSOCKET, SPDY}:
        raise BadRequest("Upgrade request required: this is served over WebSocket or SPDY/3.1 alone")
    name = "sec-websocket-protocol" if protocol == WEBSOCKET else "x-stream-protocol-version"
    versions = tuple(version.strip() for version in headers.get(name, "").split(",") if version.strip())
    return Upgrade(head, protocol, versions)
