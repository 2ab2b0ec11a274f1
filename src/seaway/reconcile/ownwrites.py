"""What a controller wrote and has not seen yet: nothing is decided from a copy that is older than one's own writes.

Source: KEP-5504 (resource versions can be compared) and KEP-5647 (controllers that read stale caches).
"""

from __future__ import annotations

from seaway.objects.meta import resource_version
from seaway.reconcile.controller import RequeueAfter
from seaway.reconcile.informer import Informer, Object

STALE = RequeueAfter(0.5)
"""The outcome where a copy is behind. The event that it waits for comes first; this is for one that was missed."""


class OwnWrites:
    """The newest revision that was written for each key, by the copy in which it will show."""

    def __init__(self) -> None:
        self._newest: dict[str, dict[Informer, int]] = {}

    def note(self, key: str, informer: Informer, written: Object) -> None:
        """Remember an answer of the server to a write that was made for the key."""
        version = int(resource_version(written) or 0)
        of_key = self._newest.setdefault(key, {})
        of_key[informer] = max(of_key.get(informer, 0), version)

    def are_seen(self, key: str) -> bool:
        """Tell whether every copy is as new as what was written for the key."""
        of_key = self._newest.get(key)
        if of_key is None:
            return True
        if any(int(informer.resource_version or 0) < version for informer, version in of_key.items()):
            return False
        del self._newest[key]
        return True

    def forget(self, key: str) -> None:
        """Remember nothing of a key any more: its object is gone."""
        self._newest.pop(key, None)
