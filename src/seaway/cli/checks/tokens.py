"""Checks of the tokens with which people speak to a server: when they end. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from seaway.cli.checks.certificates import SOON, lifetime
from seaway.cli.checks.check import Check, ok


def checks(caller: Mapping[str, Any], others: Iterable[Mapping[str, Any]], now: datetime) -> Iterator[Check]:
    """Yield when the caller's token ends, and which others end soon.

    Args:
        caller: who the caller is to the server.
        others: the tokens that the caller may see.
        now: the server's time: it is the server that refuses a token that has ended.
    """
    own = caller["token"]
    if own and caller["expires"] is None:
        yield ok("token", f"{own}, without an end")
    elif own:
        yield _check("token", {**caller, "name": own}, now)
    for each in others:
        if each["name"] != own and each["expires"] is not None and _ends(each) - now < SOON:
            yield _check(f"token {each['name']}", each, now)


def _ends(token: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(token["expires"])


def _check(line: str, token: Mapping[str, Any], now: datetime) -> Check:
    scope = token.get("scope", "all")
    kind = " --admin" if token["admin"] else "" if scope == "all" else f" --scope {scope}"
    remedy = (
        f"An administrator of the server makes another: seaway token create {token['name']}-next --user {token['user']}{kind}; "
        + ("then, with that: seaway login" if scope == "all" else "give that to who uses it")
    )
    return lifetime(line, now, _ends(token), now, remedy)
