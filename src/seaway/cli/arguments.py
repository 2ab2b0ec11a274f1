"""Arguments and options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

from seaway.cli.output import Format


def complete_runs(incomplete: str) -> list[str]:
    """Return names of runs that begin so; none where no server answers quickly."""
    from seaway.cli.context import current_home
    from seaway.sdk.client import SeawayClient
    from seaway.sdk.errors import SeawayError

    home = current_home()
    try:
        endpoint = home.endpoint()
        with SeawayClient(endpoint.url, endpoint.token, endpoint.ca, timeout=1.0) as client:
            names = [run["name"] for run in client.runs(all=True, limit=200)]
    except (SeawayError, OSError):
        return []
    return [name for name in names if name.startswith(incomplete)]


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
