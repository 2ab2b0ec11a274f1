"""One leader among several processes, by a Lease.

Source: client-go's leader election. Times of other machines are not trusted: a Lease has expired when it was not seen
to change for its duration by this process' own monotonic clock.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from seaway.base.clock import Clock, SystemClock, rfc3339_micro
from seaway.client.client import Client
from seaway.client.errors import ClientError
from seaway.objects.builtin import LEASES
from seaway.objects.errors import AlreadyExists, ApiError, Conflict, NotFound

log = logging.getLogger(__name__)
Object = dict[str, Any]
_RELEASE_SECONDS = 3.0


class LeadershipLost(Exception):
    """Another process may lead now; what was done as leader was cancelled."""

    code = "Temporary"
    """The word that a command's exit code is made of."""


@dataclass(frozen=True, slots=True)
class LeaderSettings:
    """Times of the election, in seconds."""

    lease_seconds: float = 15.0
    """Others take over when the leader was silent for this long."""
    renew_seconds: float = 10.0
    """The leader gives up when it could not renew for this long; below `lease_seconds`."""
    retry_seconds: float = 2.0
    """Between tries to acquire or renew."""


@dataclass(frozen=True, slots=True)
class Observation:
    """A Lease's spec, and when this process saw it change last."""

    spec: Object
    since: float
    """By the monotonic clock."""


def observe(previous: Observation | None, spec: Object, now: float) -> Observation:
    """Return the observation after seeing `spec`: the old one where nothing changed."""
    return previous if previous is not None and previous.spec == spec else Observation(spec, now)


def may_take(observation: Observation, identity: str, now: float) -> bool:
    """Return whether `identity` may write itself into the Lease: it holds it, nobody does, or the holder is silent."""
    holder = observation.spec.get("holderIdentity")
    duration = observation.spec.get("leaseDurationSeconds") or 0
    return not holder or holder == identity or observation.since + duration <= now


def claim(spec: Object, identity: str, seconds: float, now: float) -> Object:
    """Return the Lease's spec with `identity` as its holder, renewed at `now` (seconds since the epoch)."""
    mine = spec.get("holderIdentity") == identity
    transitions = (spec.get("leaseTransitions") or 0) + (0 if mine or not spec else 1)
    return {
        **spec,
        "holderIdentity": identity,
        "leaseDurationSeconds": round(seconds),
        "acquireTime": spec.get("acquireTime") if mine else rfc3339_micro(now),
        "renewTime": rfc3339_micro(now),
        "leaseTransitions": transitions,
    }


async def _always() -> bool:
    return True


class LeaderElector:
    """Campaigns for one Lease as one identity."""

    def __init__(
        self,
        client: Client,
        namespace: str,
        name: str,
        identity: str,
        *,
        clock: Clock | None = None,
        settings: LeaderSettings | None = None,
    ) -> None:
        self.name = f"leader election for {namespace}/{name}"
        self._client, self._namespace, self._lease, self._identity = client, namespace, name, identity
        self._clock, self._settings = clock or SystemClock(), settings or LeaderSettings()
        self._observation: Observation | None = None
        self._may_lead: Callable[[], Awaitable[bool]] = _always
        self._renewed = 0.0
        """When the last renewal that succeeded was begun, by the monotonic clock."""
        self.is_leader = False

    @property
    def may_act(self) -> bool:
        """Return whether no other process can lead at this moment: also where this one was stopped and goes on again."""
        return self.is_leader and self._clock.monotonic() < self._renewed + self._settings.renew_seconds

    async def run(
        self, lead: Callable[[], Awaitable[None]], *, may_lead: Callable[[], Awaitable[bool]] | None = None
    ) -> None:
        """Wait for leadership, then run `lead` until it ends; the Lease is given back whichever way it ends.

        Args:
            lead: what to do as leader.
            may_lead: asked before a free Lease is taken: whether this process could do it now.

        Raises:
            LeadershipLost: the Lease could not be renewed in time; `lead` was cancelled before.
        """
        self._may_lead = may_lead or _always
        while not await self._try(self._settings.renew_seconds):
            await self._clock.sleep(self._settings.retry_seconds)
        log.info("%s leads (%s)", self._identity, self.name)
        self.is_leader = True
        leading = asyncio.ensure_future(lead())
        renewing = asyncio.create_task(self._renew(), name=self.name)
        try:
            await asyncio.wait({leading, renewing}, return_when=asyncio.FIRST_COMPLETED)
            lost = not leading.done()
        finally:
            for task in (leading, renewing):
                task.cancel()
            try:
                await asyncio.wait({leading, renewing})
            finally:
                self.is_leader = False
            await self._release()
        if lost:
            raise LeadershipLost(f"{self._identity} no longer leads ({self.name})")
        leading.result()

    async def _renew(self) -> None:
        """Renew until that failed for too long."""
        while (left := self._left()) > 0:
            await self._clock.sleep(min(self._settings.retry_seconds, left))
            await self._try(self._left())

    def _left(self) -> float:
        return self._renewed + self._settings.renew_seconds - self._clock.monotonic()

    async def _try(self, seconds: float) -> bool:
        """Acquire or renew within some seconds; return whether this process holds the Lease now."""
        began = self._clock.monotonic()
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                held = await self._acquire()
        except (AlreadyExists, Conflict):
            return False
        except (ApiError, ClientError, TimeoutError) as error:
            log.warning("%s: %s", self.name, str(error) or "the API server does not answer")
            return False
        if held:
            self._renewed = began
        return held

    async def _acquire(self) -> bool:
        seconds = self._settings.lease_seconds
        try:
            lease = await self._client.get(LEASES, self._lease, self._namespace)
        except NotFound:
            if not await self._may_lead():
                return False
            spec = claim({}, self._identity, seconds, self._clock.now())
            created = {"metadata": {"name": self._lease, "namespace": self._namespace}, "spec": spec}
            await self._client.create(LEASES, created)
            return True
        now = self._clock.monotonic()
        self._observation = observe(self._observation, lease.get("spec") or {}, now)
        if not may_take(self._observation, self._identity, now):
            return False
        if not self.is_leader and not await self._may_lead():
            return False
        spec = claim(lease.get("spec") or {}, self._identity, seconds, self._clock.now())
        await self._client.replace(LEASES, {**lease, "spec": spec})
        return True

    async def _release(self) -> None:
        """Give the Lease back, so that the next leader need not wait; best effort."""
        try:
            async with asyncio.timeout(_RELEASE_SECONDS):
                while not await self._give_back():
                    log.debug("%s: a renewal was still under way", self.name)
        except (ApiError, ClientError, TimeoutError) as error:
            log.info("%s was not released: %s", self.name, error)

    async def _give_back(self) -> bool:
        """Return whether the Lease is not this process' any more; False where it changed meanwhile."""
        lease = await self._client.get(LEASES, self._lease, self._namespace)
        if lease["spec"].get("holderIdentity") == self._identity:
            spec = {**lease["spec"], "holderIdentity": "", "leaseDurationSeconds": 1}
            try:
                await self._client.replace(LEASES, {**lease, "spec": spec})
            except Conflict:
                return False
        return True
