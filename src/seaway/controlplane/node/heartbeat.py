"""Register the node and say again and again that it lives."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable
from typing import Any

from seaway.base.clock import rfc3339_micro
from seaway.client.errors import Unreachable
from seaway.controlplane.node import registration
from seaway.controlplane.node.context import NodeContext
from seaway.controlplane.node.registration import Machine
from seaway.objects.builtin import LEASES, NODES
from seaway.objects.errors import AlreadyExists, ApiError, NotFound

log = logging.getLogger(__name__)
_RETRY_SECONDS = 0.5


class Heartbeat:
    """Keeps one Node and its Lease alive."""

    def __init__(
        self, context: NodeContext, machine: Machine, changed: asyncio.Event, address: str, port: int = 0
    ) -> None:
        """Make it.

        Args:
            context: of the node.
            machine: what there is.
            changed: set when the node is short of more or of less than before; cleared here.
            address: of the node.
            port: of the node's server; 0 where it has none.
        """
        self._client, self._settings, self._clock = context.client, context.settings, context.clock
        self._machine, self._address, self._port = machine, address, port
        self._short_of, self._changed = context.short_of, changed
        self._uid = ""
        self._written = 0.0

    async def run(self, ready: Callable[[], None]) -> None:
        """Register, then renew until cancelled."""
        registered = False
        while True:
            try:
                if not registered:
                    await self._register()
                    registered = True
                    ready()
                await self._renew()
                await self._refresh_status()
            except NotFound:
                registered = False  # someone deleted the Node: it comes back, as with the kubelet
                continue
            except (ApiError, Unreachable) as error:
                log.warning("node %s: %s; trying again", self._settings.name, error)
                self._written = -math.inf  # it may have been taken for lost: it contradicts at once
                await self._clock.sleep(_RETRY_SECONDS)
                continue
            await self._pause()

    async def _pause(self) -> None:
        """Wait until the next renewal is due, or something has to be said before."""
        sleeping = asyncio.ensure_future(self._clock.sleep(self._settings.heartbeat_seconds))
        changing = asyncio.ensure_future(self._changed.wait())
        try:
            await asyncio.wait({sleeping, changing}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeping.cancel()
            changing.cancel()

    async def _register(self) -> None:
        wanted = registration.node_object(self._machine, self._settings)
        name = self._settings.name
        try:
            node = await self._client.create(NODES, wanted)
        except AlreadyExists:
            node = await self._client.patch(
                NODES, name, {"metadata": {"labels": wanted["metadata"]["labels"]}}
            )
        self._uid = node["metadata"]["uid"]
        await self._write_status(node)
        await self._create_lease()

    async def _write_status(self, node: dict[str, Any]) -> None:
        old = (node.get("status") or {}).get("conditions") or []
        self._changed.clear()
        status = registration.node_status(
            self._machine, self._settings, self._address, old, self._short_of, self._clock.now(), self._port
        )
        await self._client.patch(NODES, self._settings.name, {"status": status}, subresource="status")
        self._written = self._clock.monotonic()

    async def _refresh_status(self) -> None:
        due = self._clock.monotonic() - self._written >= self._settings.status_seconds
        if due or self._changed.is_set():
            await self._write_status(await self._client.get(NODES, self._settings.name))

    async def _renew(self) -> None:
        patch = {"spec": {"renewTime": rfc3339_micro(self._clock.now())}}
        try:
            await self._client.patch(LEASES, self._settings.name, patch, registration.LEASE_NAMESPACE)
        except NotFound:
            await self._client.get(NODES, self._settings.name)
            await self._create_lease()

    async def _create_lease(self) -> None:
        lease = registration.lease(
            self._settings.name, self._uid, self._clock.now(), self._settings.heartbeat_seconds
        )
        try:
            await self._client.create(LEASES, lease, registration.LEASE_NAMESPACE)
        except AlreadyExists:
            return
        except NotFound as error:  # deleted; it comes back, and the next renewal finds it
            log.warning("node %s has no lease for now: %s", self._settings.name, error)
