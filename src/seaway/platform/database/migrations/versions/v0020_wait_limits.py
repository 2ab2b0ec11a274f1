"""Since when tasks with a wait limit wait, and whether they have begun."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add columns; no task from before has a wait limit."""
    op.add_column("tasks", sa.Column("begun", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("tasks", sa.Column("waits_since", sa.Double()))
    op.add_column("tasks", sa.Column("boot_id", sa.String(length=36)))
    op.add_column("tasks", sa.Column("waits_since_monotonic", sa.Double()))
