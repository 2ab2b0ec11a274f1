"""Rows as values: what queries return and take."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from functools import cache
from typing import TYPE_CHECKING, Any

from seaway.model.run import Phase

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def as_row(record: DataclassInstance) -> dict[str, Any]:
    """Return a record's values by column. What they hold is not copied, as `dataclasses.asdict` does value by value."""
    return {name: getattr(record, name) for name in _names(type(record))}


@cache
def _names(kind: type[DataclassInstance]) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One run, without its spec (which is large and never changes)."""

    id: int
    uid: str
    """Random, never used again; tells runs of one name apart."""
    name: str
    user: str
    namespace: str
    phase: Phase
    message: str
    command: str
    created: float
    started: float | None = None
    finished: float | None = None
    deleted: float | None = None
    stop_requested: float | None = None
    verdict: dict[str, Any] | None = None
    exit_code: int | None = None


@dataclass(frozen=True, slots=True)
class TaskRecord:
    """One task of a run."""

    run_id: int
    name: str
    position: int
    phase: Phase = Phase.QUEUED
    message: str = ""
    fence: int = 0
    """The newest fencing number that an attempt was given."""
    failures: int = 0
    """Endings that count against the user's retries, since the run was submitted or retried."""
    losses: int = 0
    """Endings in a row that were nobody's fault; decide the back-off."""
    growth: int = 0
    """How many times its memory was doubled after it ran out of it."""
    not_before: float | None = None
    """The next attempt waits until then."""
    verdict: dict[str, Any] | None = None
    begun: bool = False
    """Of a task with a wait limit: its program has started, since it was submitted or retried."""
    waits_since: float | None = None
    """Since when its wait limit counts; None where none does."""
    boot_id: str | None = None
    """The start of the machine in which the next one counts."""
    waits_since_monotonic: float | None = None
    """The same by a monotonic clock."""


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """One try of a task."""

    run_id: int
    task: str
    number: int
    fence: int
    pod: str
    phase: Phase
    created: float
    uid: str | None = None
    """The pod's uid, once it was seen."""
    node: str | None = None
    started: float | None = None
    finished: float | None = None
    exit_code: int | None = None
    asked: str = ""
    """Why Seaway itself ends it: "stop", "timeout", "hung", "wait", "drain", "blocked" or "lose"; "" where it does not."""
    asked_at: float | None = None
    verdict: dict[str, Any] | None = None
    lock: str | None = None
    """The lock that it holds until it has ended."""
    lock_token: int | None = None
    """Rises with each holder of the lock."""
    boot_id: str | None = None
    """The start of the machine in which the next two count."""
    created_monotonic: float | None = None
    """When it was created, by a monotonic clock: it tells how long that is ago also where the time of day was set since."""
    started_monotonic: float | None = None
    peak_memory: int | None = None
    """The most bytes of memory that were seen in use, as far as that is known."""
    memory_limit: int | None = None
    """Bytes of memory that it may use; None for no limit."""


@dataclass(frozen=True, slots=True)
class OutputRecord:
    """One committed file."""

    task: str
    path: str
    size: int
    sha256: str
    committed: float


@dataclass(frozen=True, slots=True)
class CheckpointRecord:
    """A task's newest checkpoint."""

    sha256: str
    size: int
    fence: int
    saved: float
    files: int | None = None
    """In how many files of the artifact store it lies; None where nobody counted yet."""


@dataclass(frozen=True, slots=True)
class RevisionRecord:
    """One revision of an object, redacted."""

    kind: str
    name: str
    uid: str
    run_uid: str | None
    observed: float
    deleted: bool
    object: dict[str, Any]
    namespace: str = ""
    signature: str = ""
    """Tells whether another revision says the same."""
    written_by: list[dict[str, Any]] | None = None
    """Who wrote what is new in it, as far as its managed fields say so."""


@dataclass(frozen=True, slots=True)
class EventRecord:
    """The newest revision of one Kubernetes event."""

    uid: str
    about: str
    """uid of the object that it speaks of."""
    last_seen: float
    object: dict[str, Any]
    kind: str = "Pod"
    """Of the object that it speaks of; so are the next two."""
    namespace: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class SentenceRecord:
    """What Seaway itself said of a task."""

    run_uid: str
    task: str
    attempt: int
    """The attempt that it is about, or that it leads to."""
    said: float
    text: str


@dataclass(frozen=True, slots=True)
class ActRecord:
    """What somebody did, or was refused to do."""

    at: float
    user: str
    """Who; "ada as bob" where ada acted for bob."""
    verb: str
    """As Kubernetes, or the command of Seaway, names it: delete, bind, evict, scale, stop, retry ..."""
    kind: str
    """Of what: "Pod", "Run" ..."""
    name: str = ""
    """"" for all of them in the namespace."""
    namespace: str = ""
    run_uid: str | None = None
    agent: str = ""
    """With which program: "kubectl"."""
    refused: bool = False
    text: str = ""
    """Of what was refused: why."""


@dataclass(frozen=True, slots=True)
class LogRecord:
    """A log that is kept."""

    run_uid: str
    task: str
    attempt: int
    began: float
    namespace: str = ""
    pod: str = ""
    """The pod's name where the log is no run's."""
    closed: float | None = None
    size: int = 0
    indexed: int = 0
    """So many bytes of it are in the index of words."""
    removed: float | None = None
    """When it was removed, because it was too old or too much."""


@dataclass(frozen=True, slots=True)
class UserTokenRecord:
    """A token with which somebody speaks to a team's server."""

    key: str
    """Its public part, by which it is found."""
    digest: str
    """SHA-256 of the whole token."""
    name: str
    user: str
    admin: bool
    created: float
    created_by: str
    expires: float | None = None
    revoked: float | None = None
    scope: str = "all"
    """What it opens, see `TokenScope`."""


@dataclass(frozen=True, slots=True)
class TargetRecord:
    """A way to tell somebody."""

    name: str
    url: str = field(repr=False)
    user: str | None
    workspace: str | None
    events: tuple[str, ...]
    created: float
    created_by: str
    last_sent: float | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class NoticeRecord:
    """One message to one target."""

    target: str
    key: str
    """Says what happened, once and for all: a receiver that gets a message twice knows it by this."""
    event: str
    run_uid: str | None
    title: str
    message: str
    created: float
    tries: int = 0
    due: float = 0.0
    """Not tried before."""
    sent: float | None = None
    id: int = 0


@dataclass(frozen=True, slots=True)
class WorkspaceRecord:
    """A workspace beside the default one."""

    name: str
    """Of its namespace."""
    key: str
    """On the namespace where this server made it."""
    owner: str
    created: float
    deleting: float | None = None
    """Since when it is being deleted."""
    deleted_by: str | None = None


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """Who did what, or was refused it."""

    at: float
    user: str
    verb: str
    resource: str
    name: str
    code: int
    """As HTTP has it: 403 where rights were missing."""
    reason: str = ""
