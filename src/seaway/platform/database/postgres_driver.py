"""PostgreSQL: engines, limits of every wait, errors that say what to do, and taking the database over.

Needs the extra `server` (psycopg).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool, QueuePool

from seaway.base.sqlite import DatabaseError, DatabaseUnavailable
from seaway.platform.database import writers
from seaway.platform.database.driver import READERS, dump_json
from seaway.platform.database.location import PostgresLocation
from seaway.platform.database.migrate import bring_up, require_known
from seaway.platform.database.postgres_errors import DatabaseRefused, DatabaseTaken, is_lost, meaning
from seaway.platform.database.postgres_writer import BACKOFF, PostgresBackend, descriptor
from seaway.platform.database.socket_watch import SocketWatch
from seaway.platform.database.tables import SCHEMA_VERSION

log = logging.getLogger(__name__)

_READ_ONLY = "25006"
_ENDING_SECONDS = 3.0
"""How long a read or a write waits for a database that is away, when the server is ending."""


@dataclass(frozen=True, slots=True)
class PostgresSettings:
    """How a server uses PostgreSQL; times in seconds."""

    holder: str = "a server"
    """What other servers are told of the one that took the database over."""
    connect_seconds: int = 5
    """For a connection to be made."""
    statement_seconds: float = 30.0
    """For one statement; the server ends it then."""
    lock_seconds: float = 10.0
    """For a lock that another program holds."""
    idle_seconds: float = 5.0
    """For the next statement of a transaction: a server that was stopped in the middle of one holds no lock for longer."""
    upgrade_seconds: float = 3600.0
    """For an upgrade of the schema, in which large tables may be rewritten."""
    patience: float = 30.0
    """How long a read or a write waits while the server cannot be reached; then it fails with the reason."""
    beat_seconds: float = 2.0
    """Between questions whether another server has taken the database over."""
    give_up_seconds: float | None = None
    """A server that cannot reach the database for so long leaves it to another one; None: it goes on trying."""


class PostgresDriver:
    """The driver of a PostgreSQL database.

    Args:
        location: where it is.
        settings: limits.
        on_taken: called, in any thread, when another server was found to have taken the database over.
    """

    def __init__(
        self,
        location: PostgresLocation,
        settings: PostgresSettings,
        on_taken: Callable[[DatabaseTaken], None],
    ) -> None:
        self.title = location.title
        self.settings = settings
        self.watch = SocketWatch(settings.statement_seconds + settings.idle_seconds)
        self._location, self._on_taken = location, on_taken
        self.epoch = 0
        """How often servers have taken the database over, once `prepare` has done so for this one."""
        self._patience = settings.patience
        self._given_up = ""

    def prepare(self) -> None:
        """Take the database over and bring its schema up, while no other server does; waits for a server that is away.

        Raises:
            DatabaseError: it cannot be used; the message says what to do.
        """
        began, failures = time.monotonic(), 0
        while True:
            try:
                self.epoch = self._take_over()
                return
            except DatabaseError as error:
                failures += 1
                if not self.may_read_again(error, time.monotonic() - began):
                    raise
                if failures == 1:
                    log.warning("%s", error)
                time.sleep(BACKOFF.delay(failures))

    def _take_over(self) -> int:
        engine = self.engine("writer", {"poolclass": NullPool})
        try:
            limit = self.settings.upgrade_seconds
            with self.translated(), self.watch.work(limit) as watch, engine.begin() as connection:
                watch(descriptor(connection))
                writers.lock(connection)
                writers.end_others(connection)
                writers.hold(connection)
                if require_known(connection, self.title) != SCHEMA_VERSION:
                    writers.allow(connection, limit)
                    bring_up(connection, self.title)
                return writers.take_over(connection, self.settings.holder, time.time())
        finally:
            engine.dispose()

    def backend(self) -> PostgresBackend:
        """Return the writer's backend, for the epoch that `prepare` began."""
        return PostgresBackend(self, self.engine("writer", {"poolclass": NullPool}), self.epoch)

    def readers(self) -> Engine:
        """Return the readers' engine."""
        pool = {"poolclass": QueuePool, "pool_size": READERS, "max_overflow": 0}
        engine = self.engine("reader", {**pool, "isolation_level": "REPEATABLE READ"})
        event.listen(engine, "connect", _read_only)
        return engine

    @contextmanager
    def reading(self, engine: Engine) -> Iterator[Connection]:
        """Return a connection for one query."""
        with self.translated(), self.watch.work() as watch, engine.connect() as connection:
            watch(descriptor(connection))
            with _reading_only():
                yield connection

    def check(self, connection: Connection) -> None:
        """Raise DatabaseTaken where another server has taken the database over."""
        holder = writers.other_holder(connection, self.epoch)
        if holder is not None:
            raise self.taken(holder)

    def taken(self, holder: str) -> DatabaseTaken:
        """Return the error of a database that another server took over, and tell whoever wants to know."""
        error = DatabaseTaken(
            f"{holder} has taken {self.title} over: this server may not write any more and stops "
            "(several servers share a database only with leader election)"
        )
        self._on_taken(error)
        return error

    def hurry(self) -> None:
        """Have nothing wait for long any more: the server is ending."""
        self._patience = min(self._patience, _ENDING_SECONDS)

    def give_up(self, reason: str) -> None:
        """Have all that waits for the database, now or later, fail with this reason."""
        self._given_up = reason
        self.watch.break_all()

    @property
    def given_up(self) -> str:
        """Why nothing waits for the database any more; "" while it does."""
        return self._given_up

    def may_read_again(self, error: Exception, waited: float) -> bool:
        """Return whether a connection that was lost, or not made, is worth another try after so many seconds."""
        passing = isinstance(error, DatabaseUnavailable) and not isinstance(error, DatabaseRefused)
        return passing and not self._given_up and waited < self._patience

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Raise the errors of `seaway.base.sqlite`, which say what to do, in place of the driver's."""
        try:
            yield
        except DBAPIError as error:
            meant = self._meaning(error)
            if meant is None:
                raise
            raise meant from error

    def _meaning(self, error: DBAPIError) -> DatabaseError | None:
        code = getattr(error.orig, "sqlstate", None)
        lost = is_lost(code, connection_failed=error.connection_invalidated)
        if code is None and not lost and not is_connection_error(error):
            return None
        if self._given_up:
            return DatabaseUnavailable(self._given_up)
        return meaning(self.title, code, str(error.orig))

    def engine(self, role: str, options: dict[str, Any]) -> Engine:
        """Return an engine whose connections have our limits; neither statements' parameters nor the password get into errors."""
        try:
            engine = create_engine(
                self._location.url,
                connect_args={
                    "connect_timeout": self.settings.connect_seconds,
                    "application_name": f"seaway {role}",
                    "keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3,
                    "tcp_user_timeout": int(self.settings.idle_seconds * 1000),
                },
                json_serializer=dump_json, json_deserializer=orjson.loads,
                use_native_hstore=False, hide_parameters=True, **options,
            )  # fmt: skip
        except ModuleNotFoundError as error:
            raise DatabaseRefused(
                f"PostgreSQL needs the package {error.name}: install Seaway with it (pip install 'seaway[server]')"
            ) from error
        event.listen(engine, "connect", self._set_up)
        return engine

    def _set_up(self, connection: Any, _record: Any) -> None:
        """Give a new connection its limits, in one exchange."""
        limits = {
            "statement_timeout": self.settings.statement_seconds,
            "lock_timeout": self.settings.lock_seconds,
            "idle_in_transaction_session_timeout": self.settings.idle_seconds,
        }
        words = ", ".join(
            f"set_config('{name}', '{round(seconds * 1000)}', false)" for name, seconds in limits.items()
        )
        named = "set_config('application_name', current_setting('application_name') || ' of ' || current_schema(), false)"
        with self.watch.work() as watch:
            watch(connection.fileno())
            connection.autocommit = True
            connection.execute(f"SELECT {words}, {named}")
            connection.autocommit = False


@contextmanager
def _reading_only() -> Iterator[None]:
    """Raise an attempt to write as the mistake that it is, and not as the state of a server that a writer may meet."""
    try:
        yield
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) == _READ_ONLY:
            raise TypeError("a query that only reads tried to write") from error
        raise


def is_connection_error(error: DBAPIError) -> bool:
    """Return whether an error without a code is one of the connection and not of a statement's values."""
    import psycopg  # late: only where PostgreSQL is used

    return isinstance(error.orig, psycopg.OperationalError | psycopg.InterfaceError)


def _read_only(connection: Any, _record: Any) -> None:
    connection.read_only = True
