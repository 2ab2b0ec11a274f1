"""The Secrets with the tokens of runs: made and removed without ever being read.

A Secret's name holds its run's uid, so one of this name is this run's: the server needs no right to get or list what a
namespace has of Secrets, and so cannot see anybody's.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable

from seaway.base.clock import Clock
from seaway.base.messages import wording
from seaway.base.tasks import Backoff
from seaway.client.client import Client
from seaway.client.errors import ClientError
from seaway.objects.builtin import SECRETS
from seaway.objects.errors import AlreadyExists, ApiError, NotFound
from seaway.platform.database.records import RunRecord
from seaway.platform.engine.answers import Postponed, postponed
from seaway.platform.engine.namespaces import Namespaces
from seaway.platform.workloads.names import token_secret_name

log = logging.getLogger(__name__)
Object = dict[str, object]
_BACKOFF = Backoff(0.5, 2.0, 60.0, jitter=0.2)


async def put_secret(client: Client, namespaces: Namespaces, manifest: dict[str, object]) -> Postponed | None:
    """Create a run's token Secret; None where it is there."""
    metadata = manifest["metadata"]
    assert isinstance(metadata, dict)
    try:
        await client.create(SECRETS, manifest, metadata["namespace"])
    except AlreadyExists:
        return None
    except NotFound as error:
        return await namespaces.make(metadata["namespace"], error)
    except (ApiError, ClientError) as error:
        return postponed(wording("make the Secret of the run's token"), metadata["namespace"], error)
    return None


async def remove_secret(client: Client, run: RunRecord) -> None:
    """Delete a run's token Secret, where it is still there. Raises ApiError and ClientError."""
    try:
        await client.delete(SECRETS, token_secret_name(run.name, run.uid), run.namespace)
    except NotFound:
        return


class SecretKeeper:
    """Removes the Secrets of runs that have ended, however long the cluster does not answer."""

    def __init__(self, client: Client, clock: Clock, is_live: Callable[[str], bool]) -> None:
        self._client, self._clock, self._is_live = client, clock, is_live

    async def remove(self, run: RunRecord) -> None:
        """Remove an ended run's Secret; try again until it is gone or the run is under way again."""
        failures = 0
        while not self._is_live(run.uid):
            try:
                await remove_secret(self._client, run)
                return
            except (ApiError, ClientError) as error:
                failures += 1
                log.info("the Secret of run %s cannot be removed yet: %s", run.name, error)
            await self._clock.sleep(_BACKOFF.delay(failures))

    async def remove_left_over(self, ended: Callable[[], Awaitable[Iterable[RunRecord]]]) -> None:
        """Remove the Secrets of the runs that ended last: an earlier process may not have come to it.

        What it leaves behind opens nothing: the token of a run that has ended is refused.
        """
        for run in await ended():
            await self.remove(run)
