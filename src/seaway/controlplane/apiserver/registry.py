"""The verbs that write, generic over kinds: create, update, patch, apply, delete.

Source: Kubernetes API concepts and conventions.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from seaway.base.clock import Clock, rfc3339
from seaway.controlplane.apiserver import accepting, metadata
from seaway.controlplane.apiserver.admission import Attributes, Operation, Step, admit
from seaway.controlplane.apiserver.content import Content, ValueContent, encoder
from seaway.controlplane.apiserver.deletion import Leave, Mark, goes_now, last_seen, plan_delete
from seaway.controlplane.apiserver.dynamic.dispatch import DynamicAdmission
from seaway.controlplane.apiserver.lookup import StoreLookup
from seaway.controlplane.apiserver.served import Served
from seaway.controlplane.apiserver.tracking import track, track_new
from seaway.controlplane.apiserver.writing import DeleteOptions, Write
from seaway.controlplane.store.log import KeyExists, KeyMissing, Record, RevisionMismatch, Store
from seaway.objects.errors import STALE, AlreadyExists, Cause, already_exists, conflict, not_found
from seaway.objects.meta import copy
from seaway.objects.names import generate_name

Object = dict[str, Any]
Change = Callable[[Object], Object]
"""Given the live object (shared), return the wanted one (the caller's own)."""
Listener = Callable[[Served, Object | None, Object | None], None]
"""Called after a write is durable with (kind, old stored object, new stored object)."""
StoreIt = Callable[[], Awaitable[Content]]
Charge = Callable[[Attributes, StoreIt], Awaitable[Content]]
"""Stores what was admitted by calling its second argument, together with what follows from it elsewhere."""
_ATTEMPTS = 8


async def _uncharged(_attributes: Attributes, store: StoreIt) -> Content:
    return await store()


class Registry:
    """Writes objects of any kind to the store.

    Args:
        store: where they live.
        steps: admission, in order.
        clock: for timestamps.
        lookup: reads for admission.
        dynamic: webhooks and policies, None for none.
    """

    def __init__(
        self, store: Store, steps: Sequence[Step], clock: Clock, lookup: StoreLookup,
        dynamic: DynamicAdmission | None = None,
    ) -> None:  # fmt: skip
        self._store = store
        self._steps = steps
        self._clock = clock
        self._lookup = lookup
        self.dynamic = dynamic
        self._random = random.Random()  # noqa: S311  # names, not secrets
        self.listeners: list[Listener] = []
        self.charge: Charge = _uncharged

    def record(self, served: Served, namespace: str, name: str) -> Record:
        """Return a live record. Raises NotFound."""
        record = self._store.get(served.key(namespace, name))
        if record is None:
            raise not_found(served.resource.group_resource, name)
        return record

    def exists(self, served: Served, namespace: str, name: str) -> bool:
        """Tell whether an object is live."""
        return self._store.get(served.key(namespace, name)) is not None

    async def create(self, write: Write, obj: Object) -> Content:
        """Store a new object, which becomes the registry's.

        Raises:
            AlreadyExists, BadRequest, Forbidden, Invalid, NotFound: it may not be.
        """
        served, options = write.served, write.options
        accepting.check_structure(served, obj, options, write.warnings, twice=write.twice)
        obj = served.to_storage(obj)
        metadata.place(served.resource, obj, write.namespace, write.name)
        generated = not obj["metadata"].get("name") and obj["metadata"].get("generateName")
        prefix = obj["metadata"].get("generateName")
        for attempt in range(_ATTEMPTS):
            fresh = copy(obj) if generated else obj
            if generated:
                fresh["metadata"]["name"] = generate_name(generated, self._random)
            try:
                return await self._create_named(write, fresh)
            except AlreadyExists as error:
                if generated and attempt < _ATTEMPTS - 1:
                    continue
                if not prefix:
                    raise
                words = f"{error.message}, the server was not able to generate a unique name for the object"
                raise AlreadyExists(words, details=error.details, retry_after=1) from None
        raise AssertionError("unreachable")

    async def _create_named(self, write: Write, obj: Object) -> Content:
        served, base, options = write.served, write.served.base, write.options
        kind = served.own.kind
        now = rfc3339(self._clock.now())
        metadata.begin(obj, str(uuid.uuid4()), now)
        kind.default(obj)
        if not write.apply:  # what the server adds from here on is nobody's
            write.warnings += metadata.drop_same_owners(obj)
            obj = track_new(write, obj, now)
        name = obj["metadata"].get("name") or ""
        attributes = self._admit(write, "CREATE", obj, None, name)
        obj = await self._mutated(attributes)
        if kind.generation:
            obj["metadata"]["generation"] = 1
        try:
            kind.prepare_create(obj)
            kind.default(obj)  # what follows from what the server set: a job's labels from its pods'
        except (KeyError, TypeError, AttributeError):
            accepting.check_create(served, obj, write.warnings)  # says what is missing
            raise
        accepting.check_create(served, obj, write.warnings)
        metadata.forget_version(obj)
        write.warnings += kind.warnings(obj, None)
        await self._validate(attributes, obj)
        key = served.key(write.namespace, name)

        async def store() -> Content:
            if self._store.get(key) is not None:
                raise self._taken(write, name)
            if options.dry_run:
                return ValueContent(served.from_storage(obj))
            try:
                record = await self._store.create(key, encoder(obj), obj)
            except KeyExists:
                raise self._taken(write, name) from None
            self._tell(base, None, obj)
            return served.view(record)

        return await self.charge(attributes, store)

    async def modify(self, write: Write, change: Change) -> Content:
        """Change a live object; lost races are tried again as long as the change names no resourceVersion.

        Raises:
            BadRequest, Conflict, Forbidden, Invalid, NotFound: it may not be.
        """
        served = write.served
        key = served.key(write.namespace, write.name)
        for _ in range(_ATTEMPTS):
            record = self.record(served, write.namespace, write.name)
            old = record.object
            new = change(served.from_storage(old))
            attributes, immutable = self._prepare_update(write, new, record)
            new = self._finish_update(write, await self._mutated(attributes), old, immutable)
            await self._validate(attributes, new)
            if accepting.unchanged(new, old):
                return served.view(record)
            attributes = self._attributes(write, "UPDATE", new, old, write.name)
            try:
                return await self.charge(attributes, self._changer(write, key, new, record))
            except KeyMissing:
                raise not_found(served.resource.group_resource, write.name) from None
            except RevisionMismatch:
                continue  # read again: a change that names a resourceVersion is refused at the next turn
        raise conflict(served.resource.group_resource, write.name, STALE)

    def _changer(self, write: Write, key: str, new: Object, record: Record) -> StoreIt:
        async def store() -> Content:
            if not write.options.dry_run:
                return await self._replace(write.served, key, new, record)
            new["metadata"]["resourceVersion"] = str(record.revision)
            return ValueContent(write.served.from_storage(new))

        return store

    def _prepare_update(
        self, write: Write, new: Object, record: Record
    ) -> tuple[Attributes, Sequence[Cause]]:
        """Return a change as it was admitted: checked, defaulted, tracked; and the faults that are known already."""
        resource, own, old = write.served.resource, write.served.own, record.object
        if new["metadata"].get("managedFields") == []:
            new["metadata"]["managedFields"] = [{}]  # an empty list clears them; no list leaves them
        accepting.check_structure(
            write.served, new, write.options, write.warnings, twice=write.twice, patched=write.patched
        )
        new = write.served.to_storage(new)
        metadata.place(resource, new, write.namespace, write.name)
        if not (write.patched or write.apply):
            metadata.check_uid(resource, write.name, new["metadata"].get("uid") or "", old["metadata"]["uid"])
        accepting.check_version(write, new["metadata"].get("resourceVersion") or "", str(record.revision))
        immutable = metadata.immutable_faults(new["metadata"], old["metadata"])
        whole = not write.subresource
        new = accepting.merge_for_subresource(own, new, old, write.subresource)
        metadata.keep(new, old)
        own.kind.default(new)
        if write.subresource == "status":
            own.kind.prepare_status(new, old)
        if not write.apply:
            write.warnings += metadata.drop_same_owners(new)
            new = track(write, old, new, rfc3339(self._clock.now()))
        if whole:
            try:
                own.kind.prepare_update(new, old)
            except (KeyError, TypeError, AttributeError):
                accepting.check_update(
                    write.served, new, old, write.warnings, whole=True
                )  # says what is missing
                raise
        return self._admit(write, "UPDATE", new, old, write.name), immutable

    def _finish_update(self, write: Write, new: Object, old: Object, immutable: Sequence[Cause]) -> Object:
        """Return the object as it is to be stored: counted and validated."""
        kind, whole = write.served.own.kind, not write.subresource
        if (
            (whole or write.subresource == "ephemeralcontainers")
            and kind.generation
            and kind.generation_counts
            and accepting.spec_changed(new, old, kind.generation_metadata)
        ):
            new["metadata"]["generation"] = (old["metadata"].get("generation") or 0) + 1
        accepting.check_update(
            write.served,
            new,
            old,
            write.warnings,
            whole=whole,
            found=immutable,
            subresource=write.subresource,
        )
        write.warnings += kind.warnings(new, old) if whole else ()
        return new

    async def _replace(self, served: Served, key: str, stored: Object, record: Record) -> Content:
        if goes_now(stored):  # nobody sees the change that let it go but who made it
            last = {**record.object, "metadata": {**record.object["metadata"]}}
            await self._store.delete(key, encoder(last), record.revision, last)
            self._tell(served.base, record.object, None)
            stored["metadata"]["resourceVersion"] = str(record.revision)
            return ValueContent(served.from_storage(stored))
        updated = await self._store.update(key, encoder(stored), record.revision, stored)
        self._tell(served.base, record.object, stored)
        return served.view(updated)

    async def adjust(self, write: Write, change: Change, *, tracked: bool = True) -> Content:
        """Change a live object on the server's own account: no admission, no validation; races are tried again.

        Args:
            write: which object, and the manager that the fields are tracked for.
            change: given the live object (shared), returns a new one, or the same one for no change.
            tracked: False where nobody owns what changes.
        """
        served = write.served
        key = served.key(write.namespace, write.name)
        for _ in range(_ATTEMPTS):
            record = self.record(served, write.namespace, write.name)
            new = change(record.object)
            if new is record.object or write.options.dry_run:
                return served.view(record) if new is record.object else ValueContent(new)
            served.base.kind.schema.tidy(new)
            if tracked:
                new = track(write, record.object, new, rfc3339(self._clock.now()))
            try:
                return await self._replace(served, key, new, record)
            except KeyMissing:
                raise not_found(served.resource.group_resource, write.name) from None
            except RevisionMismatch:
                continue
        raise conflict(served.resource.group_resource, write.name, STALE)

    async def delete(self, write: Write, options: DeleteOptions) -> tuple[Content, bool]:
        """Delete an object, or mark it as going.

        Returns:
            The last object, and whether it is gone.

        Raises:
            Conflict, Forbidden, NotFound: it may not be.
        """
        served, resource = write.served, write.served.resource
        key = served.key(write.namespace, write.name)
        for _ in range(_ATTEMPTS):
            record = self.record(served, write.namespace, write.name)
            stored = record.object
            metadata.check_preconditions(
                resource, stored["metadata"], options.uid, options.resource_version, str(record.revision)
            )
            attributes = self._admit(write, "DELETE", stored, stored, write.name)
            await self._validate(attributes, await self._mutated(attributes))
            plan = plan_delete(served.base.kind, stored, options, self._clock.now())
            if options.dry_run or isinstance(plan, Leave):
                return served.view(record), not isinstance(plan, Mark | Leave)
            try:
                if isinstance(plan, Mark):
                    return await self._replace(served, key, plan.object, record), False
                last = last_seen(served.base.kind, stored, self._clock.now())
                gone = await self._store.delete(key, encoder(last), record.revision, last)
            except KeyMissing:
                raise not_found(resource.group_resource, write.name) from None
            except RevisionMismatch:
                continue
            self._tell(served.base, stored, None)
            return served.view(gone), True
        raise conflict(resource.group_resource, write.name, STALE)

    def _admit(
        self, write: Write, operation: Operation, obj: Object, old: Object | None, name: str
    ) -> Attributes:
        attributes = self._attributes(write, operation, obj, old, name)
        admit(self._steps, attributes)
        return attributes

    def _attributes(
        self, write: Write, operation: Operation, obj: Object, old: Object | None, name: str
    ) -> Attributes:
        options = write.options.to_object(operation, patched=write.patched or write.apply)
        return Attributes(
            operation, write.served, write.namespace, name, write.subresource, obj, old, write.user, self._lookup,
            write.options.dry_run, write.warnings, options,
        )  # fmt: skip

    async def _mutated(self, attributes: Attributes) -> Object:
        """Return the object as webhooks and policies leave it. Raises ApiError."""
        if self.dynamic is not None and self.dynamic.mutates(attributes):
            await self.dynamic.mutate(attributes)
        return attributes.object

    async def _validate(self, attributes: Attributes, obj: Object) -> None:
        """Let webhooks and policies refuse an object as it is to be stored. Raises ApiError."""
        if self.dynamic is not None and self.dynamic.validates(attributes):
            attributes.object = obj
            await self.dynamic.validate(attributes)

    def _taken(self, write: Write, name: str) -> AlreadyExists:
        """Return the error of a name that is taken, which says so where its object is going."""
        error = already_exists(write.served.resource.group_resource, name)
        record = self._store.get(write.served.key(write.namespace, name))
        if record is not None and record.object["metadata"].get("deletionTimestamp"):
            return AlreadyExists(f"object is being deleted: {error.message}", details=error.details)
        return error

    def _tell(self, served: Served, old: Object | None, new: Object | None) -> None:
        for listener in self.listeners:
            listener(served, old, new)
