"""How much the runs in a workspace may take, and that it was warned of."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables, and take over who was warned already."""
    op.create_table(
        "workspace_limits",
        sa.Column("workspace", sa.String(length=63), nullable=False),
        sa.Column("storage", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("workspace"),
    )
    op.create_table(
        "storage_warnings",
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("whose", sa.String(length=63), nullable=False),
        sa.Column("percent", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("since", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "whose", "percent"),
    )
    op.execute(
        "INSERT INTO storage_warnings (kind, whose, percent, since) "
        "SELECT 'user', \"user\", percent, since FROM usage_warnings"
    )
    op.drop_table("usage_warnings")
