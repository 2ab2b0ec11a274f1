"""Making, adopting and removing a workload's pods: the hands of the shells."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from seaway.client.errors import Unreachable
from seaway.controlplane.controllers.context import Context
from seaway.controlplane.controllers.workloads.children import Claim
from seaway.objects.builtin import PODS
from seaway.objects.errors import AlreadyExists, ApiError, NotFound
from seaway.objects.meta import (
    annotations_of,
    key,
    name,
    namespace,
    owner_reference,
    owner_references,
    resource_version,
    uid,
)
from seaway.reconcile.informer import Informer
from seaway.reconcile.ownwrites import OwnWrites

Object = dict[str, Any]
BURST = 500
"""Pods created or deleted in one go at most; the next go follows at once."""


def is_ending(error: ApiError) -> bool:
    """Tell whether something could not be made because its namespace is being deleted."""
    return any(cause.reason == "NamespaceTerminating" for cause in error.causes)


class Messages(NamedTuple):
    """What is said of pods; `{pod}`, `{owner}` and `{error}` stand for names and the reason."""

    created: str = "Created pod: {pod}"
    not_created: str = "Error creating: {error}"
    deleted: str = "Deleted pod: {pod}"
    not_deleted: str = "Error deleting: {error}"


OF_PODS = Messages()


class Hands:
    """Changes the objects that an owner controls, and says so in events about it.

    Args:
        context: of the controllers.
        component: who reports.
        owners: the informer of the owners.
        informer: in which the changed objects will show.
        writes: where changes are noted until they do.
        messages: what is said of pods.
    """

    def __init__(
        self,
        context: Context,
        component: str,
        owners: Informer,
        informer: Informer,
        writes: OwnWrites,
        messages: Messages = OF_PODS,
    ) -> None:
        self._messages = messages
        self._client, self._recorder, self._component = context.client, context.recorder, component
        self._owners, self._informer, self._writes = owners, informer, writes

    def report(self, owner: Object, reason: str, message: str, *, warning: bool = False) -> None:
        """Report something about an owner."""
        event_type = "Warning" if warning else "Normal"
        self._recorder.event(owner, event_type, reason, message, component=self._component)

    async def write_status(
        self, owner: Object, status: Object, annotations: Mapping[str, str] | None = None
    ) -> None:
        """Write what differs of an owner's status, and annotations that are new with it."""
        if not annotations and status == (owner.get("status") or {}):
            return
        wanted = {**owner, "status": status}
        if annotations:
            wanted["metadata"] = {
                **owner["metadata"],
                "annotations": {**annotations_of(owner), **annotations},
            }
        written = await self._client.replace(self._owners.resource, wanted, "status")
        self._writes.note(key(owner), self._owners, written)

    async def settle(self, owner: Object, found: Claim) -> list[Object]:
        """Adopt and let go what a claim says; return all that the owner controls now."""
        adopted = []
        if found.adopt and await self._is_still_there(owner):
            changes = (self._adopt(owner, obj) for obj in found.adopt)
            adopted = [obj for obj in await asyncio.gather(*changes) if obj is not None]
        await asyncio.gather(*(self._release(owner, obj) for obj in found.release))
        return [*found.mine, *adopted]

    async def _is_still_there(self, owner: Object) -> bool:
        """Ask the server: an owner that is deleted, or another one of its name, must adopt nothing."""
        try:
            live = await self._client.get(self._owners.resource, name(owner), namespace(owner))
        except NotFound:
            return False
        return uid(live) == uid(owner) and "deletionTimestamp" not in live["metadata"]

    async def _adopt(self, owner: Object, obj: Object) -> Object | None:
        return await self._set_owners(owner, obj, [*owner_references(obj), owner_reference(owner)])

    async def _release(self, owner: Object, obj: Object) -> None:
        await self._set_owners(owner, obj, [r for r in owner_references(obj) if r["uid"] != uid(owner)])

    async def _set_owners(self, owner: Object, obj: Object, references: list[Object]) -> Object | None:
        metadata = {
            "uid": uid(obj),
            "resourceVersion": resource_version(obj),
            "ownerReferences": references or None,
        }
        try:
            changed = await self._client.patch(
                self._informer.resource, name(obj), {"metadata": metadata}, namespace(obj)
            )
        except NotFound:
            return None
        self._writes.note(key(owner), self._informer, changed)
        return changed

    async def create(self, owner: Object, pods: Sequence[Object]) -> ApiError | Unreachable | None:
        """Create pods, one alone first, then ever more at once: what fails for one fails for all. Return why it stopped."""
        size, rest = 1, list(pods)
        while rest:
            batch, rest = rest[:size], rest[size:]
            outcomes = await asyncio.gather(*(self._create_one(owner, pod) for pod in batch))
            failures = [outcome for outcome in outcomes if outcome is not None]
            if failures:
                return failures[0]
            size *= 2
        return None

    async def _create_one(self, owner: Object, pod: Object) -> ApiError | Unreachable | None:
        try:
            made = await self._client.create(PODS, pod)
        except ApiError as error:
            if is_ending(error):
                return None  # nothing can be made there any more
            if not isinstance(
                error, AlreadyExists
            ):  # made already, or another's: the owner is looked at again
                self._tell(owner, "FailedCreate", self._messages.not_created, pod, error)
            return error
        except Unreachable as error:
            return error
        self._writes.note(key(owner), self._informer, made)
        self._tell(owner, "SuccessfulCreate", self._messages.created, made)
        return None

    async def delete(self, owner: Object, pods: Sequence[Object]) -> ApiError | Unreachable | None:
        """Delete pods at once; return why one could not be."""
        outcomes = await asyncio.gather(*(self._delete_one(owner, pod) for pod in pods))
        return next((outcome for outcome in outcomes if outcome is not None), None)

    async def _delete_one(self, owner: Object, pod: Object) -> ApiError | Unreachable | None:
        try:
            gone = await self._client.delete(PODS, name(pod), namespace(pod), uid=uid(pod))
        except NotFound:
            return None
        except ApiError as error:
            self._tell(owner, "FailedDelete", self._messages.not_deleted, pod, error)
            return error
        except Unreachable as error:
            return error
        self._writes.note(key(owner), self._informer, gone)
        self._tell(owner, "SuccessfulDelete", self._messages.deleted, pod)
        return None

    def _tell(
        self, owner: Object, reason: str, message: str, pod: Object, error: Exception | None = None
    ) -> None:
        told = message.format(pod=name(pod), owner=name(owner), error=error)
        self.report(owner, reason, told, warning=error is not None)
