"""`seaway version`."""

from __future__ import annotations

import platform

from seaway import __version__
from seaway.cli.arguments import Output
from seaway.cli.context import Target, current_target, note
from seaway.cli.output import Format, print_json
from seaway.sdk.errors import SeawayError
from seaway.sdk.home import Home, is_locked

EPILOG = """\b
Examples:
  seaway version
  seaway version -o json      for programs"""


def version(output: Output = Format.TEXT) -> None:
    """Print the version of this command, and of the current context's server where that answers."""
    target = current_target()
    server = _local(target.home) if target.context is None else _elsewhere(target)
    if output is Format.JSON:
        print_json({"version": __version__, "server": server, "python": platform.python_version()})
        return
    print(f"seaway {__version__}")
    if server not in (None, __version__):
        print(f"server {server}")


def _local(home: Home) -> str | None:
    record = home.read_record() if is_locked(home.lock) else None
    return record.version if record else None


def _elsewhere(target: Target) -> str | None:
    try:
        with target.connect() as client:
            return str(client.version()["version"])
    except SeawayError as error:
        note(f"The server of the context {target.name} was not asked: {error.message}")
        return None
