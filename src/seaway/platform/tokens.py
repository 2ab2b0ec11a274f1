"""Tokens with which a run's pods reach the gateway: each opens one run, while it has not ended. Nothing is stored."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path

_KEY_BYTES = 32


class RunTokens:
    """Makes and checks tokens with the server's own key."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    @property
    def identity(self) -> str:
        """Whose tokens these are: the same for all replicas of a server, and nobody can make tokens of it."""
        return hmac.new(self._key, b"identity", hashlib.sha256).hexdigest()

    def token(self, run: str, run_uid: str) -> str:
        """Return a run's token."""
        return f"{run}.{self._signature(run, run_uid)}"

    def run_of(self, token: str) -> str:
        """Return the name of the run that a token claims to be for; prove it with `matches`."""
        return token.partition(".")[0]

    def matches(self, token: str, run: str, run_uid: str) -> bool:
        """Return whether a token is this run's."""
        return hmac.compare_digest(token.encode(), self.token(run, run_uid).encode())

    def _signature(self, run: str, run_uid: str) -> str:
        return hmac.new(self._key, f"{run}\0{run_uid}".encode(), hashlib.sha256).hexdigest()


def new_key() -> bytes:
    """Return a new key."""
    return secrets.token_bytes(_KEY_BYTES)


def load_key(path: Path) -> bytes:
    """Return the server's key, made at its first start (mode 0600). Blocks."""
    try:
        key = path.read_bytes()
        if len(key) >= _KEY_BYTES:
            return key
        path.unlink()  # torn by a power cut; tokens of live runs are made anew
    except FileNotFoundError:
        pass
    key = new_key()
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
        file.write(key)
        file.flush()
        os.fsync(file.fileno())
    return key
