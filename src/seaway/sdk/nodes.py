"""Nodes whose machines are off, over the REST API."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from seaway.sdk.client import SeawayClient


class NodesClient:
    """Speaks to a server about nodes; for administrators. Every method raises SeawayError where there is no such node."""

    def __init__(self, client: SeawayClient) -> None:
        self._client = client

    def look(self, node: str) -> dict[str, Any]:
        """Return a node and what is on it, as `NodeView` has it."""
        return self._client.ask("GET", _path(node))

    def confirm_off(self, node: str) -> dict[str, Any]:
        """Confirm that a node's machine is off; return the node. Raises SeawayError (409) where it answers."""
        return self._client.ask("POST", f"{_path(node)}/confirm-off")

    def undo_confirm_off(self, node: str) -> dict[str, Any]:
        """Say that it is on again; return the node."""
        return self._client.ask("DELETE", f"{_path(node)}/confirm-off")


def _path(node: str) -> str:
    return f"/api/v1/nodes/{quote(node, safe='')}"
