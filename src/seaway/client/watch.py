"""Follow a collection for as long as wanted: list, watch, reconnect, list again where history is gone.

Source: Kubernetes API concepts, "Efficient detection of changes"; the reflector of client-go.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, NamedTuple

from seaway.base.clock import Clock, SystemClock
from seaway.base.tasks import Backoff
from seaway.client.client import Client
from seaway.client.errors import Unreachable
from seaway.client.request import WatchEvent
from seaway.objects.errors import ApiError, BadRequest, Expired, MethodNotAllowed
from seaway.objects.resource import Resource

log = logging.getLogger(__name__)
Object = dict[str, Any]
_RELIST_AFTER = 3
BACKOFF = Backoff(initial=0.05, cap=30.0, jitter=0.5)


class Snapshot(NamedTuple):
    """The whole collection as of one revision: what is not in it is gone."""

    items: list[Object]
    resource_version: str


@dataclass(frozen=True, slots=True)
class FollowSettings:
    """How long each step may take and how fast failures are retried. All in seconds."""

    list_seconds: float = 60.0
    """A list that takes longer has failed."""
    watch_seconds: int = 300
    """The server closes a watch after this, up to twice as long: many watchers then do not reconnect at once."""
    slack_seconds: float = 30.0
    """A watch that is this much over its time is given up: the connection is dead and nobody said so."""
    backoff: Backoff = BACKOFF
    """Waits between failures."""
    longest_wait: float = 60.0
    """A server that asks for more patience (Retry-After) gets this much."""


@dataclass(frozen=True, slots=True)
class Collection:
    """What is followed: a resource, all of it or a part."""

    resource: Resource
    namespace: str | None = None
    label_selector: str | None = None
    field_selector: str | None = None


async def follow(
    client: Client,
    collection: Collection,
    *,
    resource_version: str | None = None,
    clock: Clock | None = None,
    settings: FollowSettings | None = None,
    chance: Callable[[], float] = random.random,
    failed: Callable[[Exception], None] = lambda _: None,
) -> AsyncGenerator[Snapshot | WatchEvent, None]:
    """Yield a snapshot, then every change, without end; a new snapshot wherever changes may have been missed.

    Bookmarks are yielded too, so that the caller can keep the revision to resume at. Failures are logged and retried
    with back-off; whoever stops early closes the generator (`contextlib.aclosing`).

    Args:
        client: of the cluster.
        collection: what to follow.
        resource_version: resume after this revision; None begins with a snapshot.
        clock: measures waits.
        settings: limits of each step.
        chance: random numbers from 0 to 1.
        failed: told of every failure.

    Raises:
        BadRequest: a selector is malformed; trying again cannot help.
        MethodNotAllowed: the resource cannot be listed or watched.
    """
    session = _Session(client, collection, settings or FollowSettings(), chance)
    clock = clock or SystemClock()
    revision, failures = resource_version, 0
    while True:
        try:
            if revision is None:
                snapshot = await session.list()
                revision = snapshot.resource_version
                yield snapshot
            started, lively = clock.monotonic(), False
            async with aclosing(session.watch(revision)) as events:
                async for event in events:
                    revision, failures, lively = event.object["metadata"]["resourceVersion"], 0, True
                    yield event
            if lively or clock.monotonic() - started > 1.0:
                continue
            failures += 1
        except (BadRequest, MethodNotAllowed):
            raise
        except Expired:
            revision, failures = None, failures + 1
            if failures == 1:
                continue
        except (ApiError, Unreachable, TimeoutError) as error:
            failures += 1
            _complain(collection, error, failures)
            failed(error)
            await clock.sleep(session.asked_wait(error))
            if isinstance(error, ApiError) and failures >= _RELIST_AFTER:
                revision = None  # it may be ahead of a restored backup
        await clock.sleep(session.settings.backoff.delay(failures, chance()))


class _Session:
    """The bounded steps of following one collection."""

    def __init__(
        self, client: Client, collection: Collection, settings: FollowSettings, chance: Callable[[], float]
    ) -> None:
        self.client, self.collection, self.settings, self.chance = client, collection, settings, chance
        self.selectors: dict[str, Any] = {
            "label_selector": collection.label_selector,
            "field_selector": collection.field_selector,
        }

    def asked_wait(self, error: Exception) -> float:
        """Return how long the server asks to wait, as far as it gets that."""
        return min(getattr(error, "retry_after", None) or 0.0, self.settings.longest_wait)

    async def list(self) -> Snapshot:
        """Return the collection; raises TimeoutError when it takes too long."""
        collection = self.collection
        async with asyncio.timeout(self.settings.list_seconds):
            return Snapshot(
                *await self.client.list_all(collection.resource, collection.namespace, **self.selectors)
            )

    async def watch(self, revision: str) -> AsyncGenerator[WatchEvent, None]:
        """Yield the events of one watch until the server closes it; raises TimeoutError when it should have long ago."""
        seconds = int(self.settings.watch_seconds * (1.0 + self.chance()))
        opened = self.client.watch(
            self.collection.resource,
            self.collection.namespace,
            resource_version=revision,
            timeout_seconds=seconds,
            **self.selectors,
        )
        async with opened as events:
            iterator = aiter(events)
            while True:
                try:
                    async with asyncio.timeout(seconds + self.settings.slack_seconds):
                        event = await anext(iterator)
                except StopAsyncIteration:
                    return
                yield event


def _complain(collection: Collection, error: Exception, failures: int) -> None:
    """Log a failure: the first quietly (connections do break), those that persist as warnings, ever more rarely."""
    told = failures > 1 and failures.bit_count() == 1
    what = str(error) or type(error).__name__
    level = logging.WARNING if told else logging.DEBUG
    log.log(level, "cannot follow %s (attempt %d): %s", collection.resource.group_resource, failures, what)
