"""How long the runs that are under way usually take, as far as their users' earlier runs tell."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection

from seaway.model.run import Phase
from seaway.platform.database import runs
from seaway.platform.diagnosis.usual import Past, Usual, past_run, usual
from seaway.platform.engine.state import RunState

_LOOKED_AT = 500
"""Runs of a user, the newest, among which those of the same program are looked for."""


def usual_of(connection: Connection, states: Iterable[RunState], now: float) -> dict[str, Usual]:
    """Return how long the runs that are under way usually take, by their names; those of many tasks are left out.

    Args:
        connection: to read from.
        states: of all runs that have not ended.
        now: what time it is.
    """
    before: dict[str, list[Past]] = {}
    found = {}
    for state in states:
        begun = [one.started for one in state.attempts.values() if one.phase is Phase.RUNNING and one.started]
        if not state.single or not begun:
            continue
        user = state.run.user
        if user not in before:
            before[user] = [past_run(*each) for each in runs.succeeded_of(connection, user, _LOOKED_AT)]
        if (told := usual(state.run.command, begun[0], now, before[user])) is not None:
            found[state.run.name] = told
    return found
