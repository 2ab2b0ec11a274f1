"""One thread owns the only connection that writes; what waits meanwhile shares the next commit."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from queue import SimpleQueue
from typing import Any, Generic, Protocol, TypeVar

from seaway.base.measures import Counter, Histogram

C = TypeVar("C")
T = TypeVar("T")


class WriterClosed(Exception):
    """A write came after the writer was closed."""


class Backend(Protocol[C]):
    """How to work on one kind of connection. Everything is called on the writer's own thread."""

    def open(self) -> C:
        """Open the connection."""
        ...

    def begin(self, connection: C) -> None:
        """Begin a transaction that holds the write lock."""
        ...

    def commit(self, connection: C) -> None:
        """Make the transaction durable."""
        ...

    def rollback(self, connection: C) -> None:
        """Undo the transaction; harmless where there is none."""
        ...

    def active(self, connection: C) -> bool:
        """Return whether the transaction is still open: an error such as a full disk may have ended it already."""
        ...

    def again(self, connection: C) -> bool:
        """Return whether a batch that failed is to be run once more; asked before it is rolled back."""
        ...

    def block(self, connection: C, *, savepoint: bool) -> AbstractContextManager[object]:
        """Return a block for one function; with a savepoint its work is undone alone when an exception leaves it."""
        ...

    def close(self, connection: C) -> None:
        """Close the connection."""
        ...


class _Job(Generic[C]):
    __slots__ = ("error", "future", "result", "work")

    def __init__(self, work: Callable[[C], Any], future: asyncio.Future[Any]) -> None:
        self.work = work
        self.future = future
        self.result: Any = None
        self.error: BaseException | None = None


class OneWriter(Generic[C]):
    """Run functions on the one write connection, many to a transaction.

    Functions given in one turn of the event loop, or while a commit is under way, share one transaction and so one
    fsync. One that raises undoes only itself. When the commit itself fails, all of them get its error and nothing of them
    is kept.

    Savepoints cost as much as a function's own work, so a batch is first run without them; where one of its functions
    fails, all of it is undone and run again with them. A function may also be run again where the backend found its
    connection broken and nothing kept: it does nothing but work on the connection. Use it from one event loop. A caller that
    is cancelled while it waits does not undo its write.

    Args:
        backend: works on the connection.
        name: of the thread.
        measured: what its measures are called.
        patience: seconds for which a write that nobody waits for may wait for others, to share their transaction.
    """

    def __init__(
        self,
        backend: Backend[C],
        name: str = "writer",
        *,
        measured: str = "seaway_database",
        patience: float = 0.25,
    ) -> None:
        self._backend, self._patience = backend, patience
        self.durations = Histogram(
            f"{measured}_batch_duration_seconds", "Time of each transaction that writes, its commit included."
        )
        self.writes = Counter(f"{measured}_writes", "Writes that those transactions held.")
        self._batches: SimpleQueue[list[_Job[C]] | None] = SimpleQueue()
        self._waiting: list[_Job[C]] = []
        self._wanted = False
        """What waits is to be written in the next turn, or after the batch that is under way."""
        self._timer: asyncio.TimerHandle | None = None
        self._busy = False
        self._closed = False
        self._idle: asyncio.Event | None = None
        self._opened: asyncio.Future[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)

    async def open(self) -> None:
        """Start the thread and open the connection; raises what the backend raises."""
        self._loop = asyncio.get_running_loop()
        self._opened = self._loop.create_future()
        self._idle = asyncio.Event()
        self._idle.set()
        self._thread.start()
        try:
            await asyncio.shield(self._opened)
        except asyncio.CancelledError:
            self._closed = True
            self._batches.put(None)  # it closes what it opens: nobody else will
            raise

    async def write(self, work: Callable[[C], T]) -> T:
        """Run a function inside the next transaction and return its result once that is durable.

        Raises:
            WriterClosed: the writer is closed.
            Exception: what the function or the commit raised; nothing of the function's work is kept then.
        """
        result: T = await self.submit(work)
        return result

    def submit(self, work: Callable[[C], T], *, patient: bool = False) -> asyncio.Future[T]:
        """Queue a function as `write` does, and return the future of its result.

        Args:
            work: the function.
            patient: it may wait a moment for others; the order of writes stays that of these calls.
        """
        if self._closed or self._loop is None or self._idle is None:
            raise WriterClosed("the database is closed")
        future: asyncio.Future[T] = self._loop.create_future()
        self._waiting.append(_Job(work, future))
        self._idle.clear()
        if not patient:
            self._want()
        elif self._timer is None:
            self._timer = self._loop.call_later(self._patience, self._want)
        return future

    async def close(self) -> None:
        """Finish what is queued, then close the connection and end the thread."""
        if self._idle is None or not self._thread.is_alive():
            self._closed = True
            return
        self._closed = True
        if self._waiting:
            self._want()
        await self._idle.wait()
        self._batches.put(None)
        await asyncio.to_thread(self._thread.join)

    def _want(self) -> None:
        """Have all that waits written soon."""
        if not self._wanted and self._loop is not None:
            self._wanted = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        if not self._wanted or self._busy:
            return
        self._wanted = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._waiting:
            batch, self._waiting = self._waiting, []
            self._busy = True
            self._batches.put(batch)

    def _settle(self, batch: list[_Job[C]], seconds: float) -> None:
        self._busy = False
        self.durations.observe(value=seconds)
        self.writes.add(amount=len(batch))
        for job in batch:
            if job.future.done():
                continue
            if job.error is not None:
                job.future.set_exception(job.error)
            else:
                job.future.set_result(job.result)
        self._flush()
        if not self._busy and not self._waiting and self._idle is not None:
            self._idle.set()

    def _work(self) -> None:
        try:
            connection = self._backend.open()
        except BaseException as error:
            self._report(self._open_failed, error)
            return
        self._report(self._open_done)
        while (batch := self._batches.get()) is not None:
            began = time.perf_counter()
            self._transact(connection, batch)
            self._report(self._settle, batch, time.perf_counter() - began)
        self._backend.close(connection)

    def _transact(self, connection: C, batch: list[_Job[C]]) -> None:
        savepoints = False
        while (error := self._try(connection, batch, savepoints=savepoints)) is not None:
            again = self._backend.again(connection)
            if not savepoints and len(batch) > 1 and any(job.error for job in batch):
                savepoints = again = True
            try:
                self._backend.rollback(connection)
            except Exception as failed:
                error, again = failed, False
            for job in batch:
                job.error = None if again else job.error or error
            if not again:
                return

    def _try(self, connection: C, batch: list[_Job[C]], *, savepoints: bool) -> BaseException | None:
        """Run a batch in one transaction; return what kept it from being committed."""
        try:
            self._backend.begin(connection)
            for job in batch:
                self._run(connection, job, savepoint=savepoints)
            self._backend.commit(connection)
        except BaseException as error:
            return error
        return None

    def _run(self, connection: C, job: _Job[C], *, savepoint: bool) -> None:
        try:
            with self._backend.block(connection, savepoint=savepoint):
                job.result = job.work(connection)
        except Exception as error:
            job.error = error
            # what the others of the batch did is undone as well
            if not savepoint or not self._backend.active(connection):
                raise

    def _open_done(self) -> None:
        if self._opened is not None and not self._opened.done():
            self._opened.set_result(None)

    def _open_failed(self, error: BaseException) -> None:
        if self._opened is not None and not self._opened.done():
            self._opened.set_exception(error)

    def _report(self, callback: Callable[..., None], *arguments: Any) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(callback, *arguments)
