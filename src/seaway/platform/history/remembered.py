"""What history remembers of an object: its last state, put together from its revisions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from seaway.base.clock import parse_rfc3339, rfc3339
from seaway.platform.database import revisions
from seaway.platform.database.records import RevisionRecord

Object = dict[str, Any]
CLAIM = "PersistentVolumeClaim"


def last_pod(connection: Connection, uid: str) -> Object | None:
    """Return a pod as it was last seen, without values of variables; None where it never was."""
    return put_together(revisions.of_object(connection, "Pod", uid))


def last_node(connection: Connection, name: str) -> Object | None:
    """Return a node as it was last seen, None where it never was."""
    found = revisions.newest(connection, "Node", name)
    return found.object if found is not None else None


def claims_of(connection: Connection, pod: Mapping[str, Any] | None, namespace: str) -> list[Object]:
    """Return the claims that a pod names, as they were last seen, and then the events about them, oldest first.

    Args:
        connection: to read from.
        pod: whose; None for one of which nothing is known.
        namespace: of the pod.
    """
    volumes = ((pod or {}).get("spec") or {}).get("volumes") or ()
    names = [one["persistentVolumeClaim"]["claimName"] for one in volumes if "persistentVolumeClaim" in one]
    seen = [revisions.newest(connection, CLAIM, name, namespace) for name in names]
    there = [claim for claim in seen if claim is not None and not claim.deleted]
    events = [each for claim in there for each in revisions.events_about(connection, claim.uid)]
    return [*({**claim.object, "kind": CLAIM} for claim in there), *(event.object for event in events)]


def put_together(recorded: Sequence[RevisionRecord]) -> Object | None:
    """Return the last state of a pod whose later revisions say only what changes.

    What came after its end (Seaway itself deletes it then) says nothing about the attempt.
    """
    if not recorded:
        return None
    ends = (
        i
        for i, r in enumerate(recorded)
        if r.object.get("status", {}).get("phase") in ("Succeeded", "Failed")
    )
    recorded = recorded[: next(ends, len(recorded)) + 1]
    whole = next(
        (r.object for r in reversed(recorded) if "labels" in r.object["metadata"]), recorded[0].object
    )
    last = recorded[-1].object
    return {
        "metadata": whole["metadata"] | last["metadata"],
        "spec": whole.get("spec", {}) | {k: v for k, v in last.get("spec", {}).items() if v is not None},
        "status": last.get("status", {}),
    }


def deletion_asked(recorded: Sequence[RevisionRecord]) -> str | None:
    """Return when an object's deletion was asked for (RFC 3339), None where that was never seen.

    The object itself says so until its node removes it: from then on it says the time of that.
    """
    for metadata in (revision.object["metadata"] for revision in recorded):
        if due := metadata.get("deletionTimestamp"):
            return rfc3339(parse_rfc3339(due) - (metadata.get("deletionGracePeriodSeconds") or 0))
    return None


def deleted_while_it_ran(recorded: Sequence[RevisionRecord]) -> bool:
    """Return whether a pod was seen to run while it was being deleted. Says so by order alone: clocks of machines differ."""
    return any(
        _runs(revision.object.get("status") or {})
        for revision in recorded
        if revision.object["metadata"].get("deletionTimestamp")
    )


def _runs(status: Object) -> bool:
    states = [told.get("state") or {} for told in status.get("containerStatuses") or ()]
    return status.get("phase") == "Running" and any("running" in state for state in states)
