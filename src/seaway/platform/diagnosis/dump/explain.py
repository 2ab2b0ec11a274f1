"""Explaining a dump: what kubectl printed, and logs, to one explanation."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from seaway.base.messages import joined, wording
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
    message = joined("", (subject, _container(chosen), ": ", told.message))
    return told.model_copy(update={"subject": subject, "message": message}), chosen.others


def _container(chosen: Subject) -> str:
    """Name the container where the pod has several."""
    spec = (chosen.facts.pod or {}).get("spec") or {}
    several = len(spec.get("containers") or ()) + len(spec.get("initContainers") or ()) > 1
    named = several and chosen.facts.container
    return wording(", container {container}", container=chosen.facts.container) if named else ""


def _alike(chosen: Subject) -> str:
    others = chosen.of - 1
    if chosen.alike > 1 and chosen.facts.waiting:
        return wording("{pods} pods wait for this cause", pods=chosen.alike)
    if chosen.alike > 1:
        return wording("{pods} pods ended for this cause", pods=chosen.alike)
    if others == 1 and chosen.side_by_side:
        return wording("1 other pod of it failed after it")
    if others == 1:
        return wording("1 other pod of it failed for another cause")
    if others > 1 and chosen.side_by_side:
        return wording("{pods} other pods of it failed after it", pods=others)
    if others > 1:
        return wording("{pods} other pods of it failed for another cause", pods=others)
    return ""
