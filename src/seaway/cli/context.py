"""What every command starts from: the environment, the home, the context and its server."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from seaway import __version__
from seaway.cli.asked import ASKED
from seaway.sdk.errors import SeawayError
from seaway.sdk.home import DaemonRecord, Home

if TYPE_CHECKING:
    from seaway.sdk.client import SeawayClient
    from seaway.sdk.connection import Endpoint
    from seaway.sdk.contexts import Context

LOCAL = "local"
VARIABLE = "SEAWAY_CONTEXT"
LOCAL_PATIENCE, REMOTE_PATIENCE = 60.0, 300.0
"""Seconds that a server may be away while something is followed. Elsewhere more: a laptop changes its network."""


@dataclass(frozen=True)
class Target:
    """The server that a command works on: that of the home, or the one of a context."""

    home: Home
    context: Context | None = None
    """None for the home's own."""

    @property
    def name(self) -> str:
        """The context's name."""
        return LOCAL if self.context is None else self.context.name

    @cached_property
    def _token(self) -> str:
        from seaway.sdk.token_store import load_token

        assert self.context is not None
        return load_token(self.home, self.context)

    def endpoint(self) -> Endpoint:
        """Return where the server is.

        Raises:
            ServerUnreachable: the home's does not run.
            SeawayError: nobody is logged in.
        """
        if self.context is None:
            return self.home.endpoint()
        from seaway.sdk.connection import Endpoint
        from seaway.sdk.proxies import proxy_for

        context = self.context
        return Endpoint(
            context.url, self._token, context.ca, context.name, proxy_for(context.url, os.environ)
        )

    def connect(self) -> SeawayClient:
        """Return a client of the server; of a home's, only one of this release.

        Raises:
            ServerUnreachable: there is none.
            SeawayError: it is one of another version, or nobody is logged in.
        """
        from seaway.base.languages import from_environment
        from seaway.sdk.client import SeawayClient  # late: it brings HTTP and TLS

        endpoint = self.endpoint()
        if self.context is None:
            require_same_version(self.home.read_record())
        elsewhere = self.context is not None
        return SeawayClient(
            endpoint.url,
            endpoint.token,
            endpoint.ca,
            locate=self.endpoint,
            patience=REMOTE_PATIENCE if elsewhere else LOCAL_PATIENCE,
            say=note,
            replicated=elsewhere,
            language=from_environment(os.environ),
        )


def current_home() -> Home:
    """Return the home that SEAWAY_HOME names, ~/.seaway where it names none."""
    named = os.environ.get("SEAWAY_HOME")
    return Home(Path(named).expanduser().absolute() if named else Path.home() / ".seaway")


def current_target() -> Target:
    """Return what --context, SEAWAY_CONTEXT or the last `seaway context use` name, in this order.

    Raises:
        SeawayError: there is no such context, or the file of contexts is damaged.
    """
    from seaway.sdk.contexts import chosen_name, read_contexts

    home = current_home()
    name = chosen_name(ASKED.get(), os.environ.get(VARIABLE), lambda: read_contexts(home))
    return Target(home, None if name == LOCAL else read_contexts(home).get(name))


def connect() -> SeawayClient:
    """Return a client of the current context's server. Raises what `Target.connect` does."""
    return current_target().connect()


def for_this_machine(command: str, does: str) -> str:
    """Return the name of the current context, for a command that is about this machine whatever that is.

    Args:
        command: its name.
        does: what it does, as the end of a sentence.

    Raises:
        SeawayError: another context was asked for with --context.
    """
    asked = ASKED.get()
    if asked not in (None, LOCAL):
        raise SeawayError(
            f"seaway {command} {does}; the context {asked!r} is a server elsewhere",
            code="Usage",
            field="--context",
            remedy=f"Leave --context out: seaway {command}",
        )
    try:
        return LOCAL if asked else current_target().name
    except SeawayError as error:  # this machine's cluster does not depend on it
        note(f"{error.message}. {error.remedy}")
        return LOCAL


def require_local(command: str, reason: str) -> Home:
    """Return the home, for a command that has no meaning elsewhere.

    Raises:
        SeawayError: the current context is a server elsewhere.
    """
    target = current_target()
    if target.context is not None:
        raise SeawayError(
            f"the context {target.name!r} is a server elsewhere: {reason}",
            code="Usage",
            remedy=f"For this machine's own cluster: seaway {command} --context {LOCAL}",
        )
    return target.home


def require_same_version(record: DaemonRecord | None) -> None:
    """Raise SeawayError where the home's server is of another version than this command."""
    if record is not None and record.version != __version__:
        raise SeawayError(
            f"the server that runs is Seaway {record.version}, this command is Seaway {__version__}",
            code="OtherVersion",
            remedy="seaway down, then seaway up (runs go on where they were)",
        )


def note(text: str) -> None:
    """Say something to the person, apart from the result."""
    print(text, file=sys.stderr, flush=True)
