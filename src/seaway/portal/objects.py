"""Routes of Kubernetes' own objects: why a pod, a job or a node is as it is, and what happened to it.

For administrators, since logs are read for it; how it is with a node concerns everybody whose runs are on it.
"""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from seaway.model.timeline import Timeline
from seaway.model.verdict import Explanation
from seaway.portal.access import CurrentCaller, Service, only_administrators
from seaway.portal.language import WantedLanguage
from seaway.portal.paging import Limit, Since, seconds
from seaway.portal.runs import NO_STORE

router = APIRouter(
    prefix="/api/v1/objects",
    tags=["objects"],
    dependencies=[only_administrators("see what is no run's: pods, jobs and nodes")],
)

nodes = APIRouter(prefix="/api/v1/objects/node", tags=["objects"])


@nodes.get("/{name}/why")
async def why_node(name: str, _: CurrentCaller, service: Service, language: WantedLanguage) -> Explanation:
    """Say what is the matter with a node, with evidence and one next step."""
    return language.say(await service.why_object("node", name))


@router.get("/{kind}/{name}/why")
async def why(
    kind: Literal["pod", "job", "pvc"], name: str, service: Service, language: WantedLanguage
) -> Explanation:
    """Say what is the matter with it, with evidence and one next step."""
    return language.say(await service.why_object(kind, name))


@router.get("/{kind}/{name}/timeline")
async def timeline(
    kind: Literal["pod", "node", "job", "pvc", "deployment", "replicaset", "statefulset", "workspace"],
    name: str,
    service: Service,
    since: Since = None,
    limit: Limit = 500,
) -> Timeline:
    """Return what happened to it, or to all in a workspace, oldest first; also to what is gone."""
    return await service.timeline_object(kind, name, since=seconds(since), limit=limit)


@router.get(
    "/pod/{name}/logs", response_class=StreamingResponse, responses={200: {"content": {"text/plain": {}}}}
)
async def logs(
    name: str, service: Service, container: str | None = None, timestamps: bool = False
) -> StreamingResponse:
    """Stream the kept logs of a pod that is no run's, each start of each container; also of one that is gone."""
    chunks = await service.pod_logs(name, container=container, timestamps=timestamps)
    return StreamingResponse(chunks, media_type="text/plain; charset=utf-8", headers=NO_STORE)
