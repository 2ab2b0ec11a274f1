"""Reads of live objects for admission, authorization and the subresources: no copy, no wait."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from seaway.controlplane.store.log import Store
from seaway.objects.resource import Resource

Object = dict[str, Any]


class StoreLookup:
    """Reads stored objects of built-in kinds by resource. What it returns is shared."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self, resource: Resource, namespace: str, name: str) -> Object | None:
        """Return one object, None for none."""
        middle = f"{namespace}/" if resource.namespaced else ""
        record = self._store.get(f"/registry/{resource.group or 'core'}/{resource.plural}/{middle}{name}")
        return None if record is None else record.object

    def list(self, resource: Resource, namespace: str = "") -> Sequence[Object]:
        """Return all objects of a kind, of one namespace where it is given."""
        middle = f"{namespace}/" if namespace else ""
        page = self._store.list(f"/registry/{resource.group or 'core'}/{resource.plural}/{middle}")
        return [record.object for record in page.records]
