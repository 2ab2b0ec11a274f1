"""What is said of a pod that no node takes (yet), and what helps it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from seaway.base.messages import joined, wording
from seaway.objects.quantity import format_quantity, parse_quantity
from seaway.platform.diagnosis.advice import again, kubectl, uncordon, with_options
from seaway.platform.diagnosis.blockers import INSUFFICIENT, TRANSIENT_TAINT, VOLUME_ELSEWHERE, sentence
from seaway.platform.diagnosis.facts import Facts
from seaway.platform.diagnosis.holders import held
from seaway.platform.diagnosis.rules.autoscaling import is_capped

_SIZES = ((1024**3, "Gi"), (1024**2, "Mi"), (1024, "Ki"))
_OPTIONS = {"cpu": "--cpu", "memory": "--memory", "nvidia.com/gpu": "--gpu", "ephemeral-storage": "--cache"}
_DISK = "ephemeral-storage"
_NAMES = {
    "cpu": wording("CPU"),
    "memory": wording("memory"),
    "pods": wording("room for pods"),
    "ephemeral-storage": wording("disk"),
    "nvidia.com/gpu": wording("GPUs"),
}
_NONE = wording("none")


def requested(facts: Facts) -> dict[str, Decimal]:
    """Return what the Pod asks for, by resource."""
    spec = (facts.pod or {}).get("spec") or {}
    total: dict[str, Decimal] = {}
    for container in spec.get("containers") or ():
        resources = container.get("resources") or {}
        for name, amount in {**(resources.get("limits") or {}), **(resources.get("requests") or {})}.items():
            total[name] = total.get(name, Decimal(0)) + parse_quantity(amount)
    return total


def allocatable(node: Mapping[str, Any], resource: str) -> Decimal:
    """Return how much of a resource a node has for pods."""
    return parse_quantity(((node.get("status") or {}).get("allocatable") or {}).get(resource, 0))


def reason(facts: Facts, blocker: str, resource: str, best: Mapping[str, Any] | None, never: bool) -> str:
    """Say why no node takes a pod.

    Args:
        facts: what is known.
        blocker: what keeps it off the nodes that come closest, in the scheduler's words.
        resource: of which no node has as much as it asks for, "" for none.
        best: the node that has most of that, None where it is about no such resource.
        never: that stays so.
    """
    if best is not None:
        return _too_much(facts, resource, best)
    short = INSUFFICIENT.search(blocker)
    if _is_cordoned(blocker):
        return wording("it waits for a node that takes new work: those that it could run on are cordoned")
    words = sentence(blocker)
    if facts.made is not None and (labels := _wanted_labels(facts, blocker)):
        words = wording("no node has the labels that it asks for ({labels})", labels=labels)
    if words or short is None:
        if never:
            return wording("no node can ever take it: {reason}", reason=words or blocker)
        return wording("no node can take it now: {reason}", reason=words or blocker)
    what = _NAMES.get(short["resource"], short["resource"])
    if never:
        return wording("it asks for more {what} than any node has ({reason})", what=what, reason=blocker)
    return wording("it waits for {what}: no node has enough free now ({reason})", what=what, reason=blocker)


def _too_much(facts: Facts, resource: str, best: Mapping[str, Any]) -> str:
    """Say that a pod asks for more than the node has that has most."""
    most = allocatable(best, resource)
    larger = any(allocatable(node, resource) > most for node in facts.nodes)
    what = _NAMES.get(resource, resource)
    which = wording("any node that it may run on") if larger else wording("any node")
    if facts.made is None:
        return wording(
            "it asks for more {what} than {which} has (the largest has {most})",
            what=what, which=which, most=_readable(resource, most),
        )  # fmt: skip
    return wording(
        "it asks for more {what} than {which} has (the largest has {most}, it asks for {asked})",
        what=what, which=which, most=_readable(resource, most),
        asked=_readable(resource, requested(facts)[resource]),
    )  # fmt: skip


def step(facts: Facts, blocker: str, resource: str, best: Mapping[str, Any] | None, never: bool) -> str:
    """Return what helps a pod that no node takes; the arguments are `reason`'s."""
    if _is_cordoned(blocker):
        return _opened(facts)
    if "pod affinity rules" in blocker:
        return wording(
            "see whether the pods that it wants to run beside are there: {command}",
            command=kubectl(facts, "kubectl get pods --show-labels", "seaway ps"),
        )
    if facts.made is not None and (helps := _elsewhere(facts, blocker)):
        return helps
    if facts.made is None and VOLUME_ELSEWHERE.search(blocker):
        return wording(
            "have the node that the volume lies on back, or uncordoned ({status} shows the nodes); a volume that all nodes reach is made with: {command}",
            status="seaway status", command="seaway volume create NAME --size SIZE --shared",
        )  # fmt: skip
    if "-pressure" in blocker and not never:
        return wording(
            "make room on the disks of the nodes, or wait; {command} shows them", command="seaway doctor"
        )
    if is_capped(facts):
        return wording(
            "have the largest size of its group of nodes raised, or wait until one of them is free: {command}",
            command="kubectl get nodes",
        )
    if not never:
        return wording("wait, or see what uses the cluster: {command}", command="seaway ps")
    short = INSUFFICIENT.search(blocker)
    return _less(facts, resource or (short["resource"] if short else ""), best)


def _less(facts: Facts, resource: str, best: Mapping[str, Any] | None) -> str:
    """Return the command that asks for as much of a resource as the node has that has most of it."""
    most = _readable(resource, allocatable(best, resource)) if best is not None else "LESS"
    if resource == _DISK and facts.made is not None:
        return wording("ask for less: {command}", command=again(facts, f"resources.requests.{_DISK}", most))
    if resource in ("cpu", "memory", _DISK) and facts.made is None and best is not None:
        return wording("ask for less: {command}", command=with_options(facts, _what_it_has(facts, best)))
    if resource in ("cpu", "memory", _DISK):
        return wording("ask for less: {command}", command=again(facts, _OPTIONS[resource], most))
    if resource == "nvidia.com/gpu" and best is not None and most != _NONE:
        return wording("ask for fewer GPUs: {command}", command=again(facts, "--gpu", most))
    if resource == "nvidia.com/gpu":
        return wording("ask for none: {command}", command=again(facts, "--gpu", None))
    return wording(
        "see the labels, taints and room of every node: {command}", command="kubectl describe nodes"
    )


def _what_it_has(facts: Facts, node: Mapping[str, Any]) -> dict[str, str | None]:
    """Return as options what a node has of all that a run asks for more of."""
    return {
        _OPTIONS[name]: _readable(name, allocatable(node, name)) if allocatable(node, name) else None
        for name, amount in requested(facts).items()
        if name in _OPTIONS and amount > allocatable(node, name)
    }


def _elsewhere(facts: Facts, blocker: str) -> str:
    """Return what helps somebody else's pod against a blocker that is not about room, "" for nothing particular."""
    if taint := re.search(r"untolerated taint(?:\(s\))? \{(?P<key>[^:}=]+)", blocker):
        if TRANSIENT_TAINT.search(taint["key"]):
            return wording("see why: {command}", command="kubectl describe nodes")
        return wording(
            "if it may run there, add a toleration for {taint!r} to its tolerations: {command}",
            taint=taint["key"].strip(), command=again(facts),
        )  # fmt: skip
    if "node affinity/selector" in blocker or "node selector" in blocker:
        key = next(iter(_labels(facts)), "")
        return wording(
            "correct nodeSelector or nodeAffinity; the nodes' labels: {command}",
            command=f"kubectl get nodes {f'-L {key}' if key else '--show-labels'}",
        )
    if VOLUME_ELSEWHERE.search(blocker):
        return wording(
            "let it run in the volume's zone, or have the volume copied; where it lies: {command}",
            command="kubectl describe pv",
        )
    if "anti-affinity" in blocker:
        return wording(
            "make its podAntiAffinity preferred instead of required, or ask for more nodes: {command}",
            command=again(facts),
        )
    return ""


def would_start(now: Mapping[str, str]) -> str:
    """Say which smaller request would start now, "" where none would."""
    told = [f"{_OPTIONS.get(name, name)} {amount}" for name, amount in now.items()]
    return wording("it would start now with {options}", options=" ".join(told)) if told else ""


def less_now(facts: Facts, now: Mapping[str, str]) -> str:
    """Return the command that asks for as much as there is now, "" where nothing smaller would start."""
    if not now or facts.made is not None or not now.keys() <= _OPTIONS.keys():
        return ""
    options: dict[str, str | None] = {_OPTIONS[name]: amount for name, amount in now.items()}
    return wording("wait, or start it now with less: {command}", command=with_options(facts, options))


def done(facts: Facts, blocker: str) -> str:
    """Say when a pod starts by itself that no node takes yet."""
    if facts.made is None and VOLUME_ELSEWHERE.search(blocker):
        return wording("it starts as soon as a node that reaches its volume takes it")
    short = INSUFFICIENT.search(blocker)
    resource = short["resource"].rstrip(".,") if short else ""
    more = held(facts, resource, _NAMES.get(resource, resource)) if resource else ""
    return joined("; ", filter(None, (wording("it starts as soon as a node has room"), more)))


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
    shown = list(wanted.items())[:3]
    told = joined(", ", (joined(" " if " " in label[1] else "=", label) for label in shown))
    for key, value in wanted.items():
        there = {
            str(((node.get("metadata") or {}).get("labels") or {}).get(key, "")) for node in facts.nodes
        } - {""}
        if there and value not in there and " " not in value:
            values = ", ".join(f"{key}={one}" for one in sorted(there)[:2])
            return wording("{wanted}; there is {labels}", wanted=told, labels=values)
    return told


def gang(message: str) -> str:
    """Say of a pod whose group is placed as a whole that it waits for all of it, "" of any other."""
    found = re.search(
        r"(?i)in gang unschedulable|pod ?group is not ready|(?:at|by) plugin Coscheduling|gang", message
    )
    said = wording("its group starts only when all of its pods fit at once (gang scheduling)")
    return said if found else ""


def _is_cordoned(blocker: str) -> bool:
    return "were unschedulable" in blocker or "node.kubernetes.io/unschedulable" in blocker


def _opened(facts: Facts) -> str:
    node = next((node for node in facts.nodes if (node.get("spec") or {}).get("unschedulable")), None)
    return uncordon("NODE" if node is None else node["metadata"]["name"], node or {})


def _readable(resource: str, amount: Decimal) -> str:
    """Return an amount of which at least so much is there, short enough to be typed."""
    if resource not in ("memory", _DISK):
        return format_quantity(amount, "decimal") if amount else _NONE
    size, unit = next(((size, unit) for size, unit in _SIZES if amount >= size), (1, ""))
    return f"{int(amount // size)}{unit}"
