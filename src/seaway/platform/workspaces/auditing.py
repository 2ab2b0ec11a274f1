"""Who did what, in Kubernetes' own format. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from seaway.platform.database.records import AuditRecord


def as_event(entry: AuditRecord) -> dict[str, Any]:
    """Return an entry as an event of audit.k8s.io/v1."""
    at = datetime.fromtimestamp(entry.at, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    path = f"/api/v1/{entry.resource}/{entry.name}"
    return {
        "kind": "Event",
        "apiVersion": "audit.k8s.io/v1",
        "level": "Metadata",
        "stage": "ResponseComplete",
        "requestURI": path,
        "verb": entry.verb,
        "user": {"username": entry.user},
        "objectRef": {"resource": entry.resource, "name": entry.name, "apiGroup": "seaway.dev"},
        "responseStatus": {"code": entry.code},
        "requestReceivedTimestamp": at,
        "stageTimestamp": at,
        "annotations": {
            "authorization.k8s.io/decision": "forbid" if entry.code == 403 else "allow",
            "authorization.k8s.io/reason": entry.reason,
        },
    }
