"""Routes of the embedded cluster: what can be provoked in it. They are only there where it is."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from seaway.controlplane.practice import Practice
from seaway.objects.errors import ApiError
from seaway.platform.errors import Conflict, NotFound
from seaway.portal.access import only_administrators

router = APIRouter(
    prefix="/api/v1/cluster",
    tags=["cluster"],
    dependencies=[only_administrators("look at the cluster and provoke failures in it")],
)


class Pressure(BaseModel):
    """What a node is to be short of."""

    model_config = ConfigDict(extra="forbid")
    kinds: Annotated[list[Literal["memory", "disk", "pid"]], Field(min_length=1)]


class Outage(BaseModel):
    """Whether the image registry is out."""

    model_config = ConfigDict(extra="forbid")
    out: bool


@router.get("")
async def state(request: Request) -> dict[str, Any]:
    """Return the nodes, and what is provoked."""
    return await _practice(request).state()


@router.put("/registry-outage")
async def registry_outage(body: Outage, request: Request) -> dict[str, Any]:
    """Have no image pulled, or have them pulled again."""
    practice = _practice(request)
    practice.set_registry_outage(out=body.out)
    return await practice.state()


@router.post("/nodes/{node}/drain")
async def drain(node: str, request: Request) -> dict[str, Any]:
    """Cordon a node and ask its pods to leave, once; the answer says which are still there and why."""
    try:
        return {"left": await _practice(request).drain(node)}
    except ApiError as error:
        raise await _fault(request, node, error) from error


@router.post("/nodes/{node}/pressure")
async def pressure(node: str, body: Pressure, request: Request) -> dict[str, Any]:
    """Have a node behave as if it were short of something."""
    try:
        await _practice(request).press(node, body.kinds)
        return await _practice(request).node(node)
    except ApiError as error:
        raise await _fault(request, node, error) from error


@router.post("/nodes/{node}/{action}")
async def act(
    node: str, action: Literal["cordon", "uncordon", "kill", "restore"], request: Request
) -> dict[str, Any]:
    """Cordon or uncordon a node, kill it, or end all that is pretended on it."""
    practice = _practice(request)
    try:
        if action == "kill":
            await practice.kill(node)
        elif action == "restore":
            await practice.restore(node)
        else:
            await practice.cordon(node, wanted=action == "cordon")
        return await practice.node(node)
    except ApiError as error:
        raise await _fault(request, node, error) from error


async def _fault(request: Request, node: str, error: ApiError) -> NotFound | Conflict:
    if error.code != 404:
        return Conflict(error.message, field="node", remedy="Try again")
    known = [each["name"] for each in (await _practice(request).state())["nodes"]]
    if node in known:
        remedy = f"Try again in a moment; where it has no power: seaway cluster restore {node}"
        return Conflict(f"somebody deleted the Node object of {node}", field="node", remedy=remedy)
    return NotFound(
        f"there is no node {node!r}", field="node", remedy=f"The nodes are {', '.join(known[:10])}"
    )


def _practice(request: Request) -> Practice:
    practice: Practice = request.app.state.practice
    return practice
