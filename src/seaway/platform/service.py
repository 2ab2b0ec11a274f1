"""What a server can do for a user, and for a pod of theirs: the one interface that the portal calls."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator

from seaway.model.run import OutputView, RunSpec, RunView
from seaway.model.verdict import Explanation


class RunService:
    """Runs, from submission to the bin. Every method raises a `PlatformError` for what the caller can mend."""

    async def submit(self, spec: RunSpec, *, user: str) -> RunView:
        """Store a run and wake the engine; returns when it is safe on the disk.

        Raises:
            Conflict: the name is taken.
            Invalid: a code or environment digest was never uploaded, or a limit is passed.
        """
        raise NotImplementedError

    async def list(self, *, all: bool = False, limit: int = 50, before: str | None = None) -> list[RunView]:  # noqa: A002
        """Return runs, newest first, without tasks and spec.

        Args:
            all: also those that ended; those in the bin too, marked by `deleted`.
            limit: at most so many, from 1 to 1,000.
            before: name of the last run of the page before; the next page begins after it.
        """
        raise NotImplementedError

    async def get(self, run: str) -> RunView:
        """Return one run with its tasks, attempts and spec. Also one in the bin. Raises NotFound."""
        raise NotImplementedError

    async def stop(self, run: str) -> RunView:
        """Ask a run to end gracefully. One that has ended stays as it is. Raises NotFound."""
        raise NotImplementedError

    async def retry(self, run: str) -> RunView:
        """Give each task that did not succeed a new attempt. Raises NotFound; Conflict where the run has not ended or all succeeded."""
        raise NotImplementedError

    async def remove(self, run: str) -> RunView:
        """Put a run that has ended into the bin. Raises NotFound; Conflict where it has not ended."""
        raise NotImplementedError

    async def restore(self, run: str) -> RunView:
        """Take a run out of the bin. Raises NotFound; Conflict where it is not in there."""
        raise NotImplementedError

    async def wait(self, run: str, *, timeout: float) -> RunView:
        """Return the run when it has ended, or as it is after `timeout` seconds. Raises NotFound."""
        raise NotImplementedError

    async def logs(
        self, run: str, *, follow: bool = False, task: str | None = None, attempt: int | None = None, timestamps: bool = False
    ) -> AsyncIterator[bytes]:
        """Return a run's log as chunks; with `follow` it ends when the run has ended and all is read.

        Args:
            run: its name.
            follow: go on while the run does.
            task: only this task's; None for all of them, one after the other (interleaved as they come with `follow`).
            attempt: only this attempt's; None for all, oldest first.
            timestamps: put the time of each line (RFC 3339) before it.

        Raises:
            NotFound: no such run, task or attempt (raised by the call itself, not by the iterator).
        """
        raise NotImplementedError

    async def why(self, run: str) -> Explanation:
        """Say what happened or what it waits for, with evidence and one next step. Raises NotFound."""
        raise NotImplementedError

    async def outputs(self, run: str) -> list[OutputView]:
        """Return the files that a run committed, by task and path. Raises NotFound."""
        raise NotImplementedError

    async def open_output(self, run: str, task: str, path: str) -> tuple[OutputView, AsyncIterator[bytes]]:
        """Return one committed file and its bytes. Raises NotFound."""
        raise NotImplementedError

    async def has_code(self, digest: str) -> bool:
        """Return whether a code snapshot was uploaded. Raises Invalid where that is no SHA-256."""
        raise NotImplementedError

    async def put_code(self, digest: str, body: AsyncIterable[bytes]) -> None:
        """Store a code snapshot (tar.gz) under the SHA-256 of its bytes. Raises Invalid (digest differs, unsafe archive), TooLarge."""
        raise NotImplementedError

    async def has_environment(self, digest: str) -> bool:
        """Return whether a lock of requirements was uploaded. Raises Invalid where that is no SHA-256."""
        raise NotImplementedError

    async def put_environment(self, digest: str, body: AsyncIterable[bytes]) -> None:
        """Store a lock of requirements (UTF-8 text) under the SHA-256 of its bytes. Raises Invalid, TooLarge."""
        raise NotImplementedError

    # What pods ask (the gateway). Call `authenticate_run_token` first: the run it returns is the only one that may be touched.

    async def authenticate_run_token(self, token: str) -> str:
        """Return the name of the run that a token is for. Raises Unauthorized where it is unknown or the run has ended."""
        raise NotImplementedError

    async def get_runner(self, digest: str) -> AsyncIterator[bytes]:
        """Return the runner's zipapp. Raises NotFound where this server's runner has another digest."""
        raise NotImplementedError

    async def get_code(self, digest: str) -> AsyncIterator[bytes]:
        """Return a code snapshot (tar.gz). Raises NotFound."""
        raise NotImplementedError

    async def get_environment(self, digest: str) -> AsyncIterator[bytes]:
        """Return a lock of requirements. Raises NotFound."""
        raise NotImplementedError

    async def commit_outputs(self, run: str, task: str, fence: int, body: AsyncIterable[bytes]) -> None:
        """Store a task's outputs (tar stream), all of them or none. Raises NotFound, Invalid, TooLarge, StaleFence."""
        raise NotImplementedError

    async def save_checkpoint(self, run: str, task: str, fence: int, body: AsyncIterable[bytes]) -> None:
        """Store a task's checkpoint (tar stream) in place of the one before. Raises NotFound, Invalid, TooLarge, StaleFence."""
        raise NotImplementedError

    async def get_checkpoint(self, run: str, task: str) -> AsyncIterator[bytes]:
        """Return a task's last checkpoint (tar). Raises NotFound where there is none yet."""
        raise NotImplementedError
