"""The objects of a dump, and how they belong together."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from datetime import datetime
from functools import cached_property
from typing import Any, TypeVar

from seaway.platform.diagnosis.dump.documents import Object
from seaway.platform.diagnosis.evidence import event_time, moment

K = TypeVar("K", bound=Hashable)
_LABELS = (
    "training.kubeflow.org/job-name", "jobset.sigs.k8s.io/jobset-name", "ray.io/cluster", "spark-app-selector",
    "dask.org/cluster-name", "volcano.sh/job-name", "leaderworkerset.sigs.k8s.io/name", "batch.kubernetes.io/job-name", "job-name",
)  # fmt: skip
"""What the pods of one distributed program carry alike."""


class Cluster:
    """What a dump shows of a cluster."""

    def __init__(self, objects: Iterable[Object], now: datetime | None = None) -> None:
        self._now = now
        self._objects: dict[tuple[str, str, str], Object] = {}
        for found in objects:  # the last print of an object is the newest
            if found["kind"] == "Event":
                found = _core(found)
            metadata = found["metadata"]
            key = (
                found["kind"],
                metadata.get("namespace") or "",
                str(metadata.get("uid") or metadata.get("name")),
            )
            self._objects[key] = found

    def all(self, kind: str) -> list[Object]:
        """Return the objects of a kind."""
        return self._kinds.get(kind, [])

    def get(self, kind: str, name: str, namespace: str = "") -> Object | None:
        """Return an object by its name, None where the dump does not hold it."""
        for found in self._named.get((kind, name), ()):
            if (found["metadata"].get("namespace") or "") in ("", namespace):
                return found
        return None

    def events_about(self, kind: str, name: str, namespace: str, uid: str | None) -> list[Object]:
        """Return the events about an object, oldest first; not those about an earlier one of the same name."""
        found = []
        for event in self._about.get((kind, name), ()):
            about = event["involvedObject"]
            if (about.get("namespace") or namespace) != namespace and kind != "Node":
                continue
            if uid and about.get("uid") and about["uid"] != uid and kind != "Node":
                continue
            found.append(event)
        return found

    @cached_property
    def _kinds(self) -> dict[str, list[Object]]:
        return _grouped(self._objects.values(), lambda found: found["kind"])

    @cached_property
    def _named(self) -> dict[tuple[str, str], list[Object]]:
        return _grouped(
            self._objects.values(), lambda found: (found["kind"], found["metadata"].get("name", ""))
        )

    @cached_property
    def _about(self) -> dict[tuple[str, str], list[Object]]:
        return _grouped(
            self.events,
            lambda event: (event["involvedObject"].get("kind", ""), event["involvedObject"].get("name", "")),
        )

    @cached_property
    def maker(self) -> dict[str, Object]:
        """Which owner made a pod, by the pod's name, as events tell it."""
        return {
            event["message"].rpartition(": ")[2]: event["involvedObject"]
            for event in self.events
            if event.get("reason") == "SuccessfulCreate" and event["involvedObject"].get("kind")
        }

    def events_of(self, found: Object) -> list[Object]:
        """Return the events about an object of the dump."""
        metadata = found["metadata"]
        return self.events_about(
            found["kind"], metadata.get("name", ""), metadata.get("namespace") or "", metadata.get("uid")
        )

    @cached_property
    def events(self) -> list[Object]:
        """All events, oldest first."""
        return sorted(self.all("Event"), key=lambda event: event_time(event) or "")

    @cached_property
    def holds_all_pods(self) -> bool:
        """Whether the dump is of all namespaces, as the cluster's own pods in it show."""
        return any(pod["metadata"].get("namespace") == "kube-system" for pod in self.all("Pod"))

    @cached_property
    def now(self) -> datetime | None:
        """When it was printed, else the latest moment that anything in the dump tells of."""
        return self._now or max(filter(None, map(moment, _times(list(self._objects.values())))), default=None)

    def owner(self, found: Object) -> Object | None:
        """Return what controls an object: from the dump, else what its reference says; None for nothing."""
        named = found["metadata"].get("ownerReferences") or ()
        references = [one for one in named if one.get("kind") and one.get("name")]
        reference = next((one for one in references if one.get("controller")), None)
        if reference is None:
            reference = next(iter(references), None)
        if reference is None or reference.get("kind") == "Node":
            return None
        namespace = found["metadata"].get("namespace") or ""
        known = self.get(reference["kind"], reference["name"], namespace)
        bare = {"name": reference["name"], "namespace": namespace, "uid": reference.get("uid")}
        return known or {"kind": reference["kind"], "metadata": bare, "spec": {}, "status": {}}

    def origin(self, found: Object) -> Object:
        """Return what somebody wrote that an object comes from: its outermost owner, or itself."""
        seen = 0
        while (owner := self.owner(found)) is not None and seen < 8:
            found, seen = owner, seen + 1
        return found

    def group(self, found: Object) -> tuple[str, str, str]:
        """Return what the parts of one program have in common."""
        namespace = found["metadata"].get("namespace") or ""
        labels = found["metadata"].get("labels") or {}
        for label in _LABELS:
            if labels.get(label):
                return ("", namespace, f"{label}={labels[label]}")
        if found["kind"] == "Job":
            return ("", namespace, f"batch.kubernetes.io/job-name={found['metadata'].get('name')}")
        origin = self.origin(found)
        return (origin["kind"], namespace, origin["metadata"].get("name", ""))


def _grouped(found: Iterable[Object], by: Callable[[Object], K]) -> dict[K, list[Object]]:
    groups: dict[K, list[Object]] = {}
    for one in found:
        groups.setdefault(by(one), []).append(one)
    return groups


def _core(event: Object) -> Object:
    """Return an event of events.k8s.io in the words of the core group."""
    return {
        **event,
        "involvedObject": event.get("involvedObject") or event.get("regarding") or {},
        "message": str(event.get("message") or event.get("note") or ""),
    }


def _times(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if isinstance(inner, str) and ("ime" in key) and key != "deletionTimestamp":
                yield inner
            elif isinstance(inner, dict | list):
                yield from _times(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _times(inner)
