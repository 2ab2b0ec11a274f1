"""How large uploads are, and who was warned of the room that their runs take."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the column and the table."""
    op.add_column("run_uploads", sa.Column("size", sa.BigInteger(), server_default="0", nullable=False))
    op.create_table(
        "usage_warnings",
        sa.Column("user", sa.String(length=63), nullable=False),
        sa.Column("percent", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("since", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("user", "percent"),
    )
