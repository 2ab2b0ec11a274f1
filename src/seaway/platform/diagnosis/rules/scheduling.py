"""Pods that no node takes (yet): the scheduler's own words, and whether waiting can help."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from seaway.model.verdict import Level, VerdictClass
from seaway.objects.nodeselection import is_meant, tolerated
from seaway.objects.quantity import format_quantity, parse_quantity
from seaway.platform.diagnosis.advice import again, kubectl, with_options
from seaway.platform.diagnosis.blockers import first_blocker, parts, sentence
from seaway.platform.diagnosis.evidence import condition, from_event, last_event, pod_status, quote
from seaway.platform.diagnosis.facts import Facts
from seaway.platform.diagnosis.finding import Finding
from seaway.platform.diagnosis.holders import held
from seaway.platform.diagnosis.room import smaller
from seaway.platform.diagnosis.rules.autoscaling import is_capped, refusal

_INSUFFICIENT = re.compile(r"Insufficient (?P<resource>\S+)")
_TRANSIENT_TAINT = re.compile(r"node\.kubernetes\.io/|node\.cloudprovider\.kubernetes\.io/")
_VOLUME_ELSEWHERE = re.compile(r"volume node affinity conflict|PersistentVolume's node affinity")
_SIZES = ((1024**3, "Gi"), (1024**2, "Mi"), (1024, "Ki"))
_OPTIONS = {"cpu": "--cpu", "memory": "--memory", "nvidia.com/gpu": "--gpu", "ephemeral-storage": "--cache"}
HIDDEN = "this server may not see the cluster's nodes, so what they have is not known here"
_DISK = "ephemeral-storage"
_NAMES = {
    "cpu": "CPU",
    "memory": "memory",
    "pods": "room for pods",
    "ephemeral-storage": "disk",
    "nvidia.com/gpu": "GPUs",
}


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
    bound = facts.others is None or _VOLUME_ELSEWHERE.search(message)  # room on other nodes is of no use then
    now = smaller(facts.pod or {}, facts.nodes, facts.others or ()) if not bound else {}
    said = _gang(message) + _said(facts, blocker, resource, too_big, never) + _would_start(now)
    said += refusal(facts) if facts.made is not None and "Insufficient" in blocker else ""
    evidence = (
        (text,) if (event or {}).get("message", message) == message else (text, *from_event(facts, event))
    )
    evidence += from_event(facts, last_event(facts, "FailedScaleUp", "NotTriggerScaleUp"))
    evidence += _unready(facts, blocker)
    if facts.nodes_hidden and facts.made is None:
        evidence += (quote(facts, "seaway", HIDDEN),)
    return Finding(
        Level.SPEC if never else Level.CLUSTER, VerdictClass.CONFIGURATION, "Unschedulable", said,
        evidence, next_step=_less_now(facts, now) or _step(facts, blocker, resource, too_big, never),
        done="" if never else _done(facts, blocker), permanent=never, retry=False,
    )  # fmt: skip


def _done(facts: Facts, blocker: str) -> str:
    if facts.made is None and _VOLUME_ELSEWHERE.search(blocker):
        return "it starts as soon as a node that reaches its volume takes it"
    short = _INSUFFICIENT.search(blocker)
    resource = short["resource"].rstrip(".,") if short else ""
    more = held(facts, resource, _NAMES.get(resource, resource)) if resource else ""
    return "; ".join(filter(None, ("it starts as soon as a node has room", more)))


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
            not _TRANSIENT_TAINT.search(str(taint.get("key"))) and not tolerated(tolerations, taint)
            for taint in (node.get("spec") or {}).get("taints") or ()
            if taint.get("effect") != "PreferNoSchedule"
        )
        for node in nodes
    )


def requested(facts: Facts) -> dict[str, Decimal]:
    """Return what the Pod asks for, by resource."""
    spec = (facts.pod or {}).get("spec") or {}
    total: dict[str, Decimal] = {}
    for container in spec.get("containers") or ():
        resources = container.get("resources") or {}
        for name, amount in {**(resources.get("limits") or {}), **(resources.get("requests") or {})}.items():
            total[name] = total.get(name, Decimal(0)) + parse_quantity(amount)
    return total


def _would_start(now: Mapping[str, str]) -> str:
    """Say which smaller request would start now."""
    told = [f"{_OPTIONS.get(name, name)} {amount}" for name, amount in now.items()]
    return f"; it would start now with {' '.join(told)}" if told else ""


def _less_now(facts: Facts, now: Mapping[str, str]) -> str:
    """Return the command that asks for as much as there is now, "" where nothing smaller would start."""
    if not now or facts.made is not None or not now.keys() <= _OPTIONS.keys():
        return ""
    return f"wait, or start it now with less: {with_options(facts, {_OPTIONS[name]: amount for name, amount in now.items()})}"


def _never_fits(
    facts: Facts, meant: Sequence[Mapping[str, Any]], message: str
) -> tuple[str, Mapping[str, Any] | None]:
    """Return a resource of which no node has as much as is asked for, and the node that has most of it.

    Where the scheduler names what is short, only that counts; and where it may run on some nodes, only those.
    """
    if not facts.nodes or not all((node.get("status") or {}).get("allocatable") for node in facts.nodes):
        return "", None  # a node that has not told what it has may have enough
    named = set(_INSUFFICIENT.findall(message)) if parts(message)[1] else None
    nodes = [node for node in meant if not _are_kept(facts, [node])] or facts.nodes
    for name, amount in requested(facts).items():
        if named and name not in {one.rstrip(".,") for one in named}:
            continue
        best = max(nodes, key=lambda node: _allocatable(node, name))
        if amount > _allocatable(best, name):
            return name, best
    return "", None


def _allocatable(node: Mapping[str, Any], resource: str) -> Decimal:
    return parse_quantity(((node.get("status") or {}).get("allocatable") or {}).get(resource, 0))


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
        or (not own and _VOLUME_ELSEWHERE.search(reason))
        or "(missing required label)" in reason
        or _is_lasting_taint(reason, nodes)
        for reason in reasons
    )


def _is_lasting_taint(reason: str, nodes: Sequence[Mapping[str, Any]]) -> bool:
    """Tell whether a blocker is a taint that somebody put there, not one that comes and goes with a node's health."""
    if "untolerated taint" not in reason:
        return False
    if "{" in reason:
        return not _TRANSIENT_TAINT.search(reason)
    tainted = [
        [str(taint.get("key")) for taint in (node.get("spec") or {}).get("taints") or ()] for node in nodes
    ]
    return bool(tainted) and all(
        any(not _TRANSIENT_TAINT.search(key) for key in keys) for keys in tainted
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


def _said(facts: Facts, blocker: str, resource: str, best: Mapping[str, Any] | None, never: bool) -> str:
    if best is not None:
        most = _readable(resource, _allocatable(best, resource))
        asked = f", it asks for {_readable(resource, requested(facts)[resource])}" if facts.made else ""
        larger = any(_allocatable(node, resource) > _allocatable(best, resource) for node in facts.nodes)
        which = "any node that it may run on" if larger else "any node"
        return f"it asks for more {_NAMES.get(resource, resource)} than {which} has (the largest has {most}{asked})"
    short = _INSUFFICIENT.search(blocker)
    if _is_cordoned(blocker):
        return "it waits for a node that takes new work: those that it could run on are cordoned"
    words = sentence(blocker)
    if facts.made is not None and (labels := _wanted_labels(facts, blocker)):
        words = f"no node has the labels that it asks for ({labels})"
    if words:
        return f"no node {'can ever' if never else 'can'} take it{'' if never else ' now'}: {words}"
    if short is None:
        return f"no node {'can ever' if never else 'can'} take it{'' if never else ' now'}: {blocker}"
    what = _NAMES.get(short["resource"], short["resource"])
    if never:
        return f"it asks for more {what} than any node has ({blocker})"
    return f"it waits for {what}: no node has enough free now ({blocker})"


def _step(facts: Facts, blocker: str, resource: str, best: Mapping[str, Any] | None, never: bool) -> str:
    if _is_cordoned(blocker):
        return f"kubectl uncordon {_cordoned(facts)}"
    if "pod affinity rules" in blocker:
        return f"see whether the pods that it wants to run beside are there: {kubectl(facts, 'kubectl get pods --show-labels', 'seaway ps')}"
    if facts.made is not None and (step := _elsewhere(facts, blocker)):
        return step
    if facts.made is None and _VOLUME_ELSEWHERE.search(blocker):
        return "have the node that the volume lies on back, or uncordoned (seaway status shows the nodes); a volume that all nodes reach is made with: seaway volume create NAME --size SIZE --shared"
    if "-pressure" in blocker and not never:
        return "make room on the disks of the nodes, or wait; seaway doctor shows them"
    if is_capped(facts):
        return "have the largest size of its group of nodes raised, or wait until one of them is free: kubectl get nodes"
    if not never:
        return "wait, or see what uses the cluster: seaway ps"
    short = _INSUFFICIENT.search(blocker)
    resource = resource or (short["resource"] if short else "")
    most = _readable(resource, _allocatable(best, resource)) if best is not None else "LESS"
    if resource == _DISK and facts.made is not None:
        return f"ask for less: {again(facts, f'resources.requests.{_DISK}', most)}"
    if resource in ("cpu", "memory", _DISK):
        return f"ask for less: {again(facts, _OPTIONS[resource], most)}"
    if resource == "nvidia.com/gpu":
        fewer = most if best is not None and most != "none" else None
        return f"ask for {'fewer GPUs' if fewer else 'none'}: {again(facts, '--gpu', fewer)}"
    return "see the labels, taints and room of every node: kubectl describe nodes"


def _elsewhere(facts: Facts, blocker: str) -> str:
    """Return what helps somebody else's pod against a blocker that is not about room, "" for nothing particular."""
    if taint := re.search(r"untolerated taint(?:\(s\))? \{(?P<key>[^:}=]+)", blocker):
        if _TRANSIENT_TAINT.search(taint["key"]):
            return "see why: kubectl describe nodes"
        return f"if it may run there, add a toleration for {taint['key'].strip()!r} to its tolerations: {again(facts)}"
    if "node affinity/selector" in blocker or "node selector" in blocker:
        key = next(iter(_labels(facts)), "")
        return f"correct nodeSelector or nodeAffinity; the nodes' labels: kubectl get nodes {f'-L {key}' if key else '--show-labels'}"
    if _VOLUME_ELSEWHERE.search(blocker):
        return (
            "let it run in the volume's zone, or have the volume copied; where it lies: kubectl describe pv"
        )
    if "anti-affinity" in blocker:
        return (
            f"make its podAntiAffinity preferred instead of required, or ask for more nodes: {again(facts)}"
        )
    return ""


def _labels(facts: Facts) -> dict[str, str]:
    """Return the labels that a pod wants its node to have, each with its value or values."""
    spec = (facts.pod or {}).get("spec") or {}
    wanted = {str(key): str(value) for key, value in (spec.get("nodeSelector") or {}).items()}
    affinity = ((spec.get("affinity") or {}).get("nodeAffinity") or {}).get(
        "requiredDuringSchedulingIgnoredDuringExecution"
    ) or {}
    for term in affinity.get("nodeSelectorTerms") or ():
        for one in term.get("matchExpressions") or ():
            wanted.setdefault(
                str(one.get("key")),
                f"{one.get('operator')} {', '.join(map(str, one.get('values') or ()))}".strip(),
            )
    return wanted


def _wanted_labels(facts: Facts, blocker: str) -> str:
    """Say which labels a pod wants, and which values there are of the first that no node has as it wants."""
    if "affinity/selector" not in blocker and "node selector" not in blocker:
        return ""
    wanted = _labels(facts)
    told = ", ".join(
        f"{key}={value}" if " " not in value else f"{key} {value}" for key, value in list(wanted.items())[:3]
    )
    for key, value in wanted.items():
        there = {
            str(((node.get("metadata") or {}).get("labels") or {}).get(key, "")) for node in facts.nodes
        } - {""}
        if there and value not in there and " " not in value:
            return f"{told}; there is {', '.join(f'{key}={one}' for one in sorted(there)[:2])}"
    return told


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


def _gang(message: str) -> str:
    """Say of a pod whose group is placed as a whole that it waits for all of it."""
    found = re.search(
        r"(?i)in gang unschedulable|pod ?group is not ready|(?:at|by) plugin Coscheduling|gang", message
    )
    return "its group starts only when all of its pods fit at once (gang scheduling): " if found else ""


def _is_cordoned(blocker: str) -> bool:
    return "were unschedulable" in blocker or "node.kubernetes.io/unschedulable" in blocker


def _cordoned(facts: Facts) -> str:
    named = (
        node["metadata"]["name"] for node in facts.nodes if (node.get("spec") or {}).get("unschedulable")
    )
    return next(named, "NODE")


def _readable(resource: str, amount: Decimal) -> str:
    """Return an amount of which at least so much is there, short enough to be typed."""
    if resource not in ("memory", _DISK):
        return format_quantity(amount, "decimal") if amount else "none"
    size, unit = next(((size, unit) for size, unit in _SIZES if amount >= size), (1, ""))
    return f"{int(amount // size)}{unit}"


def _gated(facts: Facts, found: Mapping[str, Any]) -> Finding:
    names = [
        str(one.get("name")) for one in ((facts.pod or {}).get("spec") or {}).get("schedulingGates") or ()
    ]
    named = f" ({', '.join(names[:2])})" if names else ""
    kueue = any("kueue" in name for name in names)
    return Finding(
        Level.CLUSTER, VerdictClass.CONFIGURATION, "SchedulingGated", f"it is held back by a scheduling gate{named}" + (": it waits in Kueue's queue for its share" if kueue else ""),
        (quote(facts, "pod status", f"SchedulingGated: {found.get('message', '')}", found.get("lastTransitionTime")),),
        next_step=kubectl(facts, "kubectl get workloads.kueue.x-k8s.io") if kueue else "whoever set the gate must open it", permanent=False,
    )  # fmt: skip
