"""Routes of users: who calls, and the tokens of a team."""

from __future__ import annotations

from datetime import UTC, datetime

from fastapi import APIRouter, Request, Response

from seaway.model.user_token import NewUserToken, UserTokenSpec, UserTokenView, WhoamiView
from seaway.platform.user_tokens import UserTokens
from seaway.portal.access import CurrentCaller, only_administrators

router = APIRouter(prefix="/api/v1", tags=["users"])
_ADMINISTRATOR = only_administrators("make, list and revoke tokens")
tokens_router = APIRouter(prefix="/api/v1/tokens", tags=["users"], dependencies=[_ADMINISTRATOR])


@router.get("/whoami")
async def whoami(caller: CurrentCaller) -> WhoamiView:
    """Return who calls, and how long the token is good."""
    expires = None if caller.expires is None else datetime.fromtimestamp(caller.expires, UTC)
    return WhoamiView(user=caller.user, admin=caller.admin, token=caller.token or None, expires=expires)


@tokens_router.post("", status_code=201)
async def create_token(
    spec: UserTokenSpec, caller: CurrentCaller, request: Request, response: Response
) -> NewUserToken:
    """Make a token for a user. Only this answer holds it."""
    view, token = await _tokens(request).create(spec, by=caller.user)
    response.headers["Cache-Control"] = "no-store"
    return NewUserToken(**view.model_dump(), token=token)


@tokens_router.get("")
async def list_tokens(request: Request) -> list[UserTokenView]:
    """List the tokens that are good."""
    return list(await _tokens(request).list())


@tokens_router.delete("/{name}", status_code=204)
async def revoke_token(name: str, request: Request) -> Response:
    """End a token at once."""
    await _tokens(request).revoke(name)
    return Response(status_code=204)


def _tokens(request: Request) -> UserTokens:
    tokens: UserTokens = request.app.state.server.user_tokens
    return tokens
