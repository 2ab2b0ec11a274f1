"""Routes of runs: submit, look, stop, logs, why, outputs."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import StreamingResponse

from seaway.model.run import OutputView, RunSpec, RunView
from seaway.model.verdict import Explanation
from seaway.portal.access import Service, User, current_user

MAX_WAIT = 60.0
"""Seconds that one request may wait: proxies cut longer ones off."""
NO_STORE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}

router = APIRouter(prefix="/api/v1/runs", tags=["runs"], dependencies=[Depends(current_user)])


@router.post("", status_code=201)
async def submit(spec: RunSpec, service: Service, user: User) -> RunView:
    """Submit a run."""
    return await service.submit(spec, user=user)


@router.get("")
async def list_runs(
    service: Service,
    all: bool = False,  # noqa: A002
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
    before: str | None = None,
) -> list[RunView]:
    """List runs, newest first; with `all` also those that ended."""
    return list(await service.list(all=all, limit=limit, before=before))


@router.get("/{run}")
async def get_run(run: str, service: Service) -> RunView:
    """Return one run with its tasks and attempts."""
    return await service.get(run)


@router.delete("/{run}")
async def remove(run: str, service: Service) -> RunView:
    """Put a run that has ended into the bin."""
    return await service.remove(run)


@router.post("/{run}/stop")
async def stop(run: str, service: Service) -> RunView:
    """Ask a run to end gracefully."""
    return await service.stop(run)


@router.post("/{run}/retry")
async def retry(run: str, service: Service) -> RunView:
    """Try again each task that did not succeed."""
    return await service.retry(run)


@router.post("/{run}/restore")
async def restore(run: str, service: Service) -> RunView:
    """Take a run out of the bin."""
    return await service.restore(run)


@router.get("/{run}/wait")
async def wait(run: str, service: Service, timeout: Annotated[float, Query(ge=0)] = 30.0) -> RunView:
    """Return the run when it has ended, or as it is after `timeout` seconds (at most 60)."""
    return await service.wait(run, timeout=min(timeout, MAX_WAIT))


@router.get("/{run}/logs", response_class=StreamingResponse, responses={200: {"content": {"text/plain": {}}}})
async def logs(
    run: str,
    service: Service,
    follow: bool = False,
    task: str | None = None,
    attempt: Annotated[int | None, Query(ge=1)] = None,
    timestamps: bool = False,
) -> StreamingResponse:
    """Stream a run's log as it comes; with `follow` until the run has ended."""
    chunks = await service.logs(run, follow=follow, task=task, attempt=attempt, timestamps=timestamps)
    return StreamingResponse(chunks, media_type="text/plain; charset=utf-8", headers=NO_STORE)


@router.get("/{run}/why")
async def why(run: str, service: Service) -> Explanation:
    """Say what happened or what it waits for, with evidence and one next step."""
    return await service.why(run)


@router.get("/{run}/outputs")
async def outputs(run: str, service: Service) -> list[OutputView]:
    """List the files that a run committed."""
    return list(await service.outputs(run))


@router.get(
    "/{run}/outputs/{task}/{path:path}",
    response_class=StreamingResponse,
    responses={200: {"content": {"application/octet-stream": {}}}},
)
async def download(run: str, task: str, path: str, service: Service) -> StreamingResponse:
    """Return one committed file."""
    view, chunks = await service.open_output(run, task, path)
    headers = {**NO_STORE, "Content-Length": str(view.size), "Content-Disposition": "attachment"}
    return StreamingResponse(chunks, media_type="application/octet-stream", headers=headers)
