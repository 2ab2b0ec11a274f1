"""API errors: one hierarchy for server and client, each a Kubernetes `Status` and back.

Source: `Status`, `StatusDetails` and the reasons of Kubernetes' meta/v1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class Cause:
    """One fault of an object: which field, what is wrong, as machine word and as sentence."""

    reason: str
    """One of meta/v1's cause types, for example "FieldValueInvalid", "FieldValueRequired"."""
    message: str
    field: str = ""


class ApiError(Exception):
    """An API call failed; `to_status()` is what travels."""

    code: ClassVar[int] = 500
    reason: ClassVar[str] = "InternalError"

    def __init__(
        self,
        message: str,
        *,
        details: Mapping[str, Any] | None = None,
        causes: Sequence[Cause] = (),
        retry_after: int | None = None,
        continue_: str = "",
    ) -> None:
        super().__init__(message)
        self.message = message
        self.causes = tuple(causes)
        self.details = None if details is None else dict(details)
        """Of the Status; None for none, which is not the same as an empty one."""
        self.retry_after = retry_after
        """Seconds to wait before trying again, None where that says nothing."""
        self.continue_ = continue_
        """Token with which a list whose moment is forgotten can go on all the same, "" for none."""
        self.warnings: Sequence[tuple[str, str]] = ()
        """Headers of the answer that say what else the caller should know."""

    def to_status(self) -> dict[str, Any]:
        """Return the `Status` object that a server answers with."""
        details = dict(self.details or {})
        if self.causes:
            details["causes"] = [
                {"reason": c.reason, "message": c.message, **({"field": c.field} if c.field else {})}
                for c in self.causes
            ]
        if self.retry_after is not None:
            details["retryAfterSeconds"] = self.retry_after
        status: dict[str, Any] = {
            "kind": "Status", "apiVersion": "v1", "metadata": {"continue": self.continue_} if self.continue_ else {},
            "status": "Failure",
            "message": self.message, "reason": self.reason,
        }  # fmt: skip
        if details or self.details is not None:
            status["details"] = details
        return status | {"code": self.code}


class BadRequest(ApiError):
    """The request itself cannot be understood."""

    code, reason = 400, "BadRequest"


class Unauthorized(ApiError):
    """Nobody is signed in."""

    code, reason = 401, "Unauthorized"


class Forbidden(ApiError):
    """The user is known and may not."""

    code, reason = 403, "Forbidden"


class NotFound(ApiError):
    """No such object, kind or path."""

    code, reason = 404, "NotFound"


class MethodNotAllowed(ApiError):
    """The resource does not serve the verb."""

    code, reason = 405, "MethodNotAllowed"


class NotAcceptable(ApiError):
    """No media type of the Accept header is served."""

    code, reason = 406, "NotAcceptable"


class AlreadyExists(ApiError):
    """The name is taken."""

    code, reason = 409, "AlreadyExists"


class Conflict(ApiError):
    """The object changed since it was read, or is owned by another field manager."""

    code, reason = 409, "Conflict"


class Expired(ApiError):
    """The resourceVersion or continue token is older than what is kept: list again."""

    code, reason = 410, "Expired"


class RequestEntityTooLarge(ApiError):
    """The body is over the limit."""

    code, reason = 413, "RequestEntityTooLarge"


class UnsupportedMediaType(ApiError):
    """The body's Content-Type is not served."""

    code, reason = 415, "UnsupportedMediaType"


class Invalid(ApiError):
    """The object breaks the rules of its kind; `causes` name the fields."""

    code, reason = 422, "Invalid"


class TooManyRequests(ApiError):
    """Try again after `retry_after` seconds; also what an eviction answers that a budget forbids."""

    code, reason = 429, "TooManyRequests"


class InternalError(ApiError):
    """A bug or a broken disk: never the caller's fault."""


class ServiceUnavailable(ApiError):
    """The server, or what stands behind it, is not there now."""

    code, reason = 503, "ServiceUnavailable"


class Timeout(ApiError):
    """The time given was not enough."""

    code, reason = 504, "Timeout"


_ERRORS: tuple[type[ApiError], ...] = (
    BadRequest, Unauthorized, Forbidden, NotFound, MethodNotAllowed, NotAcceptable, AlreadyExists, Conflict, Expired,
    RequestEntityTooLarge, UnsupportedMediaType, Invalid, TooManyRequests, InternalError, ServiceUnavailable, Timeout,
)  # fmt: skip
_BY_REASON: dict[str, type[ApiError]] = {error.reason: error for error in _ERRORS} | {"Gone": Expired}
_BY_CODE: dict[int, type[ApiError]] = {e.code: e for e in _BY_REASON.values() if e is not AlreadyExists}


def from_status(code: int, status: Mapping[str, Any]) -> ApiError:
    """Return the error that a server meant.

    Args:
        code: HTTP status code, used where the body names no reason.
        status: a `Status` object, or anything else a proxy answered.
    """
    error = _BY_REASON.get(status.get("reason") or "") or _BY_CODE.get(code, ApiError)
    given = status.get("details")
    details = None if given is None else dict(given)
    causes = [
        Cause(c.get("reason", ""), c.get("message", ""), c.get("field", ""))
        for c in (details or {}).pop("causes", None) or ()
    ]
    retry_after = (details or {}).pop("retryAfterSeconds", None)
    return error(
        status.get("message") or f"HTTP {code}", details=details, causes=causes, retry_after=retry_after,
        continue_=(status.get("metadata") or {}).get("continue") or "",
    )  # fmt: skip


def not_found(group_resource: str, name: str) -> NotFound:
    """Return the error for a missing object, worded as Kubernetes words it."""
    return NotFound(f'{group_resource} "{name}" not found', details=_details(group_resource, name))


def already_exists(group_resource: str, name: str) -> AlreadyExists:
    """Return the error for a taken name, worded as Kubernetes words it."""
    return AlreadyExists(f'{group_resource} "{name}" already exists', details=_details(group_resource, name))


def conflict(group_resource: str, name: str, why: str) -> Conflict:
    """Return the error for a stale or contested write, worded as Kubernetes words it."""
    message = f'Operation cannot be fulfilled on {group_resource} "{name}": {why}'
    return Conflict(message, details=_details(group_resource, name))


STALE = "the object has been modified; please apply your changes to the latest version and try again"


def invalid(group: str, kind: str, name: str, causes: Sequence[Cause]) -> Invalid:
    """Return the error for an object that breaks the rules of its kind.

    Args:
        group: API group, "" for the core group.
        kind: for example "Pod".
        name: of the object, may be empty.
        causes: every fault found, with its field path.
    """
    faults = list(dict.fromkeys(f"{c.field}: {c.message}" if c.field else c.message for c in causes))
    listed = faults[0] if len(faults) == 1 else "[" + ", ".join(faults) + "]"
    qualified = f"{kind}.{group}" if group else kind
    named = {"name": name, "group": group, "kind": kind}
    details = {field: value for field, value in named.items() if value}
    return Invalid(f'{qualified} "{name}" is invalid: {listed}', details=details, causes=causes)


def _details(group_resource: str, name: str) -> dict[str, Any]:
    plural, _, group = group_resource.partition(".")
    return {"name": name, "kind": plural} | ({"group": group} if group else {})
