"""The index of words also knows names by their parts: all logs are indexed once more, in the background."""

from __future__ import annotations

from alembic import op

from seaway.platform.database import log_words

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the index anew, and take note that no log is in it."""
    op.execute("DROP TABLE log_words")
    log_words.create(op.get_bind())
    op.execute("DELETE FROM log_pieces")
    op.execute("DELETE FROM logs WHERE pod = '' AND removed IS NULL")
    op.execute("UPDATE logs SET indexed = 0 WHERE removed IS NULL")
