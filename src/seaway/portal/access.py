"""Who calls, and on what: the dependencies that every route declares."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from seaway.platform.errors import Forbidden, Unauthorized
from seaway.platform.service import RunService


def bearer_token(request: Request) -> str:
    """Return the request's bearer token.

    Raises:
        Unauthorized: it has none.
    """
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthorized("this needs a bearer token", remedy="Send the header Authorization: Bearer TOKEN")
    return token.strip()


def current_user(request: Request) -> str:
    """Return who calls. Raises Unauthorized for an unknown token."""
    user: str | None = request.app.state.tokens.verify(bearer_token(request))
    if user is None:
        raise Unauthorized(
            "the token is unknown", remedy="Use the one in the file server/token of the server's home"
        )
    return user


def run_service(request: Request) -> RunService:
    """Return the service that answers."""
    service: RunService = request.app.state.server.runs
    return service


Service = Annotated[RunService, Depends(run_service)]
User = Annotated[str, Depends(current_user)]


async def pods_run(request: Request, service: Service) -> str:
    """Return the run that a pod's token is for. Raises Unauthorized; Forbidden where the path names another run."""
    owner = await service.authenticate_run_token(bearer_token(request))
    if request.path_params.get("run", owner) != owner:
        raise Forbidden("the token is for another run")
    return owner


PodsRun = Annotated[str, Depends(pods_run)]
