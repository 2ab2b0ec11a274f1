"""In which language a command explains: what --language says, or else what the environment asks for."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from seaway.base.languages import LANGUAGES, VARIABLE, from_environment, known
from seaway.sdk.errors import SeawayError

Language = Annotated[
    str | None,
    typer.Option(
        "--language",
        metavar="LANGUAGE",
        help=f"Explain in this language: {', '.join(LANGUAGES)} [default: {VARIABLE}, or that of the locale].",
        autocompletion=lambda: list(LANGUAGES),
        show_default=False,
    ),
]


def language(asked: str | None) -> str:
    """Return the code of the language that is wanted.

    Raises:
        SeawayError: one was asked for that there is not.
    """
    if asked is None:
        return from_environment(os.environ)
    found = known(asked)
    if found is None:
        named = ", ".join(f"{code} ({name})" for code, name in LANGUAGES.items())
        raise SeawayError(
            f"nothing is explained in {asked!r}", code="Usage", field="--language", remedy=f"One of {named}"
        )
    return found
