"""Routes for pods: what an attempt fetches before it starts and hands in when it ends, with the token of its run."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from seaway.platform.engine.attempt_usages import Reported
from seaway.portal.access import PodsRun, Service, pods_run
from seaway.portal.streams import CheckedStream

Fence = Annotated[int, Query(ge=0)]
IdleSeconds = Annotated[float | None, Query(ge=0, le=1e9, allow_inf_nan=False)]
WaitsIn = Annotated[str, Query(pattern="^[A-Za-z0-9_]{0,40}$")]
Bytes = Annotated[int, Field(ge=0, lt=1 << 62)]
Base = Annotated[str | None, Query(pattern="^[0-9a-f]{64}$")]


class UsageQuery(BaseModel):
    """What a runner says of its program, see `AttemptUsage`."""

    memory: Bytes
    peak: Bytes
    memory_limit: Bytes | None = None
    cores: Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)] | None = None
    gpu: Annotated[int, Field(ge=0, le=100)] | None = None
    gpu_memory: Bytes | None = None
    gpu_memory_limit: Bytes | None = None
    scratch: Bytes | None = None
    scratch_limit: Bytes | None = None

    def reported(self) -> Reported:
        """Return it as the server keeps it."""
        return Reported(memory_peak=self.peak, **self.model_dump(exclude={"peak"}))


router = APIRouter(prefix="/gateway/v1", tags=["gateway"], dependencies=[Depends(pods_run)])


def _bytes(chunks: AsyncIterator[bytes], media_type: str) -> StreamingResponse:
    return CheckedStream(chunks, media_type=media_type, headers={"Cache-Control": "no-store"})


@router.get("/runner/{digest}.pyz", response_class=StreamingResponse)
async def runner(digest: str, service: Service) -> StreamingResponse:
    """Return the runner."""
    return _bytes(await service.get_runner(digest), "application/zip")


@router.get("/code/{digest}", response_class=StreamingResponse)
async def code(digest: str, service: Service) -> StreamingResponse:
    """Return a code snapshot (tar.gz)."""
    return _bytes(await service.get_code(digest), "application/gzip")


@router.get("/environments/{digest}", response_class=StreamingResponse)
async def environment(digest: str, service: Service) -> StreamingResponse:
    """Return a lock of requirements."""
    return _bytes(await service.get_environment(digest), "text/plain; charset=utf-8")


@router.put("/runs/{run}/tasks/{task}/lease", status_code=204)
async def renew_lease(run: PodsRun, task: str, fence: Fence, service: Service) -> Response:
    """Let an attempt go on that keeps a lease; 409 where it is to end."""
    await service.renew_lease(run, task, fence)
    return Response(status_code=204)


@router.put("/runs/{run}/tasks/{task}/idle", status_code=204)
async def note_idle(
    run: PodsRun,
    task: str,
    fence: Fence,
    service: Service,
    seconds: IdleSeconds = None,
    waits_in: WaitsIn = "",
    gpu_seconds: IdleSeconds = None,
) -> Response:
    """Take note of how long an attempt's program has used no CPU, or none of its GPUs; 0 where it does again."""
    await service.note_idle(run, task, fence, seconds, waits_in, gpu_seconds)
    return Response(status_code=204)


@router.put("/runs/{run}/tasks/{task}/usage", status_code=204)
async def note_usage(
    run: PodsRun, task: str, fence: Fence, service: Service, said: Annotated[UsageQuery, Query()]
) -> Response:
    """Take note of what an attempt's program uses."""
    await service.note_usage(run, task, fence, said.reported())
    return Response(status_code=204)


@router.put("/runs/{run}/tasks/{task}/outputs", status_code=204)
async def commit_outputs(
    run: PodsRun, task: str, fence: Fence, request: Request, service: Service
) -> Response:
    """Commit a task's outputs (a tar stream), all of them or none."""
    await service.commit_outputs(run, task, fence, request.stream())
    return Response(status_code=204)


@router.put("/runs/{run}/tasks/{task}/checkpoint", status_code=204)
async def save_checkpoint(
    run: PodsRun, task: str, fence: Fence, request: Request, service: Service, base: Base = None
) -> Response:
    """Keep a task's checkpoint in place of the one before: a line that lists its blocks, then those that `base` lacks."""
    await service.save_checkpoint(run, task, fence, request.stream(), base)
    return Response(status_code=204)


@router.get("/runs/{run}/tasks/{task}/checkpoint", response_class=StreamingResponse)
async def get_checkpoint(run: PodsRun, task: str, service: Service) -> StreamingResponse:
    """Return a task's last checkpoint: a line that lists its blocks, then all of them."""
    return _bytes(await service.get_checkpoint(run, task), "application/octet-stream")


@router.get("/runs/{run}/tasks/{task}/checkpoint/check", response_class=StreamingResponse)
async def check_checkpoint(run: PodsRun, task: str, service: Service) -> StreamingResponse:
    """Say whether a task's last checkpoint is whole on the server; the last line of the answer is JSON."""
    return _bytes(await service.check_checkpoint(run, task), "text/plain; charset=utf-8")
