"""Routes of nodes whose machines somebody knows to be off."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request

from seaway.model.node import NodeView
from seaway.platform.confirming_off import ConfirmingOff
from seaway.portal.access import CurrentCaller, only_administrators

router = APIRouter(
    prefix="/api/v1/nodes", tags=["nodes"], dependencies=[only_administrators("say that a machine is off")]
)


async def confirming_off(request: Request) -> ConfirmingOff:
    """Return what answers."""
    found: ConfirmingOff = request.app.state.server.confirming_off
    return found


Nodes = Annotated[ConfirmingOff, Depends(confirming_off)]


@router.get("/{node}")
async def look(node: str, nodes: Nodes) -> NodeView:
    """Return a node and what is on it."""
    return await nodes.look(node)


@router.post("/{node}/confirm-off")
async def confirm(node: str, caller: CurrentCaller, nodes: Nodes) -> NodeView:
    """Confirm that a node's machine is off: its pods are removed, and its runs go on elsewhere. 409 where it answers."""
    return await nodes.confirm(node, caller.user)


@router.delete("/{node}/confirm-off")
async def undo(node: str, caller: CurrentCaller, nodes: Nodes) -> NodeView:
    """Take that back: the machine is on again, and pods may be placed there."""
    return await nodes.undo(node, caller.user)
