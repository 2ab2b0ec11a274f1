"""The calls about volumes."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from seaway.sdk.transport import HttpClient

_PATH = "/api/v1/volumes"
_JSON = {"Content-Type": "application/json"}

Volume = dict[str, Any]
"""A `VolumeView` as JSON."""


class VolumeCalls:
    """What a client can ask about the volumes of workspaces."""

    _http: HttpClient

    def volumes(self, workspace: str | None = None) -> list[Volume]:
        """Return the volumes of a workspace, of the default one without a name."""
        return list(self._http.json("GET", _PATH, query={"workspace": workspace}))

    def create_volume(
        self,
        name: str,
        size: str,
        *,
        workspace: str | None = None,
        storage_class: str | None = None,
        shared: bool = False,
    ) -> Volume:
        """Make a volume; its storage may come when the first run needs it.

        Args:
            name: of the volume and of its persistent volume claim.
            size: with a unit, such as "10Gi".
            workspace: where; None for the default one.
            storage_class: the cluster's; None for its default one.
            shared: pods on several nodes may use it at once.
        """
        spec = {
            "name": name,
            "size": size,
            "workspace": workspace,
            "storage_class": storage_class,
            "shared": shared,
        }
        given = {key: value for key, value in spec.items() if value not in (None, False)}
        return dict(self._http.json("POST", _PATH, body=json.dumps(given).encode(), headers=_JSON))

    def remove_volume(self, name: str, *, workspace: str | None = None, confirm: str | None = None) -> Volume:
        """Remove a volume with all that is in it, for good.

        Args:
            name: which one.
            workspace: where; None for the default one.
            confirm: its name once more.
        """
        query = {"workspace": workspace, "confirm": confirm}
        return dict(self._http.json("DELETE", f"{_PATH}/{quote(name, safe='')}", query=query))
