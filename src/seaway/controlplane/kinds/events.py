"""Events, as the core group and as events.k8s.io show them; stored once, in the core form.

Source: KEP-383 (the newer API) and the conversion between the two in Kubernetes.
"""

from __future__ import annotations

from typing import Any

from seaway.controlplane.kinds.cells import NAME, at, read, since
from seaway.controlplane.kinds.declaration import Column, Kind, Object
from seaway.controlplane.kinds.faults import IMMUTABLE, invalid, required
from seaway.controlplane.kinds.metadata import (
    path_segment_faults,
    validate_metadata,
    validate_metadata_update,
)
from seaway.controlplane.kinds.schemas import schema_of
from seaway.objects import names
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
LONGEST_WORD, LONGEST_NOTE = 128, 1024
_FIXED = (
    "involvedObject", "reason", "message", "source", "firstTimestamp", "lastTimestamp", "count", "reason", "type",
    "eventTime", "action", "related", "reportingComponent", "reportingInstance",
)  # fmt: skip
_REFERENCE_NAMES = {
    "kind": "Kind", "namespace": "Namespace", "name": "Name", "uid": "UID", "apiVersion": "APIVersion",
    "resourceVersion": "ResourceVersion", "fieldPath": "FieldPath",
}  # fmt: skip
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
    """Return the faults of a core Event; nearly any name will do."""
    return _faults(event, "reportingComponent") or validate_metadata(
        event, name_faults=path_segment_faults, any_finalizer=True
    )


def validate_v1(event: Object) -> list[Cause]:
    """Return the faults of a new events.k8s.io Event, in the core form."""
    faults = _faults(event, "reportingController") + validate_metadata(event) + _series_faults(event)
    faults += [] if event.get("eventTime") else [required("eventTime")]
    if event.get("type") not in ("Normal", "Warning"):
        faults.append(invalid("type", "", f"has invalid value: {event.get('type') or ''}"))
    old_fields = ["firstTimestamp", "lastTimestamp", "count"]
    faults += [invalid(field, "", "needs to be unset") for field in old_fields if event.get(field)]
    source = event.get("source") or {}
    faults += [invalid("source", "", "needs to be unset")] if any(source.values()) else []
    return faults


def validate_update(new: Object, _old: Object) -> list[Cause]:
    """Return the faults of a changed core Event: those of a new one."""
    return validate(new)


def validate_v1_update(new: Object, old: Object) -> list[Cause]:
    """Return the faults of a change of an events.k8s.io Event, in the core form: only its series may change."""
    faults = _faults(new, "reportingController") + validate_metadata_update(new, old)
    if new.get("series") != old.get("series"):
        faults += _series_faults(new)
    for field in _FIXED:
        after, before = new.get(field), old.get(field)
        if (after or None) != (before or None):
            name = "reportingController" if field == "reportingComponent" else field
            faults.append(invalid(name, _shown(field, after), IMMUTABLE))
    return faults


def _shown(field: str, value: Any) -> Any:
    if field in ("involvedObject", "related") and value is not None:
        return {shown: value.get(name) or "" for name, shown in _REFERENCE_NAMES.items()}
    return value if value is not None or field in ("eventTime", "related") else ""


def _series_faults(event: Object) -> list[Cause]:
    series = event.get("series")
    if series is None:
        return []
    faults = [] if (series.get("count") or 0) >= 2 else [invalid("series.count", "", "should be at least 2")]
    return faults + ([] if series.get("lastObservedTime") else [required("series.lastObservedTime")])


def _faults(event: Object, controller_field: str) -> list[Cause]:
    within, namespace = read(event, "involvedObject", "namespace"), read(event, "metadata", "namespace")
    new = bool(event.get("eventTime"))
    free = ("default", "kube-system") if new else ("", "default")
    fits = namespace in free if not within else new or within == namespace
    faults = [] if fits else [invalid("involvedObject.namespace", within, "does not match event.namespace")]
    if not new:
        return faults
    controller, instance = event.get("reportingComponent") or "", event.get("reportingInstance") or ""
    faults += [] if controller else [required(controller_field)]
    faults += [invalid(controller_field, controller, f) for f in names.qualified_name_faults(controller)]
    needed = (
        ("reportingInstance", instance),
        ("action", event.get("action") or ""),
        ("reason", event.get("reason") or ""),
    )
    for field, text in needed:
        if not text:
            faults.append(required(field))
        if len(text) > LONGEST_WORD:
            faults.append(invalid(field, "", f"can have at most {LONGEST_WORD} characters"))
    if len(event.get("message") or "") > LONGEST_NOTE:
        faults.append(invalid("message", "", f"can have at most {LONGEST_NOTE} characters"))
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
    validate_update=validate_update,
    revalidated=False,
    judges_metadata=False,
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
    validate=validate_v1,
    validate_update=validate_v1_update,
    revalidated=False,
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
