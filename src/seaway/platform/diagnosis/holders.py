"""Who has what a waiting pod asks for, and until when at the latest. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from seaway.objects.pods import has_ended
from seaway.platform.diagnosis.evidence import moment
from seaway.platform.diagnosis.facts import Facts
from seaway.platform.diagnosis.room import Object, free, may_run, requests
from seaway.platform.diagnosis.usual import takes
from seaway.platform.workloads import labels

_MOST_NAMED = 3


def held(facts: Facts, resource: str, what: str) -> str:
    """Return, as parts of a sentence, who has a resource that a waiting pod asks for, and when there is room; "" where that is not known.

    Args:
        facts: what is known.
        resource: that is short, as Kubernetes names it.
        what: the same for people.
    """
    if facts.others is None or facts.pod is None:
        return ""
    said = []
    if named := _named(holders(facts.pod, facts.nodes, facts.others, resource)):
        said.append(f"{what} there {'are' if what.endswith('s') else 'is'} held by {named}")
    freed = room_at(facts.pod, facts.nodes, facts.others, facts.ends or {})
    at = moment(freed[0]) if freed is not None else None
    if freed is not None and at is not None:
        limit = "their time limits" if len(freed[1]) > 1 else "its time limit"
        said.append(
            f"there is room by {at:%H:%M} UTC at the latest, when {_named(freed[1])} must have ended by {limit}"
        )
    if estimate := _estimate(facts, facts.pod, facts.others, freed[0] if freed is not None else None):
        said.append(estimate)
    return "; ".join(said)


def _estimate(facts: Facts, pod: Object, others: Sequence[Object], latest: str | None) -> str:
    """Say when there is room if the runs that have it take as long as usual, "" where that is not known or nothing new.

    Args:
        facts: what is known.
        pod: that waits.
        others: all other pods of the cluster.
        latest: by when there is room at the latest, as far as time limits say.
    """
    by_run = {one["metadata"]["name"]: (facts.usual or {}).get(_run(one) or "") for one in others}
    usual = {name: found for name, found in by_run.items() if found is not None}
    limits = facts.ends or {}
    likely = {
        name: min(found.ends, limits.get(name, found.ends)) for name, found in usual.items() if found.ends
    }
    freed = room_at(pod, facts.nodes, others, {**limits, **likely})
    at = moment(freed[0]) if freed is not None else None
    if freed is None or at is None or (latest is not None and freed[0] >= latest):
        return ""
    found = usual.get(freed[1][0]["metadata"]["name"]) if len(freed[1]) == 1 else None
    take = f"takes as long as usual: it {takes(found)}" if found is not None else "take as long as usual"
    return f"an estimate: there is room at about {at:%H:%M} UTC, if {_named(freed[1])} {take}"


def holders(
    pod: Object, nodes: Sequence[Object], pods: Iterable[Object], resource: str
) -> tuple[Object, ...]:
    """Return the pods that have a resource on the nodes that would take a pod, those first that have most of it."""
    meant = {(node.get("metadata") or {}).get("name") for node in nodes if may_run(pod, node)}
    here = [
        (amount, one)
        for one in pods
        if (one.get("spec") or {}).get("nodeName") in meant
        and not has_ended(one)
        and (amount := requests(one).get(resource, Decimal(0)))
    ]
    return tuple(one for _, one in sorted(here, key=lambda each: -each[0]))


def room_at(
    pod: Object, nodes: Sequence[Object], pods: Sequence[Object], ends: Mapping[str, str]
) -> tuple[str, tuple[Object, ...]] | None:
    """Return by when at the latest a node has room for a pod, and which pods must have ended by then; None where that is not known.

    Args:
        pod: that waits.
        nodes: all of the cluster.
        pods: all others of the cluster.
        ends: by a pod's name, when it ends at the latest (RFC 3339); of others that is not known.
    """
    asked, best = {**requests(pod), "pods": Decimal(1)}, None
    for node in nodes:
        if not may_run(pod, node):
            continue
        left, gone = free(node, pods), []
        name = (node.get("metadata") or {}).get("name")
        here = [one for one in pods if (one.get("spec") or {}).get("nodeName") == name and not has_ended(one)]
        known = [one for one in here if one["metadata"]["name"] in ends]
        for one in sorted(known, key=lambda each: ends[each["metadata"]["name"]]):
            for resource, amount in {**requests(one), "pods": Decimal(1)}.items():
                left[resource] = left.get(resource, Decimal(0)) + amount
            gone.append(one)
            if all(left.get(resource, Decimal(0)) >= amount for resource, amount in asked.items()):
                at = ends[one["metadata"]["name"]]
                best = min(best, (at, tuple(gone)), key=lambda each: each[0]) if best else (at, tuple(gone))
                break
    return best


def _named(pods: Sequence[Object]) -> str:
    """Return the runs that pods belong to, and how many others there are, whose names are nobody else's business."""
    runs = [_run(one) for one in pods]
    names = list(dict.fromkeys(name for name in runs if name))
    others = runs.count(None) + max(0, len(names) - _MOST_NAMED)
    shown = names[:_MOST_NAMED]
    if others:
        word = "pod" if len(names) <= _MOST_NAMED else "one"
        shown.append(f"{others} other {word}{'s' if others > 1 else ''}")
    return ", ".join(shown[:-1]) + (" and " if len(shown) > 1 else "") + shown[-1] if shown else ""


def _run(pod: Object) -> str | None:
    return (pod["metadata"].get("labels") or {}).get(labels.RUN)
