"""DELETE: what becomes of an object, decided purely.

Source: Kubernetes' "Garbage Collection", "Finalizers" and "Termination of Pods".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from seaway.base.clock import rfc3339
from seaway.controlplane.apiserver.metadata import FOREGROUND, ORPHAN
from seaway.controlplane.apiserver.writing import DeleteOptions
from seaway.controlplane.kinds.declaration import Kind
from seaway.objects.meta import copy

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Remove:
    """Take it out of the store now."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Keep it, marked as going."""

    object: Object


@dataclass(frozen=True, slots=True)
class Leave:
    """It is already going; nothing changes."""


Plan = Remove | Mark | Leave


def plan_delete(kind: Kind, obj: Object, options: DeleteOptions, now: float) -> Plan:
    """Return what a delete does to an object; the argument is not changed."""
    metadata = obj["metadata"]
    propagation = options.propagation or (
        "Orphan" if kind.orphans_by_default and not _dependents(metadata) else ""
    )
    finalizers = _finalizers(metadata.get("finalizers") or [], propagation)
    grace = _grace(kind, obj, options)
    if kind.resource.kind == "Namespace" and not kind.resource.group:
        return _plan_namespace(obj, finalizers, now)
    going = bool(metadata.get("deletionTimestamp"))
    if going:
        grace = min(grace, metadata.get("deletionGracePeriodSeconds") or 0)
        if grace == metadata.get("deletionGracePeriodSeconds", 0) and finalizers == (
            metadata.get("finalizers") or []
        ):
            return Remove() if not grace and not finalizers else Leave()
    if not grace and not finalizers:
        return Remove()
    return Mark(_marked(obj, finalizers, grace, now))


def _dependents(metadata: Object) -> bool:
    """Tell whether an object says itself what becomes of those that it owns."""
    return not {FOREGROUND, ORPHAN}.isdisjoint(metadata.get("finalizers") or ())


def last_seen(kind: Kind, obj: Object, now: float) -> Object:
    """Return an object that goes at once as its delete shows it: of a kind with grace, with none left."""
    metadata = {**obj["metadata"]}
    if kind.default_grace_seconds and not metadata.get("deletionTimestamp"):
        metadata |= {"deletionTimestamp": rfc3339(now), "deletionGracePeriodSeconds": 0}
        metadata["generation"] = (metadata.get("generation") or 0) + 1
    elif metadata.get("deletionGracePeriodSeconds"):
        metadata["deletionGracePeriodSeconds"] = 0
    return {**obj, "metadata": metadata}


def _plan_namespace(obj: Object, finalizers: list[str], now: float) -> Plan:
    if obj["metadata"].get("deletionTimestamp"):
        if not finalizers and not (obj.get("spec") or {}).get("finalizers"):
            return Remove()
        return Leave()
    marked = _marked(obj, finalizers, None, now)
    marked["status"] = {**(marked.get("status") or {}), "phase": "Terminating"}
    return Mark(marked)


def _marked(obj: Object, finalizers: list[str], grace: int | None, now: float) -> Object:
    marked: Object = copy(obj)
    metadata = marked["metadata"]
    going = metadata.get("deletionTimestamp")
    if not going and grace is not None and "generation" in metadata:
        metadata["generation"] += 1
    if grace is None:
        metadata["deletionTimestamp"] = rfc3339(now)
    elif not going or grace < (metadata.get("deletionGracePeriodSeconds") or 0):
        metadata["deletionTimestamp"] = rfc3339(now + grace)
        metadata["deletionGracePeriodSeconds"] = grace
    if finalizers:
        metadata["finalizers"] = finalizers
    else:
        metadata.pop("finalizers", None)
    return marked


def _finalizers(present: list[str], propagation: str) -> list[str]:
    """Return the finalizers that a propagation policy asks for; without one they stay."""
    if not propagation:
        return present
    kept = [name for name in present if name not in {FOREGROUND, ORPHAN}]
    if propagation == "Foreground":
        kept.append(FOREGROUND)
    elif propagation == "Orphan":
        kept.append(ORPHAN)
    return kept


def _grace(kind: Kind, obj: Object, options: DeleteOptions) -> int:
    """Return the seconds until the object may be removed."""
    if not kind.default_grace_seconds:
        return 0
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    if not spec.get("nodeName") or status.get("phase") in {"Succeeded", "Failed"}:
        return 0
    asked = options.grace_seconds
    if asked is None:
        asked = spec.get("terminationGracePeriodSeconds", kind.default_grace_seconds)
    return max(int(asked or 0), 1 if asked and asked < 0 else 0)


def goes_now(obj: Object) -> bool:
    """Tell whether an updated object that is going has nothing left to wait for."""
    metadata = obj["metadata"]
    if not metadata.get("deletionTimestamp") or metadata.get("finalizers"):
        return False
    if obj.get("kind") == "Namespace" and obj.get("apiVersion") == "v1":
        return not (obj.get("spec") or {}).get("finalizers")
    return not metadata.get("deletionGracePeriodSeconds")
