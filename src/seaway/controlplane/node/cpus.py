"""Which CPUs a container has for itself: pure. The rest is shared by all others.

Source: Kubernetes documentation, "Control CPU Management Policies on the Node" (policy static); KEP-3570.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from seaway.controlplane.node.status import qos_class
from seaway.objects.quantity import parse_quantity

Object = Mapping[str, Any]
Places = Mapping[int, tuple[int, int]]
"""Each CPU with its socket and its core on it; CPUs of one core are its threads."""
Key = tuple[str, str]
"""Uid of a pod and name of its container."""


class NotEnoughCpusError(Exception):
    """Fewer CPUs are free than asked for."""


def exclusive(pod: Object, container: Object) -> int:
    """Return how many CPUs a container has for itself: those of a Guaranteed pod that asks for whole ones."""
    if qos_class(pod) != "Guaranteed":
        return 0
    resources = container.get("resources") or {}
    limits = resources.get("limits") or {}
    asked = parse_quantity((resources.get("requests") or {}).get("cpu", limits.get("cpu", 0)))
    return int(asked) if asked == asked.to_integral_value() else 0


def choose(places: Places, free: Collection[int], count: int) -> tuple[int, ...]:
    """Return CPUs that lie close together: whole sockets, then whole cores, then single threads where least is left.

    Raises:
        NotEnoughCpusError: worded as the kubelet's CPU manager words it.
    """
    left, chosen = set(free), set[int]()
    if len(left) < count:
        message = f"not enough cpus available to satisfy request: requested={count}, available={len(left)}"
        raise NotEnoughCpusError(message)
    for depth in (1, 2):
        for group in _whole(places, left, depth):
            if len(group) <= count - len(chosen):
                chosen |= group
                left -= group
    single = sorted(left, key=lambda cpu: (*_fullness(places, left, cpu), places[cpu], cpu))
    return tuple(sorted(chosen | set(single[: count - len(chosen)])))


def _whole(places: Places, left: Collection[int], depth: int) -> list[set[int]]:
    """Return the sockets (depth 1) or cores (depth 2) that are wholly free, those of the fullest sockets first."""
    groups: dict[tuple[int, ...], set[int]] = {}
    for cpu, place in places.items():
        groups.setdefault(place[:depth], set()).add(cpu)
    free = [(name, group) for name, group in groups.items() if group <= set(left)]
    free.sort(key=lambda entry: (sum(places[cpu][0] == entry[0][0] for cpu in left), entry[0]))
    return [group for _, group in free]


def _fullness(places: Places, left: Collection[int], cpu: int) -> tuple[int, int]:
    socket, core = places[cpu]
    of_socket = [other for other in left if places[other][0] == socket]
    return len(of_socket), sum(places[other][1] == core for other in of_socket)


@dataclass(slots=True)
class CpuLedger:
    """Which container has which CPUs for itself."""

    places: Places = field(default_factory=dict)
    reserved: frozenset[int] = frozenset()
    """CPUs that nobody has for itself."""
    _held: dict[Key, tuple[int, ...]] = field(default_factory=dict)

    @property
    def shared(self) -> frozenset[int]:
        """CPUs of those that have none for themselves."""
        return frozenset(self.places) - {cpu for cpus in self._held.values() for cpu in cpus}

    def take(self, owner: Key, count: int, reusable: Iterable[str] = ()) -> tuple[int, ...]:
        """Give CPUs to a container; the same ones again where it has some.

        Args:
            owner: who gets them.
            count: how many.
            reusable: containers of the same pod whose CPUs go over, because they have ended.

        Raises:
            NotEnoughCpusError: fewer are free.
        """
        if owner not in self._held:
            before = {(owner[0], name): self._held.get((owner[0], name), ()) for name in reusable}
            free = (self.shared | {cpu for cpus in before.values() for cpu in cpus}) - self.reserved
            found = choose(self.places, free, count)
            for other in before:
                self._held.pop(other, None)
            self._held[owner] = found
        return self._held[owner]

    def restore(self, owner: Key, cpus: Iterable[int]) -> None:
        """Note what a container has that was started before."""
        self._held[owner] = tuple(cpus)

    def give_back(self, pod_uid: str) -> None:
        """Free what a pod had."""
        self._held = {key: cpus for key, cpus in self._held.items() if key[0] != pod_uid}
