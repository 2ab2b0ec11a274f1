"""What every command starts from: the environment, the home and its server."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from seaway import __version__
from seaway.sdk.client import SeawayClient
from seaway.sdk.errors import SeawayError
from seaway.sdk.home import DaemonRecord, Home


def current_home() -> Home:
    """Return the home that SEAWAY_HOME names, ~/.seaway where it names none."""
    named = os.environ.get("SEAWAY_HOME")
    return Home(Path(named).expanduser().absolute() if named else Path.home() / ".seaway")


def connect(home: Home | None = None) -> SeawayClient:
    """Return a client of the home's server.

    Raises:
        ServerUnreachable: it has none.
        SeawayError: it is one of another version.
    """
    home = home or current_home()
    endpoint = home.endpoint()
    require_same_version(home.read_record())
    return SeawayClient(endpoint.url, endpoint.token, endpoint.ca, locate=home.endpoint)


def require_same_version(record: DaemonRecord | None) -> None:
    """Raise SeawayError where the server is of another version than this command."""
    if record is not None and record.version != __version__:
        raise SeawayError(
            f"the server that runs is Seaway {record.version}, this command is Seaway {__version__}",
            code="OtherVersion",
            remedy="seaway down, then seaway up (runs go on where they were)",
        )


def note(text: str) -> None:
    """Say something to the person, apart from the result."""
    print(text, file=sys.stderr, flush=True)
