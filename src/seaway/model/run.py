"""Runs, tasks and attempts: what a user submits and what a server shows of it.

A Run is a directed acyclic graph of one or more tasks; a task's attempt is one Pod. The `*Spec` classes are what
travels to the server, the `*View` classes what it answers.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from seaway.base.messages import Catalogue, spoken_in
from seaway.model.attempt_usage import AttemptUsage
from seaway.model.base import Name, Sha256, Value
from seaway.model.resources import Resources
from seaway.model.verdict import Sentence, Verdict
from seaway.model.volume import VolumeMount, colliding
from seaway.model.workspace import WorkspaceName
from seaway.objects.quantity import parse_quantity

DEFAULT_IMAGE = "python"
"""The image name that the embedded cluster maps to the host's own Python; a server may set another default."""

VARIABLE = r"^[A-Za-z_][A-Za-z0-9_.-]*$"
"""What an environment variable may be called."""
LONGEST_COMMAND = 65_536
"""Bytes of a command with its arguments: Linux passes no more than 128 KiB in one string."""


class Phase(StrEnum):
    """Where a run, a task or an attempt stands."""

    QUEUED = "queued"
    """Accepted; its pod does not run yet (waits for a dependency, for room, for an environment)."""
    STARTING = "starting"
    """Its pod exists and is not running yet."""
    RUNNING = "running"
    STOPPING = "stopping"
    """Was asked to stop and has not ended yet."""
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    STOPPED = "stopped"
    """Ended because somebody asked."""
    SKIPPED = "skipped"
    """Never started because a task that it depends on did not succeed."""

    @property
    def ended(self) -> bool:
        """Nothing follows this phase by itself."""
        return self in _ENDED


_ENDED = frozenset({Phase.SUCCEEDED, Phase.FAILED, Phase.STOPPED, Phase.SKIPPED})


RetryOn = Annotated[
    str,
    Field(
        pattern=r"^(user|resource|deadline|unknown|25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9][0-9]?|[A-Z][A-Za-z]{1,60})$",
        description='"user", "resource", "deadline", "unknown", an exit code, or a cause such as "GpuOutOfMemory"',
    ),
]
LockName = Annotated[
    str,
    Field(
        pattern=r"^[a-z0-9]([-a-z0-9._/]*[a-z0-9])?$", max_length=100,
        description="lower-case letters, digits, '-', '.', '_' and '/', at most 100 characters",
    ),
]  # fmt: skip


class SecretRef(Value):
    """A Kubernetes Secret of the workspace that a task gets as environment variables."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$", max_length=253)]
    key: Annotated[str, Field(pattern=r"^[-._a-zA-Z0-9]+$", max_length=253)] | None = None
    """One key of it; None for all of them, each as a variable of its own name."""
    variable: Annotated[str, Field(pattern=VARIABLE)] | None = None
    """The variable's name where it differs from the key; only with a key."""

    @model_validator(mode="after")
    def _variable_of_a_key(self) -> SecretRef:
        if self.variable is not None and self.key is None:
            raise ValueError(f"variable {self.variable!r}: say which key of the secret {self.name!r} it gets")
        return self


class TaskSpec(Value):
    """One task: a command with what it needs."""

    name: Name = "main"
    command: Annotated[tuple[str, ...], Field(min_length=1)]
    """Program and arguments. "python" means the task's environment's own Python."""
    resources: Resources = Resources()
    image: Annotated[str, Field(min_length=1, max_length=1024)] | None = None
    """None for the server's default image."""
    env: dict[Annotated[str, Field(pattern=VARIABLE)], str] = Field(default_factory=dict)
    secrets: tuple[SecretRef, ...] = ()
    volumes: Annotated[tuple[VolumeMount, ...], Field(max_length=64)] = ()
    """Volumes of the workspace, and where they are mounted."""
    code: Sha256 | None = None
    """Digest of an uploaded code snapshot; None to start in an empty folder."""
    environment: Sha256 | None = None
    """Digest of an uploaded lock of requirements; None for the image's own packages."""
    workdir: str | None = None
    """Folder inside the snapshot to start in, relative."""
    timeout_seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    """How long one attempt may run; None for no limit."""
    wait_limit_seconds: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    """How long it may wait until its program starts for the first time: for a place, a lock, a node, its image. It counts from
    when the tasks that it comes after have succeeded, and anew after a retry; None for no limit."""
    stop_if_hung_seconds: Annotated[float, Field(ge=1, allow_inf_nan=False)] | None = None
    """An attempt that writes nothing to its log and uses no CPU for so long is ended; None: it may go on."""
    retries: Annotated[int, Field(ge=0, le=1000)] = 0
    """How often the program's own failure is tried again. Infrastructure losses never count."""
    retry_on: tuple[RetryOn, ...] = ()
    """Which endings the retries are for: classes ("user", "resource", "deadline", "unknown"), exit codes ("75") and causes
    ("GpuOutOfMemory"); none for all."""
    on_oom: Literal["fail", "grow"] = "fail"
    """What follows when it runs out of memory: its ending, or another attempt with twice as much, up to the cap."""
    memory_cap: str | None = None
    """The most memory that it may grow to; None for four times what it asks for."""
    lock: LockName | None = None
    """A lock that at most one attempt of all runs holds at a time."""
    after: tuple[Name, ...] = ()
    """Names of tasks that must succeed before this one starts."""

    @model_validator(mode="after")
    def _can_be_tried_again(self) -> TaskSpec:
        if self.retry_on and not self.retries:
            raise ValueError("retry_on: say with retries how often")
        if self.memory_cap is not None and self.on_oom != "grow":
            raise ValueError("memory_cap: it is for tasks whose on_oom is grow")
        if self.on_oom == "grow" and self.resources.memory is None:
            raise ValueError("on_oom: growing needs resources.memory to begin with")
        if self.memory_cap is not None and parse_quantity(self.memory_cap) < parse_quantity(
            self.resources.memory or "0"
        ):
            raise ValueError("memory_cap: it is less than resources.memory")
        return self

    @field_validator("command")
    @classmethod
    def _can_be_started(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value[0]:
            raise ValueError("the program's name is empty")
        if any("\0" in word for word in value):
            raise ValueError("an argument holds a zero byte, which no program can be given")
        if sum(len(word.encode()) + 1 for word in value) > LONGEST_COMMAND:
            raise ValueError(f"is longer than {LONGEST_COMMAND} bytes: put what is long into a file")
        return value

    @field_validator("env")
    @classmethod
    def _can_be_passed(cls, value: dict[str, str]) -> dict[str, str]:
        for name, text in value.items():
            if "\0" in text:
                raise ValueError(f"the value of {name} holds a zero byte, which no program can be given")
            if len(text.encode()) > LONGEST_COMMAND:
                raise ValueError(
                    f"the value of {name} is longer than {LONGEST_COMMAND} bytes: put it into a file"
                )
        return value

    @field_validator("volumes")
    @classmethod
    def _can_be_mounted_together(cls, value: tuple[VolumeMount, ...]) -> tuple[VolumeMount, ...]:
        if why := colliding(value):
            raise ValueError(why)
        return value

    @field_validator("workdir")
    @classmethod
    def _inside_the_snapshot(cls, value: str | None) -> str | None:
        if value is not None and (value.startswith("/") or ".." in value.split("/") or "\0" in value):
            raise ValueError("must be a relative path inside the code snapshot, without '..'")
        return value


class Origin(Value):
    """How a run was typed, so that advice can repeat it. Nothing is done with it, and no secret belongs in it."""

    arguments: Annotated[
        tuple[Annotated[str, Field(max_length=4096)], ...], Field(min_length=1, max_length=256)
    ]
    """What stands after `seaway run`: options (each with its value), then "SCRIPT.py ..." or "-- COMMAND ..."."""
    requirements: Annotated[str, Field(max_length=1024)] | None = None
    """The file that the packages came from, as the user would name it; "" for the active environment; None for none."""


class RunSpec(Value):
    """What a user submits."""

    name: Name | None = None
    """None: the server makes one from the first task's command."""
    workspace: WorkspaceName | None = None
    """None for the server's default one."""
    tasks: Annotated[tuple[TaskSpec, ...], Field(min_length=1, max_length=100_000)]
    origin: Origin | None = None

    @field_validator("tasks")
    @classmethod
    def _is_a_graph(cls, value: tuple[TaskSpec, ...]) -> tuple[TaskSpec, ...]:
        from seaway.model.graph import check_graph

        check_graph({task.name: task.after for task in value}, [task.name for task in value])
        return value


class AttemptView(Value):
    """One try of a task: one Pod."""

    number: int
    """From 1."""
    phase: Phase
    pod: str
    node: str | None = None
    created: datetime
    started: datetime | None = None
    finished: datetime | None = None
    exit_code: int | None = None
    verdict: Verdict | None = None
    usage: AttemptUsage | None = None
    """What its program uses now; None where it does not run, or nothing was measured lately."""
    peak_memory: int | None = None
    """The most bytes of memory that were seen in use, where that is known."""
    memory_limit: int | None = None
    """Bytes of memory that it may use; None for no limit."""

    def spoken_in(self, catalogue: Catalogue) -> Self:
        """Return the same in another language."""
        return self.model_copy(update={"verdict": self.verdict and self.verdict.spoken_in(catalogue)})


class TaskView(Value):
    """One task of a run and its attempts, oldest first."""

    name: str
    phase: Phase
    after: tuple[str, ...] = ()
    message: Sentence = ""
    """In one sentence, what it waits for or how it ended."""
    attempts: tuple[AttemptView, ...] = ()

    def spoken_in(self, catalogue: Catalogue) -> Self:
        """Return the same in another language."""
        attempts = tuple(attempt.spoken_in(catalogue) for attempt in self.attempts)
        return self.model_copy(update={"message": spoken_in(self.message, catalogue), "attempts": attempts})


class RunView(Value):
    """A run as the server shows it."""

    name: str
    user: str
    workspace: str = ""
    """The namespace of its pods."""
    phase: Phase
    message: str = ""
    """In one sentence, what it waits for or how it ended."""
    doubt: str = ""
    """In one sentence, why that may have passed since: the cluster does not hear of its node; "" where it does."""
    command: str
    """The first task's command line, for lists."""
    created: datetime
    started: datetime | None = None
    finished: datetime | None = None
    deleted: datetime | None = None
    """When it was removed; it can be restored until the bin is emptied."""
    emptied: datetime | None = None
    """From when on a removed run is taken out of the bin for good."""
    verdict: Verdict | None = None
    exit_code: int | None = None
    """What `seaway run` exits with: the first failed task's, 0 where all succeeded, None while it is not known."""
    tasks: tuple[TaskView, ...] = ()
    """Empty in lists."""
    spec: RunSpec | None = None
    """Empty in lists."""

    def spoken_in(self, catalogue: Catalogue) -> Self:
        """Return the same in another language: what it says is what its verdict or one of its tasks says."""
        said = {one.message: one.message for one in (self.verdict, *self.tasks) if one is not None}
        return self.model_copy(
            update={
                "message": spoken_in(said.get(self.message, self.message), catalogue),
                "verdict": self.verdict and self.verdict.spoken_in(catalogue),
                "tasks": tuple(task.spoken_in(catalogue) for task in self.tasks),
            }
        )


class CheckpointView(Value):
    """What a task has saved: its next attempt begins from it."""

    task: str
    attempt: int
    """Which one saved it."""
    sha256: str
    """Of the list of its blocks."""
    size: int
    """Bytes."""
    saved: datetime


class LossView(Value):
    """An attempt that was lost on purpose."""

    task: str
    attempt: int
    pod: str
    node: str | None = None
    at: datetime
    """From then on nothing that it makes is kept."""
    checkpoint: CheckpointView | None = None
    """What is left of it; None where nothing had been saved."""


class OutputView(Value):
    """One file that a run committed."""

    task: str
    path: str
    """Relative, with "/"."""
    size: int
    """Bytes."""
    sha256: str
    committed: datetime
