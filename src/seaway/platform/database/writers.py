"""Queries about which server may write. PostgreSQL only.

Each server that takes a database over begins a new epoch. Every transaction of its writer begins by counting itself
under that epoch, which holds the row until the end: after another epoch has begun, none of them can commit.
"""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, insert, inspect, select, text, update

from seaway.platform.database.tables import WRITER

_ROW = WRITER.c.id == 1
_COUNT = (
    update(WRITER)
    .where(_ROW, WRITER.c.epoch == bindparam("_epoch"))
    .values(batch=WRITER.c.batch + 1)
    .returning(WRITER.c.batch)
)


def allow(connection: Connection, seconds: float) -> None:
    """Let the statements of this transaction take longer than usual, and the program between them a minute."""
    limits = {"statement_timeout": seconds, "idle_in_transaction_session_timeout": 60.0}
    for name, limit in limits.items():
        setting = text("SELECT set_config(:name, :value, true)")
        connection.execute(setting, {"name": name, "value": str(round(limit * 1000))})


def lock(connection: Connection) -> None:
    """Wait until no other server takes the database over, and keep others from it until the transaction ends."""
    connection.execute(
        text("SELECT pg_advisory_xact_lock(hashtext('seaway'), hashtext(coalesce(current_schema(), '')))")
    )


def end_others(connection: Connection) -> None:
    """End other writers' sessions in this schema: one that was stopped in the middle of a transaction would be waited for."""
    connection.execute(
        text(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
            "AND usename = current_user AND application_name = current_setting('application_name') "
            "AND pid <> pg_backend_pid()"
        )
    )


def hold(connection: Connection) -> None:
    """Keep a writer that comes back from its next transaction until this one has ended; harmless in an empty database."""
    if inspect(connection).has_table(WRITER.name):
        connection.execute(select(WRITER.c.epoch).where(_ROW).with_for_update())


def take_over(connection: Connection, holder: str, now: float) -> int:
    """Begin a new epoch and return it."""
    began = connection.execute(
        update(WRITER)
        .where(_ROW)
        .values(epoch=WRITER.c.epoch + 1, holder=holder, since=now)
        .returning(WRITER.c.epoch)
    ).scalar_one_or_none()
    if began is not None:
        return int(began)
    connection.execute(insert(WRITER).values(id=1, epoch=1, batch=0, holder=holder, since=now))
    return 1


def count(connection: Connection, epoch: int) -> int | None:
    """Count a transaction under an epoch; return its number, None where another epoch has begun."""
    return connection.execute(_COUNT, {"_epoch": epoch}).scalar_one_or_none()


def counted(connection: Connection, epoch: int) -> int | None:
    """Return the number of an epoch's last transaction that was committed, None where another epoch has begun."""
    query = select(WRITER.c.batch).where(_ROW, WRITER.c.epoch == epoch)
    return connection.execute(query).scalar_one_or_none()


def other_holder(connection: Connection, epoch: int) -> str | None:
    """Return who took the database over after an epoch, None where that still lasts."""
    row = connection.execute(select(WRITER.c.epoch, WRITER.c.holder).where(_ROW)).first()
    if row is None:
        return "nobody knows who"
    return None if row.epoch == epoch else str(row.holder)
