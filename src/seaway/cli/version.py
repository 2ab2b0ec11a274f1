"""`seaway version`."""

from __future__ import annotations

import platform

from seaway import __version__
from seaway.cli.arguments import Output
from seaway.cli.context import current_home
from seaway.cli.output import Format, print_json
from seaway.sdk.home import is_locked


def version(output: Output = Format.TEXT) -> None:
    """Print the version of this command, and of the server where one runs."""
    home = current_home()
    record = home.read_record() if is_locked(home.lock) else None
    if output is Format.JSON:
        server = record.version if record else None
        print_json({"version": __version__, "server": server, "python": platform.python_version()})
        return
    print(f"seaway {__version__}")
    if record and record.version != __version__:
        print(f"server {record.version}")
