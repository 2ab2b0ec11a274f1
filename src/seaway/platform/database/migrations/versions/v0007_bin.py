"""The bin can be emptied: runs that are being emptied, and which uploads a run refers to."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None
_AT_ONCE = 500


def upgrade() -> None:
    """Make the column and the table, and fill it from what was submitted."""
    op.add_column("runs", sa.Column("emptied", sa.Double(), nullable=True))
    op.create_index("runs_by_deletion", "runs", ["deleted"])
    op.create_table(
        "run_uploads",
        sa.Column("run_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "kind", "sha256"),
    )
    op.create_index("run_uploads_by_digest", "run_uploads", ["sha256"])
    _fill()


def _fill() -> None:
    connection, last = op.get_bind(), 0
    page = sa.text("SELECT id, spec FROM runs WHERE id > :last ORDER BY id LIMIT :limit")
    into = sa.text("INSERT INTO run_uploads (run_id, kind, sha256) VALUES (:run_id, :kind, :sha256)")
    while rows := connection.execute(page, {"last": last, "limit": _AT_ONCE}).all():
        found = set()
        for run_id, stored in rows:
            spec = json.loads(stored) if isinstance(stored, str) else stored
            for task in spec.get("tasks", ()):
                found |= {
                    (run_id, "code", task.get("code")),
                    (run_id, "environments", task.get("environment")),
                }
        values = [
            {"run_id": run_id, "kind": kind, "sha256": digest} for run_id, kind, digest in sorted(found, key=str) if digest
        ]  # fmt: skip
        if values:
            connection.execute(into, values)
        last = rows[-1][0]
