"""Pods that no node takes (yet): the scheduler's own words, and whether waiting can help."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from seaway.base.messages import joined, wording
from seaway.model.verdict import Level, VerdictClass
from seaway.objects.nodeselection import is_meant, tolerated
from seaway.platform.diagnosis.advice import kubectl
from seaway.platform.diagnosis.blockers import (
    INSUFFICIENT,
    TRANSIENT_TAINT,
    VOLUME_ELSEWHERE,
    first_blocker,
    parts,
)
from seaway.platform.diagnosis.evidence import condition, from_event, last_event, pod_status, quote
from seaway.platform.diagnosis.facts import Facts
from seaway.platform.diagnosis.finding import Finding
from seaway.platform.diagnosis.room import smaller
from seaway.platform.diagnosis.rules import placement
from seaway.platform.diagnosis.rules.autoscaling import is_capped, refusal

HIDDEN = wording("this server may not see the cluster's nodes, so what they have is not known here")


def unschedulable(facts: Facts) -> Finding | None:
    """Find a Pod that the scheduler found no node for."""
    found = condition(facts, "PodScheduled")
    event = last_event(facts, "FailedScheduling")
    if pod_status(facts).get("phase", "Pending") != "Pending" or ((facts.pod or {}).get("spec") or {}).get(
        "nodeName"
    ):
        return None
    if found is None or found.get("status") != "False":
        if event is None:
            return None
        found = {"reason": "Unschedulable", "message": event.get("message", "")}
    if found.get("reason") == "SchedulingGated":
        return _gated(facts, found)
    message = found.get("message") or (event or {}).get("message", "")
    if not message and facts.made is not None:
        return None
    meant = _meant(facts)
    cordons = {bool((node.get("spec") or {}).get("unschedulable")) for node in meant}
    blocker = first_blocker(
        message, has_labels=bool(meant), cordoned=next(iter(cordons)) if len(cordons) == 1 else None
    )
    blocker = _with_taint(blocker, facts, meant)
    resource, too_big = _never_fits(facts, meant, message) if not is_capped(facts) else ("", None)
    static = _is_static(message, facts.nodes, own=facts.made is None) or (
        "untolerated taint" in blocker and _are_kept(facts, meant)
    )
    never = too_big is not None or static or _says_never(message)
    text = quote(facts, "pod status", f"Unschedulable: {message}", found.get("lastTransitionTime"))
    bound = facts.others is None or VOLUME_ELSEWHERE.search(message)  # room on other nodes is of no use then
    now = smaller(facts.pod or {}, facts.nodes, facts.others or ()) if not bound else {}
    refused = refusal(facts) if facts.made is not None and "Insufficient" in blocker else ""
    why = placement.reason(facts, blocker, resource, too_big, never)
    told = joined("; ", filter(None, (why, placement.would_start(now), refused)))
    said = joined(": ", filter(None, (placement.gang(message), told)))
    evidence = (
        (text,) if (event or {}).get("message", message) == message else (text, *from_event(facts, event))
    )
    evidence += from_event(facts, last_event(facts, "FailedScaleUp", "NotTriggerScaleUp"))
    evidence += _unready(facts, blocker)
    if facts.nodes_hidden and facts.made is None:
        evidence += (quote(facts, "seaway", HIDDEN),)
    return Finding(
        Level.SPEC if never else Level.CLUSTER, VerdictClass.CONFIGURATION, "Unschedulable", said,
        evidence, next_step=placement.less_now(facts, now) or placement.step(facts, blocker, resource, too_big, never),
        done="" if never else placement.done(facts, blocker), permanent=never, retry=False,
    )  # fmt: skip


def _meant(facts: Facts) -> list[Mapping[str, Any]]:
    """Return the nodes that have the labels that the Pod asks for, all where it asks for none."""
    spec = (facts.pod or {}).get("spec") or {}
    named = [(node, node.get("metadata") or {}) for node in facts.nodes]
    return [
        node
        for node, metadata in named
        if is_meant(spec, metadata.get("labels") or {}, metadata.get("name", ""))
    ]


def _are_kept(facts: Facts, nodes: Sequence[Mapping[str, Any]]) -> bool:
    """Tell whether each of these nodes has a taint that somebody put there and that the Pod does not tolerate."""
    tolerations = ((facts.pod or {}).get("spec") or {}).get("tolerations") or ()
    return bool(nodes) and all(
        any(
            not TRANSIENT_TAINT.search(str(taint.get("key"))) and not tolerated(tolerations, taint)
            for taint in (node.get("spec") or {}).get("taints") or ()
            if taint.get("effect") != "PreferNoSchedule"
        )
        for node in nodes
    )


def _never_fits(
    facts: Facts, meant: Sequence[Mapping[str, Any]], message: str
) -> tuple[str, Mapping[str, Any] | None]:
    """Return a resource of which no node has as much as is asked for, and the node that has most of it.

    Where the scheduler names what is short, only that counts; and where it may run on some nodes, only those.
    """
    if not facts.nodes or not all((node.get("status") or {}).get("allocatable") for node in facts.nodes):
        return "", None  # a node that has not told what it has may have enough
    named = set(INSUFFICIENT.findall(message)) if parts(message)[1] else None
    nodes = [node for node in meant if not _are_kept(facts, [node])] or facts.nodes
    for name, amount in placement.requested(facts).items():
        if named and name not in {one.rstrip(".,") for one in named}:
            continue
        best = max(nodes, key=lambda node: placement.allocatable(node, name))
        if amount > placement.allocatable(best, name):
            return name, best
    return "", None


def _is_static(message: str, nodes: Sequence[Mapping[str, Any]], *, own: bool) -> bool:
    """Tell whether every blocker is about what nodes are, not about what runs on them now.

    Args:
        message: the scheduler's.
        nodes: all nodes that are seen.
        own: it is about a run: that waits for the node of its volume, which was there and may come back.
    """
    found, reasons = parts(message)
    if not found or not reasons:
        return False
    return all(
        "node affinity/selector" in reason
        or (not own and VOLUME_ELSEWHERE.search(reason))
        or "(missing required label)" in reason
        or _is_lasting_taint(reason, nodes)
        for reason in reasons
    )


def _is_lasting_taint(reason: str, nodes: Sequence[Mapping[str, Any]]) -> bool:
    """Tell whether a blocker is a taint that somebody put there, not one that comes and goes with a node's health."""
    if "untolerated taint" not in reason:
        return False
    if "{" in reason:
        return not TRANSIENT_TAINT.search(reason)
    tainted = [
        [str(taint.get("key")) for taint in (node.get("spec") or {}).get("taints") or ()] for node in nodes
    ]
    return bool(tainted) and all(
        any(not TRANSIENT_TAINT.search(key) for key in keys) for keys in tainted
    )  # since 1.35 the scheduler does not say which taint: where the nodes are hidden, it may go


def _with_taint(blocker: str, facts: Facts, nodes: Sequence[Mapping[str, Any]]) -> str:
    """Return a blocker with the taint that it is about, where the scheduler does not say which: the first of most nodes."""
    if not blocker.endswith("untolerated taint(s)"):
        return blocker
    wanted = ((facts.pod or {}).get("spec") or {}).get("tolerations") or ()
    first = Counter(
        f"{taint.get('key')}: {taint.get('value') or ''}"
        for node in nodes
        for taint in list(untolerated_taints(node, wanted))[:1]
    )
    named = blocker.removesuffix("(s)")
    return f"{named} {{{first.most_common(1)[0][0]}}}" if first else blocker


def untolerated_taints(node: Mapping[str, Any], tolerations: Any) -> Iterator[Mapping[str, Any]]:
    """Yield the taints of a node that keep a pod with these tolerations off it."""
    for taint in (node.get("spec") or {}).get("taints") or ():
        if taint.get("effect") in ("NoSchedule", "NoExecute") and not tolerated(tolerations, taint):
            yield taint


def _says_never(message: str) -> bool:
    """Tell whether the scheduler itself says that emptying every node would not help, of resources alone."""
    head, found, preemption = message.partition("preemption:")
    if not found or "Insufficient" not in head or "untolerated taint" in head:
        return False
    total = re.search(r"0/(\d+) nodes", head)
    helpless = re.search(r"(\d+) Preemption is not helpful", preemption)
    return bool(total and helpless and total[1] == helpless[1])


def _unready(facts: Facts, blocker: str) -> tuple[Any, ...]:
    """Return what a node says of itself that is not ready, where that is the blocker."""
    if "node.kubernetes.io/not-ready" not in blocker and "node.kubernetes.io/unreachable" not in blocker:
        return ()
    for node in facts.nodes:
        for one in (node.get("status") or {}).get("conditions") or ():
            if one.get("type") == "Ready" and one.get("status") != "True":
                name = (node.get("metadata") or {}).get("name")
                return (
                    quote(
                        facts,
                        "node",
                        f"node {name}: Ready is {one.get('status')}: {one.get('message', '')}",
                        one.get("lastTransitionTime"),
                    ),
                )
    return ()


def _gated(facts: Facts, found: Mapping[str, Any]) -> Finding:
    names = [
        str(one.get("name")) for one in ((facts.pod or {}).get("spec") or {}).get("schedulingGates") or ()
    ]
    gates = ", ".join(names[:2])
    said = wording("it is held back by a scheduling gate")
    if kueue := any("kueue" in name for name in names):
        said = wording(
            "it is held back by a scheduling gate ({gates}): it waits in Kueue's queue for its share",
            gates=gates,
        )
    elif names:
        said = wording("it is held back by a scheduling gate ({gates})", gates=gates)
    return Finding(
        Level.CLUSTER, VerdictClass.CONFIGURATION, "SchedulingGated", said,
        (quote(facts, "pod status", f"SchedulingGated: {found.get('message', '')}", found.get("lastTransitionTime")),),
        next_step=kubectl(facts, "kubectl get workloads.kueue.x-k8s.io") if kueue else wording("whoever set the gate must open it"), permanent=False,
    )  # fmt: skip
