"""When attempts began by the monotonic clock of the machine that says so."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add columns; of attempts under way only the time of day is known."""
    op.add_column("attempts", sa.Column("boot_id", sa.String(length=36)))
    op.add_column("attempts", sa.Column("created_monotonic", sa.Double()))
    op.add_column("attempts", sa.Column("started_monotonic", sa.Double()))
