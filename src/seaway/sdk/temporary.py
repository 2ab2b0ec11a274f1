"""A server of one's own for the time of a block: for tests of programs that use Seaway."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from seaway.sdk.home import Home

_COMMAND_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Server:
    """A running server of the platform with its own cluster: what `seaway up` starts."""

    home: Path
    """Its SEAWAY_HOME."""
    url: str
    """Of the REST API."""
    token: str
    """Of the REST API."""
    kubeconfig: Path
    """Of the cluster's administrator."""
    environment: Mapping[str, str]
    """With this a program's `seaway` commands and SDK go to this server."""

    def seaway(self, *arguments: str, folder: Path | None = None) -> str:
        """Run the command line in a folder; return what it printed.

        Raises:
            subprocess.CalledProcessError: it ended with another code than 0.
        """
        return _seaway(self.environment, *arguments, folder=folder)


@contextmanager
def server(environment: Mapping[str, str] | None = None) -> Iterator[Server]:
    """Run cluster, platform and REST API, in processes of their own and a home of their own, until the block is left.

    Args:
        environment: of these processes; None for that of this one.

    Raises:
        RuntimeError: it did not start; the message is that of `seaway up`.
    """
    with tempfile.TemporaryDirectory(prefix="seaway-test-") as name:
        folder = Path(name)
        home = Home(folder)
        left_out = ("SEAWAY_CONTEXT", "SEAWAY_TOKEN")  # they mean another server
        given = os.environ if environment is None else environment
        kept = {name: value for name, value in given.items() if name not in left_out}
        environment = {**kept, "SEAWAY_HOME": str(folder)}
        try:
            try:
                _seaway(environment, "up")
            except subprocess.CalledProcessError as error:
                raise RuntimeError(f"the server did not start: {error.stderr}") from error
            record, token = json.loads(home.record.read_text()), home.token.read_text().strip()
            yield Server(folder, record["url"], token, home.kubeconfig, environment)
        finally:
            _seaway(environment, "down")


def _seaway(environment: Mapping[str, str], *arguments: str, folder: Path | None = None) -> str:
    command = [sys.executable, "-m", "seaway", *arguments]
    done = subprocess.run(
        command, env=dict(environment), cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        check=True, timeout=_COMMAND_SECONDS,
    )  # fmt: skip
    return done.stdout
