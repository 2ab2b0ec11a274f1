"""What of a pod's streams is asked for (exec, attach, port-forward), and how the caller wants to speak. Pure.

Source: `PodExecOptions`, `PodAttachOptions` and `PodPortForwardOptions` of core/v1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from seaway.objects.errors import BadRequest

EXEC, ATTACH, FORWARD = "exec", "attach", "portforward"
SPDY, WEBSOCKET = "spdy/3.1", "websocket"


@dataclass(frozen=True, slots=True)
class StreamRequest:
    """What is asked for."""

    kind: str
    """EXEC, ATTACH or FORWARD."""
    namespace: str
    pod: str
    uid: str
    container: str = ""
    command: tuple[str, ...] = ()
    stdin: bool = False
    stdout: bool = False
    stderr: bool = False
    terminal: bool = False
    ports: tuple[int, ...] = ()


def check(request: StreamRequest) -> None:
    """Refuse what makes no sense. Raises BadRequest."""
    if request.kind == FORWARD:
        return
    if request.kind == EXEC and not request.command:
        raise BadRequest("a command is needed: say what to run")
    if not (request.stdin or request.stdout or request.stderr):
        raise BadRequest("you must specify at least 1 of stdin, stdout, stderr")
    if request.terminal and request.stderr:
        raise BadRequest("tty and stderr cannot both be true")


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
