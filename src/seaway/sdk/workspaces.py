"""The calls about workspaces."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from seaway.sdk.transport import HttpClient

_PATH = "/api/v1/workspaces"
_JSON = {"Content-Type": "application/json"}
_WAIT = 30.0
"""Seconds that one request waits."""

Workspace = dict[str, Any]
"""A `WorkspaceView` as JSON."""


class WorkspaceCalls:
    """What a client can ask about workspaces."""

    _http: HttpClient

    def workspaces(self) -> list[Workspace]:
        """Return the workspaces, the default one first."""
        return list(self._http.json("GET", _PATH))

    def workspace(self, name: str) -> Workspace:
        """Return one workspace."""
        return dict(self._http.json("GET", _path(name)))

    def create_workspace(
        self,
        name: str,
        *,
        owner: str | None = None,
        storage_limit: int | None = None,
        storage_files: int | None = None,
    ) -> Workspace:
        """Make a workspace, and its namespace where that is missing. For administrators.

        Args:
            name: of the workspace and of its namespace.
            owner: who may delete it, beside administrators; None for whoever makes it.
            storage_limit: the most bytes that its runs may take, 0 for no limit; None for what the server says of all.
            storage_files: the same of the files in which that is kept.
        """
        spec = {
            "name": name, "owner": owner, "storage_limit": storage_limit, "storage_files": storage_files
        }  # fmt: skip
        given = {key: value for key, value in spec.items() if value is not None}
        return dict(self._http.json("POST", _PATH, body=json.dumps(given).encode(), headers=_JSON))

    def limit_workspace(self, name: str, limits: Mapping[str, int | None]) -> Workspace:
        """Say how much the runs of a workspace may take; what is not named stays as it is. For administrators.

        Args:
            name: of the workspace.
            limits: "storage_limit" in bytes, "storage_files"; 0 for no limit, None for what the server says of all.
        """
        body = json.dumps(dict(limits)).encode()
        return dict(self._http.json("PATCH", _path(name), body=body, headers=_JSON))

    def workspace_losses(self, name: str) -> dict[str, Any]:
        """Return what goes when a workspace is deleted: a `WorkspaceLosses` as JSON."""
        return dict(self._http.json("GET", _path(name, "losses")))

    def workspace_grant(self, name: str) -> str:
        """Return the YAML that lets this server use a namespace, for an administrator of the cluster to apply."""
        return self._http.read("GET", _path(name, "grant")).decode()

    def delete_workspace(
        self, name: str, *, confirm: str | None = None, stop_runs: bool = False
    ) -> Workspace:
        """Begin to delete a workspace; `wait_for_workspace` says when it is gone.

        Args:
            name: which one.
            confirm: its name once more, where there is anything to lose.
            stop_runs: stop the runs that have not ended.
        """
        query = {"confirm": confirm, "stop_runs": "true" if stop_runs else None}
        return dict(self._http.json("DELETE", _path(name), query=query))

    def wait_for_workspace(self, name: str) -> Workspace:
        """Return a workspace when it is not being deleted, or as it is after half a minute. Raises where it is gone (404)."""
        query = {"timeout": _WAIT}
        return dict(self._http.json("GET", _path(name, "wait"), query=query, timeout=_WAIT + 30))

    def audited(self, *, limit: int = 100) -> list[dict[str, Any]]:
        """Return who made and deleted what, and was refused it, as events of audit.k8s.io/v1. For administrators."""
        return list(self._http.json("GET", "/api/v1/audit", query={"limit": min(limit, 1000)}))


def _path(name: str, part: str = "") -> str:
    return f"{_PATH}/{quote(name, safe='')}" + (f"/{part}" if part else "")
