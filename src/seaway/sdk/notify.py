"""The calls about notifications."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from seaway.sdk.transport import HttpClient

_PATH = "/api/v1/notifications"


class NotifyCalls:
    """What a client can ask about who is told of what."""

    _http: HttpClient

    def notifications(self) -> list[dict[str, Any]]:
        """Return the ways to tell somebody: all of them to administrators, to others their own. No URL is shown."""
        return list(self._http.json("GET", _PATH))

    def add_notification(
        self,
        name: str,
        url: str,
        *,
        user: str | None = None,
        workspace: str | None = None,
        events: Sequence[str] = (),
    ) -> dict[str, Any]:
        """Have somebody told. For administrators.

        Args:
            name: of this way to tell somebody.
            url: an Apprise URL; it is not shown again.
            user: whose runs it is about; None for everybody's.
            workspace: whose runs it is about; None for all.
            events: the words of `seaway.model.notification.Event`; none for the usual ones.
        """
        spec = {"name": name, "url": url, "user": user, "workspace": workspace, "events": list(events)}
        body = json.dumps({key: value for key, value in spec.items() if value}).encode()
        return dict(self._http.json("POST", _PATH, body=body, headers={"Content-Type": "application/json"}))

    def test_notification(self, name: str) -> None:
        """Send a message now; raises where it does not arrive."""
        self._http.read("POST", f"{_PATH}/{quote(name, safe='')}/test", timeout=150.0)

    def remove_notification(self, name: str) -> None:
        """Tell nobody that way any more."""
        self._http.read("DELETE", f"{_PATH}/{quote(name, safe='')}")
