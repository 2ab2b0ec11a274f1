"""Who may call the REST API: one token, made at first start, that only its owner can read."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path

TOKEN_BYTES = 32


class TokenVerifier:
    """Tells whom a bearer token belongs to. Only digests are kept in memory."""

    def __init__(self, tokens: dict[str, str]) -> None:
        """Take tokens and the users they belong to."""
        self._users = {_digest(token): user for token, user in tokens.items()}

    def verify(self, token: str) -> str | None:
        """Return the token's user, None for an unknown token; the time it takes says nothing about the token."""
        offered = _digest(token)
        found = None
        for digest, user in self._users.items():
            if hmac.compare_digest(digest, offered):
                found = user
        return found


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def ensure_token(path: Path) -> str:
    """Return the token that a file holds; make both, mode 0600, where there is none.

    Raises:
        PermissionError: others could read the file; the message names the remedy.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        token = path.read_text().strip()
        if not token:
            path.unlink()
            return ensure_token(path)
        if path.stat().st_mode & 0o077:
            raise PermissionError(
                f"{path} can be read by other users: chmod 600 {path}, or remove it for a new token"
            ) from None
        return token
    token = secrets.token_urlsafe(TOKEN_BYTES)
    with os.fdopen(descriptor, "w") as file:
        file.write(token + "\n")
        file.flush()
        os.fsync(file.fileno())
    return token
