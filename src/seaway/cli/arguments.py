"""Arguments and options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seaway.cli.asked import ASKED
from seaway.cli.output import Format

if TYPE_CHECKING:
    from seaway.sdk.client import SeawayClient


def complete_runs(incomplete: str) -> list[str]:
    """Return names of runs that begin so; none where no server answers quickly."""
    return _begin_so(incomplete, lambda client: client.runs(all=True, limit=200))


def complete_workspaces(incomplete: str) -> list[str]:
    """Return names of workspaces that begin so; none where no server answers quickly."""
    return _begin_so(incomplete, lambda client: client.workspaces())


def complete_volumes(incomplete: str) -> list[str]:
    """Return names of the default workspace's volumes that begin so; none where no server answers quickly."""
    return _begin_so(incomplete, lambda client: client.volumes())


def _begin_so(incomplete: str, ask: Callable[[SeawayClient], list[dict[str, Any]]]) -> list[str]:
    from seaway.cli.context import current_target
    from seaway.sdk.client import SeawayClient
    from seaway.sdk.errors import SeawayError

    try:
        endpoint = current_target().endpoint()
        with SeawayClient(
            endpoint.url, endpoint.token, endpoint.ca, locate=lambda: endpoint, timeout=1.0
        ) as client:
            names = [str(one["name"]) for one in ask(client)]
    except (SeawayError, OSError):
        return []
    return [name for name in names if name.startswith(incomplete)]


def complete_contexts(incomplete: str) -> list[str]:
    """Return names of contexts that begin so."""
    from seaway.cli.context import current_home
    from seaway.sdk.contexts import LOCAL, read_contexts
    from seaway.sdk.errors import SeawayError

    try:
        names = [LOCAL, *sorted(read_contexts(current_home()).named)]
    except (SeawayError, OSError):
        return []
    return [name for name in names if name.startswith(incomplete)]


def choose_context(value: str | None) -> str | None:
    """Keep what --context says for whoever connects."""
    if value is not None:
        ASKED.set(value)
    return value


ContextOption = Annotated[
    str | None,
    typer.Option(
        "--context",
        metavar="NAME",
        help="Another server than the current one: seaway context lists them.",
        autocompletion=complete_contexts,
        callback=choose_context,
    ),
]
ContextName = Annotated[
    str,
    typer.Argument(
        metavar="NAME",
        help="The context's name, as seaway context shows it.",
        autocompletion=complete_contexts,
    ),
]
RunName = Annotated[
    str,
    typer.Argument(
        metavar="RUN", help="The run's name, as seaway ps shows it.", autocompletion=complete_runs
    ),
]
RunNames = Annotated[
    list[str],
    typer.Argument(
        metavar="RUN...", help="Names of runs, as seaway ps shows them.", autocompletion=complete_runs
    ),
]
Output = Annotated[
    Format, typer.Option("--output", "-o", metavar="text|json", help="How to print the result.")
]
OfWorkspace = Annotated[
    str | None,
    typer.Option("--workspace", metavar="NAME", help="Only runs in it.", autocompletion=complete_workspaces),
]
OfUser = Annotated[str | None, typer.Option("--user", metavar="NAME", help="Only runs of this user.")]
