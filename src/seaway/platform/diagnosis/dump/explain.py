"""Explaining a dump: what kubectl printed, and logs, to one explanation."""

from __future__ import annotations

from collections.abc import Sequence

from seaway.model.verdict import Explanation
from seaway.platform.diagnosis.dump.cluster import Cluster
from seaway.platform.diagnosis.dump.documents import Log, Object
from seaway.platform.diagnosis.dump.subject import NoSubject, Subject, choose
from seaway.platform.diagnosis.why import explain

__all__ = ["NoSubject", "explain_dump"]


def explain_dump(
    objects: Sequence[Object], logs: Sequence[Log], wanted: str = ""
) -> tuple[Explanation, tuple[str, ...]]:
    """Return why the pod or job failed or waits that a dump is about, and who else in it has trouble of their own.

    Args:
        objects: what kubectl printed.
        logs: of its containers.
        wanted: whom to explain, a name or kind/name; "" for whoever failed or waits.

    Raises:
        NoSubject: there is nothing to explain.
    """
    chosen = choose(Cluster(objects), logs, wanted)
    told = explain(chosen.facts, chosen.found, _alike(chosen))
    return told.model_copy(update={"subject": f"{chosen.kind.lower()}/{chosen.name}"}), chosen.others


def _alike(chosen: Subject) -> str:
    if chosen.alike > 1:
        return (
            f"{chosen.alike} pods ended for this cause"
            if not chosen.facts.waiting
            else f"{chosen.alike} pods wait for this cause"
        )
    if chosen.of > 1:
        return f"{chosen.of - 1} other pods of it ended after it or because of it"
    return ""
