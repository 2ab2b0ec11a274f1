"""Checkpoints are lists of blocks. Those that were whole archives cannot be read any more: their tasks begin anew."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Forget the archives."""
    op.execute("DELETE FROM checkpoints")
