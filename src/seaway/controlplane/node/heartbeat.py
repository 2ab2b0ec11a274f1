"""Register the node and say again and again that it lives."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from seaway.base.clock import Clock, rfc3339_micro
from seaway.client.client import Client
from seaway.client.errors import Unreachable
from seaway.controlplane.node import registration
from seaway.controlplane.node.registration import Machine
from seaway.controlplane.node.settings import NodeSettings
from seaway.objects.builtin import LEASES, NODES
from seaway.objects.errors import AlreadyExists, ApiError, NotFound

log = logging.getLogger(__name__)
_RETRY_SECONDS = 0.5


class Heartbeat:
    """Keeps one Node and its Lease alive."""

    def __init__(
        self,
        client: Client,
        settings: NodeSettings,
        clock: Clock,
        machine: Machine,
        address: str,
        port: int = 0,
    ) -> None:
        self._client, self._settings, self._clock = client, settings, clock
        self._machine, self._address, self._port = machine, address, port
        self._uid = ""
        self._written = 0.0
        self._pressure: dict[str, bool] = {}

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
                await self._clock.sleep(_RETRY_SECONDS)
                continue
            await self._clock.sleep(self._settings.heartbeat_seconds)

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
        self._pressure = await asyncio.to_thread(registration.under_pressure, self._settings.folder)
        status = registration.node_status(
            self._machine, self._settings, self._address, old, self._pressure, self._clock.now(), self._port
        )
        await self._client.patch(NODES, self._settings.name, {"status": status}, subresource="status")
        self._written = self._clock.monotonic()

    async def _refresh_status(self) -> None:
        pressure = await asyncio.to_thread(registration.under_pressure, self._settings.folder)
        due = self._clock.monotonic() - self._written >= self._settings.status_seconds
        if due or pressure != self._pressure:
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
