"""How many files runs take, and may take, beside how many bytes."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None
_SAID = "SELECT workspace, 'bytes' AS measure, storage AS most FROM workspace_limits"
_WARNED = "SELECT kind, whose, 'bytes' AS measure, percent, since FROM storage_warnings"


def upgrade() -> None:
    """Make the column, and the tables anew whose keys now say what is measured."""
    op.add_column("checkpoints", sa.Column("files", sa.BigInteger()))
    _anew(
        "workspace_limits", _SAID,
        sa.Column("workspace", sa.String(length=63), nullable=False),
        sa.Column("measure", sa.String(length=16), nullable=False),
        sa.Column("most", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("workspace", "measure"),
    )  # fmt: skip
    _anew(
        "storage_warnings", _WARNED,
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("whose", sa.String(length=63), nullable=False),
        sa.Column("measure", sa.String(length=16), nullable=False),
        sa.Column("percent", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("since", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "whose", "measure", "percent"),
    )  # fmt: skip


def _anew(name: str, rows: str, *items: Any) -> None:
    """Make a small table anew, with the rows that it had."""
    kept = [dict(row) for row in op.get_bind().execute(sa.text(rows)).mappings()]
    op.drop_table(name)
    op.bulk_insert(op.create_table(name, *items), kept)
