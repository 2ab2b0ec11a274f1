"""Who owns whom, and what follows for an object: the pure half of garbage collection.

Source: Kubernetes "Garbage Collection" and "Owners and Dependents"; kube-controller-manager's garbage collector.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NamedTuple

from seaway.objects.meta import deletion_timestamp, finalizers, owner_references, uid
from seaway.objects.resource import Resource

Object = dict[str, Any]
FOREGROUND, ORPHAN = "foregroundDeletion", "orphan"


class Node(NamedTuple):
    """One object of the graph."""

    resource: Resource
    object: Object


class Owner(Enum):
    """What became of an owner."""

    ABSENT = "absent"
    WAITING = "waiting"
    """It is being deleted in the foreground and waits for its dependents."""
    SOLID = "solid"
    """It is there (or its deletion does not concern dependents yet)."""


def owner_state(owner: Object | None) -> Owner:
    """Return what became of an owner, None standing for one that is not there."""
    if owner is None:
        return Owner.ABSENT
    waiting = deletion_timestamp(owner) is not None and FOREGROUND in finalizers(owner)
    return Owner.WAITING if waiting else Owner.SOLID


class Action(Enum):
    """What to do with an object because of its owners."""

    KEEP = "keep"
    DISOWN = "disown"
    """Take the references to absent and waiting owners off: another owner remains."""
    DELETE = "delete"
    """By the policy that its own finalizers ask for, in the background without one."""
    DELETE_FOREGROUND = "delete in the foreground"
    """An owner waits, and it has dependents of its own that block."""


def decide(states: Sequence[Owner], *, has_dependents: bool) -> Action:
    """Return what to do with an object that is not being deleted, from the states of its owners."""
    if not states or all(state is Owner.SOLID for state in states):
        return Action.KEEP
    if Owner.SOLID in states:
        return Action.DISOWN
    return Action.DELETE_FOREGROUND if Owner.WAITING in states and has_dependents else Action.DELETE


def remaining_references(obj: Object, state_of: Callable[[Object], Owner]) -> list[Object]:
    """Return the owner references that stay when the object is disowned."""
    return [reference for reference in owner_references(obj) if state_of(reference) is Owner.SOLID]


def policy(obj: Object) -> str:
    """Return how an object that has to go goes: as its own finalizers ask."""
    present = finalizers(obj)
    if ORPHAN in present:
        return "Orphan"
    return "Foreground" if FOREGROUND in present else "Background"


def blocks(dependent: Object, owner_uid: str) -> bool:
    """Tell whether a dependent keeps its owner from going in the foreground."""
    return any(
        reference["uid"] == owner_uid and reference.get("blockOwnerDeletion")
        for reference in owner_references(dependent)
    )


@dataclass(slots=True)
class OwnerGraph:
    """All objects by uid, and who refers to whom."""

    nodes: dict[str, Node] = field(default_factory=dict)
    dependents: dict[str, set[str]] = field(default_factory=dict)
    """Uids that refer to an owner's uid, whether it exists or not."""

    def set(self, resource: Resource, obj: Object) -> None:
        """Take over an object."""
        own = uid(obj)
        before = self.nodes.get(own)
        old = _owner_uids(before.object) if before is not None else frozenset()
        new = _owner_uids(obj)
        for owner in old - new:
            self._unlink(owner, own)
        for owner in new - old:
            self.dependents.setdefault(owner, set()).add(own)
        self.nodes[own] = Node(resource, obj)

    def remove(self, own: str) -> Node | None:
        """Forget an object; return what it was."""
        node = self.nodes.pop(own, None)
        if node is not None:
            for owner in _owner_uids(node.object):
                self._unlink(owner, own)
        return node

    def dependents_of(self, owner: str) -> list[Node]:
        """Return the objects that refer to a uid."""
        return [self.nodes[own] for own in self.dependents.get(owner, ()) if own in self.nodes]

    def _unlink(self, owner: str, own: str) -> None:
        referring = self.dependents.get(owner)
        if referring is not None:
            referring.discard(own)
            if not referring:
                del self.dependents[owner]


def _owner_uids(obj: Mapping[str, Any]) -> frozenset[str]:
    return frozenset(reference["uid"] for reference in owner_references(obj))
