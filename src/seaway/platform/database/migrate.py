"""Bring a database to this release's schema, or say why that cannot be.

Alembic costs a tenth of a second to import: a new database is made from the tables directly and a current one is only
looked at, so that it is needed for a real migration alone.
"""

from __future__ import annotations

import logging
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from seaway.base.sqlite import DatabaseError
from seaway.platform.database import log_words
from seaway.platform.database.tables import METADATA, PARTIAL_INDEXES, SCHEMA_VERSION

log = logging.getLogger(__name__)
MIGRATIONS = Path(__file__).parent / "migrations"


class DatabaseTooNew(DatabaseError):
    """A newer release of Seaway wrote the database."""


def bring_up(connection: Connection, title: str) -> None:
    """Create or upgrade the schema inside the connection's transaction; does nothing where it is current.

    Args:
        connection: nobody else may change the schema meanwhile.
        title: what messages call the database.

    Raises:
        DatabaseTooNew: a newer release wrote it.
    """
    version = require_known(connection, title)
    if version == SCHEMA_VERSION:
        return
    if version is None:
        _create(connection)
        return
    log.info("upgrading %s from schema %s to %s", title, version, SCHEMA_VERSION)
    upgrade(connection, SCHEMA_VERSION)


def require_known(connection: Connection, title: str) -> str | None:
    """Return the schema's version, None for an empty database. Raises DatabaseTooNew where this release does not know it."""
    version = current_version(connection)
    if version is not None and version > SCHEMA_VERSION:
        raise DatabaseTooNew(
            f"{title} was written by a newer Seaway (schema {version}, this one knows {SCHEMA_VERSION}): "
            "install that release or a newer one; it was not changed"
        )
    return version


def current_version(connection: Connection) -> str | None:
    """Return the schema's version, None for an empty database."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found


def upgrade(connection: Connection, to: str) -> None:
    """Run the migrations up to a version, inside the connection's transaction."""
    from alembic.config import Config  # late: see the module's docstring
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    script = ScriptDirectory.from_config(config)
    steps = EnvironmentContext(config, script)
    steps.configure(
        connection=connection,
        target_metadata=METADATA,
        transactional_ddl=False,  # the caller's transaction holds all of it
        fn=lambda revision, _: script._upgrade_revs(to, revision),  # noqa: SLF001 - as alembic.command does it
    )
    with steps:
        steps.run_migrations()


def _create(connection: Connection) -> None:
    for index, rows in PARTIAL_INDEXES.items():
        index.dialect_kwargs[f"{connection.dialect.name}_where"] = rows
    METADATA.create_all(connection)
    log_words.create(connection)
    connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"))
    connection.execute(text("INSERT INTO alembic_version VALUES (:version)"), {"version": SCHEMA_VERSION})
