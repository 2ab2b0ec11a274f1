"""Events, as the core group and as events.k8s.io show them; stored once, in the core form.

Source: KEP-383 (the newer API) and the conversion between the two in Kubernetes.
"""

from __future__ import annotations

from typing import Any

from seaway.controlplane.kinds.cells import NAME, at, read, since
from seaway.controlplane.kinds.declaration import Column, Kind, Object
from seaway.controlplane.kinds.faults import invalid
from seaway.controlplane.kinds.metadata import validate_metadata, validate_metadata_update
from seaway.controlplane.kinds.schemas import schema_of
from seaway.objects.builtin import EVENTS, EVENTS_V1
from seaway.objects.errors import Cause

RENAMED = {
    "regarding": "involvedObject",
    "note": "message",
    "reportingController": "reportingComponent",
    "deprecatedSource": "source",
    "deprecatedFirstTimestamp": "firstTimestamp",
    "deprecatedLastTimestamp": "lastTimestamp",
    "deprecatedCount": "count",
}
"""Fields of events.k8s.io and what the core group calls them."""
_BACK = {core: new for new, core in RENAMED.items()}
_REFERENCE_FIELDS = ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")


def to_core(event: Object) -> Object:
    """Return an events.k8s.io Event in the core group's form."""
    return {RENAMED.get(key, key): value for key, value in event.items()} | {"apiVersion": "v1"}


def from_core(event: Object) -> Object:
    """Return a core Event in events.k8s.io's form."""
    return {_BACK.get(key, key): value for key, value in event.items()} | {
        "apiVersion": EVENTS_V1.api_version
    }


def validate(event: Object) -> list[Cause]:
    """Return the faults of an Event, in the core form."""
    faults = validate_metadata(event)
    within = read(event, "involvedObject", "namespace")
    namespace = read(event, "metadata", "namespace")
    if namespace != (within or "default"):
        faults.append(invalid("involvedObject.namespace", within, "does not match event.namespace"))
    return faults


def _source(event: Object) -> str:
    return str(read(event, "source", "component") or read(event, "reportingComponent"))


def _shown_source(event: Object, _now: float) -> str:
    instance = read(event, "source", "host") or read(event, "reportingInstance")
    return f"{_source(event)}, {instance}" if instance else _source(event)


def _first_seen(event: Object, now: float) -> str:
    return since(read(event, "firstTimestamp") or read(event, "eventTime"), now)


def _last_seen(event: Object, now: float) -> str:
    last = read(event, "series", "lastObservedTime") or read(event, "lastTimestamp")
    return since(last, now) if last else _first_seen(event, now)


def _count(event: Object, _now: float) -> int:
    return int(read(event, "series", "count", default=0) or read(event, "count", default=0) or 1)


def _target(event: Object, _now: float) -> str:
    kind, name = str(read(event, "involvedObject", "kind")).lower(), read(event, "involvedObject", "name")
    return f"{kind}/{name}" if name else kind


def _reference_label(field: str) -> Any:
    return lambda event: str(read(event, "involvedObject", field))


EVENT = Kind(
    EVENTS,
    schema_of(EVENTS),
    validate=validate,
    validate_update=validate_metadata_update,
    columns=(
        Column("Last Seen", _last_seen, description="Time since it last happened."),
        Column("Type", at("type"), description="Normal or Warning."),
        Column("Reason", at("reason"), description="One word for why."),
        Column("Object", _target, description="What it is about."),
        Column(
            "Subobject",
            at("involvedObject", "fieldPath"),
            priority=1,
            description="Part of the object it is about.",
        ),
        Column("Source", _shown_source, priority=1, description="Who reported it."),
        Column("Message", lambda event, _: str(read(event, "message")).strip(), description="What happened."),
        Column("First Seen", _first_seen, priority=1, description="Time since it first happened."),
        Column("Count", _count, type="string", priority=1, description="How often it happened."),
        Column("Name", NAME.cell, format="name", priority=1, description="Name of the event."),
    ),
    field_labels={f"involvedObject.{field}": _reference_label(field) for field in _REFERENCE_FIELDS}
    | {
        "reason": lambda event: str(read(event, "reason")),
        "reportingComponent": lambda event: str(read(event, "reportingComponent")),
        "source": _source,
        "type": lambda event: str(read(event, "type")),
    },
    generation=False,
)

EVENT_V1 = Kind(
    EVENTS_V1,
    schema_of(EVENTS_V1),
    columns=EVENT.columns,
    field_labels=dict(EVENT.field_labels)
    | {f"regarding.{field}": _reference_label(field) for field in _REFERENCE_FIELDS}
    | {"reportingController": lambda event: str(read(event, "reportingComponent"))},
    generation=False,
    alias_of=EVENTS,
    to_storage=to_core,
    from_storage=from_core,
)
"""Its cells and field selectors read the stored, core form."""
