"""Tokens that lie in files: the home's own, made at first start for its owner alone, and an administrator's."""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from seaway.platform.callers import Caller

logger = logging.getLogger(__name__)

TOKEN_BYTES = 32


class TokenVerifier:
    """Tells whom a token of a file belongs to: all of them are administrators'. Only digests are kept in memory.

    Args:
        tokens: each with its user.
        file: holds one more token, and is read again each time, so that it can be replaced while the server runs.
        file_user: whose that is.
    """

    def __init__(
        self, tokens: Mapping[str, str], *, file: Path | None = None, file_user: str = "admin"
    ) -> None:
        self._users = {digest(token): user for token, user in tokens.items()}
        self._file, self._file_user = file, file_user

    def verify(self, token: str) -> Caller | None:
        """Return who calls, None for an unknown token; the time it takes says nothing about the token."""
        offered = digest(token)
        found = None
        for known, user in self._known().items():
            if hmac.compare_digest(known, offered):
                found = Caller(user, admin=True)
        return found

    def _known(self) -> dict[bytes, str]:
        if self._file is None:
            return self._users
        try:
            text = self._file.read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            logger.warning("the administrator's token cannot be read: %s", error)
            return self._users
        return {**self._users, digest(text): self._file_user} if text else self._users


def digest(token: str) -> bytes:
    """Return what is kept of a token."""
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
