"""`seaway logout`."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from seaway.cli.arguments import complete_contexts
from seaway.cli.context import current_home, current_target, note
from seaway.sdk.contexts import Contexts, change_contexts, read_contexts
from seaway.sdk.errors import SeawayError
from seaway.sdk.token_store import forget_token

EPILOG = """\b
Examples:
  seaway logout               the current context's
  seaway logout team"""


def logout(
    context: Annotated[
        str | None,
        typer.Argument(
            metavar="CONTEXT",
            help="Which one [default: the current one].",
            autocompletion=complete_contexts,
        ),
    ] = None,
) -> None:
    """Forget the token of a context. The context stays: seaway login NAME takes it up again."""
    home = current_home()
    found = current_target().context if context is None else read_contexts(home).get(context)
    if found is None:
        raise SeawayError(
            "nobody logs in to this machine's own cluster",
            code="Usage",
            field="CONTEXT",
            remedy="Name the context: seaway context lists them",
        )
    forget_token(home, found)

    def without_token(contexts: Contexts) -> Contexts:
        kept = contexts.named.get(found.name)
        if kept is None:
            return contexts
        return replace(
            contexts, named={**contexts.named, found.name: replace(kept, keyring=False, expires=None)}
        )

    change_contexts(home, without_token)
    note(
        f"Logged out of {found.name}. The token itself is good until it ends or an administrator revokes it."
    )
