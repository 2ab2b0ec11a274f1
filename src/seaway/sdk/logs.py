"""The calls about logs: read as they are, followed through restarts of the server, searched."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from functools import partial
from typing import Any
from urllib.parse import quote

from seaway.sdk.errors import ConnectionBroken, SeawayError
from seaway.sdk.following import Position
from seaway.sdk.paths import ENDED, run_path
from seaway.sdk.patience import Patience, Progress, is_away
from seaway.sdk.transport import HttpClient

FOLLOW_TIMEOUT = 24 * 3600.0
"""Seconds of silence after which a followed log is asked for again: a program may be quiet for hours."""


class LogCalls:
    """What a client can ask about logs."""

    _http: HttpClient
    _patience: Patience

    @abstractmethod
    def run(self, run: str) -> dict[str, Any]:
        """Return one run with its tasks and attempts."""

    def search(
        self,
        words: str,
        *,
        run: str | None = None,
        limit: int = 50,
        context: int = 0,
        since: str | None = None,
    ) -> dict[str, Any]:
        """Return a `SearchResult`: the newest lines of all logs, or of one run's, that hold all words."""
        query = {"words": words, "run": run, "limit": limit, "context": context or None, "since": since}
        return dict(self._http.json("GET", "/api/v1/search", query=query))

    def logs(
        self,
        run: str,
        *,
        follow: bool = False,
        task: str | None = None,
        attempt: int | None = None,
        timestamps: bool = False,
        skip: int = 0,
    ) -> Iterator[bytes]:
        """Yield a run's log as it comes; with `follow` until the run has ended. Ends with `ConnectionBroken` where the server goes.

        Args:
            run: its name.
            follow: go on while the run does.
            task: only this task's.
            attempt: only this attempt's.
            timestamps: put the time of each line before it.
            skip: leave out so many bytes at the beginning.
        """
        query = {
            "follow": str(follow).lower(),
            "task": task,
            "attempt": attempt,
            "timestamps": str(timestamps).lower(),
            "skip": skip or None,
        }
        timeout = FOLLOW_TIMEOUT if follow else None
        return self._http.stream("GET", run_path(run, "logs"), query=query, timeout=timeout)

    def pod_logs(
        self, pod: str, *, container: str | None = None, timestamps: bool = False
    ) -> Iterator[bytes]:
        """Yield the kept logs of a pod that is no run's, also of one that is gone. For administrators."""
        query = {"container": container, "timestamps": str(timestamps).lower()}
        return self._http.stream("GET", f"/api/v1/objects/pod/{quote(pod, safe='')}/logs", query=query)

    def read_logs(
        self, run: str, *, task: str | None = None, attempt: int | None = None, timestamps: bool = False
    ) -> Iterator[bytes]:
        """Yield a run's log as it is now; a broken connection goes on where it was.

        Not where several tasks still run: what they say in the meantime stands in between.
        """
        read, progress = 0, Progress(self._patience)
        while True:
            try:
                for chunk in self.logs(run, task=task, attempt=attempt, timestamps=timestamps, skip=read):
                    read += len(chunk)
                    yield chunk
                return
            except ConnectionBroken as error:
                progress.broke(read, error)
                view = self._patience.patiently(partial(self.run, run))
                if read and task is None and len(view["tasks"]) > 1 and view["phase"] not in ENDED:
                    raise

    def follow_logs(
        self, run: str, *, task: str | None = None, attempt: int | None = None, timestamps: bool = False
    ) -> Iterator[bytes]:
        """Yield a run's log until the run has ended, through restarts of the server.

        Then the log is read again after what was seen: of one task that is so many bytes, of several it is each task's lines.
        """
        known = self._http.connections > 0  # one that was never there is not waited for
        look = partial(self.run, run)
        view = self._patience.patiently(look) if known else self._patience.surely(look)
        position = Position(labelled=len(view["tasks"]) > 1)
        last = False
        while True:
            seen = position.read_again()
            try:
                for chunk in self.logs(
                    run, follow=True, task=task, attempt=attempt, timestamps=timestamps, skip=seen
                ):
                    if fresh := position.fresh(chunk):
                        yield fresh
                server = self._http.connections
                ended = self._patience.patiently(partial(self.run, run))["phase"] in ENDED
                if ended and (last or self._http.connections == server):
                    return
                last = ended  # the server was restarted in between: its end may not have been the log's, so look once more
            except SeawayError as error:
                if not is_away(error):
                    raise
                self._patience.pause()
                self._patience.patiently(partial(self.run, run))
