"""Contexts: the servers that a person works on, by name, and which of them is the current one.

`local` is the embedded cluster of the home and is always there. The others are kept in one file of the home, so that
homes stay apart; the tokens are kept elsewhere (`seaway.sdk.token_store`).
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from seaway.sdk.errors import SeawayError
from seaway.sdk.home import Home, write_private

LOCAL = "local"
FILE = "contexts.json"
FORMAT = 1
NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?")
NAME_RULE = "Use lower-case letters, digits, '-' and '.', at most 63 characters"
LOCK_SECONDS = 10.0
_LOCK_POLL = 0.02


@dataclass(frozen=True, slots=True)
class Context:
    """A server that somebody logged in to."""

    name: str
    url: str
    ca: str | None = None
    """PEM of the certificates that are trusted; None for those of the system."""
    user: str = ""
    """Who they are there."""
    expires: str | None = None
    """When the token ends (RFC 3339); None for never."""
    keyring: bool = False
    """Whether the token lies in the keyring; else in a file."""


@dataclass(frozen=True, slots=True)
class Contexts:
    """All that a home's file says."""

    current: str = LOCAL
    named: Mapping[str, Context] = field(default_factory=dict)

    def get(self, name: str) -> Context | None:
        """Return a context; None for the local one.

        Raises:
            SeawayError: there is none of that name.
        """
        if name == LOCAL:
            return None
        if name not in self.named:
            known = ", ".join([LOCAL, *sorted(self.named)])
            raise SeawayError(
                f"there is no context {name!r}; there are: {known}",
                code="Usage",
                remedy="seaway login URL makes one",
            )
        return self.named[name]

    def of_url(self, url: str) -> Context | None:
        """Return the context of a server."""
        return next((context for context in self.named.values() if context.url == url), None)

    def with_context(self, context: Context) -> Contexts:
        """Return these with one more, or another one in its place; it is the current one."""
        return Contexts(context.name, {**self.named, context.name: context})

    def with_current(self, name: str) -> Contexts:
        """Return these with another current one. Raises SeawayError where there is none of that name."""
        self.get(name)
        return replace(self, current=name)

    def without(self, name: str) -> Contexts:
        """Return these without one; where it was the current one, the local one is. Raises SeawayError."""
        if self.get(name) is None:
            raise SeawayError("the context local is always there", code="Usage", remedy="seaway context")
        left = {key: context for key, context in self.named.items() if key != name}
        return Contexts(LOCAL if self.current == name else self.current, left)

    def renamed(self, old: str, new: str) -> Contexts:
        """Return these with another name for one. Raises SeawayError where that cannot be."""
        context = self.get(old)
        if context is None:
            raise SeawayError("the context local keeps its name", code="Usage", remedy="seaway context")
        if new in self.named:
            raise SeawayError(
                f"there is a context {new!r} already", code="Usage", remedy=f"seaway context rm {new}"
            )
        left = self.without(old)
        named = {**left.named, check_name(new): replace(context, name=new)}
        return Contexts(new if self.current == old else self.current, named)


def chosen_name(asked: str | None, variable: str | None, contexts: Callable[[], Contexts]) -> str:
    """Return the name of the context that a command works on.

    Args:
        asked: what --context says.
        variable: what SEAWAY_CONTEXT says.
        contexts: asked only where neither says anything.
    """
    return asked or variable or contexts().current


def check_name(name: str) -> str:
    """Return the name of a new context. Raises SeawayError where it cannot be one."""
    if name == LOCAL:
        raise SeawayError(
            "the name local is that of this machine's own cluster",
            code="Usage",
            field="--name",
            remedy="Choose another name",
        )
    if not NAME.fullmatch(name):
        raise SeawayError(
            f"{name!r} cannot be a context's name", code="Usage", field="--name", remedy=NAME_RULE
        )
    return name


def name_of_url(url: str) -> str:
    """Return the name that a server's context gets where none is asked for: its host."""
    plain = re.sub(r"[^-a-z0-9.]+", "-", (urlsplit(url).hostname or "").lower()).strip("-.")[:63].strip("-.")
    return plain if plain and plain != LOCAL else "server"


def contexts_path(home: Home) -> Path:
    """Return where a home's contexts are; the file need not be there."""
    return home.path / FILE


def read_contexts(home: Home) -> Contexts:
    """Return a home's contexts.

    Raises:
        SeawayError: the file cannot be read, or was changed by hand into something else.
    """
    path = contexts_path(home)
    try:
        return parse_contexts(path.read_text())
    except (FileNotFoundError, NotADirectoryError):
        return Contexts()
    except PermissionError as error:
        raise SeawayError(
            f"{path} cannot be read: {error.strerror}",
            code="Forbidden",
            remedy="Check who owns it and its mode",
        ) from error
    except (ValueError, TypeError, KeyError, AttributeError, OSError) as error:
        raise SeawayError(
            f"{path} is damaged: {_fault(error)}",
            code="Settings",
            remedy=f"Remove it and log in again (seaway login URL); --context {LOCAL} works without it",
        ) from error


def parse_contexts(text: str) -> Contexts:
    """Return what a file says. Raises ValueError, TypeError, KeyError or AttributeError for anything else than was written."""
    said = json.loads(text)
    if said["format"] != FORMAT:
        raise ValueError(f"format {said['format']!r}: a newer Seaway wrote it")
    named = {name: _context(name, values) for name, values in said["contexts"].items()}
    current = said["current"]
    if current != LOCAL and current not in named:
        raise ValueError(f"the current context {current!r} is not in it")
    return Contexts(current, named)


def format_contexts(contexts: Contexts) -> str:
    """Return what is written of contexts."""
    named = {}
    for name, context in sorted(contexts.named.items()):
        named[name] = {key: value for key, value in asdict(context).items() if key != "name"}
    said = {"format": FORMAT, "current": contexts.current, "contexts": named}
    return json.dumps(said, indent=2) + "\n"


def change_contexts(home: Home, change: Callable[[Contexts], Contexts]) -> Contexts:
    """Change a home's contexts as one step, also where two commands do so at once; return them."""
    home.path.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _locked(home.path / f"{FILE}.lock"):
        changed = change(read_contexts(home))
        write_private(contexts_path(home), format_contexts(changed))
    return changed


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + LOCK_SECONDS
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() > deadline:
                    raise SeawayError(
                        "another command changes the contexts",
                        code="Temporary",
                        remedy="Try again in a moment",
                    ) from error
                time.sleep(_LOCK_POLL)
        yield
    finally:
        os.close(descriptor)


def _context(name: str, values: Mapping[str, Any]) -> Context:
    known = {each.name for each in fields(Context)} - {"name"}
    if unknown := sorted(set(values) - known):
        raise ValueError(f"unknown key {unknown[0]!r} of the context {name!r}")
    if not NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no context's name")
    if urlsplit(str(values["url"])).scheme != "https":
        raise ValueError(f"the context {name!r} has no https URL")
    for key in ("ca", "user", "expires"):
        if not isinstance(values.get(key), str | None):
            raise ValueError(f"{key} of the context {name!r} is no text")
    return Context(name, **values)


def _fault(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"line {error.lineno}: {error.msg}"
    if isinstance(error, KeyError):
        return f"{error.args[0]!r} is missing"
    return str(error)
