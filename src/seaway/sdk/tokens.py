"""The calls about tokens."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from seaway.sdk.transport import HttpClient

_PATH = "/api/v1/tokens"


class TokenCalls:
    """What a client can ask about the tokens of a server."""

    _http: HttpClient

    def create_token(
        self,
        name: str,
        *,
        user: str | None = None,
        admin: bool = False,
        lifetime_seconds: float | None = None,
        scope: str = "all",
    ) -> dict[str, Any]:
        """Make a token for a user; only this answer holds it. For administrators."""
        spec = {
            "name": name,
            "user": user,
            "admin": admin,
            "scope": scope,
            "lifetime_seconds": lifetime_seconds,
        }
        body = json.dumps({key: value for key, value in spec.items() if value is not None}).encode()
        return dict(self._http.json("POST", _PATH, body=body, headers={"Content-Type": "application/json"}))

    def tokens(self) -> list[dict[str, Any]]:
        """Return the tokens that are good. For administrators."""
        return list(self._http.json("GET", _PATH))

    def revoke_token(self, name: str) -> None:
        """End a token at once. For administrators."""
        self._http.read("DELETE", f"{_PATH}/{quote(name, safe='')}")
