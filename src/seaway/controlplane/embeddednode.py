"""One node of the embedded cluster, as a machine that can lose its power and get it back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from seaway.client.logs import LogOptions
from seaway.client.totals import NodeTotals
from seaway.client.usage import NodeUsage
from seaway.controlplane.node.agent import NodeAgent
from seaway.controlplane.node.trouble import Trouble
from seaway.objects.errors import InternalError


class EmbeddedNode:
    """A node agent, or the place where one was.

    Args:
        name: of the node.
        make: makes its agent, which looks at the trouble that it is given.
    """

    def __init__(self, name: str, make: Callable[[Trouble], NodeAgent]) -> None:
        self.name = name
        self.trouble = Trouble()
        self._make = make
        self._agent: NodeAgent | None = None
        self._cut, self._dark, self._power = asyncio.Event(), asyncio.Event(), asyncio.Event()

    @property
    def lost(self) -> bool:
        """It has no power."""
        return self._cut.is_set()

    async def run(self, ready: Callable[[], None]) -> None:
        """Run agent after agent until cancelled.

        Args:
            ready: called when the first one has registered.
        """
        while True:
            self._agent = agent = self._make(self.trouble)
            if not await self._until_cut(agent, ready):
                return
            self._agent = None
            await agent.cut_power()
            self._dark.set()
            await self._power.wait()
            self._power.clear()

    async def _until_cut(self, agent: NodeAgent, ready: Callable[[], None]) -> bool:
        """Run an agent; return whether its power was cut, False where it ended by itself. Raises what it does."""
        running, cut = asyncio.ensure_future(agent.run(ready)), asyncio.ensure_future(self._cut.wait())
        try:
            await asyncio.wait({running, cut}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ended = running.done()
            running.cancel()
            cut.cancel()
            outcome = (await asyncio.gather(running, return_exceptions=True))[0]
        if ended and isinstance(outcome, BaseException):
            raise outcome
        return not ended

    async def cut_power(self) -> None:
        """Lose the machine: all its processes end at once, and it says nothing any more. Returns when that is so."""
        if not self.lost:
            self._dark.clear()
            self._cut.set()
        await self._dark.wait()

    def power_on(self) -> None:
        """Have the machine back: it finds its pods' containers ended."""
        if self.lost:
            self._cut.clear()
            self._power.set()

    def trouble_changed(self) -> None:
        """Look at the trouble now."""
        if self._agent is not None:
            self._agent.look_again()

    async def shutdown(self, grace: float) -> None:
        """End every container; see `NodeAgent.shutdown`."""
        if self._agent is not None:
            await self._agent.shutdown(grace)

    @asynccontextmanager
    async def container_logs(
        self, namespace: str, pod: str, uid: str, container: str, options: LogOptions
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """Open a container's log; see `NodeHandler` of the API server."""
        if self._agent is None:
            raise self._silence()
        async with self._agent.container_logs(namespace, pod, uid, container, options) as chunks:
            yield chunks

    @asynccontextmanager
    async def kept_logs(
        self, pod: str, uid: str, container: str, number: int, options: LogOptions
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """Open the log of a container of a pod that is gone; see `NodeHandler` of the API server."""
        if self._agent is None:
            raise self._silence()
        async with self._agent.kept_logs(pod, uid, container, number, options) as chunks:
            yield chunks

    async def usage(self) -> NodeUsage:
        """Measure what is used; see `NodeHandler` of the API server."""
        if self._agent is None:
            raise self._silence()
        return await self._agent.usage()

    async def totals(self) -> NodeTotals:
        """Return what the node has used and holds; see `NodeHandler` of the API server."""
        if self._agent is None:
            raise self._silence()
        return await self._agent.totals()

    async def stream(self, request: Any, upgrade: Any, connect: Any) -> None:
        """Serve exec, attach or port-forward; see `NodeHandler` of the API server."""
        if self._agent is None:
            raise self._silence()
        await self._agent.stream(request, upgrade, connect)

    def _silence(self) -> InternalError:
        return InternalError(f"Get https://{self.name}:10250: dial tcp: connect: no route to host")
