"""Routes of runs: submit, look, stop, logs, why, outputs."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query
from fastapi.responses import StreamingResponse

from seaway.model.run import CheckpointView, LossView, OutputView, RunSpec, RunView
from seaway.model.timeline import Timeline
from seaway.model.verdict import Explanation
from seaway.portal.access import CurrentCaller, OwnRun, Service, current_caller
from seaway.portal.language import WantedLanguage
from seaway.portal.paging import Limit, Since, seconds
from seaway.portal.ranges import first_byte, without_first
from seaway.portal.streams import CheckedStream

MAX_WAIT = 60.0
"""Seconds that one request may wait: proxies cut longer ones off."""
SubmissionKey = Annotated[str | None, Header(pattern=r"^[0-9a-f]{32}$")]
NO_STORE = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}

router = APIRouter(prefix="/api/v1/runs", tags=["runs"], dependencies=[Depends(current_caller)])


@router.post("", status_code=201)
async def submit(
    spec: RunSpec, service: Service, caller: CurrentCaller, idempotency_key: SubmissionKey = None
) -> RunView:
    """Submit a run. Sent again with the same key, because its answer was lost, it answers with the run that there is."""
    return await service.submit(spec, user=caller.user, key=idempotency_key)


@router.get("")
async def list_runs(
    service: Service,
    all: bool = False,  # noqa: A002
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
    before: str | None = None,
    binned: Annotated[bool, Query(alias="bin")] = False,
    workspace: str | None = None,
    user: str | None = None,
) -> list[RunView]:
    """List runs, newest first; with `all` also those that ended, with `bin` those that were removed and no others."""
    return list(
        await service.list(all=all, limit=limit, before=before, binned=binned, workspace=workspace, user=user)
    )


@router.get("/{run}")
async def get_run(run: str, service: Service, language: WantedLanguage) -> RunView:
    """Return one run with its tasks and attempts."""
    return language.say(await service.get(run))


@router.delete("/{run}")
async def remove(
    run: OwnRun,
    service: Service,
    caller: CurrentCaller,
    for_good: Annotated[bool, Query(alias="now")] = False,
) -> RunView:
    """Put a run that has ended into the bin; with `now` it is gone for good."""
    return await service.remove(run, for_good=for_good, by=caller.user)


@router.post("/{run}/stop")
async def stop(run: OwnRun, service: Service, caller: CurrentCaller) -> RunView:
    """Ask a run to end gracefully."""
    return await service.stop(run, by=caller.user)


@router.post("/{run}/retry")
async def retry(run: OwnRun, service: Service, caller: CurrentCaller, fresh: bool = False) -> RunView:
    """Try again each task that did not succeed; with `fresh` without its checkpoint."""
    return await service.retry(run, fresh=fresh, by=caller.user)


@router.post("/{run}/lose")
async def lose(run: OwnRun, service: Service, caller: CurrentCaller, task: str = "main") -> LossView:
    """Kill the running attempt of a task as if its machine were lost, to see whether the next one resumes."""
    return await service.lose(run, task, by=caller.user)


@router.get("/{run}/checkpoints")
async def checkpoints(run: str, service: Service) -> list[CheckpointView]:
    """List what the tasks of a run have saved."""
    return list(await service.checkpoints(run))


@router.post("/{run}/restore")
async def restore(run: OwnRun, service: Service, caller: CurrentCaller) -> RunView:
    """Take a run out of the bin."""
    return await service.restore(run, by=caller.user)


@router.get("/{run}/wait")
async def wait(
    run: str, service: Service, language: WantedLanguage, timeout: Annotated[float, Query(ge=0)] = 30.0
) -> RunView:
    """Return the run when it has ended, or as it is after `timeout` seconds (at most 60)."""
    return language.say(await service.wait(run, timeout=min(timeout, MAX_WAIT)))


@router.get("/{run}/logs", response_class=StreamingResponse, responses={200: {"content": {"text/plain": {}}}})
async def logs(
    run: str,
    service: Service,
    follow: bool = False,
    task: str | None = None,
    attempt: Annotated[int | None, Query(ge=1)] = None,
    timestamps: bool = False,
    skip: Annotated[int, Query(ge=0)] = 0,
) -> StreamingResponse:
    """Stream a run's log as it comes, without its first `skip` bytes; with `follow` until the run has ended."""
    chunks = await service.logs(run, follow=follow, task=task, attempt=attempt, timestamps=timestamps)
    chunks = without_first(chunks, skip) if skip else chunks
    return StreamingResponse(chunks, media_type="text/plain; charset=utf-8", headers=NO_STORE)


@router.get("/{run}/why")
async def why(run: str, service: Service, language: WantedLanguage, task: str | None = None) -> Explanation:
    """Say what happened to a run, or to one of its tasks, or what it waits for, with evidence and one next step."""
    return language.say(await service.why(run, task=task))


@router.get("/{run}/timeline")
async def timeline(run: str, service: Service, since: Since = None, limit: Limit = 500) -> Timeline:
    """Return what happened to a run, its pods, their nodes and claims, in one order, oldest first; deleted ones included."""
    return await service.timeline(run, since=seconds(since), limit=limit)


@router.get("/{run}/outputs")
async def outputs(run: str, service: Service) -> list[OutputView]:
    """List the files that a run committed."""
    return list(await service.outputs(run))


@router.get(
    "/{run}/outputs/{task}/{path:path}",
    response_class=StreamingResponse,
    responses={200: {"content": {"application/octet-stream": {}}}},
)
async def download(
    run: str,
    task: str,
    path: str,
    service: Service,
    range: Annotated[str | None, Header()] = None,  # noqa: A002 - the header's name
    if_range: Annotated[str | None, Header()] = None,
) -> StreamingResponse:
    """Return one committed file, or what of it follows the byte that the header Range names."""
    view, chunks = await service.open_output(run, task, path)
    etag = f'"{view.sha256}"'
    start = first_byte(range, if_range, etag, view.size)
    headers = {
        **NO_STORE,
        "Content-Length": str(view.size - start),
        "Content-Disposition": "attachment",
        "ETag": etag,
        "Accept-Ranges": "bytes",
    }
    if start:
        headers["Content-Range"] = f"bytes {start}-{view.size - 1}/{view.size}"
        chunks = without_first(chunks, start)
    return CheckedStream(
        chunks, 206 if start else 200, media_type="application/octet-stream", headers=headers
    )
