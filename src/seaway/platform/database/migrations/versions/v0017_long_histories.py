"""Indexes for the pages of very long histories, and which attempts' logs were looked through."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None
_PARTLY = "indexed < size AND size > 0 OR closed IS NULL AND removed IS NULL"
_LOOKED_THROUGH = (
    "UPDATE attempts SET log_indexed = true WHERE EXISTS (SELECT 1 FROM runs JOIN logs ON logs.run_uid = runs.uid "
    "WHERE runs.id = attempts.run_id AND logs.task = attempts.task AND logs.attempt = attempts.number)"
)


def upgrade() -> None:
    """Make the column and the indexes."""
    op.add_column(
        "attempts", sa.Column("log_indexed", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    op.execute(_LOOKED_THROUGH)
    waiting, partly = sa.column("log_indexed", sa.Boolean()).is_(False), sa.text(_PARTLY)
    op.create_index(
        "attempts_to_index", "attempts", ["run_id"], sqlite_where=waiting, postgresql_where=waiting
    )
    op.create_index("logs_partly_indexed", "logs", ["closed"], sqlite_where=partly, postgresql_where=partly)
    op.drop_index("runs_by_phase", table_name="runs")
    op.create_index("runs_by_phase", "runs", ["phase", "deleted"])
    binned = sa.text("deleted IS NOT NULL")
    op.drop_index("runs_by_deletion", table_name="runs")
    for name, column in (("runs_by_deletion", "deleted"), ("runs_in_bin", "id")):
        op.create_index(name, "runs", [column], sqlite_where=binned, postgresql_where=binned)
    op.create_index("runs_by_user", "runs", ["user", "id"])
    op.create_index("runs_by_namespace", "runs", ["namespace", "id"])
