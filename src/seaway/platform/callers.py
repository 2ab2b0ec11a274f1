"""Who calls a server, and what they may do there.

Everybody who may call sees every run: a team works on one list. Changing a run (stop, retry, remove, restore) is for
whoever submitted it, and for administrators.
"""

from __future__ import annotations

from dataclasses import dataclass

from seaway.model.user_token import TokenScope
from seaway.platform.errors import Forbidden


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody whose token is good."""

    user: str
    """Whose runs they submit."""
    admin: bool = False
    """May change everybody's runs, and make and revoke tokens."""
    token: str = ""
    """The name of the token, "" for one that comes from a file."""
    expires: float | None = None
    """When the token ends, in seconds since the epoch; None for never."""
    scope: TokenScope = TokenScope.ALL
    """What the token opens."""


def check_may_change(caller: Caller, run: str, owner: str) -> None:
    """Raise Forbidden where somebody may not change a run that `owner` submitted."""
    if not caller.admin and caller.user != owner:
        raise Forbidden(
            f"the run {run!r} belongs to {owner}", field="run", remedy=f"Ask {owner} or an administrator."
        )


def check_admin(caller: Caller, does: str) -> None:
    """Raise Forbidden where somebody is no administrator.

    Args:
        caller: who asks.
        does: what only administrators do, as the end of a sentence: "make tokens".
    """
    if not caller.admin:
        raise Forbidden(
            f"only administrators {does}, and {caller.user} is none",
            remedy="Ask an administrator of the server.",
        )


def check_opens_all(caller: Caller) -> None:
    """Raise Forbidden where a token is for something else than its user's work."""
    if caller.scope is not TokenScope.ALL:
        raise Forbidden(
            f"the token {caller.token!r} opens /{caller.scope} alone",
            remedy="Use a token of your own: an administrator makes it with `seaway token create NAME`.",
        )


def check_may_report(caller: Caller) -> None:
    """Raise Forbidden where somebody may not say what was done in the cluster: history believes it."""
    if not caller.admin and caller.scope is not TokenScope.AUDIT:
        raise Forbidden(
            "audit events come with a token that was made for them, or an administrator's",
            remedy="Ask an administrator of the server: seaway token create audit --scope audit",
        )


def check_may_measure(caller: Caller) -> None:
    """Raise Forbidden where somebody may not read what is measured: it is about everybody's work."""
    if not caller.admin and caller.scope is not TokenScope.METRICS:
        raise Forbidden(
            "/metrics needs a token that was made for it, or an administrator's",
            remedy="Ask an administrator of the server: seaway token create prometheus --scope metrics",
        )
