"""The tokens of a team's users, and who somebody is by theirs."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

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


class UserTokenSpec(Value):
    """The token that an administrator asks for."""

    name: UserName
    """The token's own; no two good ones have the same."""
    user: UserName | None = None
    """Whose runs are submitted with it; None for the token's name."""
    admin: bool = False
    lifetime_seconds: Annotated[float, Field(gt=0, le=LONGEST_LIFE, allow_inf_nan=False)] | None = None
    """None: until it is revoked."""


class UserTokenView(Value):
    """A token, without what makes it one."""

    name: str
    user: str
    admin: bool
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
