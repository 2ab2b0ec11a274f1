"""How much memory an attempt used at most, and might use."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns."""
    op.add_column("attempts", sa.Column("peak_memory", sa.BigInteger()))
    op.add_column("attempts", sa.Column("memory_limit", sa.BigInteger()))
