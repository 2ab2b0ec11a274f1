"""Topology spread constraints, parsed: pods that count, what is spread over, and how unevenly.

Source: `TopologySpreadConstraint` of core/v1; KEP-895, KEP-3022 (minDomains), KEP-3094 (inclusion policies), KEP-3243
(matchLabelKeys).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from seaway.controlplane.scheduler.terms import NODE, PodTerm
from seaway.objects.selectors import EVERYTHING, LabelSelector, Requirement

ANYWAY = "ScheduleAnyway"
_SETS = frozenset({"ReplicaSet", "ReplicationController", "StatefulSet"})
_DEFAULTS = (("kubernetes.io/hostname", 3), ("topology.kubernetes.io/zone", 5))


class SpreadConstraint(NamedTuple):
    """One constraint."""

    required: bool
    """Whether a pod rather waits than breaks it."""
    topology_key: str
    skew: int
    """How many more pods than in the emptiest domain there may be."""
    pods: PodTerm
    """The pods that count, by node."""
    domains: int
    """With fewer domains than this, the emptiest is taken to have none."""
    all_nodes: bool
    """Whether nodes count that the pod's node affinity excludes."""
    only_tolerated: bool
    """Whether nodes do not count whose taints the pod does not tolerate."""
    itself: bool
    """Whether the pod itself counts."""
    lenient: bool = False
    """Whether nodes without the topology key are as good as any."""


def spread_constraints(
    spec: Mapping[str, Any], namespace: str, labels: Mapping[str, str]
) -> tuple[SpreadConstraint, ...]:
    """Return the constraints of a pod."""
    return tuple(_parsed(one, namespace, labels) for one in spec.get("topologySpreadConstraints") or ())


def default_constraints(owner: Mapping[str, Any] | None, namespace: str) -> tuple[SpreadConstraint, ...]:
    """Return what is wished for pods of a set that says nothing: over nodes, then over zones.

    Source: kube-scheduler's default constraints. It counts the pods that the set's selector selects, which are those
    that the set owns.
    """
    if not owner or owner.get("kind") not in _SETS:
        return ()
    pods = PodTerm(NODE, EVERYTHING, frozenset({namespace}), living=True, owner=owner.get("uid", ""))
    return tuple(
        SpreadConstraint(False, key, skew, pods, 1, False, False, True, lenient=True)
        for key, skew in _DEFAULTS
    )


def _parsed(one: Mapping[str, Any], namespace: str, labels: Mapping[str, str]) -> SpreadConstraint:
    selector = LabelSelector.from_object(one.get("labelSelector"))
    like = [
        Requirement(key, "in", frozenset({labels[key]}))
        for key in one.get("matchLabelKeys") or ()
        if key in labels
    ]
    if like and not selector.nothing:
        selector = LabelSelector((*selector.requirements, *like))
    itself = selector.matches(labels)
    if not selector.requirements:
        selector = NOBODY
    return SpreadConstraint(
        required=one.get("whenUnsatisfiable") != ANYWAY,
        topology_key=one["topologyKey"],
        skew=one["maxSkew"],
        pods=PodTerm(NODE, selector, frozenset({namespace}), living=True),
        domains=one.get("minDomains") or 1,
        all_nodes=one.get("nodeAffinityPolicy") == "Ignore",
        only_tolerated=one.get("nodeTaintsPolicy") == "Honor",
        itself=itself,
    )


NOBODY = LabelSelector(nothing=True)
"""An empty selector counts no pod, though it selects every one elsewhere: as kube-scheduler has it."""
