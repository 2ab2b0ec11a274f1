"""Which Event a message becomes: a new one, a higher count of an old one, or one for many alike. Pure but for its memory.

Source: client-go's event correlator (aggregation of similar events, counting of equal ones, a token bucket a source).
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from seaway.base.clock import rfc3339_micro

Object = dict[str, Any]


class Occurrence(NamedTuple):
    """Something that happened to an object."""

    involved: Object
    """ObjectReference of the object."""
    type: str
    """Normal or Warning."""
    reason: str
    message: str
    component: str
    """Who reports it."""


@dataclass(frozen=True, slots=True)
class CorrelateSettings:
    """When events are folded together."""

    similar: int = 10
    """So many events that differ only in their message are kept apart; further ones are combined."""
    similar_seconds: float = 600.0
    """Events that lie further apart are not similar."""
    burst: int = 25
    """So many events of one object and source pass at once ..."""
    refill_seconds: float = 300.0
    """... and one more each time this passes."""
    remembered: int = 4096
    """How many events are remembered; the oldest are forgotten."""


@dataclass(slots=True)
class _Similar:
    messages: set[str]
    last: float


@dataclass(slots=True)
class _Bucket:
    tokens: float
    last: float


@dataclass(slots=True)
class Series:
    """One Event object, as this process knows it."""

    name: str
    namespace: str
    occurrence: Occurrence
    first: float
    last: float
    count: int
    written: bool = False
    """It exists in the cluster, so far as is known."""


class Correlator:
    """Folds occurrences into series."""

    def __init__(self, instance: str, settings: CorrelateSettings | None = None) -> None:
        self._instance = instance
        self._settings = settings or CorrelateSettings()
        self._similar: OrderedDict[tuple[str, ...], _Similar] = OrderedDict()
        self._series: OrderedDict[tuple[str, ...], Series] = OrderedDict()
        self._buckets: OrderedDict[tuple[str, ...], _Bucket] = OrderedDict()

    def add(self, occurrence: Occurrence, now: float) -> Series | None:
        """Return the series that counts the occurrence, None where there were too many about its object."""
        if not self._allowed(_source(occurrence), now):
            return None
        occurrence, key = self._combined(occurrence, now)
        series = self._series.get(key)
        if series is None:
            involved = occurrence.involved
            name = event_name(involved.get("name", ""), key)
            series = Series(name, involved.get("namespace") or "default", occurrence, now, now, 0)
            _remember(self._series, key, series, self._settings.remembered)
        self._series.move_to_end(key)
        series.occurrence, series.count, series.last = occurrence, series.count + 1, now
        return series

    def _combined(self, occurrence: Occurrence, now: float) -> tuple[Occurrence, tuple[str, ...]]:
        """Return what is told, and the key of the series that tells it: one for all that are combined, with the last message."""
        key = _identity(occurrence)
        similar = self._similar.get(key)
        if similar is None or now - similar.last > self._settings.similar_seconds:
            similar = _Similar(set(), now)
            _remember(self._similar, key, similar, self._settings.remembered)
        self._similar.move_to_end(key)
        similar.last = now
        if occurrence.message in similar.messages or len(similar.messages) < self._settings.similar:
            similar.messages.add(occurrence.message)
            return occurrence, _identity(occurrence, occurrence.message)
        return occurrence._replace(message=f"(combined from similar events): {occurrence.message}"), key

    def _allowed(self, about: tuple[str, ...], now: float) -> bool:
        settings = self._settings
        bucket = self._buckets.get(about)
        if bucket is None:
            bucket = _Bucket(settings.burst, now)
            _remember(self._buckets, about, bucket, settings.remembered)
        self._buckets.move_to_end(about)
        bucket.tokens = min(settings.burst, bucket.tokens + (now - bucket.last) / settings.refill_seconds)
        bucket.last = now
        if bucket.tokens < 1:
            return False
        bucket.tokens -= 1
        return True

    def event(self, series: Series) -> Object:
        """Return the Event object of a series. Source: `Event` of core/v1.

        Its times have microseconds, although whole seconds are usual: readers sort by them, and much happens in a second.
        """
        component = series.occurrence.component
        source = {"component": component} | ({"host": self._instance} if self._instance else {})
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": series.name, "namespace": series.namespace},
            "involvedObject": series.occurrence.involved,
            "reason": series.occurrence.reason,
            "message": series.occurrence.message,
            "source": source,
            "firstTimestamp": rfc3339_micro(series.first),
            "lastTimestamp": rfc3339_micro(series.last),
            "count": series.count,
            "type": series.occurrence.type,
            "eventTime": None,
            "reportingComponent": component,
            "reportingInstance": self._instance,
        }


def reference(obj: Mapping[str, Any], api_version: str = "", kind: str = "", field_path: str = "") -> Object:
    """Return the ObjectReference of an object. List items lack their type: then it is given."""
    metadata = obj["metadata"]
    fields = {
        "apiVersion": obj.get("apiVersion") or api_version,
        "kind": obj.get("kind") or kind,
        "namespace": metadata.get("namespace"),
        "name": metadata.get("name"),
        "uid": metadata.get("uid"),
        "resourceVersion": metadata.get("resourceVersion"),
        "fieldPath": field_path,
    }
    return {name: value for name, value in fields.items() if value}


def event_name(involved: str, key: tuple[str, ...]) -> str:
    """Return the deterministic name of a series: the same after a restart, so that its count goes on."""
    digest = hashlib.blake2b("\0".join(key).encode(), digest_size=8).hexdigest()
    return f"{involved[: 253 - 17].rstrip('.-')}.{digest}"


def _identity(occurrence: Occurrence, *more: str) -> tuple[str, ...]:
    involved = occurrence.involved
    about = tuple(involved.get(field, "") for field in ("kind", "namespace", "name", "uid", "fieldPath"))
    return (*about, occurrence.component, occurrence.type, occurrence.reason, *more)


def _source(occurrence: Occurrence) -> tuple[str, ...]:
    involved = occurrence.involved
    return (occurrence.component, involved.get("uid") or involved.get("name", ""))


def _remember(memory: OrderedDict[Any, Any], key: Any, value: Any, limit: int) -> None:
    memory[key] = value
    while len(memory) > limit:
        memory.popitem(last=False)
