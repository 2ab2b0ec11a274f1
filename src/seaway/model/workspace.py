"""Workspaces: namespaces that runs may be in."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field, field_validator, model_validator

from seaway.model.base import Value

WorkspaceName = Annotated[
    str,
    Field(
        pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", max_length=63,
        description="lower-case letters, digits and '-', at most 63 characters: it is the name of a namespace",
    ),
]  # fmt: skip


MOST_STORAGE = 1 << 62
StorageLimit = Annotated[
    int,
    Field(
        ge=0, le=MOST_STORAGE,
        description="bytes of outputs, checkpoints, logs and uploaded code, the bin included; 0 for no limit",
    ),
]  # fmt: skip


StorageFiles = Annotated[
    int,
    Field(
        ge=0, le=MOST_STORAGE,
        description="files of outputs, checkpoints and uploaded code, the bin included; 0 for any number",
    ),
]  # fmt: skip


class WorkspaceSpec(Value):
    """A workspace to be made."""

    name: WorkspaceName
    owner: Annotated[str, Field(min_length=1, max_length=63, pattern=r"^[^\x00-\x1f\x7f]*$")] | None = None
    """Who may delete it, beside administrators; None for whoever makes it."""
    storage_limit: StorageLimit | None = None
    """The most that its runs may take; None for what the server says of all workspaces."""
    storage_files: StorageFiles | None = None
    """In how many files; None for what the server says of all workspaces."""

    @field_validator("name")
    @classmethod
    def _is_not_kubernetes_own(cls, value: str) -> str:
        if value == "default" or value.startswith("kube-"):
            raise ValueError(f"the namespace {value} is Kubernetes' own: choose another name")
        return value


class WorkspaceChange(Value):
    """What is to be otherwise of a workspace; what is not given stays as it is."""

    storage_limit: StorageLimit | None = None
    """The most that its runs may take; None for what the server says of all workspaces."""
    storage_files: StorageFiles | None = None
    """In how many files; None for what the server says of all workspaces."""

    @model_validator(mode="after")
    def _changes_something(self) -> WorkspaceChange:
        if not self.model_fields_set:
            raise ValueError("nothing is to be otherwise: give storage_limit or storage_files")
        return self


class WorkspaceView(Value):
    """A workspace as the server shows it. Sizes in bytes, as each run counts."""

    name: str
    """Also the name of its namespace."""
    default: bool = False
    """Where runs are that name no workspace; it cannot be deleted."""
    owner: str = ""
    """Who may delete it, beside administrators; "" for the default one."""
    state: str = "active"
    """"active", or "deleting" until all of it is gone."""
    message: str = ""
    """What is wrong with it, or what its deletion waits for; "" for nothing."""
    created: datetime | None = None
    live: int = 0
    """Runs that have not ended."""
    runs: int = 0
    """All that are not in the bin."""
    binned: int = 0
    """Runs in the bin."""
    outputs: int = 0
    """The bin included; the same of the following."""
    checkpoints: int = 0
    logs: int = 0
    code: int = 0
    """Code and environments that were uploaded, each once."""
    total: int = 0
    storage_limit: int | None = None
    """The most that the total may be; None for no limit."""
    own_limit: bool = False
    """That was said of this workspace, not of all."""
    files: int = 0
    """In how many files outputs, checkpoints and code are kept."""
    storage_files: int | None = None
    """The most that these may be; None for any number."""
    own_files: bool = False
    """That was said of this workspace, not of all."""
    warning: str = ""
    """What is to be said of the total, from 80 % of a limit on."""


class ClaimView(Value):
    """A persistent volume claim."""

    name: str
    size: str = ""
    """What it asks for, as it was written."""


class WorkspaceLosses(Value):
    """What goes when a workspace is deleted."""

    name: str
    live: int
    """Runs that would be stopped."""
    runs: int
    """Runs, the live ones included, that go into the bin, from where they can be restored."""
    users: tuple[str, ...]
    """Whose these are."""
    outputs: int
    """Bytes of theirs; in the bin as well."""
    checkpoints: int
    logs: int
    bin_days: float
    """How long they can be restored."""
    namespace_goes: bool
    """Whether the namespace is deleted: this server made it. Else it stays, with all that follows here."""
    pods: tuple[str, ...] = ()
    """Pods that are no run's."""
    claims: tuple[ClaimView, ...] = ()
    others: dict[str, int] = Field(default_factory=dict)
    """How many objects of other kinds."""
    unseen: tuple[str, ...] = ()
    """Kinds that this server may not see."""

    @property
    def matter(self) -> bool:
        """Whether there is anything to lose."""
        return bool(self.runs or (self.namespace_goes and (self.pods or self.claims or self.others)))
