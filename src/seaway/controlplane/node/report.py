"""Write a pod's status to the API server: one patch for each change, and the last word when it is deleted."""

from __future__ import annotations

from typing import Any

from seaway.client.request import STRATEGIC_MERGE_PATCH
from seaway.controlplane.node.context import NodeContext
from seaway.controlplane.node.state import Object, PodState
from seaway.controlplane.node.status import Now, pod_status
from seaway.objects.builtin import PODS
from seaway.objects.errors import Conflict, NotFound
from seaway.objects.meta import resource_version


class Reporter:
    """Reports of one pod."""

    def __init__(self, context: NodeContext) -> None:
        self._context = context
        self._began = context.clock.now()
        self._last: Object | None = None
        self._written = 0
        """The revision that the last write made."""
        self._deleted = False

    def start_time(self, pod: Object) -> str | None:
        """Return when the node began with the pod (RFC 3339)."""
        found: str | None = (self._last or pod.get("status") or {}).get("startTime")
        return found

    def is_echo(self, new: Object, old: Object) -> bool:
        """Tell whether a newer version of the pod shows nothing but what this node wrote itself."""
        return (
            self._last is not None
            and _in_any_order(new.get("status") or {}) == _in_any_order(self._last)
            and new["spec"] == old["spec"]
            and _told_by_others(new) == _told_by_others(old)
        )

    async def report(self, pod: Object, state: PodState, *, ended: bool = False) -> None:
        """Write the status where it is not what was written last, or where others have written over it.

        Others do: of the pods of a node that was silent, its controller says that they are not ready.

        Raises:
            ApiError, Unreachable: it could not be written.
        """
        now = Now(self._context.clock.now(), self._context.addresses.node, ended, self._began)
        status = pod_status(self._view(pod), state, now)
        if status == self._last and not self._is_written_over(pod):
            return
        before = self._last if self._last not in (None, status) else pod.get("status") or {}
        patch = {name: None for name in before if name in _CLEARED and name not in status} | _changes(
            pod, before, status
        )
        metadata = pod["metadata"]
        try:
            written = await self._context.client.patch(
                PODS, metadata["name"], {"metadata": {"uid": metadata["uid"]}, "status": patch}, metadata["namespace"],
                subresource="status", content_type=STRATEGIC_MERGE_PATCH,
            )  # fmt: skip
        except NotFound:
            return
        except Conflict:
            if await self._is_there(pod):
                raise  # too many wrote at once: what is not told now would never be
            return  # another pod of the same name: the watch will say so
        self._last, self._written = status, int(resource_version(written) or 0)

    def has_said_all(self, pod: Object) -> bool:
        """Tell whether the end of a pod is written that is being deleted and waits for nothing of this node."""
        ended = self._last is not None and self._last["phase"] in {"Succeeded", "Failed"}
        return ended and pod["metadata"].get("deletionGracePeriodSeconds") == 0

    def _is_written_over(self, pod: Object) -> bool:
        """Tell whether a version of the pod that is newer than the last write says another state than that."""
        if self._last is None or int(resource_version(pod) or 0) <= self._written:
            return False
        live: Object = pod.get("status") or {}
        told = {c["type"]: c["status"] for c in live.get("conditions") or () if _is_ours(c)}
        own = {c["type"]: c["status"] for c in self._last["conditions"] if _is_ours(c)}
        return live.get("phase") != self._last.get("phase") or not own.items() <= told.items()

    async def _is_there(self, pod: Object) -> bool:
        metadata = pod["metadata"]
        try:
            live = await self._context.client.get(PODS, metadata["name"], metadata["namespace"])
        except NotFound:
            return False
        return bool(live["metadata"]["uid"] == metadata["uid"])

    async def delete(self, pod: Object) -> None:
        """Take the object away for good: nothing of it runs. Raises ApiError, Unreachable."""
        metadata = pod["metadata"]
        if self._deleted or metadata.get("deletionGracePeriodSeconds") == 0:
            return  # without grace nobody waits for this node's word, only for finalizers
        try:
            await self._context.client.delete(
                PODS, metadata["name"], metadata["namespace"], grace_seconds=0, uid=metadata["uid"]
            )
        except (NotFound, Conflict):
            return
        self._deleted = True

    def _view(self, pod: Object) -> Object:
        """Return the pod with the status that this node wrote last, and the conditions of others as they are now."""
        live: Object = pod.get("status") or {}
        if self._last is None:
            return pod
        foreign = [c for c in live.get("conditions") or [] if not _is_ours(c)]
        conditions: list[Any] = [*(c for c in self._last["conditions"] if _is_ours(c)), *foreign]
        return {**pod, "status": {**live, **self._last, "conditions": conditions}}


def _changes(pod: Object, before: Object, status: Object) -> Object:
    """Return what of a status this node says: conditions that others write meanwhile stay as they are."""
    known = {c["type"]: c for c in before.get("conditions") or ()}
    foreign = [c for c in (pod.get("status") or {}).get("conditions") or () if not _is_ours(c)]
    own = [c for c in status["conditions"] if c not in foreign]
    said = status | {"conditions": [dict.fromkeys(known.get(c["type"], {}).keys() - c) | c for c in own]}
    replaced = {name: [*status[name], {"$patch": "replace"}] for name in _ADDRESSES if name in status}
    return said | replaced


def _in_any_order(status: Object) -> Object:
    """Return a status to compare: the order of its conditions says nothing."""
    return status | {"conditions": {c["type"]: c for c in status.get("conditions") or ()}}


def _told_by_others(pod: Object) -> Object:
    return {k: v for k, v in pod["metadata"].items() if k not in {"resourceVersion", "managedFields"}}


_ADDRESSES = ("podIPs", "hostIPs")
"""Lists that a strategic merge would only ever add to."""
_CLEARED = ("reason", "message", "podIP", "podIPs", "initContainerStatuses")


def _is_ours(condition: Object) -> bool:
    return condition["type"] in {
        "PodReadyToStartContainers",
        "Initialized",
        "Ready",
        "ContainersReady",
        "PodScheduled",
    }
