"""Bringing the logs of pods into the store, through the Kubernetes API, each line once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from seaway.base.clock import Clock, rfc3339
from seaway.base.measures import Counter
from seaway.base.tasks import Backoff
from seaway.client.client import Client
from seaway.client.errors import ClientError, Unreachable
from seaway.client.logs import LogOptions
from seaway.objects.errors import ApiError, BadRequest, Forbidden, InternalError, NotFound, ServiceUnavailable
from seaway.platform.history.lines import Joiner
from seaway.platform.history.logs import AttemptLog, LogKey, LogStore
from seaway.platform.history.sources import Source, source_of
from seaway.platform.workloads import labels
from seaway.platform.workloads.observation import container_started, is_running, is_terminated, unseen_end

log = logging.getLogger(__name__)
_GONE = "its pod was deleted, and its node keeps no log of it"
Object = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class CollectorSettings:
    """How logs are collected."""

    follow_after: float = 0.1
    """Seconds for which a container has been known to run before its log is followed: a short one's is read once, at its end."""
    tries: int = 6
    """How often the end of a log is asked for where the node does not answer. While the API server itself does not, the pod
    stays, and so does its log: that is waited for."""
    more_tries: int = 18
    """How often, where the node itself said that the container ended: it was there a moment ago, and is started again."""
    backoff: Backoff = Backoff(0.2, 2.0, 5.0)  # noqa: RUF009 - frozen, shared on purpose
    quiet_seconds: float = 300.0
    """A followed log that says nothing for so long is opened again: the connection may be dead, and nobody said so."""
    lively_seconds: float = 5.0
    """A log that was followed for so long did not fail: the next failure is the first."""
    last_words: float = 2.0
    """Seconds that the rest of the log of a pod that is gone may take to come."""
    kept_seconds: float = 5.0
    """How long a node may take until it has the log of a pod that is gone, where it does not say that it is not so far."""
    kept_patience: float = 120.0
    """How long one is waited for that says so, or cannot be asked: it has the log for longer than that."""
    last_lines: int = 200
    """Kept of a log that is over its limit, beside its beginning."""


_OF_NODE = "pods/log"
"""What an API server says that it is, which a node did not find: the node has just come back, and not seen its pods yet."""


def _is_of_node(error: ApiError, source: Source) -> bool:
    """Return whether a pod's node is not found, or does not find the pod: it is there again when the node is."""
    details = error.details or {}
    elsewhere = details.get("name") not in (None, source.pod) or details.get("kind") == _OF_NODE
    return isinstance(error, NotFound) and elsewhere


class LogCollector:
    """Follows running pods and completes the logs of ended ones."""

    def __init__(
        self, client: Client, logs: LogStore, clock: Clock, settings: CollectorSettings | None = None
    ) -> None:
        self._client, self._logs, self._clock = client, logs, clock
        self._settings = settings or CollectorSettings()
        self._following: dict[LogKey, asyncio.Task[None]] = {}
        self._ended: set[LogKey] = set()
        """Logs of pods that have ended: they are followed no more, although their attempts go on for a moment."""
        self._completed: set[LogKey] = set()
        self._completing: dict[LogKey, asyncio.Lock] = {}
        self.lines = Counter("seaway_log_lines_collected", "Lines of containers' logs that were collected.")
        self.bytes = Counter("seaway_log_bytes_collected", "Bytes of containers' logs that were collected.")

    def follow(self, key: LogKey, pod: Object, container: str = labels.CONTAINER) -> None:
        """Follow a running container's log from now on; harmless where that is done already, or it has ended."""
        if key not in self._following and key not in self._ended:
            source = source_of(pod, container)
            work = self._follow(self._logs.writer(key), source)
            self._following[key] = asyncio.create_task(work, name=f"log of {source.pod}")

    async def complete(
        self,
        key: LogKey,
        pod: Object,
        container: str = labels.CONTAINER,
        *,
        previous: bool = False,
        number: int = 0,
    ) -> None:
        """Return when all of an ended container's log is stored, or as much as can still be had (the log says so then).

        Args:
            key: where it is stored.
            pod: whose container it is.
            container: its name.
            previous: it has been started again since; its log of before is meant.
            number: how often it had been started before.
        """
        async with self._completing.setdefault(
            key, asyncio.Lock()
        ):  # two readers would write each line twice
            await self._complete(key, pod, container, previous=previous, number=number)

    async def _complete(
        self, key: LogKey, pod: Object, container: str, *, previous: bool, number: int
    ) -> None:
        if key in self._completed:
            return
        self._ended.add(key)
        await self.leave(key)
        written = self._logs.writer(key)
        await written.ready()
        if written.collected or not container_started(pod, container):
            return
        seen = is_terminated(pod, container) and unseen_end(pod, container) is None
        tries = self._settings.more_tries if seen else self._settings.tries
        source = source_of(pod, container, previous=previous, number=number)
        await self._read_end(written, source, tries, goes_on=is_running(pod, container) and not previous)
        written.finish_line()
        if (unseen := unseen_end(pod, container, previous=previous)) is not None:
            written.say(f"the end of the log may be missing: {unseen}", self._nanoseconds())
        written.collected = True
        self._completed.add(key)

    async def leave(self, key: LogKey) -> None:
        """Stop following a log; returns when nothing writes to it any more."""
        following = self._following.pop(key, None)
        if following is not None:
            following.cancel()
            await asyncio.wait([following])

    def forget(self, key: LogKey) -> None:
        """Take note that a pod is let go: nobody asks for its log again."""
        self._ended.discard(key)
        self._completed.discard(key)
        self._completing.pop(key, None)

    async def close(self) -> None:
        """Stop following."""
        tasks = list(self._following.values())
        self._following.clear()
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def let_go(self, key: LogKey) -> None:
        """Stop following a container that is gone, once what its node still sends has come."""
        following = self._following.pop(key, None)
        if following is not None:
            await asyncio.wait([following], timeout=self._settings.last_words)
            following.cancel()
            await asyncio.wait([following])
        self.forget(key)

    async def complete_gone(self, key: LogKey, source: Source) -> None:
        """Return when all of the log of a container is stored whose pod is gone, or the log says that its end may be missing."""
        await self.let_go(key)
        written = self._logs.writer(key)
        await written.ready()
        if not written.collected and not written.truncated and not await self._read_kept(written, source):
            written.finish_line()
            written.say(f"the end of the log may be missing: {_GONE}", self._nanoseconds())
        written.finish_line()
        written.collected = True

    async def _read_kept(self, written: AttemptLog, source: Source) -> bool:
        """Read the rest of a log from the node that keeps it; return whether it does."""
        kept, began = source.at_node(), self._clock.monotonic()
        failures = 0
        while kept is not None:
            try:
                await self._read_all(written, kept)
                return True
            except Forbidden:
                break  # as on any cluster but the embedded one
            except (ApiError, ClientError, OSError) as error:
                unsure = isinstance(error, ServiceUnavailable | ClientError)
                patience = self._settings.kept_patience if unsure else self._settings.kept_seconds
                if self._clock.monotonic() - began >= patience:
                    break
                failures += 1
                await self._clock.sleep(self._settings.backoff.delay(failures))
        return False

    async def end(self, key: LogKey) -> None:
        """Close the log of an attempt whose pod is gone; it may still be followed. Waits for room on the disk."""
        await self.let_go(key)
        failures = 0
        while True:
            try:
                await self._logs.close(key)
                return
            except OSError as error:
                failures += 1
                log.warning("the log of task %s cannot be closed yet: %s", key.task, error)
                await self._clock.sleep(self._settings.backoff.delay(failures))

    async def _follow(self, written: AttemptLog, source: Source) -> None:
        await self._clock.sleep(self._settings.follow_after)
        failures = 0
        while not written.truncated:
            began = self._clock.monotonic()
            try:
                await written.ready()
                await self._read(written, source, LogOptions(follow=True, timestamps=True))
            except (ApiError, ClientError, OSError) as error:
                if isinstance(error, BadRequest | NotFound) and not _is_of_node(error, source):
                    return  # the pod went; `complete` says what could not be read
                level = logging.WARNING if failures else logging.INFO
                log.log(level, "the log of pod %s cannot be followed now: %s", source.pod, error)
            # an end need not be the container's: a server that goes down ends its streams; `complete` ends this
            lively = self._clock.monotonic() - began > self._settings.lively_seconds
            failures = 1 if lively else failures + 1
            await self._clock.sleep(self._settings.backoff.delay(failures))

    async def _read_end(self, written: AttemptLog, source: Source, tries: int, *, goes_on: bool) -> None:
        failures = refused = 0
        while refused < tries:
            try:
                await self._read_all(written, source, goes_on=goes_on)
                return
            except (BadRequest, NotFound) as error:
                problem: Exception = error
                if not _is_of_node(error, source):
                    break
                failures, refused = failures + 1, refused + 1
                await self._clock.sleep(self._settings.backoff.delay(failures))
            except (ApiError, ClientError, OSError) as error:  # the last: the server's disk is full
                problem, failures = error, failures + 1
                refused += isinstance(error, ApiError)
                await self._clock.sleep(self._settings.backoff.delay(failures))
        # of a pod that has the name by now, and has not begun, nothing can be read
        another = isinstance(problem, BadRequest) and source.named_again
        gone = another or isinstance(problem, NotFound)
        if not (gone and await self._read_kept(written, source)):
            log.warning("the end of the log of pod %s cannot be read: %s", source.pod, problem)
            written.finish_line()
            written.say(f"the end of the log may be missing: {problem}", self._nanoseconds())

    async def _read_all(self, written: AttemptLog, source: Source, *, goes_on: bool = False) -> None:
        """Read a log to its end, or to where it is now, where it goes on. Raises InternalError where the stream ended before."""
        await self._read(written, source, LogOptions(timestamps=True))
        if written.truncated:
            await self._read_last_lines(written, source)
        elif not goes_on and not await self._has_last_line(written, source):
            raise InternalError("the log broke off before its end")

    async def _has_last_line(self, written: AttemptLog, source: Source) -> bool:
        """Return whether a log's last line is stored. A stream ends alike where its node's server goes down in the middle of it."""
        joiner, fresh = Joiner(await written.resume_point()), b""
        async with source.open(self._client, LogOptions(timestamps=True, tail_lines=1)) as chunks:
            async for chunk in chunks:
                fresh += joiner.feed(chunk)
        return not fresh

    async def _read(self, written: AttemptLog, source: Source, options: LogOptions) -> None:
        point = await written.resume_point()
        if point.nanoseconds:
            since = rfc3339(point.nanoseconds // 1_000_000_000)
            options = replace(options, since_time=since)
        joiner, loop = Joiner(point), asyncio.get_running_loop()
        quiet = self._settings.quiet_seconds
        with suppress(TimeoutError):
            async with (
                asyncio.timeout(quiet) as limit,
                source.open(self._client, options) as chunks,
            ):
                async for chunk in chunks:
                    data = joiner.feed(chunk)
                    self.lines.add(amount=data.count(b"\n"))
                    self.bytes.add(amount=len(data))
                    await written.append(data)
                    if written.truncated:
                        return
                    limit.reschedule(loop.time() + quiet)
            return
        if not options.follow:
            raise Unreachable(f"nothing more came of the log for {quiet:g} s")

    async def _read_last_lines(self, written: AttemptLog, source: Source) -> None:
        options = LogOptions(timestamps=True, tail_lines=self._settings.last_lines)
        written.finish_line()
        written.say(
            f"the log is over the limit: lines from here on are not kept, but for the last {options.tail_lines}",
            self._nanoseconds(),
        )
        async with source.open(self._client, options) as chunks:
            async for chunk in chunks:
                await written.append_past_limit(chunk)

    def _nanoseconds(self) -> int:
        return int(self._clock.now() * 1_000_000_000)
