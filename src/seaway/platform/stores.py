"""What a server keeps, opened together: database, logs, artifacts and its key, in its home or outside it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seaway.base.clock import Clock
from seaway.platform.database import server_keys
from seaway.platform.database.database import Database, open_database
from seaway.platform.database.location import Location, SqliteLocation, locate
from seaway.platform.history.log_database import DatabaseLogSettings, DatabaseLogStore
from seaway.platform.history.log_files import FileLogStore
from seaway.platform.history.logs import LogStore
from seaway.platform.reserve import Reserve
from seaway.platform.storage.storage import Storage, open_storage
from seaway.platform.tokens import RunTokens, load_key, new_key

if TYPE_CHECKING:
    from seaway.platform.database.postgres_driver import PostgresSettings
    from seaway.platform.server_settings import ServerSettings

_GATEWAY_KEY = "gateway"


@dataclass(frozen=True, slots=True)
class Stores:
    """The open stores of one server."""

    database: Database
    storage: Storage
    logs: LogStore
    tokens: RunTokens
    reserve: Reserve


@asynccontextmanager
async def open_stores(settings: ServerSettings, clock: Clock) -> AsyncIterator[Stores]:
    """Open everything; logs are closed last but for the database.

    Raises:
        seaway.base.sqlite.DatabaseError: the database cannot be used; the message says what to do.
        seaway.platform.errors.PlatformError: the artifact store cannot be used; the message says what to do.
    """
    settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    location = locate(settings.database, settings.home)
    storage = await asyncio.to_thread(
        open_storage, settings.artifacts or settings.home / "artifacts", code_limit=settings.code_limit,
        options=settings.artifact_options, spool=settings.home / "incoming" if settings.artifacts else None,
    )  # fmt: skip
    limits = None if isinstance(location, SqliteLocation) else _postgres(settings)
    async with (
        aclosing(storage),
        open_database(location, check=settings.check_database, settings=limits) as database,
    ):
        logs = _logs(settings, location, database, clock)
        try:
            tokens = await _tokens(settings, location, database)
            await storage.claim(tokens.identity)
            yield Stores(database, storage, logs, tokens, _reserve(settings, location, clock))
        finally:
            await logs.close_all()


def _reserve(settings: ServerSettings, location: Location, clock: Clock) -> Reserve:
    return Reserve(settings.home / "reserve" if isinstance(location, SqliteLocation) else None, clock)


def _logs(settings: ServerSettings, location: Location, database: Database, clock: Clock) -> LogStore:
    if isinstance(location, SqliteLocation):
        return FileLogStore(settings.home / "logs", limit=settings.log_limit)
    return DatabaseLogStore(database, clock, DatabaseLogSettings(limit=settings.log_limit))


async def _tokens(settings: ServerSettings, location: Location, database: Database) -> RunTokens:
    """Return the runs' tokens, made with a key that all replicas share."""
    if isinstance(location, SqliteLocation):
        return RunTokens(await asyncio.to_thread(load_key, settings.home / "gateway.key"))
    made = new_key()
    return RunTokens(await database.write(lambda found: server_keys.get_or_add(found, _GATEWAY_KEY, made)))


def _postgres(settings: ServerSettings) -> PostgresSettings:
    from seaway.platform.database.postgres_driver import PostgresSettings  # late: its driver is an extra

    leadership = settings.leadership
    if leadership is None:
        return PostgresSettings(holder=socket.gethostname())
    return PostgresSettings(
        holder=leadership.identity,
        connect_seconds=2,
        beat_seconds=1.0,
        give_up_seconds=leadership.database_seconds,
    )
