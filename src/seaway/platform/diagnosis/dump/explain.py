"""Explaining a dump: what kubectl printed, and logs, to one explanation."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from seaway.model.verdict import Explanation
from seaway.platform.diagnosis.dump.cluster import Cluster
from seaway.platform.diagnosis.dump.documents import Log, Object
from seaway.platform.diagnosis.dump.subject import NoSubject, Subject, choose
from seaway.platform.diagnosis.why import explain

__all__ = ["NoSubject", "explain_dump"]


def explain_dump(
    objects: Sequence[Object], logs: Sequence[Log], wanted: str = "", now: datetime | None = None
) -> tuple[Explanation, tuple[str, ...]]:
    """Return why the pod or job failed or waits that a dump is about, and who else in it has trouble of their own.

    Args:
        objects: what kubectl printed.
        logs: of its containers.
        wanted: whom to explain, a name or kind/name; "" for whoever failed or waits.
        now: when the objects were read, where that is known.

    Raises:
        NoSubject: there is nothing to explain.
    """
    chosen = choose(Cluster(objects, now), logs, wanted)
    told = explain(chosen.facts, chosen.found, _alike(chosen))
    subject = f"{chosen.kind.lower()}/{chosen.name}"
    named = {"subject": subject, "message": f"{subject}{_container(chosen)}: {told.message}"}
    return told.model_copy(update=named), chosen.others


def _container(chosen: Subject) -> str:
    """Name the container where the pod has several."""
    spec = (chosen.facts.pod or {}).get("spec") or {}
    several = len(spec.get("containers") or ()) + len(spec.get("initContainers") or ()) > 1
    return f", container {chosen.facts.container}" if several and chosen.facts.container else ""


def _alike(chosen: Subject) -> str:
    if chosen.alike > 1:
        return f"{chosen.alike} pods {'wait' if chosen.facts.waiting else 'ended'} for this cause"
    others = chosen.of - 1
    if others:
        return f"{others} other pod{'s' if others > 1 else ''} of it failed {'after it' if chosen.side_by_side else 'for another cause'}"
    return ""
