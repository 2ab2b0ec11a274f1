"""Where the tokens of contexts lie: in the person's keyring where there is one, else in files that only they can read."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from seaway.sdk.contexts import Context
from seaway.sdk.errors import SeawayError
from seaway.sdk.home import Home, write_private

FOLDER = "tokens"
SERVICE = "seaway"
PATIENCE = 60.0
"""Seconds that a keyring may take: it may ask the person for a password."""
NO_KEYRING = "--no-keyring"

T = TypeVar("T")


def usable_keyring() -> Any | None:
    """Return the person's keyring; None where the package is not installed, or knows none on this machine."""
    try:
        import keyring
    except ImportError:
        return None
    found = _within(PATIENCE, keyring.get_keyring)
    return found if found.priority > 0 else None


def save_token(home: Home, name: str, token: str, *, keyring: bool) -> None:
    """Keep the token of a context.

    Args:
        home: whose context it is.
        name: of the context.
        token: its text.
        keyring: put it there; else into a file of mode 0600.

    Raises:
        SeawayError: the keyring does not take it.
    """
    if keyring:
        ring = _ring(name)
        _in_ring(lambda: ring.set_password(SERVICE, _entry(home, name), token))
        _path(home, name).unlink(missing_ok=True)
        return
    home.path.mkdir(parents=True, exist_ok=True, mode=0o700)
    _path(home, name).parent.mkdir(exist_ok=True, mode=0o700)
    write_private(_path(home, name), token + "\n")


def load_token(home: Home, context: Context) -> str:
    """Return the token of a context.

    Raises:
        SeawayError: there is none, the keyring does not give it, or others can read the file.
    """
    if context.keyring:
        ring = _ring(context.name)
        token: str | None = _in_ring(lambda: ring.get_password(SERVICE, _entry(home, context.name)))
    else:
        token = _read(_path(home, context.name))
    if not token:
        raise SeawayError(
            f"you are logged out of the context {context.name!r}",
            code="LoggedOut",
            remedy=f"seaway login {context.url}",
        )
    return token


def has_token(home: Home, context: Context) -> bool:
    """Return whether somebody is logged in; of a keyring that cannot be asked, that they are."""
    return context.keyring or _path(home, context.name).exists()


def forget_token(home: Home, context: Context) -> None:
    """Forget the token of a context, wherever it lies."""
    _path(home, context.name).unlink(missing_ok=True)
    if context.keyring:
        ring, entry = _ring(context.name), _entry(home, context.name)
        if _in_ring(lambda: ring.get_password(SERVICE, entry)) is not None:
            _in_ring(lambda: ring.delete_password(SERVICE, entry))


def _read(path: Path) -> str:
    try:
        if path.stat().st_mode & 0o077:
            raise SeawayError(
                f"{path} can be read by other users",
                code="Forbidden",
                remedy=f"chmod 600 {path}, and have the token revoked if they may have read it",
            )
        return path.read_text().strip()
    except FileNotFoundError:
        return ""


def _path(home: Home, name: str) -> Path:
    return home.path / FOLDER / name


def _entry(home: Home, name: str) -> str:
    return f"{name} in {home.path}"


def _ring(name: str) -> Any:
    ring = usable_keyring()
    if ring is None:
        raise SeawayError(
            f"the token of the context {name!r} lies in a keyring, and this Python has none",
            code="Usage",
            remedy=f"pip install 'seaway[keyring]', or log in again with {NO_KEYRING}",
        )
    return ring


def _in_ring(ask: Callable[[], T]) -> T:
    from keyring.errors import KeyringError

    try:
        return _within(PATIENCE, ask)
    except KeyringError as error:
        raise SeawayError(
            f"the keyring refuses: {str(error) or type(error).__name__}",
            code="Forbidden",
            remedy=f"Unlock it, or keep the token in a file: seaway login URL {NO_KEYRING}",
        ) from error


def _within(seconds: float, ask: Callable[[], T]) -> T:
    """Ask in a thread: a keyring on a machine without a screen may wait for an answer that nobody can give."""
    answer: list[T] = []
    failure: list[BaseException] = []

    def work() -> None:
        try:
            answer.append(ask())
        except BaseException as error:
            failure.append(error)

    thread = threading.Thread(target=work, name="keyring", daemon=True)
    thread.start()
    thread.join(seconds)
    if failure:
        raise failure[0]
    if not answer:
        raise SeawayError(
            f"the keyring has not answered for {seconds:g} s",
            code="Temporary",
            remedy=f"Unlock it, or keep the token in a file: seaway login URL {NO_KEYRING}",
        )
    return answer[0]
