"""The revisions of a stateful or daemon set: what its template was, kept as ControllerRevisions. Pure.

Source: apps/v1 ControllerRevision; Kubernetes' "Rolling update" of stateful sets and daemon sets, `kubectl rollout`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from seaway.controlplane.controllers.workloads.children import template_hash
from seaway.objects import meta
from seaway.objects.meta import copy, labels, name, namespace, owner_reference

Object = dict[str, Any]
REVISION_HASH = "controller-revision-hash"
"""Label of pods, and of a daemon set's revisions: what they were made of."""
HISTORY_HASH = "controller.kubernetes.io/hash"
"""The same of a stateful set's revisions."""
_LONGEST_PREFIX = 223


@dataclass(frozen=True, slots=True)
class History:
    """An owner's revisions, in order, and the one of its template."""

    revisions: tuple[Object, ...]
    newest: Object
    """Of the owner's template: one that is there already, or one to be made."""
    is_new: bool
    renumber: bool
    """It is there and gets a higher number, because the owner went back to it."""


def number_of(revision: Object) -> int:
    """Return a revision's number."""
    return int(revision.get("revision") or 0)


def data_of(owner: Object) -> Object:
    """Return what a revision keeps: a patch that puts the template back."""
    return {"spec": {"template": {**copy(owner["spec"]["template"]), "$patch": "replace"}}}


def template_of(revision: Object) -> Object:
    """Return the template that a revision keeps."""
    return {
        field: value for field, value in revision["data"]["spec"]["template"].items() if field != "$patch"
    }


def history(owner: Object, revisions: Sequence[Object], label: str) -> History:
    """Return an owner's history with the revision of its template.

    Args:
        owner: a stateful or daemon set, as stored.
        revisions: all that it controls.
        label: key of the label that holds a revision's hash.
    """
    ordered = sorted(
        revisions, key=lambda one: (number_of(one), one["metadata"].get("creationTimestamp") or "", name(one))
    )
    following = number_of(ordered[-1]) + 1 if ordered else 1
    data = data_of(owner)
    equal = [one for one in ordered if one["data"] == data]
    if not equal:
        return History(tuple(ordered), _new(owner, data, following, label), is_new=True, renumber=False)
    newest = equal[-1]
    if newest is ordered[-1]:
        return History(tuple(ordered), newest, is_new=False, renumber=False)
    raised = {**newest, "revision": following}
    kept = [one for one in ordered if one is not newest]
    return History((*kept, raised), raised, is_new=False, renumber=True)


def _new(owner: Object, data: Object, number: int, label: str) -> Object:
    short = template_hash(data, (owner.get("status") or {}).get("collisionCount"))
    template_labels = (owner["spec"]["template"].get("metadata") or {}).get("labels") or {}
    metadata: Object = {
        "name": f"{name(owner)[:_LONGEST_PREFIX]}-{short}",
        "namespace": namespace(owner),
        "labels": {**template_labels, label: short},
        "ownerReferences": [owner_reference(owner)],
    }
    if told := meta.annotations_of(owner):
        metadata["annotations"] = dict(told)
    return {
        "apiVersion": "apps/v1", "kind": "ControllerRevision", "metadata": metadata, "data": data, "revision": number,
    }  # fmt: skip


def outdated(found: History, live: Collection[str], limit: int) -> list[Object]:
    """Return the revisions that are kept for nothing, oldest first.

    Args:
        found: the history.
        live: names of revisions that pods or the status name.
        limit: how many others are kept.
    """
    idle = [one for one in found.revisions if name(one) not in live and name(one) != name(found.newest)]
    return idle[: max(0, len(idle) - limit)]


def revision_label(obj: Object) -> str:
    """Return what the label of pods says of their revision, "" where there is none."""
    return labels(obj).get(REVISION_HASH, "")
