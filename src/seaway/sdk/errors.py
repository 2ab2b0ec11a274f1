"""What can go wrong between a user's machine and a server, in words that say what to do."""

from __future__ import annotations


class SeawayError(Exception):
    """A request that did not work, with the field at fault and the remedy."""

    def __init__(
        self, message: str, *, code: str = "Invalid", field: str = "", remedy: str = "", status: int = 0
    ) -> None:
        super().__init__(message)
        self.message = message
        """What is wrong, in one sentence."""
        self.code = code
        """A stable word, for example "NotFound"."""
        self.field = field
        """Which field or option is at fault, "" where none is."""
        self.remedy = remedy
        """What to do about it, "" where nothing can be said."""
        self.status = status
        """The HTTP status of a server's answer, 0 where no server was asked."""


class InvalidInput(SeawayError):
    """What the user gave cannot be used: a folder that is too large, requirements that cannot be resolved."""


class ServerUnreachable(SeawayError):
    """No server answers."""

    def __init__(self, message: str, *, remedy: str = "Start it: seaway up") -> None:
        super().__init__(message, code="Unreachable", remedy=remedy)


class ConnectionBroken(ServerUnreachable):
    """The server went away in the middle of an answer."""


class Untrusted(SeawayError):
    """What answers cannot prove that it is the server that is meant."""

    def __init__(self, message: str, *, remedy: str) -> None:
        super().__init__(message, code="Untrusted", remedy=remedy)
