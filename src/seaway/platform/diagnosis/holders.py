"""Who has what a waiting pod asks for, and until when at the latest. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from seaway.base.messages import joined, wording
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
    said: list[str] = []
    if named := _named(holders(facts.pod, facts.nodes, facts.others, resource)):
        several = what.endswith("s")
        said.append(
            wording("{what} there are held by {names}", what=what, names=named)
            if several
            else wording("{what} there is held by {names}", what=what, names=named)
        )
    freed = room_at(facts.pod, facts.nodes, facts.others, facts.ends or {})
    at = moment(freed[0]) if freed is not None else None
    if freed is not None and at is not None:
        said.append(_latest(f"{at:%H:%M}", freed[1]))
    if estimate := _estimate(facts, facts.pod, facts.others, freed[0] if freed is not None else None):
        said.append(estimate)
    return joined("; ", said) if said else ""


def _latest(time: str, pods: Sequence[Object]) -> str:
    """Say that there is room at a time at the latest, when pods must have ended."""
    if len(pods) > 1:
        return wording(
            "there is room by {time} UTC at the latest, when {names} must have ended by their time limits",
            time=time, names=_named(pods),
        )  # fmt: skip
    return wording(
        "there is room by {time} UTC at the latest, when {names} must have ended by its time limit",
        time=time, names=_named(pods),
    )  # fmt: skip


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
    if found is None:
        return wording(
            "an estimate: there is room at about {time} UTC, if {names} take as long as usual",
            time=f"{at:%H:%M}", names=_named(freed[1]),
        )  # fmt: skip
    return wording(
        "an estimate: there is room at about {time} UTC, if {names} takes as long as usual: it {usually}",
        time=f"{at:%H:%M}", names=_named(freed[1]), usually=takes(found),
    )  # fmt: skip


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
    shown: list[str] = names[:_MOST_NAMED]
    if others:
        shown.append(_others(others, are_pods=len(names) <= _MOST_NAMED))
    if len(shown) < 2:
        return shown[0] if shown else ""
    return wording("{names} and {last}", names=joined(", ", shown[:-1]), last=shown[-1])


def _others(count: int, *, are_pods: bool) -> str:
    """Count those that are not named: pods, or others of the runs before them."""
    if count == 1:
        return wording("1 other pod") if are_pods else wording("1 other one")
    if are_pods:
        return wording("{count} other pods", count=count)
    return wording("{count} other ones", count=count)


def _run(pod: Object) -> str | None:
    return (pod["metadata"].get("labels") or {}).get(labels.RUN)
