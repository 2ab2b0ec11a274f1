"""What can be provoked in a server's embedded cluster, over its REST API."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from seaway.sdk.client import SeawayClient
from seaway.sdk.errors import SeawayError

_ROOT = "/api/v1/cluster"


class ClusterClient:
    """Speaks to a server about its embedded cluster.

    Every method raises SeawayError where the server has none: a team's server works on a cluster of others.
    """

    def __init__(self, client: SeawayClient) -> None:
        self._client = client

    def state(self) -> dict[str, Any]:
        """Return the nodes, and what is provoked."""
        return self._send("GET", "")

    def act(self, node: str, action: str) -> dict[str, Any]:
        """Cordon, uncordon, kill or restore a node; return it."""
        return self._send("POST", f"/nodes/{quote(node, safe='')}/{action}")

    def drain(self, node: str) -> list[dict[str, Any]]:
        """Cordon a node and ask its pods to leave, once; return those that are still there, each with the reason."""
        return list(self.act(node, "drain")["left"])

    def press(self, node: str, kinds: Sequence[str]) -> dict[str, Any]:
        """Have a node behave as if it were short of "memory", "disk" or "pid"; return it."""
        return self._send("POST", f"/nodes/{quote(node, safe='')}/pressure", {"kinds": list(kinds)})

    def set_registry_outage(self, *, out: bool) -> dict[str, Any]:
        """Have no image pulled, or have them pulled again."""
        return self._send("PUT", "/registry-outage", {"out": out})

    def _send(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        try:
            return self._client.ask(method, _ROOT + path, body)
        except SeawayError as error:
            if error.status == 404 and not error.field:
                raise SeawayError(
                    "this server has no cluster of its own: seaway cluster is for the one that seaway up starts",
                    code="Usage",
                    remedy="On your own machine: seaway up, then seaway cluster --context local",
                ) from error
            raise
