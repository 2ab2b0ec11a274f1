"""Checks of the tokens with which people speak to a server: when they end. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from seaway.base.messages import wording
from seaway.cli.checks.certificates import SOON, lifetime
from seaway.cli.checks.check import Check, ok


def checks(caller: Mapping[str, Any], others: Iterable[Mapping[str, Any]], now: datetime) -> Iterator[Check]:
    """Yield when the caller's token ends, and which others end soon.

    Args:
        caller: who the caller is to the server.
        others: the tokens that the caller may see.
        now: the server's time: it is the server that refuses a token that has ended.
    """
    own, name = caller["token"], wording("token")
    if own and caller["expires"] is None:
        yield ok(name, wording("{token}, without an end", token=own))
    elif own:
        yield _check(name, {**caller, "name": own}, now)
    for each in others:
        if each["name"] != own and each["expires"] is not None and _ends(each) - now < SOON:
            yield _check(wording("token {token}", token=each["name"]), each, now)


def _ends(token: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(token["expires"])


def _check(line: str, token: Mapping[str, Any], now: datetime) -> Check:
    scope = token.get("scope", "all")
    kind = " --admin" if token["admin"] else "" if scope == "all" else f" --scope {scope}"
    making = f"seaway token create {token['name']}-next --user {token['user']}{kind}"
    if scope == "all":
        remedy = wording(
            "An administrator of the server makes another: {making}; then, with that: {using}",
            making=making, using="seaway login",
        )  # fmt: skip
    else:
        remedy = wording(
            "An administrator of the server makes another: {making}; give that to who uses it", making=making
        )
    return lifetime(line, now, _ends(token), now, remedy)
