"""Bring a database file to this release's schema, or say why that cannot be.

Alembic costs a tenth of a second to import: a new file is made from the tables directly and a current one is only
looked at, so that it is needed for a real migration alone.
"""

from __future__ import annotations

import logging
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from seaway.base.sqlite import DatabaseError
from seaway.platform.database.connection import scalar, translated, writing_engine
from seaway.platform.database.tables import METADATA, SCHEMA_VERSION

log = logging.getLogger(__name__)
MIGRATIONS = Path(__file__).parent / "migrations"


class DatabaseTooNew(DatabaseError):
    """A newer release of Seaway wrote the file."""


def migrate(path: Path, *, check: bool = True) -> None:
    """Create or upgrade the file; does nothing where it is current. Blocks: call it in a thread.

    Args:
        path: the database file.
        check: look through the file for damage first.

    Raises:
        DatabaseTooNew: a newer release wrote it.
        DatabaseCorrupt: it is damaged.
        DatabaseUnavailable: it cannot be opened.
    """
    engine = writing_engine(path, check=check)
    try:
        with translated(path), engine.begin() as connection:
            version = current_version(connection)
            if version == SCHEMA_VERSION:
                return
            if version is None:
                _create(connection)
                return
            if version > SCHEMA_VERSION:
                raise DatabaseTooNew(
                    f"{path} was written by a newer Seaway (schema {version}, this one knows {SCHEMA_VERSION}): "
                    "install that release or a newer one; the file was not changed"
                )
            log.info("upgrading %s from schema %s to %s", path, version, SCHEMA_VERSION)
            upgrade(connection, SCHEMA_VERSION)
    finally:
        engine.dispose()


def current_version(connection: Connection) -> str | None:
    """Return the schema's version, None for an empty database."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = scalar(connection, "SELECT version_num FROM alembic_version")
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
    METADATA.create_all(connection)
    connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"))
    connection.execute(text("INSERT INTO alembic_version VALUES (:version)"), {"version": SCHEMA_VERSION})
