"""Which logs were removed because they were too old or too much."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the column."""
    op.add_column("logs", sa.Column("removed", sa.Double(), nullable=True))
