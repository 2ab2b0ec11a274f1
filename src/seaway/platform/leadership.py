"""Several servers on one database, of which one leads: it alone serves, and the others wait to take over.

Leadership is a Lease. It says who may begin; that nobody else goes on is held by the database, where each leader begins an
epoch, and by each call to the cluster being refused from the moment on at which another server may lead.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass, field
from typing import Any

from seaway.base.clock import Clock, SystemClock
from seaway.base.sqlite import DatabaseError
from seaway.base.tasks import Backoff
from seaway.client.client import Client
from seaway.client.errors import ClientError, Unreachable
from seaway.client.request import Request, Transport
from seaway.objects.builtin import PODS
from seaway.objects.errors import ApiError
from seaway.platform.database.probe import Probe
from seaway.platform.workloads import labels
from seaway.reconcile.leader import LeaderElector, LeaderSettings

log = logging.getLogger(__name__)
Object = dict[str, Any]
_SAME_RELEASE = ("app.kubernetes.io/name", "app.kubernetes.io/instance")
_BACKOFF = Backoff(0.2, 2.0, 5.0)


@dataclass(frozen=True, slots=True)
class LeadershipSettings:
    """How several servers share the work; all times in seconds."""

    identity: str
    """This process; no two may have the same one."""
    namespace: str
    """Of the Lease, and of this server's own pod."""
    lease: str = "seaway-server"
    """The Lease's name; the same for all servers of one database."""
    pod: str = ""
    """The pod that this process runs in, which gets a label while it leads; "" for none."""
    times: LeaderSettings = field(default_factory=lambda: LeaderSettings(9.0, 6.0, 1.0))
    """Of the election: another server leads within `lease_seconds` and about 3 more."""
    database_seconds: float = 5.0
    """A leader that cannot reach its database for so long steps down."""
    marking_seconds: float = 15.0
    """Between looks at whether the pod still has its label."""
    ending_seconds: float = 2.0
    """How long it may take to remove the label at the end."""


class Leadership:
    """This process' part in the election.

    Args:
        settings: who it is.
        client: of the cluster that holds the Lease.
        probe: tells whether the database can be reached.
        clock: where time comes from.
    """

    def __init__(
        self, settings: LeadershipSettings, client: Client, probe: Probe, clock: Clock | None = None
    ) -> None:
        self._settings, self._client, self._probe = settings, client, probe
        self._clock = clock or SystemClock()
        self._elector = LeaderElector(
            client, settings.namespace, settings.lease, settings.identity,
            clock=self._clock, settings=settings.times,
        )  # fmt: skip

    @property
    def client(self) -> Client:
        """Return a client that changes nothing from the moment on at which another server may lead."""
        transport = LeadersTransport(self._client.transport, lambda: self._elector.may_act)
        return Client(transport, field_manager=self._client.field_manager)

    async def run(self, lead: Callable[[], Awaitable[None]]) -> None:
        """Wait for leadership, then run `lead` until it ends.

        Raises:
            seaway.reconcile.leader.LeadershipLost: another server may lead now; `lead` was cancelled before.
        """
        log.info("%s waits to lead", self._settings.identity)
        await self._elector.run(lead, may_lead=self._can_lead)

    async def problem(self) -> str:
        """Return why this server could not take over now; "" where it could."""
        try:
            await self._probe.ask()
        except DatabaseError as error:
            return str(error)
        return ""

    async def _can_lead(self) -> bool:
        problem = await self.problem()
        if problem:
            log.warning("%s could lead, but not without its database: %s", self._settings.identity, problem)
        return not problem

    def marked(self) -> AbstractAsyncContextManager[None]:
        """Have this process' pod carry the label of the leader, and no other one, in the block."""
        return PodMark(self._client, self._settings, self._clock)


class LeadersTransport:
    """Lets reading pass, and changes only while no other server can lead."""

    def __init__(self, transport: Transport, may_act: Callable[[], bool]) -> None:
        self._transport, self._may_act = transport, may_act

    async def send(self, request: Request) -> Any:
        """Send a request. Raises Unreachable for a change where another server may lead."""
        if request.method != "GET" and not self._may_act():
            raise Unreachable("this server leads no more: the call was not made")
        return await self._transport.send(request)

    def watch(self, request: Request) -> Any:
        """Open a watch."""
        return self._transport.watch(request)

    def stream(self, request: Request) -> Any:
        """Open a byte stream."""
        return self._transport.stream(request)

    async def close(self) -> None:
        """Leave the connections to their owner."""


class PodMark:
    """Keeps the leader's label on one pod of the release: a Service selects it."""

    def __init__(self, client: Client, settings: LeadershipSettings, clock: Clock) -> None:
        self._client, self._settings, self._clock = client, settings, clock
        self._keeping: asyncio.Task[None] | None = None

    async def __aenter__(self) -> None:
        """Begin; the label comes as soon as the API server answers."""
        if self._settings.pod:
            self._keeping = asyncio.create_task(self._keep(), name="leader's label")

    async def __aexit__(self, *_: object) -> None:
        """Remove the label, so that nobody is sent here any more."""
        if self._keeping is None:
            return
        self._keeping.cancel()
        await asyncio.wait([self._keeping])
        with suppress(TimeoutError):
            async with asyncio.timeout(self._settings.ending_seconds):
                try:
                    await self._label(self._settings.pod, None)
                except (ApiError, ClientError) as error:
                    log.info("the leader's label was not removed, the next leader does it: %s", error)

    async def _keep(self) -> None:
        failures = 0
        while True:
            try:
                await self._mark()
                failures = 0
            except (ApiError, ClientError) as error:
                failures += 1
                log.warning("pod %s cannot be labelled as the leader's: %s", self._settings.pod, error)
            pause = _BACKOFF.delay(failures) if failures else self._settings.marking_seconds
            await self._clock.sleep(pause)

    async def _mark(self) -> None:
        own = await self._client.get(PODS, self._settings.pod, self._settings.namespace)
        for pod in await self._marked_pods(own):
            if pod != self._settings.pod:
                await self._label(pod, None)
        if (own["metadata"].get("labels") or {}).get(labels.LEADER) != "true":
            await self._label(self._settings.pod, "true")

    async def _marked_pods(self, own: Object) -> list[str]:
        """Return the pods of this release with the label: of a leader that could not remove it."""
        theirs = own["metadata"].get("labels") or {}
        release = [f"{name}={theirs[name]}" for name in _SAME_RELEASE if name in theirs]
        selector = ",".join([f"{labels.LEADER}=true", *release])
        found, _ = await self._client.list_all(PODS, self._settings.namespace, label_selector=selector)
        return [pod["metadata"]["name"] for pod in found]

    async def _label(self, pod: str, value: str | None) -> None:
        change = {"metadata": {"labels": {labels.LEADER: value}}}
        await self._client.patch(PODS, pod, change, self._settings.namespace)
