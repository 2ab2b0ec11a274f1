"""The tables, in types that SQLite and PostgreSQL share.

Times are seconds since the epoch, as doubles. A change here needs a migration in `migrations/versions` and a new
`SCHEMA_VERSION`; a test holds both to the same schema.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
)

SCHEMA_VERSION = "0001"
"""The newest migration's number; what a database that this release wrote carries."""

METADATA = MetaData()
_ROW_ID = BigInteger().with_variant(Integer, "sqlite")

RUNS = Table(
    "runs", METADATA,
    Column("id", _ROW_ID, primary_key=True, autoincrement=True),
    Column("uid", String(32), nullable=False, unique=True),
    Column("name", String(63), nullable=False, unique=True),
    Column("user", Text, nullable=False),
    Column("namespace", String(63), nullable=False),
    Column("phase", String(16), nullable=False),
    Column("message", Text, nullable=False),
    Column("command", Text, nullable=False),
    Column("spec", JSON, nullable=False),
    Column("created", Double, nullable=False),
    Column("started", Double),
    Column("finished", Double),
    Column("deleted", Double),
    Column("stop_requested", Double),
    Column("verdict", JSON(none_as_null=True)),
    Column("exit_code", Integer),
    Index("runs_by_phase", "phase"),
)  # fmt: skip

TASKS = Table(
    "tasks", METADATA,
    Column("run_id", _ROW_ID, primary_key=True),
    Column("name", String(63), primary_key=True),
    Column("position", Integer, nullable=False),
    Column("phase", String(16), nullable=False),
    Column("message", Text, nullable=False),
    Column("fence", Integer, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("losses", Integer, nullable=False),
    Column("not_before", Double),
    Column("verdict", JSON(none_as_null=True)),
    ForeignKeyConstraint(["run_id"], ["runs.id"], ondelete="CASCADE"),
)  # fmt: skip

ATTEMPTS = Table(
    "attempts", METADATA,
    Column("run_id", _ROW_ID, primary_key=True),
    Column("task", String(63), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("fence", Integer, nullable=False),
    Column("pod", String(63), nullable=False),
    Column("uid", String(63)),
    Column("phase", String(16), nullable=False),
    Column("node", Text),
    Column("created", Double, nullable=False),
    Column("started", Double),
    Column("finished", Double),
    Column("exit_code", Integer),
    Column("asked", String(16), nullable=False),
    Column("asked_at", Double),
    Column("verdict", JSON(none_as_null=True)),
    ForeignKeyConstraint(["run_id", "task"], ["tasks.run_id", "tasks.name"], ondelete="CASCADE"),
)  # fmt: skip

OUTPUTS = Table(
    "outputs", METADATA,
    Column("run_id", _ROW_ID, primary_key=True),
    Column("task", String(63), primary_key=True),
    Column("path", Text, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("committed", Double, nullable=False),
    ForeignKeyConstraint(["run_id", "task"], ["tasks.run_id", "tasks.name"], ondelete="CASCADE"),
)  # fmt: skip

CHECKPOINTS = Table(
    "checkpoints", METADATA,
    Column("run_id", _ROW_ID, primary_key=True),
    Column("task", String(63), primary_key=True),
    Column("sha256", String(64), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("fence", Integer, nullable=False),
    Column("saved", Double, nullable=False),
    ForeignKeyConstraint(["run_id", "task"], ["tasks.run_id", "tasks.name"], ondelete="CASCADE"),
)  # fmt: skip

REVISIONS = Table(
    "revisions", METADATA,
    Column("id", _ROW_ID, primary_key=True, autoincrement=True),
    Column("kind", String(16), nullable=False),
    Column("name", Text, nullable=False),
    Column("uid", String(63), nullable=False),
    Column("run_uid", String(32)),
    Column("observed", Double, nullable=False),
    Column("deleted", Boolean, nullable=False),
    Column("object", JSON, nullable=False),
    Index("revisions_by_uid", "kind", "uid", "id"),
    Index("revisions_by_name", "kind", "name", "id"),
)  # fmt: skip

EVENTS = Table(
    "events", METADATA,
    Column("uid", String(63), primary_key=True),
    Column("about", String(63), nullable=False),
    Column("last_seen", Double, nullable=False),
    Column("object", JSON, nullable=False),
    Index("events_by_object", "about", "last_seen"),
)  # fmt: skip
