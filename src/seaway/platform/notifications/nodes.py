"""What is the matter with nodes, and which runs it hits. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from seaway.base.clock import parse_rfc3339
from seaway.model.notification import Event
from seaway.platform.engine.happenings import Happening

Object = dict[str, Any]
_PRESSURES = {
    "MemoryPressure": "is short of memory",
    "DiskPressure": "is short of disk space",
    "PIDPressure": "is short of process numbers",
}
DELETED = "Deleted"
"""The kind of trouble of a node that is in the cluster no more."""
_LISTED = 10


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that is the matter with a node."""

    node: str
    uid: str
    kind: str
    """The condition's type: "Ready", "MemoryPressure" ..., or `DELETED`."""
    what: str
    """As the end of a sentence that begins with the node."""
    since: float
    """Seconds since the epoch."""

    @property
    def lost(self) -> bool:
        """Whether nothing runs on the node as far as is known."""
        return self.kind in ("Ready", DELETED)


@dataclass(frozen=True, slots=True)
class Hit:
    """A task that a node's trouble concerns."""

    run: str
    user: str
    task: str
    attempt: int
    message: str
    """What becomes of the task, as it is now."""

    @property
    def about(self) -> str:
        """Which run, and which task of it where it has several."""
        return self.run if self.task == "main" else f"{self.run}/{self.task}"


def troubles(node: Object) -> list[Trouble]:
    """Return what is the matter with a node, by its conditions."""
    name, uid = node["metadata"]["name"], str(node["metadata"].get("uid", ""))
    found = []
    for condition in (node.get("status") or {}).get("conditions") or ():
        kind, status = condition.get("type"), condition.get("status")
        if kind == "Ready" and status != "True":
            what = "does not answer" if status == "Unknown" else "is not ready"
        elif kind in _PRESSURES and status == "True":
            what = _PRESSURES[kind]
        else:
            continue
        changed = condition.get("lastTransitionTime")
        since = parse_rfc3339(changed) if changed else 0.0
        found.append(Trouble(name, uid, kind, what, since))
    return found


def deleted(name: str, uid: str, since: float) -> Trouble:
    """Return that a node was deleted."""
    return Trouble(name, uid, DELETED, "was deleted", since)


def alert(trouble: Trouble, hits: Sequence[Hit]) -> Happening:
    """Return what is told of a node's trouble: to those who hear of everything, and to those whose runs it hits."""
    names = list(dict.fromkeys(hit.about for hit in hits))
    listed = ", ".join(names[:_LISTED]) + (
        f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    )
    if not names:
        said = f"the node {trouble.node} {trouble.what}; no run is on it"
    elif trouble.lost:
        has = "had" if trouble.kind == DELETED else "has"
        said = (
            f"the node {trouble.node} {trouble.what}; it {has} {listed}: each goes on elsewhere from its last "
            "checkpoint as soon as it is sure that its program has ended"
        )
    else:
        said = (
            f"the node {trouble.node} {trouble.what}; it has {listed}: no new pod is placed there, and what "
            "it ends goes on elsewhere from the last checkpoint, uncounted"
        )
    key = f"node/{trouble.uid or trouble.node}/{trouble.kind}/{trouble.since:.0f}"
    title = f"node {trouble.node} {trouble.what}"
    return Happening(Event.NODE, key, title, said, users=frozenset(hit.user for hit in hits))
