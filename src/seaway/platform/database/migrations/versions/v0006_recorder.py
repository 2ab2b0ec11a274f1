"""What the recorder keeps: who wrote each revision, events of all objects, Seaway's own sentences, and where words stand in logs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from seaway.platform.database import log_words

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables, columns and indexes."""
    _revisions()
    _events()
    _sentences()
    _logs()
    _log_pieces()
    log_words.create(op.get_bind())


def _row_id() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _revisions() -> None:
    columns = (
        sa.Column("namespace", sa.String(length=63), server_default="", nullable=False),
        sa.Column("signature", sa.String(length=40), server_default="", nullable=False),
        sa.Column("written_by", sa.JSON(none_as_null=True), nullable=True),
    )
    with op.batch_alter_table("revisions") as table:
        table.alter_column(
            "kind", existing_type=sa.String(length=16), type_=sa.String(length=32), existing_nullable=False
        )
        for column in columns:
            table.add_column(column)
    op.create_index("revisions_by_run", "revisions", ["run_uid", "id"], unique=False)
    op.create_index("revisions_by_time", "revisions", ["observed"], unique=False)


def _events() -> None:
    columns = (
        sa.Column("kind", sa.String(length=32), server_default="Pod", nullable=False),
        sa.Column("namespace", sa.String(length=63), server_default="", nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
    )
    for column in columns:
        op.add_column("events", column)
    op.create_index("events_by_name", "events", ["kind", "name", "last_seen"], unique=False)
    op.create_index("events_by_time", "events", ["last_seen"], unique=False)


def _sentences() -> None:
    op.create_table(
        "sentences",
        sa.Column("id", _row_id(), autoincrement=True, nullable=False),
        sa.Column("run_uid", sa.String(length=32), nullable=False),
        sa.Column("task", sa.String(length=63), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("said", sa.Double(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("sentences_by_run", "sentences", ["run_uid", "id"], unique=False)
    op.create_index("sentences_by_time", "sentences", ["said"], unique=False)


def _logs() -> None:
    op.create_table(
        "logs",
        sa.Column("run_uid", sa.String(length=32), nullable=False),
        sa.Column("task", sa.String(length=63), nullable=False),
        sa.Column("attempt", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("namespace", sa.String(length=63), server_default="", nullable=False),
        sa.Column("pod", sa.Text(), server_default="", nullable=False),
        sa.Column("began", sa.Double(), nullable=False),
        sa.Column("closed", sa.Double(), nullable=True),
        sa.Column("size", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("indexed", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("run_uid", "task", "attempt"),
    )
    op.create_index("logs_by_pod", "logs", ["pod"], unique=False)
    op.create_index("logs_by_closed", "logs", ["closed"], unique=False)


def _log_pieces() -> None:
    op.create_table(
        "log_pieces",
        sa.Column("id", _row_id(), autoincrement=True, nullable=False),
        sa.Column("run_uid", sa.String(length=32), nullable=False),
        sa.Column("task", sa.String(length=63), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("newest", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("log_pieces_by_log", "log_pieces", ["run_uid", "task", "attempt"], unique=False)
