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
    ColumnElement,
    Double,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    literal_column,
)

SCHEMA_VERSION = "0022"
"""The newest migration's number; what a database that this release wrote carries."""

METADATA = MetaData()
PARTIAL_INDEXES: dict[Index, ColumnElement[bool]] = {}
"""Which rows an index holds, where not all. `migrate` says it in a database's own dialect: said here, in both, SQLAlchemy would
load both, and PostgreSQL's takes 2 MB."""
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
    Column("emptied", Double),
    Index("runs_by_phase", "phase", "deleted"),
    Index("runs_by_user", "user", "id"),
    Index("runs_by_namespace", "namespace", "id"),
)  # fmt: skip
"""`deleted`: since when it is in the bin; `emptied`: since when it is being taken out of there for good, and nobody sees it."""

_IN_BIN = RUNS.c.deleted.is_not(None)
PARTIAL_INDEXES[Index("runs_by_deletion", RUNS.c.deleted)] = _IN_BIN
PARTIAL_INDEXES[Index("runs_in_bin", RUNS.c.id)] = _IN_BIN

RUN_UPLOADS = Table(
    "run_uploads", METADATA,
    Column("run_id", _ROW_ID, primary_key=True),
    Column("kind", String(16), primary_key=True),
    Column("sha256", String(64), primary_key=True),
    Column("size", BigInteger, nullable=False, server_default="0"),
    ForeignKeyConstraint(["run_id"], ["runs.id"], ondelete="CASCADE"),
    Index("run_uploads_by_digest", "sha256"),
)  # fmt: skip
"""Which code and environments a run refers to, with their bytes; earlier releases did not write these down."""

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
    Column("growth", Integer, nullable=False, server_default="0"),
    Column("not_before", Double),
    Column("verdict", JSON(none_as_null=True)),
    Column("begun", Boolean, nullable=False, server_default=false()),
    Column("waits_since", Double),
    Column("boot_id", String(36)),
    Column("waits_since_monotonic", Double),
    Column("words", JSON(none_as_null=True)),
    ForeignKeyConstraint(["run_id"], ["runs.id"], ondelete="CASCADE"),
)  # fmt: skip
"""`words`: what `message` was made from, so that it can be said in other languages; null where an earlier release wrote it."""

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
    Column("lock", String(100)),
    Column("lock_token", BigInteger),
    Column("boot_id", String(36)),
    Column("created_monotonic", Double),
    Column("started_monotonic", Double),
    Column("log_indexed", Boolean, nullable=False, server_default=false()),
    Column("peak_memory", BigInteger),
    Column("memory_limit", BigInteger),
    ForeignKeyConstraint(["run_id", "task"], ["tasks.run_id", "tasks.name"], ondelete="CASCADE"),
    Index("attempts_by_node", "node", "finished"),
)  # fmt: skip
"""`log_indexed`: its log was looked through, see `LOGS`."""

LOG_TO_INDEX = ATTEMPTS.c.log_indexed.is_(False)
"""An attempt whose log nobody has looked through; of very many they are few, so that an index holds them alone."""
PARTIAL_INDEXES[Index("attempts_to_index", ATTEMPTS.c.run_id)] = LOG_TO_INDEX

LOCKS = Table(
    "locks", METADATA,
    Column("name", String(100), primary_key=True),
    Column("token", BigInteger, nullable=False),
)  # fmt: skip
"""The newest number under which each lock was given to an attempt; who holds it now, the attempts say."""

OUTPUTS = Table(
    "outputs", METADATA,
    Column("run_id", _ROW_ID, primary_key=True),
    Column("task", String(63), primary_key=True),
    Column("path", Text, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("committed", Double, nullable=False),
    ForeignKeyConstraint(["run_id", "task"], ["tasks.run_id", "tasks.name"], ondelete="CASCADE"),
    Index("outputs_by_digest", "sha256"),
)  # fmt: skip

CHECKPOINTS = Table(
    "checkpoints", METADATA,
    Column("run_id", _ROW_ID, primary_key=True),
    Column("task", String(63), primary_key=True),
    Column("sha256", String(64), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("fence", Integer, nullable=False),
    Column("saved", Double, nullable=False),
    Column("files", BigInteger),
    ForeignKeyConstraint(["run_id", "task"], ["tasks.run_id", "tasks.name"], ondelete="CASCADE"),
)  # fmt: skip
"""`files`: in how many files of the artifact store it lies; null where an earlier release saved it and nobody counted yet."""

REVISIONS = Table(
    "revisions", METADATA,
    Column("id", _ROW_ID, primary_key=True, autoincrement=True),
    Column("kind", String(32), nullable=False),
    Column("name", Text, nullable=False),
    Column("uid", String(63), nullable=False),
    Column("run_uid", String(32)),
    Column("observed", Double, nullable=False),
    Column("deleted", Boolean, nullable=False),
    Column("object", JSON, nullable=False),
    Column("namespace", String(63), nullable=False, server_default=""),
    Column("signature", String(40), nullable=False, server_default=""),
    Column("written_by", JSON(none_as_null=True)),
    Index("revisions_by_uid", "kind", "uid", "id"),
    Index("revisions_by_name", "kind", "name", "id"),
    Index("revisions_by_run", "run_uid", "id"),
    Index("revisions_by_time", "observed"),
)  # fmt: skip

EVENTS = Table(
    "events", METADATA,
    Column("uid", String(63), primary_key=True),
    Column("about", String(63), nullable=False),
    Column("last_seen", Double, nullable=False),
    Column("object", JSON, nullable=False),
    Column("kind", String(32), nullable=False, server_default="Pod"),
    Column("namespace", String(63), nullable=False, server_default=""),
    Column("name", Text, nullable=False, server_default=""),
    Index("events_by_object", "about", "last_seen"),
    Index("events_by_name", "kind", "name", "last_seen"),
    Index("events_by_time", "last_seen"),
)  # fmt: skip

SENTENCES = Table(
    "sentences", METADATA,
    Column("id", _ROW_ID, primary_key=True, autoincrement=True),
    Column("run_uid", String(32), nullable=False),
    Column("task", String(63), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("said", Double, nullable=False),
    Column("text", Text, nullable=False),
    Index("sentences_by_run", "run_uid", "id"),
    Index("sentences_by_time", "said"),
)  # fmt: skip
"""What Seaway itself said of a task: what is in the attempts' logs, and what was said before there was an attempt."""

ACTS = Table(
    "acts", METADATA,
    Column("id", _ROW_ID, primary_key=True, autoincrement=True),
    Column("at", Double, nullable=False),
    Column("user", Text, nullable=False),
    Column("agent", String(63), nullable=False),
    Column("verb", String(32), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("namespace", String(63), nullable=False),
    Column("name", Text, nullable=False),
    Column("run_uid", String(32)),
    Column("refused", Boolean, nullable=False),
    Column("text", Text, nullable=False),
    Index("acts_by_name", "kind", "name", "at"),
    Index("acts_by_run", "run_uid", "at"),
    Index("acts_by_time", "at"),
)  # fmt: skip
"""Who did, or was refused to do, what to a run or to an object of the cluster, as far as somebody tells."""

LOGS = Table(
    "logs", METADATA,
    Column("run_uid", String(32), primary_key=True),
    Column("task", String(63), primary_key=True),
    Column("attempt", Integer, primary_key=True, autoincrement=False),
    Column("namespace", String(63), nullable=False, server_default=""),
    Column("pod", Text, nullable=False, server_default=""),
    Column("began", Double, nullable=False),
    Column("closed", Double),
    Column("size", BigInteger, nullable=False, server_default="0"),
    Column("indexed", BigInteger, nullable=False, server_default="0"),
    Column("removed", Double),
    Index("logs_by_pod", "pod"),
    Index("logs_by_closed", "closed"),
)  # fmt: skip
"""Every log that is kept. Those of pods that are no run's have the pod's uid, the container and its restart in place of
run, task and attempt, and name the pod."""

LOG_PARTLY_INDEXED = ((LOGS.c.indexed < LOGS.c.size) & (LOGS.c.size > literal_column("0"))) | (
    LOGS.c.closed.is_(None) & LOGS.c.removed.is_(None)
)
"""A log of which a part is not in the index of words. Without a parameter: SQLite would not use the index with one."""
PARTIAL_INDEXES[Index("logs_partly_indexed", LOGS.c.closed)] = LOG_PARTLY_INDEXED

LOG_PIECES = Table(
    "log_pieces", METADATA,
    Column("id", _ROW_ID, primary_key=True, autoincrement=True),
    Column("run_uid", String(32), nullable=False),
    Column("task", String(63), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("start", BigInteger, nullable=False),
    Column("size", Integer, nullable=False),
    Column("newest", Double, nullable=False),
    Index("log_pieces_by_log", "run_uid", "task", "attempt"),
)  # fmt: skip
"""Pieces of logs whose words are indexed under `id`, see `log_words`; `newest` is the time of the last line."""

USER_TOKENS = Table(
    "user_tokens", METADATA,
    Column("id", _ROW_ID, primary_key=True, autoincrement=True),
    Column("key", String(16), nullable=False, unique=True),
    Column("digest", String(64), nullable=False),
    Column("name", String(63), nullable=False),
    Column("user", String(63), nullable=False),
    Column("admin", Boolean, nullable=False),
    Column("created", Double, nullable=False),
    Column("created_by", String(63), nullable=False),
    Column("expires", Double),
    Column("revoked", Double),
    Column("scope", String(16), nullable=False, server_default="all"),
    Index("user_tokens_by_name", "name"),
)  # fmt: skip

LOG_CHUNKS = Table(
    "log_chunks", METADATA,
    Column("run_uid", String(32), primary_key=True),
    Column("task", String(63), primary_key=True),
    Column("attempt", Integer, primary_key=True, autoincrement=False),
    Column("start", BigInteger, primary_key=True, autoincrement=False),
    Column("size", Integer, nullable=False),
    Column("codec", String(8), nullable=False),
    Column("data", LargeBinary, nullable=False),
)  # fmt: skip
"""Logs of attempts, where no folder keeps them; `start` and `size` count bytes before compression."""

WRITER = Table(
    "writer", METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("epoch", BigInteger, nullable=False),
    Column("batch", BigInteger, nullable=False),
    Column("holder", Text, nullable=False),
    Column("since", Double, nullable=False),
)  # fmt: skip
"""One row: which server may write, and how many transactions it has made. Each of its transactions begins with it."""

SERVER_KEYS = Table(
    "server_keys", METADATA,
    Column("name", String(32), primary_key=True),
    Column("value", LargeBinary, nullable=False),
)  # fmt: skip
"""Keys that all replicas of a server share."""

NOTIFY_TARGETS = Table(
    "notify_targets", METADATA,
    Column("name", String(63), primary_key=True),
    Column("url", Text, nullable=False),
    Column("user", String(63)),
    Column("workspace", String(63)),
    Column("events", JSON, nullable=False),
    Column("created", Double, nullable=False),
    Column("created_by", String(63), nullable=False),
    Column("last_sent", Double),
    Column("problem", Text, nullable=False),
)  # fmt: skip

NOTICES = Table(
    "notices", METADATA,
    Column("id", _ROW_ID, primary_key=True, autoincrement=True),
    Column("target", String(63), nullable=False),
    Column("key", String(200), nullable=False),
    Column("event", String(16), nullable=False),
    Column("run_uid", String(32)),
    Column("title", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("created", Double, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("due", Double, nullable=False),
    Column("sent", Double),
    ForeignKeyConstraint(["target"], ["notify_targets.name"], ondelete="CASCADE"),
    UniqueConstraint("target", "key"),
    Index("notices_by_target", "target", "sent"),
)  # fmt: skip
"""The outbox: written in the transaction of what it tells of. What was sent stays a while, so that nothing is told twice."""

WORKSPACES = Table(
    "workspaces", METADATA,
    Column("name", String(63), primary_key=True),
    Column("key", String(32), nullable=False),
    Column("owner", String(63), nullable=False),
    Column("created", Double, nullable=False),
    Column("deleting", Double),
    Column("deleted_by", String(63)),
)  # fmt: skip
"""The workspaces beside the default one, each by the name of its namespace. `key` is on the namespaces that the server made
itself; `deleting`: since when the workspace is being deleted, which goes on until the row is gone."""

AUDIT = Table(
    "audit", METADATA,
    Column("id", _ROW_ID, primary_key=True, autoincrement=True),
    Column("at", Double, nullable=False),
    Column("user", String(63), nullable=False),
    Column("verb", String(16), nullable=False),
    Column("resource", String(32), nullable=False),
    Column("name", String(63), nullable=False),
    Column("code", Integer, nullable=False),
    Column("reason", Text, nullable=False),
)  # fmt: skip
"""Who made and deleted what, and was refused it, beside what the cluster itself notes; `code` as HTTP has it."""

WORKSPACE_LIMITS = Table(
    "workspace_limits", METADATA,
    Column("workspace", String(63), primary_key=True),
    Column("measure", String(16), primary_key=True),
    Column("most", BigInteger, nullable=False),
)  # fmt: skip
"""What was said of single workspaces, the default one included: the most bytes or files that their runs may take, 0 for no
limit."""

STORAGE_WARNINGS = Table(
    "storage_warnings", METADATA,
    Column("kind", String(16), primary_key=True),
    Column("whose", String(63), primary_key=True),
    Column("measure", String(16), primary_key=True),
    Column("percent", Integer, primary_key=True, autoincrement=False),
    Column("since", Double, nullable=False),
)  # fmt: skip
"""Whose runs, a user's or a workspace's, take so much of the bytes or files that they may, and since when: told once each time."""
