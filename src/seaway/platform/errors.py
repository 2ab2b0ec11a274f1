"""Errors that a caller of the platform can act on: each names the field at fault and the remedy.

The portal maps them to HTTP by `status`; nothing else may leave the platform for a caller's mistake.
"""

from __future__ import annotations

from typing import ClassVar


class PlatformError(Exception):
    """A request was refused; `code` is the stable word that travels."""

    status: ClassVar[int] = 500
    """The HTTP status that says the same."""
    code: ClassVar[str] = "Internal"

    def __init__(self, message: str, *, field: str = "", remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        """What is wrong, in one sentence."""
        self.field = field
        """Which field of the request is at fault, "" where none is."""
        self.remedy = remedy
        """What to do about it, "" where nothing can be said."""


class NotFound(PlatformError):
    """No such run, task, file or digest."""

    status, code = 404, "NotFound"


class Invalid(PlatformError):
    """The request itself is wrong and stays wrong."""

    status, code = 422, "Invalid"


class Conflict(PlatformError):
    """The request contradicts what is there now: a taken name, a run that has ended or has not."""

    status, code = 409, "Conflict"


class StaleFence(Conflict):
    """A commit came from an attempt that is no longer the task's newest."""

    code = "StaleFence"


class BaseMissing(PlatformError):
    """What a request leans on is not there any more: all of it has to be sent."""

    status, code = 412, "BaseMissing"


class Damaged(PlatformError):
    """What was kept is not what was stored, or a part of it is gone; asking again gives the same."""

    status, code = 410, "Damaged"


class TooLarge(PlatformError):
    """The body is over a limit."""

    status, code = 413, "TooLarge"


class Unauthorized(PlatformError):
    """The token is unknown or has expired."""

    status, code = 401, "Unauthorized"


class Forbidden(PlatformError):
    """The token is known and may not do this."""

    status, code = 403, "Forbidden"


class TooManyRequests(PlatformError):
    """This caller has to wait before it tries again."""

    status, code = 429, "TooManyRequests"

    def __init__(self, message: str, *, seconds: float, remedy: str = "") -> None:
        super().__init__(message, remedy=remedy)
        self.seconds = seconds
        """How long to wait."""


class Unavailable(PlatformError):
    """Something the server needs is not there now; trying again is right."""

    status, code = 503, "Unavailable"


class StorageFull(PlatformError):
    """The disk that holds the server's data is full."""

    status, code = 507, "StorageFull"
