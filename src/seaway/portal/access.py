"""Who calls, and on what: the dependencies that every route declares."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Request

from seaway.platform.callers import (
    Caller,
    check_admin,
    check_may_change,
    check_may_measure,
    check_may_report,
    check_opens_all,
)
from seaway.platform.errors import Forbidden, TooManyRequests, Unauthorized
from seaway.platform.service import RunService
from seaway.platform.user_tokens import UserTokens
from seaway.portal.refusals import Refusals
from seaway.portal.tokens import digest


def bearer_token(request: Request) -> str:
    """Return the request's bearer token.

    Raises:
        Unauthorized: it has none.
    """
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthorized("this needs a bearer token", remedy="Send the header Authorization: Bearer TOKEN")
    return token.strip()


async def current_caller(request: Request) -> Caller:
    """Return who calls.

    Raises:
        Unauthorized: the token is unknown or has ended.
        Forbidden: it is for something else.
        TooManyRequests: wrong tokens came from the same address lately.
    """
    caller = await _caller(request)
    check_opens_all(caller)
    return caller


async def scraper(request: Request) -> Caller:
    """Return who reads what is measured: an administrator, or whose token is for that alone.

    Raises:
        Unauthorized, TooManyRequests: see `current_caller`.
        Forbidden: it is somebody else.
    """
    caller = await _caller(request)
    check_may_measure(caller)
    return caller


async def reporter(request: Request) -> Caller:
    """Return who sends audit events: an administrator, or whose token is for that alone.

    Raises:
        Unauthorized, TooManyRequests: see `current_caller`.
        Forbidden: it is somebody else.
    """
    caller = await _caller(request)
    check_may_report(caller)
    return caller


async def _caller(request: Request) -> Caller:
    token, state = bearer_token(request), request.app.state
    caller: Caller | None = state.tokens.verify(token) or await _user(request, token)
    if caller is None:
        raise Unauthorized(
            "the token is unknown",
            remedy="Use the one that an administrator gave you; on the server's own machine: the home's server/token",
        )
    request.state.caller = caller
    return caller


async def _user(request: Request, token: str) -> Caller | None:
    """Return whose token of the database it is, unless too many wrong ones came."""
    refusals: Refusals = request.app.state.refusals
    user_tokens: UserTokens = request.app.state.server.user_tokens
    address, known = request.client.host if request.client else "", digest(token)
    if (seconds := refusals.seconds_to_wait(address, known)) > 0:
        raise TooManyRequests(
            f"too many wrong tokens came from {address or 'your address'}",
            seconds=seconds,
            remedy=f"Try again in {max(1, round(seconds))} s, with a token that is good.",
        )
    caller = None
    try:
        caller = await user_tokens.verify(token)
    finally:
        if caller is None:
            refusals.was_wrong(address, known)
        else:
            refusals.was_good(known)
    return caller


async def run_service(request: Request) -> RunService:
    """Return the service that answers. A coroutine: any other function would be sent to a thread for each request."""
    service: RunService = request.app.state.server.runs
    return service


CurrentCaller = Annotated[Caller, Depends(current_caller)]
Service = Annotated[RunService, Depends(run_service)]


def only_administrators(does: str) -> Any:
    """Return a route's dependency: who calls, an administrator.

    Args:
        does: what only administrators do there, as the end of a sentence. Others get a Forbidden that says it.
    """

    async def administrator(caller: CurrentCaller) -> Caller:
        check_admin(caller, does)
        return caller

    return Depends(administrator)


async def own_run(run: str, caller: CurrentCaller, service: Service, request: Request) -> str:
    """Return the run that the path names. Raises NotFound; Forbidden where it is somebody else's, whose history has it then."""
    if not caller.admin:
        try:
            check_may_change(caller, run, await service.owner(run))
        except Forbidden as error:
            verb = "rm" if request.method == "DELETE" else request.url.path.rpartition("/")[2]
            await service.refused(run, verb, caller.user, error.message)
            raise
    return run


OwnRun = Annotated[str, Depends(own_run)]


async def pods_run(request: Request, service: Service) -> str:
    """Return the run that a pod's token is for. Raises Unauthorized; Forbidden where the path names another run."""
    owner = await service.authenticate_run_token(bearer_token(request))
    if request.path_params.get("run", owner) != owner:
        raise Forbidden("the token is for another run")
    return owner


PodsRun = Annotated[str, Depends(pods_run)]
