"""HTTP to an object store in which nothing takes for ever: not an answer that never begins, nor a body that nobody reads."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def bounded_session(seconds: float) -> type[Any]:
    """Return the client's session class with a limit to each request as a whole.

    The client's own limits are to connecting and to pauses of an answer; while it sends, or waits for leave to send
    ("Expect: 100-continue"), neither of them runs.

    Args:
        seconds: from a request's beginning to the end of its answer.
    """
    # late, and by name: of an extra package without types, which a folder does not need
    session: Any = import_module("aiobotocore.httpsession").AIOHTTPSession
    limits: Any = import_module("aiohttp").ClientTimeout

    def begin(self: Any, *arguments: Any, **options: Any) -> None:
        session.__init__(self, *arguments, **options)
        own = self._timeout
        self._timeout = limits(total=seconds, sock_connect=own.sock_connect, sock_read=own.sock_read)

    return type("BoundedSession", (session,), {"__init__": begin})
