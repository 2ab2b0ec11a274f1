"""The cluster as the scheduler sees it: nodes, the pods on them, and how many pods each affinity term finds where."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from seaway.controlplane.scheduler.nodeinfo import NodeInfo, relevant
from seaway.controlplane.scheduler.podinfo import PodInfo
from seaway.controlplane.scheduler.storage import Storage
from seaway.controlplane.scheduler.terms import NO_AFFINITY, NODE, PodTerm

Object = dict[str, Any]
K = TypeVar("K")
TERMS = 256
"""So many affinity terms are counted along; then counting starts anew with those in use."""


class ClusterState:
    """Nodes and placements. Every change is O(what changed)."""

    def __init__(self) -> None:
        self.nodes: dict[str, NodeInfo] = {}
        self.order: list[NodeInfo] = []
        self.namespaces: dict[str, Mapping[str, str]] = {}
        """Labels of each namespace."""
        self._priorities: Counter[int] = Counter()
        self.eased = 0
        """Rises with every change that can make an infeasible pod feasible."""
        self._nodes_seen: dict[str, tuple[Any, ...]] = {}
        self._placed: dict[str, tuple[str, PodInfo]] = {}
        self._found: dict[PodTerm, Counter[str]] = {}
        self._refused: dict[PodTerm, Counter[str]] = {}
        self._drawn: dict[PodTerm, Counter[str]] = {}
        self.storage = Storage()
        self.nominated: dict[str, PodInfo] = {}
        """Pods for which others make room, by uid: each counts on its nominated node for those of no higher priority."""

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
        self._priorities[pod.priority] += 1
        for claim in pod.claims:
            self.storage.users[f"{pod.namespace}/{claim}"] += 1
        if info := self.nodes.get(node):
            info.add(pod)
            self._count(pod, info, 1)

    def update(self, pod: PodInfo) -> None:
        """Take over what changed of a pod that is counted; that alone makes no room."""
        placed = self._placed.get(pod.uid)
        if placed is None:
            return
        relabelled, eased = placed[1].labels != pod.labels, self.eased
        self.remove(pod.uid)
        self.place(pod, placed[0])
        if not relabelled and pod.terminating == placed[1].terminating:
            self.eased = eased

    def remove(self, uid: str) -> bool:
        """Count a pod out; return whether it was counted."""
        placed = self._placed.pop(uid, None)
        if placed is None:
            return False
        self.eased += 1
        pod = placed[1]
        _change(self._priorities, pod.priority, -1)
        for claim in pod.claims:
            _change(self.storage.users, f"{pod.namespace}/{claim}", -1)
        if info := self.nodes.get(placed[0]):
            info.remove(uid)
            self._count(pod, info, -1)
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

    def lowest_priority(self) -> int:
        """Return the lowest priority of a pod on a node; without pods, one that none is below."""
        return min(self._priorities, default=1 << 31)

    def found(self, term: PodTerm) -> Mapping[str, int]:
        """Return how many pods the term finds for each value of its topology key."""
        counter = self._found.get(term)
        if counter is None:
            if len(self._found) >= TERMS:
                self._found.clear()
            counter = self._found[term] = Counter()
            for info in self.order:
                value = domain(info, term.topology_key)
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

    def drawing(self, pod: PodInfo) -> list[tuple[str, Mapping[str, int]]]:
        """Return the weights with which pods on the nodes want this one near, by topology key and value."""
        return [(term.topology_key, where) for term, where in self._drawn.items() if self.meant(term, pod)]

    @contextmanager
    def trial(self) -> Iterator[None]:
        """Let pods be placed and removed, and put back by the end, without that easing anything."""
        eased = self.eased
        try:
            yield
        finally:
            self.eased = eased

    @contextmanager
    def reserving(self, pod: PodInfo) -> Iterator[None]:
        """Count the nominated pods of no lower priority as being where they will be, except this one."""
        with self.trial():
            added = [
                one
                for one in self.nominated.values()
                if one.uid != pod.uid and one.priority >= pod.priority and self.node_of(one.uid) is None
            ]
            for one in added:
                self.place(one, one.nominated)
            try:
                yield
            finally:
                for one in added:
                    self.remove(one.uid)

    def meant(self, term: PodTerm, pod: PodInfo) -> bool:
        """Tell whether a term means a pod."""
        if (term.living and pod.terminating) or (term.owner and term.owner != pod.owner):
            return False
        return term.matches(pod.namespace, pod.labels, self.namespaces)

    def _count(self, pod: PodInfo, info: NodeInfo, by: int) -> None:
        for term, counter in self._found.items():
            value = domain(info, term.topology_key)
            if value is not None and self.meant(term, pod):
                _change(counter, value, by)
        for term in pod.affinity.apart:
            _change_of(self._refused, term, info, by)
        for weight, term in pod.affinity.drawing:
            _change_of(self._drawn, term, info, by * weight)
        if by > 0 and self._found:
            self.eased += 1

    def _recount(self) -> None:
        """Count anew after a node changed; terms in use are counted when asked for."""
        self._found.clear()
        if not self._refused and not self._drawn and not any(map(_wishes, self._placed.values())):
            return
        self._refused.clear()
        self._drawn.clear()
        for info in self.order:
            for pod in info.pods.values():
                if pod.affinity is not NO_AFFINITY:
                    self._count(pod, info, 1)


def domain(info: NodeInfo, key: str) -> str | None:
    """Return what a node has for a topology key, None where it has nothing."""
    return info.name if key == NODE else info.labels.get(key)


def _wishes(placed: tuple[str, PodInfo]) -> bool:
    return placed[1].affinity is not NO_AFFINITY


def _change_of(counters: dict[PodTerm, Counter[str]], term: PodTerm, info: NodeInfo, by: int) -> None:
    value = info.labels.get(term.topology_key)
    if value is None:
        return
    counter = counters.setdefault(term, Counter())
    _change(counter, value, by)
    if not counter:
        del counters[term]


def _change(counter: Counter[K], value: K, by: int) -> None:
    counter[value] += by
    if not counter[value]:
        del counter[value]
