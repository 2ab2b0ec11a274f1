"""What a token opens."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the column: what there is opens everything that its user may do."""
    op.add_column("user_tokens", sa.Column("scope", sa.String(16), nullable=False, server_default="all"))
