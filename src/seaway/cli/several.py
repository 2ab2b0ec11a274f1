"""Commands that do the same to several runs: each is tried, and what could not be done is said of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from seaway.cli.output import Format, print_json, show_error
from seaway.sdk.errors import SeawayError

View = dict[str, Any]


def for_each(
    runs: Sequence[str], act: Callable[[str], View], say: Callable[[str, View], str], output: Format
) -> list[View]:
    """Do something to each run, and print what became of it: a line each, or all as one JSON list.

    What the server refuses for one run keeps no other from its turn.

    Args:
        runs: their names; one that is named twice has one turn.
        act: does it to one; returns what the server answers.
        say: returns the line about a run that it was done to.
        output: how to print.

    Returns:
        the answers, of those that it was done to.

    Raises:
        SeawayError: the first that was refused, when all have had their turn; the others have been shown. Where no server
            answers, at once.
    """
    done: list[View] = []
    refused: list[SeawayError] = []
    try:
        for run in dict.fromkeys(runs):
            try:
                view = act(run)
            except SeawayError as error:
                if not error.status:
                    raise
                refused.append(error)
                continue
            done.append(view)
            if output is Format.TEXT:
                print(say(run, view))
    finally:
        if output is Format.JSON and done:
            print_json(done)
    for other in refused[1:]:
        show_error(other)
    if refused:
        raise refused[0]
    return done
