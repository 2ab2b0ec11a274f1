"""The tokens of a team's users, and who somebody is by theirs."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from seaway.model.base import Value

LONGEST_LIFE = 10 * 365 * 86400.0
"""Seconds."""
UserName = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9][-A-Za-z0-9._@]*$", max_length=63,
        description="letters, digits, '-', '.', '_' and '@', at most 63 characters",
    ),
]  # fmt: skip


class TokenScope(StrEnum):
    """What a token opens."""

    ALL = "all"
    """What its user may do."""
    METRICS = "metrics"
    """What Prometheus reads, and nothing else."""
    AUDIT = "audit"
    """To send a cluster's audit events, and nothing else."""


class UserTokenSpec(Value):
    """The token that an administrator asks for."""

    name: UserName
    """The token's own; no two good ones have the same."""
    user: UserName | None = None
    """Whose runs are submitted with it; None for the token's name."""
    admin: bool = False
    scope: TokenScope = TokenScope.ALL
    lifetime_seconds: Annotated[float, Field(gt=0, le=LONGEST_LIFE, allow_inf_nan=False)] | None = None
    """None: until it is revoked."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.admin and self.scope is not TokenScope.ALL:
            raise ValueError(
                f"a token of the scope {self.scope} is no administrator's: leave out one of the two"
            )
        return self


class UserTokenView(Value):
    """A token, without what makes it one."""

    name: str
    user: str
    admin: bool
    scope: TokenScope = TokenScope.ALL
    created: datetime
    created_by: str
    expires: datetime | None = None


class NewUserToken(UserTokenView):
    """A token that was made just now: the one time that its text is shown."""

    token: str


class WhoamiView(Value):
    """Who calls."""

    user: str
    admin: bool
    token: str | None = None
    """The token's name; None for one that the server reads from a file."""
    expires: datetime | None = None
