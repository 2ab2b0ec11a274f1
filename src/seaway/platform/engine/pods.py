"""The pods of this server as last seen: what the watch showed, and what a call of our own answered sooner."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from seaway.platform.workloads import labels
from seaway.platform.workloads.observation import Observation, observe
from seaway.reconcile.informer import Informer

Object = dict[str, Any]


class Seen(NamedTuple):
    """A pod as last seen."""

    object: Object
    observation: Observation


class PodTable:
    """Pods by name, also those that are gone while somebody still has to look at them."""

    def __init__(self) -> None:
        self._changed: Callable[[Seen], None] = lambda _: None
        self._pods: dict[str, Seen] = {}
        self._released: set[str] = set()
        """uids of pods that were let go: what the watch still shows of them means nothing."""

    def listen(self, informer: Informer, changed: Callable[[Seen], None]) -> Callable[[], None]:
        """Take what an informer shows from now on, and tell it; return what ends that."""
        self._changed = changed
        return informer.subscribe(self._on_change)

    def get(self, name: str, run_uid: str) -> Seen | None:
        """Return a run's pod, also one that is gone."""
        seen = self._pods.get(name)
        return seen if seen is not None and seen.observation.run_uid == run_uid else None

    def find(self, name: str, uid: str) -> Seen | None:
        """Return the pod of a name and uid, whosever it is."""
        seen = self._pods.get(name)
        return seen if seen is not None and seen.observation.uid == uid else None

    def present(self) -> list[Seen]:
        """Return all pods that are in the cluster."""
        return [seen for seen in self._pods.values() if not seen.observation.gone]

    def add(self, pod: Object) -> None:
        """Take a pod that a call answered, unless the watch has shown it already."""
        name, uid = pod["metadata"]["name"], pod["metadata"].get("uid")
        known = self._pods.get(name)
        if known is None or known.observation.uid != uid:
            self._put(Seen(pod, observe(pod)))

    def let_go(self, seen: Seen) -> None:
        """Drop a pod whose finalizer is off."""
        name, uid = seen.observation.pod, seen.observation.uid
        self._released.add(uid)
        if name in self._pods and self._pods[name].observation.uid == uid:
            del self._pods[name]

    def forget(self, name: str) -> None:
        """Drop a pod that is gone and that nobody has to look at any more."""
        seen = self._pods.get(name)
        if seen is not None and seen.observation.gone:
            del self._pods[name]

    def _on_change(self, event_type: str, new: Object, _old: Object | None) -> None:
        if labels.RUN_UID not in (new["metadata"].get("labels") or {}):
            return
        gone, uid = event_type == "DELETED", new["metadata"].get("uid")
        if uid in self._released:
            if gone:
                self._released.discard(uid)
            return
        known = self._pods.get(new["metadata"]["name"])
        if gone and known is not None and known.observation.uid != uid:
            return  # another pod of this name came since
        self._put(Seen(new, observe(new, gone=gone)))

    def _put(self, seen: Seen) -> None:
        self._pods[seen.observation.pod] = seen
        self._changed(seen)
