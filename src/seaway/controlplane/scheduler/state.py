"""The cluster as the scheduler sees it: nodes, the pods on them, and how many pods each affinity term finds where."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from seaway.controlplane.scheduler.nodeinfo import NodeInfo, relevant
from seaway.controlplane.scheduler.podinfo import PodInfo
from seaway.controlplane.scheduler.terms import PodTerm

Object = dict[str, Any]
TERMS = 256
"""So many affinity terms are counted along; then counting starts anew with those in use."""


class ClusterState:
    """Nodes and placements. Every change is O(what changed)."""

    def __init__(self) -> None:
        self.nodes: dict[str, NodeInfo] = {}
        self.order: list[NodeInfo] = []
        self.namespaces: dict[str, Mapping[str, str]] = {}
        """Labels of each namespace."""
        self.eased = 0
        """Rises with every change that can make an infeasible pod feasible."""
        self._nodes_seen: dict[str, tuple[Any, ...]] = {}
        self._placed: dict[str, tuple[str, PodInfo]] = {}
        self._found: dict[PodTerm, Counter[str]] = {}
        self._refused: dict[PodTerm, Counter[str]] = {}

    def set_node(self, node: Object) -> bool:
        """Take over a node; return whether anything that scheduling depends on changed."""
        name, seen = node["metadata"]["name"], relevant(node)
        if self._nodes_seen.get(name) == seen:
            return False
        self._nodes_seen[name] = seen
        info = self.nodes.get(name)
        if info is None:
            info = NodeInfo(node)
            for home, pod in self._placed.values():
                if home == name:
                    info.add(pod)
            self.nodes[name] = info
            self.order.append(info)
        else:
            info.update(node)
        self._recount()
        self.eased += 1
        return True

    def remove_node(self, name: str) -> None:
        """Forget a node; its pods are remembered in case it comes back."""
        self._nodes_seen.pop(name, None)
        if info := self.nodes.pop(name, None):
            self.order.remove(info)
            self._recount()
            self.eased += 1

    def place(self, pod: PodInfo, node: str) -> None:
        """Count a pod as being on a node (which may not be known yet)."""
        before = self._placed.get(pod.uid)
        if before is not None:
            if before[0] == node:
                return
            self.remove(pod.uid)
        self._placed[pod.uid] = (node, pod)
        if info := self.nodes.get(node):
            info.add(pod)
            self._count(pod, info, 1)

    def remove(self, uid: str) -> bool:
        """Count a pod out; return whether it was counted."""
        placed = self._placed.pop(uid, None)
        if placed is None:
            return False
        self.eased += 1
        if info := self.nodes.get(placed[0]):
            info.remove(uid)
            self._count(placed[1], info, -1)
        return True

    def set_namespace(self, name: str, labels: Mapping[str, str] | None) -> None:
        """Take over a namespace's labels, None where it is gone."""
        if self.namespaces.get(name) == labels:
            return
        if labels is None:
            self.namespaces.pop(name, None)
        else:
            self.namespaces[name] = labels
        self.eased += 1
        if any(term.namespace_selector is not None for term in self._found):
            self._found.clear()

    def node_of(self, uid: str) -> str | None:
        """Return where a pod is counted, None for nowhere."""
        placed = self._placed.get(uid)
        return placed[0] if placed else None

    def found(self, term: PodTerm) -> Mapping[str, int]:
        """Return how many pods the term finds for each value of its topology key."""
        counter = self._found.get(term)
        if counter is None:
            if len(self._found) >= TERMS:
                self._found.clear()
            counter = self._found[term] = Counter()
            for info in self.order:
                value = info.labels.get(term.topology_key)
                if value is not None:
                    matching = sum(self.meant(term, pod) for pod in info.pods.values())
                    if matching:
                        counter[value] += matching
        return counter

    def refusing(self, pod: PodInfo) -> list[tuple[str, Mapping[str, int]]]:
        """Return the topology values (by key) where pods are that want to be apart from this one."""
        return [
            (term.topology_key, where)
            for term, where in self._refused.items()
            if where and self.meant(term, pod)
        ]

    def meant(self, term: PodTerm, pod: PodInfo) -> bool:
        """Tell whether a term means a pod."""
        return term.matches(pod.namespace, pod.labels, self.namespaces)

    def _count(self, pod: PodInfo, info: NodeInfo, by: int) -> None:
        for term, counter in self._found.items():
            value = info.labels.get(term.topology_key)
            if value is not None and self.meant(term, pod):
                _change(counter, value, by)
        for term in pod.affinity.apart:
            value = info.labels.get(term.topology_key)
            if value is not None:
                _change(self._refused.setdefault(term, Counter()), value, by)
                if not self._refused[term]:
                    del self._refused[term]
        if by > 0 and self._found:
            self.eased += 1

    def _recount(self) -> None:
        """Count anew after a node changed; terms in use are counted when asked for."""
        self._found.clear()
        if not self._refused and not any(pod.affinity.apart for _, pod in self._placed.values()):
            return
        self._refused.clear()
        for info in self.order:
            for pod in info.pods.values():
                if pod.affinity.apart:
                    self._count(pod, info, 1)


def _change(counter: Counter[str], value: str, by: int) -> None:
    counter[value] += by
    if not counter[value]:
        del counter[value]
