"""Locks that one attempt holds at a time, and memory that grows after it ran out."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table and the columns."""
    op.add_column("tasks", sa.Column("growth", sa.Integer(), server_default="0", nullable=False))
    op.add_column("attempts", sa.Column("lock", sa.String(length=100), nullable=True))
    op.add_column("attempts", sa.Column("lock_token", sa.BigInteger(), nullable=True))
    op.create_table(
        "locks",
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("token", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
