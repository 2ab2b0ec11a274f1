"""Keeping a set's history at the server: the hands of the shells of stateful and daemon sets."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from seaway.controlplane.controllers.context import Context
from seaway.controlplane.controllers.workloads.children import CONTROLLER, by_controller, candidates, claim
from seaway.controlplane.controllers.workloads.history import History, data_of, history
from seaway.controlplane.controllers.workloads.pods import Hands
from seaway.objects.errors import AlreadyExists, NotFound
from seaway.objects.meta import controller_of, key, name, namespace, uid
from seaway.objects.workloads import CONTROLLER_REVISIONS
from seaway.reconcile.informer import Informer
from seaway.reconcile.ownwrites import OwnWrites

Object = dict[str, Any]


class Collided(Exception):
    """The name of the next revision is taken by another one: the owner has to count one more collision."""


class Keeper:
    """Reads and writes the revisions of one kind of owners.

    Args:
        context: of the controllers.
        component: who reports.
        owners: their informer.
        label: key of the label that holds a revision's hash.
        writes: where changes are noted until they are seen.
    """

    def __init__(
        self, context: Context, component: str, owners: Informer, label: str, writes: OwnWrites
    ) -> None:
        self._client, self._label, self._writes = context.client, label, writes
        self.informer = context.informers.informer(CONTROLLER_REVISIONS, indices={CONTROLLER: by_controller})
        self._hands = Hands(context, component, owners, self.informer, writes)

    async def history(self, owner: Object) -> History:
        """Return an owner's history, with the revision of its template made. Raises Collided."""
        mine = await self._hands.settle(owner, claim(owner, candidates(self.informer, owner)))
        found = history(owner, mine, self._label)
        if found.is_new:
            made = await self._create(owner, found.newest)
            return replace(found, revisions=(*found.revisions, made), newest=made)
        if found.renumber:
            raised = await self._client.replace(CONTROLLER_REVISIONS, found.newest)
            self._writes.note(key(owner), self.informer, raised)
        return found

    async def _create(self, owner: Object, wanted: Object) -> Object:
        try:
            made = await self._client.create(CONTROLLER_REVISIONS, wanted)
        except AlreadyExists:
            made = await self._client.get(CONTROLLER_REVISIONS, name(wanted), namespace(wanted))
            if (controller_of(made) or {}).get("uid") != uid(owner) or made["data"] != data_of(owner):
                raise Collided from None
        self._writes.note(key(owner), self.informer, made)
        return made

    async def forget(self, owner: Object, revisions: Iterable[Object]) -> None:
        """Delete revisions."""
        for revision in revisions:
            try:
                gone = await self._client.delete(
                    CONTROLLER_REVISIONS, name(revision), namespace(revision), uid=uid(revision)
                )
            except NotFound:
                continue
            self._writes.note(key(owner), self.informer, gone)
