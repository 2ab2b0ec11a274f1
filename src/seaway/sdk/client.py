"""The REST client: one method for each thing that a server does, plain values in and out."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self
from urllib.parse import quote

from seaway.sdk.connection import Endpoint
from seaway.sdk.errors import ConnectionBroken, SeawayError
from seaway.sdk.following import Position
from seaway.sdk.notify import NotifyCalls
from seaway.sdk.patience import Patience, Progress, is_away
from seaway.sdk.tokens import TokenCalls
from seaway.sdk.transport import CHUNK, HttpClient
from seaway.sdk.workspaces import WorkspaceCalls

ENDED = frozenset({"succeeded", "failed", "stopped", "skipped"})
"""Phases of a run after which nothing follows by itself."""
FOLLOW_TIMEOUT = 24 * 3600.0
"""Seconds of silence after which a followed log is asked for again: a program may be quiet for hours."""
JSON = {"Content-Type": "application/json"}

Run = dict[str, Any]
"""A `RunView` as JSON."""


class SeawayClient(NotifyCalls, TokenCalls, WorkspaceCalls):
    """Speaks to one server.

    What takes long (`follow_logs`, `wait_until_ended`, `download`, `put_code`) and what must not be done twice (`submit`)
    outlives a network or a server that is away for up to `patience` seconds.
    """

    def __init__(
        self,
        url: str,
        token: str,
        ca: str | None = None,
        *,
        locate: Callable[[], Endpoint] | None = None,
        timeout: float = 30.0,
        patience: float = 60.0,
        say: Callable[[str], None] = lambda _: None,
        replicated: bool = False,
    ) -> None:
        """Make a client; nothing is sent yet.

        Args:
            url: for example "https://127.0.0.1:7443".
            token: the bearer token.
            ca: PEM text of the CA that signed the server's certificate; None for the system's own.
            locate: asked for the endpoint at each new connection, in place of the three above.
            timeout: seconds that an answer may take to begin.
            patience: seconds that a server may be away while something is followed.
            say: is told, once each time, that a server is waited for.
            replicated: it is a team's: one that answered before and does not now is being replaced, and waited for.
        """
        fixed = Endpoint(url, token, ca)
        self._http = HttpClient(locate or (lambda: fixed), timeout=timeout)
        self._patience = Patience(patience, say, lambda: replicated and self._http.connections > 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Drop the connection."""
        self._http.close()

    def version(self) -> dict[str, Any]:
        """Return the server's version."""
        return dict(self._patience.surely(partial(self._http.json, "GET", "/api/v1/version")))

    def status(self) -> dict[str, Any]:
        """Return what the server says of itself."""
        return dict(self._http.json("GET", "/api/v1/status"))

    def whoami(self) -> dict[str, Any]:
        """Return who this client is to the server, and how long its token is good."""
        return dict(self._http.json("GET", "/api/v1/whoami"))

    def usage(self) -> list[dict[str, Any]]:
        """Return how much room the user's runs take on the server; administrators see everybody's."""
        return list(self._http.json("GET", "/api/v1/usage"))

    def usage_of_workspaces(self) -> list[dict[str, Any]]:
        """Return how much room the runs in each workspace take on the server."""
        return list(self._http.json("GET", "/api/v1/usage/workspaces"))

    def submit(self, spec: Mapping[str, Any]) -> Run:
        """Submit a `RunSpec`; return the run. There is one run, however often the answer is lost."""
        headers = {**JSON, "Idempotency-Key": uuid.uuid4().hex}
        body = json.dumps(spec).encode()
        return self._patience.surely(partial(self._run, "POST", "/api/v1/runs", body=body, headers=headers))

    def runs(
        self,
        *,
        all: bool = False,  # noqa: A002
        limit: int = 50,
        before: str | None = None,
        bin: bool = False,  # noqa: A002
        workspace: str | None = None,
        user: str | None = None,
    ) -> list[Run]:
        """Return runs, newest first.

        Args:
            all: also those that ended.
            limit: at most so many, from 1 to 1,000.
            before: name of the last run of the page before.
            bin: those that were removed and no others.
            workspace: only those in it.
            user: only theirs.
        """
        query = {
            "all": str(all).lower(),
            "limit": limit,
            "before": before,
            "bin": "true" if bin else None,
            "workspace": workspace,
            "user": user,
        }
        return list(self._http.json("GET", "/api/v1/runs", query=query))

    def run(self, run: str) -> Run:
        """Return one run with its tasks and attempts."""
        return self._run("GET", _path(run))

    def stop(self, run: str) -> Run:
        """Ask a run to end gracefully."""
        return self._run("POST", _path(run, "stop"))

    def retry(self, run: str, *, fresh: bool = False) -> Run:
        """Try again each task that did not succeed; with `fresh` without its checkpoint."""
        return self._run("POST", _path(run, "retry"), query={"fresh": "true"} if fresh else {})

    def lose(self, run: str, task: str = "main") -> dict[str, Any]:
        """Kill the running attempt of a task as if its machine were lost; return the `LossView`."""
        return dict(self._http.json("POST", _path(run, "lose"), query={"task": task}))

    def checkpoints(self, run: str) -> list[dict[str, Any]]:
        """Return what the tasks of a run have saved, as `CheckpointView`s."""
        return list(self._http.json("GET", _path(run, "checkpoints")))

    def remove(self, run: str, *, now: bool = False) -> Run:
        """Put a run into the bin; with `now` it is gone for good."""
        return self._run("DELETE", _path(run), query={"now": "true" if now else None})

    def restore(self, run: str) -> Run:
        """Take a run out of the bin."""
        return self._run("POST", _path(run, "restore"))

    def why(self, run: str, *, task: str | None = None) -> dict[str, Any]:
        """Return the `Explanation` of a run, or of one of its tasks."""
        return dict(self._http.json("GET", _path(run, "why"), query={"task": task}))

    def why_object(self, kind: str, name: str) -> dict[str, Any]:
        """Return the `Explanation` of a pod, a job, a node or a claim ("pvc")."""
        return dict(self._http.json("GET", f"/api/v1/objects/{kind}/{quote(name, safe='')}/why"))

    def timeline(
        self, name: str, *, kind: str = "run", since: str | None = None, limit: int = 10_000
    ) -> dict[str, Any]:
        """Return the `Timeline` of a run, or of a pod, a node or another object; `since` is a time (RFC 3339)."""
        query = {"since": since, "limit": limit}
        path = (
            _path(name, "timeline")
            if kind == "run"
            else f"/api/v1/objects/{kind}/{quote(name, safe='')}/timeline"
        )
        return dict(self._http.json("GET", path, query=query))

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

    def outputs(self, run: str) -> list[dict[str, Any]]:
        """Return the files that a run committed."""
        return list(self._http.json("GET", _path(run, "outputs")))

    def download(self, run: str, task: str, path: str, into: IO[bytes]) -> int:
        """Write one committed file into an open, empty file; return its size in bytes. A broken connection goes on where it was."""
        size, etag, progress = 0, "", Progress(self._patience)
        target = _path(run, "outputs", task) + "/" + quote(path)
        while True:
            headers = {"Range": f"bytes={size}-", "If-Range": etag} if size else {}
            response = self._patience.patiently(partial(self._http.open, "GET", target, headers=headers))
            if size and response.status != 206:  # another file has taken its place
                size = 0
                into.seek(0)
                into.truncate()
            etag = response.headers.get("ETag", "")
            try:
                for chunk in self._http.chunks(response):
                    into.write(chunk)
                    size += len(chunk)
            except ConnectionBroken as error:
                progress.broke(size, error)
                continue
            return size

    def wait(self, run: str, *, timeout: float = 30.0) -> Run:
        """Return the run when it has ended, or as it is after `timeout` seconds."""
        return self._run("GET", _path(run, "wait"), query={"timeout": timeout}, timeout=timeout + 30.0)

    def wait_until_ended(self, run: str, *, timeout: float | None = None) -> Run:
        """Return the run when it has ended, through restarts of the server.

        Raises:
            TimeoutError: it has not ended after `timeout` seconds.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            left = 30.0 if deadline is None else deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"run {run} has not ended after {timeout:g} seconds")
            period = min(left, 30.0)
            view = self._patience.patiently(partial(self.wait, run, timeout=period))
            if view["phase"] in ENDED:
                return view

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
        return self._http.stream("GET", _path(run, "logs"), query=query, timeout=timeout)

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

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Send one request that has no method of its own here; return the answer."""
        if body is None:
            return dict(self._http.json(method, path))
        return dict(self._http.json(method, path, body=json.dumps(body).encode(), headers=JSON))

    def has_code(self, digest: str) -> bool:
        """Return whether the server has a code snapshot."""
        return self._has(f"/api/v1/code/{digest}")

    def put_code(self, digest: str, archive: Path, workspace: str | None = None) -> None:
        """Upload a code snapshot (tar.gz) for a run in a workspace, None for the default one.

        Raises before anything is sent where it would be over the user's or the workspace's limit.
        """
        self._require_room(archive.stat().st_size, workspace)
        headers = {"Content-Type": "application/gzip", "Content-Length": str(archive.stat().st_size)}

        def put() -> None:
            with archive.open("rb", buffering=CHUNK) as body:
                self._http.read(
                    "PUT", f"/api/v1/code/{digest}", query={"workspace": workspace}, body=body, headers=headers, timeout=300.0
                )  # fmt: skip

        self._patience.surely(put)

    def _require_room(self, size: int, workspace: str | None) -> None:
        try:
            query = {"size": size, "workspace": workspace}
            self._patience.surely(partial(self._http.read, "GET", "/api/v1/usage/room", query=query))
        except SeawayError as error:
            if error.status != 404:  # an earlier release looks at it when the bytes are there
                raise

    def has_environment(self, digest: str) -> bool:
        """Return whether the server has a lock of requirements."""
        return self._has(f"/api/v1/environments/{digest}")

    def put_environment(self, digest: str, lock: str, workspace: str | None = None) -> None:
        """Upload a lock of requirements for a run in a workspace, None for the default one."""
        headers = {"Content-Type": "text/plain; charset=utf-8"}
        path = f"/api/v1/environments/{digest}"
        query = {"workspace": workspace}
        self._patience.surely(
            partial(self._http.read, "PUT", path, query=query, body=lock.encode(), headers=headers)
        )

    def _has(self, path: str) -> bool:
        try:
            self._patience.surely(partial(self._http.read, "HEAD", path))
        except SeawayError as error:
            if error.status == 404:
                return False
            raise
        return True

    def _run(self, method: str, path: str, **options: Any) -> Run:
        return dict(self._http.json(method, path, **options))


def _path(run: str, *further: str) -> str:
    if not run or "/" in run:  # no name of a run, and the server would take it for another path
        raise SeawayError(
            f"there is no run {run!r}", code="NotFound", field="run", remedy="See `seaway ps -a`.", status=404
        )
    return "/".join(["/api/v1/runs", *(quote(part, safe="") for part in (run, *further))])
