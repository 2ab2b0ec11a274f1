"""Which servers this client can speak to. Pure.

Every answer of a server says its release and the levels of the REST API that it serves. The level rises when requests or
answers change in a way that the other side has to know of; a server goes on serving older levels.
"""

from __future__ import annotations

import re
from typing import NamedTuple

HEADER = "Seaway-Version"
OLDEST_SERVED, LEVEL = 1, 1
"""What this release serves as a server, and speaks as a client."""
_SAID = re.compile(r"(?P<release>\S+); api=(?P<oldest>\d+)-(?P<newest>\d+)")


class ServerVersion(NamedTuple):
    """What a server says of itself."""

    release: str
    oldest: int
    newest: int


def said_by_server(release: str) -> str:
    """Return the header's value of a server of this release."""
    return f"{release}; api={OLDEST_SERVED}-{LEVEL}"


def parse_version(header: str | None) -> ServerVersion | None:
    """Return what a header says; None where it is missing or nothing that a server of ours says."""
    found = _SAID.fullmatch((header or "").strip())
    return (
        None if found is None else ServerVersion(found["release"], int(found["oldest"]), int(found["newest"]))
    )


def remedy_for(server: ServerVersion, level: int = LEVEL) -> str:
    """Return what to do about a server that this client cannot speak to, "" where it can."""
    if level < server.oldest:
        return f"Upgrade this one: pip install --upgrade 'seaway>={server.release}'"
    if level > server.newest:
        return f"Install the server's release here (pip install seaway=={server.release}), or have the server upgraded"
    return ""
