"""What a decision about a task depends on, and what it consists of: values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from seaway.base.tasks import Backoff
from seaway.model.run import TaskSpec
from seaway.model.verdict import Verdict
from seaway.platform.database.records import AttemptRecord, RunRecord, TaskRecord
from seaway.platform.workloads.observation import Observation

HUNG = "hung"
"""What is asked of an attempt that is to end because it hangs, as its task says."""
WAIT = "wait"
"""What is asked of an attempt whose program has not started within its task's wait limit."""
LOSE = "lose"
"""What is asked of an attempt that is to end as if its machine were lost: no grace, and nothing that it makes is kept."""


class Effect(Enum):
    """What the shell is to do once the records are stored. Each may be repeated without harm."""

    CREATE = "create"
    """Create the attempt's pod; where it exists and is ours, adopt it."""
    DELETE = "delete"
    """Delete the pod gracefully."""
    JUDGE = "judge"
    """Gather facts (the whole log first), ask diagnosis for the verdict and look again."""
    EXAMINE = "examine"
    """It waits for something: ask diagnosis what for, and look again."""
    RELEASE = "release"
    """Log and last status are to be made safe, then the finalizer and the pod may go."""


class Need(Enum):
    """Where the tasks stand that a task comes after."""

    MET = "met"
    OPEN = "open"
    BROKEN = "broken"
    """One of them did not succeed: this one never starts."""


@dataclass(frozen=True, slots=True)
class Blocker:
    """Why a pod does not start."""

    reason: str
    """The observation's words that this was said of."""
    message: str
    verdict: Verdict | None = None
    """Set where it can never start."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How failures are met."""

    backoff: Backoff = Backoff(1.0, 2.0, 60.0)  # noqa: RUF009 - frozen, shared on purpose
    """Between tries after losses that were nobody's fault."""
    hope: float = 0.0
    """Seconds that a pod waits which no node could ever take: a cluster that grows by itself may get one that can."""
    losses_on_interruptible: int = 2
    """After so many losses in a row a task is kept off nodes that may be taken away at any time, where others have room."""
    late: float = 30.0
    """Seconds after which the end of a pod is overdue: its node does not answer."""
    silence: float = 3600.0
    """Seconds that the end of a pod is waited for which nobody confirms and whose program keeps no lease."""


@dataclass(frozen=True, slots=True)
class Ages:
    """For how many seconds something has lasted, by this server's monotonic clock: the time of day is set at times."""

    attempt: float = 0.0
    """Since the newest attempt was decided."""
    program: float = 0.0
    """Since its program started."""
    deletion: float = 0.0
    """Since this server first saw that its pod is being deleted."""
    silence: float = 0.0
    """Since it last renewed its lease."""


@dataclass(frozen=True, slots=True)
class Situation:
    """All that a decision depends on."""

    run: RunRecord
    task: TaskRecord
    spec: TaskSpec
    attempt: AttemptRecord | None
    """The newest."""
    need: Need
    waits_for: str
    """The task that an open or broken need is about."""
    now: float
    single: bool = True
    """The run has this one task."""
    pod: Observation | None = None
    """None where the cluster shows none for the newest attempt."""
    verdict: Verdict | None = None
    """Diagnosis' judgement of the newest attempt, where it has been asked."""
    blocker: Blocker | None = None
    locked: str = ""
    """Who has the lock that the task asks for, in a sentence; "" where it asks for none or may have it."""
    lock_token: int = 0
    """The number under which the task would have its lock."""
    ages: Ages = Ages()
    """Of the newest attempt."""
    waited: float = 0.0
    """For how many seconds the task has waited for its first start, where its wait limit counts."""
    creating: bool = False
    """A call that creates the pod is under way: whether it exists is not known."""
    draining: bool = False
    """The server goes down: nothing starts, what runs is ended gracefully and goes on later."""
    room: bool = True
    """One more pod may be in flight."""


@dataclass(frozen=True, slots=True)
class Decision:
    """The records as they should be, and what follows."""

    task: TaskRecord
    attempt: AttemptRecord | None
    effects: tuple[Effect, ...] = ()
    look_again: float | None = None
    """After so many seconds, even where nothing else happens."""
