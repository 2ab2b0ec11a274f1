"""What can be set of a server's limits: on what runs take, on how long something is kept, on what lasts untold."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel

from seaway.model.base import Value

_LIMIT = r"^[1-9][0-9]{0,8}(G|T|P|Mi|Gi|Ti|Pi)$"
_LIMIT_OR_NONE = r"^([1-9][0-9]{0,8}(G|T|P|Mi|Gi|Ti|Pi))?$"
_AFTER = r"^(0|[1-9][0-9]{0,5}[smhd])$"


class ChartValues(Value):
    """Values of a Helm chart, named as those are."""

    model_config = ConfigDict(alias_generator=to_camel)


class Limits(ChartValues):
    """What runs may take."""

    scratch: str = Field(
        default="", pattern=_LIMIT_OR_NONE,
        description="The most that a run may leave on its container's own disk (/tmp, its folder), such as 20Gi, unless it "
        "asks with --scratch; no limit without it.",
    )  # fmt: skip
    scratch_files: Annotated[int, Field(ge=1000, le=1_000_000_000)] | None = Field(
        default=None, description="How many files that may be; any number without it."
    )
    storage: str = Field(
        default="", pattern=_LIMIT_OR_NONE,
        description="The most that one user's runs may take on the server, the bin included, such as 500Gi; no limit without it.",
    )  # fmt: skip
    workspace_storage: str = Field(
        default="", pattern=_LIMIT_OR_NONE,
        description="The most that the runs in one workspace may take there, such as 2Ti; no limit without it. "
        "`seaway workspace set` says it of a single one.",
    )  # fmt: skip
    storage_files: Annotated[int, Field(ge=1000, le=1_000_000_000)] | None = Field(
        default=None,
        description="The most files in which the outputs, checkpoints and code of one user's runs are kept; any number without it.",
    )
    workspace_storage_files: Annotated[int, Field(ge=1000, le=1_000_000_000)] | None = Field(
        default=None,
        description="The same for the runs in one workspace. `seaway workspace set` says it of a single one.",
    )
    bin_days: Annotated[int, Field(ge=1, le=3650)] = Field(
        default=30, description="How many days a removed run can be restored."
    )


class History(ChartValues):
    """How long it is remembered what happened."""

    days: Annotated[int, Field(ge=1, le=36_500)] = Field(
        default=365,
        description="After so many days changes, events and logs are forgotten. Runs themselves stay.",
    )
    logs: str = Field(
        default="20Gi",
        pattern=_LIMIT,
        description="How much is kept of all logs together; beyond it the oldest go.",
    )
    pods: Literal["all", "labelled", "none"] = Field(
        default="labelled",
        description="Whose logs are kept beside the runs': all pods of the namespace, those with seaway.dev/record=true, none.",
    )


class Notifications(ChartValues):
    """What people are told of that lasts."""

    waits: str = Field(
        default="30m",
        pattern=_AFTER,
        description="A run that has not started after so long is told of; 0 for never.",
    )
    hung: str = Field(
        default="1h",
        pattern=_AFTER,
        description="A run that has neither written to its log nor used the CPU for so long seems to hang; 0 for never.",
    )
