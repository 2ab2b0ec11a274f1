"""The REST API as an ASGI application."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import JSONResponse, PlainTextResponse

from seaway import __version__
from seaway.base.clock import Clock, SystemClock
from seaway.base.measures import CONTENT_TYPE, text
from seaway.platform.errors import NotFound, Unavailable
from seaway.platform.growing import USER
from seaway.platform.server import Server
from seaway.portal import (
    audit,
    gateway,
    live,
    nodes,
    notifications,
    objects,
    runs,
    search,
    uploads,
    usage,
    users,
    volumes,
    workspaces,
)
from seaway.portal.access import CurrentCaller, current_caller, scraper
from seaway.portal.errors import install_error_handlers
from seaway.portal.limits import CODE_LIMIT, BodyLimits
from seaway.portal.measures import HttpMeasures
from seaway.portal.refusals import Refusals
from seaway.portal.requests import Requests
from seaway.portal.tokens import TokenVerifier
from seaway.sdk.trust import fingerprint

if TYPE_CHECKING:
    from seaway.controlplane.practice import Practice

logger = logging.getLogger(__name__)

Facts = Callable[[], Awaitable[dict[str, Any]]]
READY_SECONDS = 3.0
"""How long the database may take to answer a question about readiness."""

open_router = APIRouter(tags=["server"])
router = APIRouter(tags=["server"], dependencies=[Depends(current_caller)])
PARTS = (
    open_router, router, runs.router, live.router, objects.nodes, objects.router, audit.router, search.router, uploads.router, usage.router, users.router,
    users.tokens_router, notifications.router, volumes.router, workspaces.router, workspaces.audit_router, gateway.router, nodes.router,
)  # fmt: skip


def create_app(
    server: Server,
    tokens: TokenVerifier,
    *,
    facts: Facts | None = None,
    code_limit: int = CODE_LIMIT,
    ca: str = "",
    clock: Clock | None = None,
    practice: Practice | None = None,
) -> FastAPI:
    """Return the application.

    Args:
        server: what answers.
        tokens: who may ask, beside the users whose tokens are in the database.
        facts: what `GET /api/v1/status` says beside the server's own status, for example of the cluster.
        code_limit: most bytes of a code snapshot.
        ca: PEM of the authority that signed the portal's certificate, for those who log in; "" for a public one.
        clock: where time comes from.
        practice: what can be provoked in the embedded cluster; None where there is none.
    """
    app = FastAPI(
        title="Seaway",
        version=__version__,
        description='Runs on Kubernetes. Errors are {"error": {"code", "message", "field", "remedy"}}.',
        openapi_url=None,
        redirect_slashes=False,
    )
    app.state.server, app.state.tokens, app.state.facts = server, tokens, facts
    app.state.ca, app.state.code_limit = ca, code_limit
    app.state.measures = HttpMeasures()
    if ca:
        logger.info("whoever logs in knows this server by the fingerprint %s", fingerprint(ca))
    app.state.refusals = Refusals(clock or SystemClock())
    for part in PARTS:
        app.include_router(part)
    if practice is not None:
        from seaway.portal.practice import (
            router as practice_router,  # late: a team's server has no such cluster
        )

        app.state.practice = practice
        app.include_router(practice_router)
    install_error_handlers(app)
    app.add_middleware(BodyLimits, code_limit=code_limit)
    app.add_middleware(Requests, measures=app.state.measures)
    return app


@open_router.get("/healthz", response_class=PlainTextResponse, include_in_schema=False)
@open_router.get("/api/v1/healthz", response_class=PlainTextResponse)
async def healthz() -> str:
    """Tell that the server answers; needs no token."""
    return "ok"


@open_router.get("/readyz", response_class=PlainTextResponse, include_in_schema=False)
async def readyz(request: Request) -> str:
    """Tell that the server answers and its database too; needs no token. The cluster may be away: runs are accepted."""
    try:
        async with asyncio.timeout(READY_SECONDS):
            await request.app.state.server.status()
    except TimeoutError as error:
        raise Unavailable(f"the database has not answered for {READY_SECONDS:g} s") from error
    return "ok"


@open_router.get("/api/v1/ca", response_class=PlainTextResponse)
async def authority(request: Request) -> str:
    """Return the authority that signed the server's certificate (PEM); needs no token, and proves nothing by itself."""
    if not request.app.state.ca:
        raise NotFound("the certificate is from an authority that systems know")
    return str(request.app.state.ca)


@router.get("/api/v1/version")
async def version(request: Request) -> dict[str, Any]:
    """Return the server's version, and what it takes."""
    return {"version": __version__, "code_limit": request.app.state.code_limit}


@router.get("/api/v1/status")
async def status(request: Request, caller: CurrentCaller) -> dict[str, Any]:
    """Return what the server says of itself and of its cluster; of other users' room only to administrators."""
    state = request.app.state
    answer = {"version": __version__, **(await state.server.status())}
    answer["storage"] = [
        said
        for said in answer["storage"]
        if caller.admin or said["kind"] != USER or said["name"] == caller.user
    ]
    return answer if state.facts is None else {**answer, **(await state.facts())}


@router.get("/api/v1/health")
async def health(request: Request) -> dict[str, Any]:
    """Return what `seaway doctor` judges: the server's time, database, disks, rights, and the nodes."""
    return {"version": __version__, **(await request.app.state.server.health.facts())}


@open_router.get("/metrics", response_class=PlainTextResponse, dependencies=[Depends(scraper)])
async def metrics(request: Request) -> PlainTextResponse:
    """Return what Prometheus reads; needs a token of the scope "metrics", or an administrator's."""
    state = request.app.state
    told = [*(await state.server.measures.measures()), *state.measures.measures()]
    return PlainTextResponse(text(told), media_type=CONTENT_TYPE)


@router.get("/openapi.json", include_in_schema=False)
async def openapi(request: Request) -> JSONResponse:
    """Describe this API."""
    return JSONResponse(request.app.openapi())
