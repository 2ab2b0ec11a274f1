"""Which attempts were on a node is looked up in an index."""

from __future__ import annotations

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the index."""
    op.create_index("attempts_by_node", "attempts", ["node", "finished"])
