"""A collection that its reader may not be allowed to see: it does without, and looks again now and then."""

from __future__ import annotations

import asyncio
import logging

from seaway.base.clock import Clock, SystemClock
from seaway.base.tasks import Backoff
from seaway.client.client import Client
from seaway.client.errors import ClientError
from seaway.objects.errors import ApiError, Forbidden
from seaway.reconcile.informer import Informer

log = logging.getLogger(__name__)
_BACKOFF = Backoff(0.1, 2.0, 10.0, jitter=0.5)


class OptionalInformer:
    """An informer that runs only where listing is allowed.

    Args:
        client: of the cluster.
        informer: keeps the copy.
        namespace: where to look whether listing is allowed; None for all namespaces.
        clock: measures waits.
        look_again: seconds after which a right that was missing may have been granted.
    """

    def __init__(
        self,
        client: Client,
        informer: Informer,
        namespace: str | None = None,
        *,
        clock: Clock | None = None,
        look_again: float = 600.0,
    ) -> None:
        self.informer = informer
        self.allowed: bool | None = None
        """Whether the collection may be listed; None while that is not known."""
        self._client, self._namespace = client, namespace
        self._clock, self._look_again = clock or SystemClock(), look_again
        self._settled = asyncio.Event()

    async def run(self) -> None:
        """Keep the copy current wherever that is allowed, until cancelled."""
        failures = 0
        while True:
            try:
                await self._client.list(self.informer.resource, self._namespace, limit=1)
                break
            except Forbidden as error:
                if self.allowed is None:
                    log.info("%s may not be listed: done without (%s)", self._name, error.message)
                self.allowed = False
                self._settled.set()
                await self._clock.sleep(self._look_again)
            except (ApiError, ClientError) as error:
                failures += 1
                log.debug("whether %s may be listed cannot be told yet: %s", self._name, error)
                await self._clock.sleep(_BACKOFF.delay(failures))
        self.allowed = True
        await self.informer.run(self._settled.set)

    async def settled(self) -> None:
        """Wait until the copy has been complete once, or it is known that there is none."""
        await self._settled.wait()

    @property
    def is_settled(self) -> bool:
        """Whether the copy has been complete once, or it is known that there is none."""
        return self._settled.is_set()

    @property
    def _name(self) -> str:
        return self.informer.resource.group_resource
