"""The REST client: one method for each thing that a server does, plain values in and out."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Mapping
from functools import partial
from types import TracebackType
from typing import IO, Any, Self
from urllib.parse import quote

from seaway.sdk.connection import Endpoint
from seaway.sdk.errors import ConnectionBroken
from seaway.sdk.logs import LogCalls
from seaway.sdk.notify import NotifyCalls
from seaway.sdk.paths import ENDED, run_path
from seaway.sdk.patience import Patience, Progress
from seaway.sdk.tokens import TokenCalls
from seaway.sdk.transport import HttpClient
from seaway.sdk.uploads import UploadCalls
from seaway.sdk.volumes import VolumeCalls
from seaway.sdk.workspaces import WorkspaceCalls

JSON = {"Content-Type": "application/json"}

Run = dict[str, Any]
"""A `RunView` as JSON."""


class SeawayClient(LogCalls, NotifyCalls, TokenCalls, UploadCalls, VolumeCalls, WorkspaceCalls):
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
        language: str = "en",
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
            language: a tag such as "de": in which the server says what happened to runs, where it knows that language.
        """
        fixed = Endpoint(url, token, ca)
        self._http = HttpClient(locate or (lambda: fixed), timeout=timeout, language=language)
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

    def live(self, *, workspace: str | None = None, user: str | None = None) -> list[dict[str, Any]]:
        """Return the attempts whose programs run now with what they use of memory, cores, GPUs and disk.

        Args:
            workspace: only those in it.
            user: only theirs.
        """
        query = {"workspace": workspace, "user": user}
        return list(self._http.json("GET", "/api/v1/live", query=query))

    def run(self, run: str) -> Run:
        """Return one run with its tasks and attempts."""
        return self._run("GET", run_path(run))

    def stop(self, run: str) -> Run:
        """Ask a run to end gracefully."""
        return self._run("POST", run_path(run, "stop"))

    def retry(self, run: str, *, fresh: bool = False) -> Run:
        """Try again each task that did not succeed; with `fresh` without its checkpoint."""
        return self._run("POST", run_path(run, "retry"), query={"fresh": "true"} if fresh else {})

    def lose(self, run: str, task: str = "main") -> dict[str, Any]:
        """Kill the running attempt of a task as if its machine were lost; return the `LossView`."""
        return dict(self._http.json("POST", run_path(run, "lose"), query={"task": task}))

    def checkpoints(self, run: str) -> list[dict[str, Any]]:
        """Return what the tasks of a run have saved, as `CheckpointView`s."""
        return list(self._http.json("GET", run_path(run, "checkpoints")))

    def remove(self, run: str, *, now: bool = False) -> Run:
        """Put a run into the bin; with `now` it is gone for good."""
        return self._run("DELETE", run_path(run), query={"now": "true" if now else None})

    def restore(self, run: str) -> Run:
        """Take a run out of the bin."""
        return self._run("POST", run_path(run, "restore"))

    def why(self, run: str, *, task: str | None = None, language: str = "") -> dict[str, Any]:
        """Return the `Explanation` of a run, or of one of its tasks; in another language than this client's where one is given."""
        headers = {"Accept-Language": language} if language else {}
        return dict(self._http.json("GET", run_path(run, "why"), query={"task": task}, headers=headers))

    def why_object(self, kind: str, name: str, *, language: str = "") -> dict[str, Any]:
        """Return the `Explanation` of a pod, a job, a node or a claim ("pvc")."""
        path = f"/api/v1/objects/{kind}/{quote(name, safe='')}/why"
        headers = {"Accept-Language": language} if language else {}
        return dict(self._http.json("GET", path, headers=headers))

    def timeline(
        self, name: str, *, kind: str = "run", since: str | None = None, limit: int = 10_000
    ) -> dict[str, Any]:
        """Return the `Timeline` of a run, or of a pod, a node or another object; `since` is a time (RFC 3339)."""
        query = {"since": since, "limit": limit}
        path = (
            run_path(name, "timeline")
            if kind == "run"
            else f"/api/v1/objects/{kind}/{quote(name, safe='')}/timeline"
        )
        return dict(self._http.json("GET", path, query=query))

    def outputs(self, run: str) -> list[dict[str, Any]]:
        """Return the files that a run committed."""
        return list(self._http.json("GET", run_path(run, "outputs")))

    def download(self, run: str, task: str, path: str, into: IO[bytes]) -> int:
        """Write one committed file into an open, empty file; return its size in bytes. A broken connection goes on where it was."""
        size, etag, progress = 0, "", Progress(self._patience)
        target = run_path(run, "outputs", task) + "/" + quote(path)
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
        return self._run("GET", run_path(run, "wait"), query={"timeout": timeout}, timeout=timeout + 30.0)

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

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Send one request that has no method of its own here; return the answer."""
        if body is None:
            return dict(self._http.json(method, path))
        return dict(self._http.json(method, path, body=json.dumps(body).encode(), headers=JSON))

    def _run(self, method: str, path: str, **options: Any) -> Run:
        return dict(self._http.json(method, path, **options))
