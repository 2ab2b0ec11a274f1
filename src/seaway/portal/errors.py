"""Every error in one shape: {"error": {"code", "message", "field", "remedy"}}."""

from __future__ import annotations

import errno
import logging
import math
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from seaway.base.sqlite import DatabaseError, DatabaseFull
from seaway.platform.errors import PlatformError, TooManyRequests
from seaway.portal.patterns import WORDS

logger = logging.getLogger(__name__)

CODES = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    413: "TooLarge",
    422: "Invalid",
}
REMEDIES = {
    400: "Send JSON in UTF-8; GET /openapi.json describes it",
    404: "GET /openapi.json lists what there is",
    405: "GET /openapi.json lists what there is",
}


def error_response(
    status: int,
    code: str,
    message: str,
    *,
    field: str = "",
    remedy: str = "",
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return an error in the one shape."""
    error = {"code": code, "message": message, "field": field, "remedy": remedy}
    return JSONResponse({"error": error}, status, headers=dict(headers or {}))


def install_error_handlers(app: FastAPI) -> None:
    """Make an app answer every error in the one shape."""
    app.add_exception_handler(PlatformError, _platform_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(DatabaseFull, _full)
    app.add_exception_handler(DatabaseError, _database)
    app.add_exception_handler(OSError, _os_error)
    app.add_exception_handler(ClientDisconnect, _caller_gone)
    app.add_exception_handler(Exception, _unexpected)


async def _platform_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, PlatformError)
    headers = {"WWW-Authenticate": "Bearer"} if error.status == 401 else {}
    if isinstance(error, TooManyRequests):
        headers = {"Retry-After": str(math.ceil(error.seconds))}
    return error_response(
        error.status, error.code, error.message, field=error.field, remedy=error.remedy, headers=headers
    )


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = CODES.get(error.status_code, "Error")
    said = error.detail
    if error.status_code == 404 and said == "Not Found":
        said = f"there is nothing at {request.url.path}"
    if error.status_code == 405:
        said = f"{request.method} is not possible at {request.url.path}"
    remedy = REMEDIES.get(error.status_code, "")
    return error_response(error.status_code, code, said, remedy=remedy, headers=error.headers)


async def _validation_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    faults = error.errors()
    first = faults[0]
    if first["type"] == "json_invalid":
        reason = first.get("ctx", {}).get("error", "")
        return error_response(400, "InvalidJSON", f"the body is not valid JSON: {reason}", remedy="Send JSON")
    field = field_path(first["loc"])
    others = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    return error_response(422, "Invalid", _message(first, field) + others, field=field, remedy=_remedy(first))


def field_path(location: tuple[Any, ...]) -> str:
    """Write pydantic's location as a path: "tasks[0].command"."""
    path = ""
    for part in location[1:] if location and location[0] in ("body", "query", "path", "header") else location:
        path += f"[{part}]" if isinstance(part, int) else f".{part}"
    return path.lstrip(".")


def _message(fault: Mapping[str, Any], field: str) -> str:
    if fault["type"] == "extra_forbidden":
        return f"unknown field {field}"
    if fault["type"] == "missing":
        return f"{field or 'the body'} is missing"
    if _words(fault):
        return f"{field or 'it'} cannot be written so"
    said = str(fault["msg"]).removeprefix("Value error, ")
    return f"{field}: {said}" if field else said


def _remedy(fault: Mapping[str, Any]) -> str:
    if fault["type"] == "extra_forbidden":
        return "Remove it, or mend its spelling"
    if words := _words(fault):
        return f"Use {words}"
    return "GET /openapi.json describes every field"


def _words(fault: Mapping[str, Any]) -> str:
    """Return what a field's pattern asks for, "" where that is not what is wrong."""
    if fault["type"] != "string_pattern_mismatch":
        return ""
    return WORDS.get(fault.get("ctx", {}).get("pattern", ""), "")


async def _full(_: Request, error: Exception) -> Response:
    return error_response(507, "StorageFull", str(error), remedy="Make room on the disk, then try again")


async def _database(request: Request, error: Exception) -> Response:
    logger.error("%s %s: %s", request.method, request.url.path, error)
    return error_response(
        503, "Unavailable", str(error), remedy="Try again when its administrator has mended it"
    )


async def _os_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, OSError)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return await _full(request, error)
    return await _unexpected(request, error)


async def _caller_gone(request: Request, _: Exception) -> Response:
    """Say that a body did not come to its end; the answer is for the log alone, nobody is there to read it."""
    logger.info("%s %s: the caller went away before its body had come", request.method, request.url.path)
    return error_response(
        400, "BadRequest", "the body did not come to its end", field="body", remedy="Send it again"
    )


async def _unexpected(request: Request, error: Exception) -> Response:
    logger.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return error_response(
        500,
        "Internal",
        "the server failed: this is a bug",
        remedy="Its log says more: seaway status names the file",
    )
