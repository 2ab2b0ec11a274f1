"""Provoke on purpose what happens to real clusters: nodes that are lost, drained, short of memory, a registry that is out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from seaway.client.client import Client
from seaway.controlplane.embeddednode import EmbeddedNode
from seaway.controlplane.node.simulated import SimulatedNodes
from seaway.controlplane.node.trouble import KINDS
from seaway.objects.builtin import NODES, PODS
from seaway.objects.errors import ApiError, NotFound, TooManyRequests, not_found
from seaway.objects.meta import get_condition
from seaway.objects.pods import has_ended

Object = dict[str, Any]
_CONDITIONS = {"memory": "MemoryPressure", "disk": "DiskPressure", "pid": "PIDPressure"}


class Practice:
    """What can be provoked in an embedded cluster. What is pretended ends with the process; a cordon stays.

    Args:
        client: of the cluster, as an administrator.
        nodes: those that run something.
        simulated: the hollow ones, where there are any.
    """

    def __init__(
        self, client: Client, nodes: Sequence[EmbeddedNode], simulated: SimulatedNodes | None = None
    ) -> None:
        self._client, self._simulated = client, simulated
        self._nodes = {node.name: node for node in nodes}
        self._registry_out = False

    async def state(self) -> Object:
        """Return the nodes as they are, and whether a registry outage is pretended.

        A machine whose Node object somebody deleted is among them: without power it cannot make itself known again.
        """
        nodes = (await self._client.list(NODES))["items"]
        missing = self._nodes.keys() - {node["metadata"]["name"] for node in nodes}
        nodes = [*nodes, *({"metadata": {"name": name}} for name in sorted(missing))]
        pods = (await self._client.list(PODS))["items"]
        counts: dict[str, int] = {}
        for pod in pods:
            if not has_ended(pod):
                node = pod["spec"].get("nodeName") or ""
                counts[node] = counts.get(node, 0) + 1
        shown = [self._shown(node, counts) for node in nodes]
        return {"registry_outage": self._registry_out, "nodes": shown}

    async def node(self, name: str) -> Object:
        """Return one node as it is. Raises NotFound."""
        found = next((node for node in (await self.state())["nodes"] if node["name"] == name), None)
        if found is None:
            raise not_found("nodes", name)
        return dict(found)

    async def cordon(self, name: str, *, wanted: bool) -> None:
        """Have nothing new placed on a node, or have it again. Raises NotFound."""
        await self._client.patch(NODES, name, {"spec": {"unschedulable": True if wanted else None}})

    async def drain(self, name: str) -> list[Object]:
        """Cordon a node and ask each of its pods to leave, once; return those that are still there and why.

        Pods of DaemonSets stay: they would come back at once. Ask again until nothing is left.

        Raises:
            NotFound: there is no such node.
        """
        await self.cordon(name, wanted=True)
        pods = (await self._client.list(PODS, field_selector=f"spec.nodeName={name}"))["items"]
        return [left for pod in pods if (left := await self._evict(pod)) is not None]

    async def kill(self, name: str) -> None:
        """Lose a node: its processes end at once, and it reports nothing any more. Raises NotFound."""
        if node := self._nodes.get(name):
            await node.cut_power()
        else:
            self._hollow(name).silence(name)

    async def restore(self, name: str) -> None:
        """End all that is pretended on a node: it has its power back, and enough of everything. Raises NotFound."""
        if node := self._nodes.get(name):
            node.trouble.pressure.clear()
            node.trouble_changed()
            node.power_on()
            return
        hollow = self._hollow(name)
        hollow.pressure.pop(name, None)
        await hollow.wake(name)

    async def press(self, name: str, kinds: Sequence[str]) -> None:
        """Have a node behave as if it were short of these (of `KINDS`), beside what it pretends already. Raises NotFound."""
        assert set(kinds) <= set(KINDS)
        if node := self._nodes.get(name):
            node.trouble.pressure.update(kinds)
            node.trouble_changed()
            return
        hollow = self._hollow(name)
        hollow.pressure.setdefault(name, set()).update(kinds)
        await hollow.say_pressure(name)

    def set_registry_outage(self, *, out: bool) -> None:
        """Have no image pulled on any node, or have them pulled again."""
        self._registry_out = out
        for node in self._nodes.values():
            node.trouble.registry_out = out

    def _hollow(self, name: str) -> SimulatedNodes:
        if self._simulated is None or name not in self._simulated.names:
            raise not_found("nodes", name)
        return self._simulated

    async def _evict(self, pod: Object) -> Object | None:
        metadata = pod["metadata"]
        left = {"namespace": metadata["namespace"], "name": metadata["name"], "reason": ""}
        if has_ended(pod):
            return None
        if any(owner["kind"] == "DaemonSet" for owner in metadata.get("ownerReferences") or ()):
            return None
        if "deletionTimestamp" in metadata:
            return left | {"reason": "is ending"}
        body: Object = {"metadata": {"name": metadata["name"], "namespace": metadata["namespace"]}}
        body |= {"apiVersion": "policy/v1", "kind": "Eviction"}
        try:
            await self._client.create_subresource(
                PODS, metadata["name"], "eviction", body, metadata["namespace"]
            )
        except NotFound:
            return None
        except TooManyRequests as error:
            return left | {"reason": str(error)}
        except ApiError as error:
            return left | {"reason": f"cannot be evicted: {error}"}
        return left | {"reason": "is ending"}

    def _shown(self, node: Object, counts: dict[str, int]) -> Object:
        name, spec = node["metadata"]["name"], node.get("spec") or {}
        short_of = [
            kind
            for kind, condition in _CONDITIONS.items()
            if (get_condition(node, condition) or {}).get("status") == "True"
        ]
        embedded = self._nodes.get(name)
        silent = self._simulated.silent if self._simulated is not None else frozenset()
        return {
            "name": name,
            "ready": (get_condition(node, "Ready") or {}).get("status", "Unknown") == "True",
            "killed": embedded.lost if embedded else name in silent,
            "cordoned": bool(spec.get("unschedulable")),
            "short_of": short_of,
            "simulated": embedded is None,
            "pods": counts.get(name, 0),
            "taints": [taint["key"] for taint in spec.get("taints") or ()],
        }
