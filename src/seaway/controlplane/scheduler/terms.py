"""Affinity terms, parsed: which nodes, and which pods near which others.

Source: `Affinity` of core/v1; the operators of `NodeSelectorRequirement` and `LabelSelector`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from seaway.objects.selectors import LabelSelector

Object = dict[str, Any]
NODE = ""
"""In place of a topology key: every node is a domain of its own, by name."""


@dataclass(frozen=True, slots=True)
class PodTerm:
    """Pods that are meant, and what "near" is: equal values of a node label."""

    topology_key: str
    selector: LabelSelector
    namespaces: frozenset[str]
    """Named ones; the pod's own where the term names none."""
    namespace_selector: LabelSelector | None = None
    """Further namespaces, by their labels; None for none."""
    living: bool = False
    """Whether pods that are being deleted do not count."""
    owner: str = ""
    """Only pods that this controller owns, by its uid; "" for all."""

    def matches(
        self, namespace: str, labels: Mapping[str, str], namespace_labels: Mapping[str, Mapping[str, str]]
    ) -> bool:
        """Tell whether the term means a pod."""
        if namespace not in self.namespaces:
            if self.namespace_selector is None:
                return False
            if not self.namespace_selector.matches(namespace_labels.get(namespace, {})):
                return False
        return self.selector.matches(labels)


def pod_term(term: Mapping[str, Any], namespace: str) -> PodTerm:
    """Return a PodAffinityTerm of a pod in `namespace`, parsed."""
    chosen = term.get("namespaceSelector")
    names = frozenset(term.get("namespaces") or (() if chosen is not None else (namespace,)))
    return PodTerm(
        term["topologyKey"],
        LabelSelector.from_object(term.get("labelSelector")),
        names,
        None if chosen is None else LabelSelector.from_object(chosen),
    )


@dataclass(frozen=True, slots=True)
class PodAffinity:
    """A pod's wishes about other pods."""

    near: tuple[PodTerm, ...] = ()
    """Required affinity."""
    apart: tuple[PodTerm, ...] = ()
    """Required anti-affinity."""
    preferred: tuple[tuple[int, PodTerm], ...] = ()
    """Weights, negative for anti-affinity."""

    @property
    def drawing(self) -> tuple[tuple[int, PodTerm], ...]:
        """Weights with which it draws later pods: its preferences, and what it required itself counts one."""
        return (*self.preferred, *((1, term) for term in self.near))


NO_AFFINITY = PodAffinity()


def pod_affinity(spec: Mapping[str, Any], namespace: str) -> PodAffinity:
    """Return what a pod's spec says of other pods."""
    affinity = spec.get("affinity") or {}
    near, apart = affinity.get("podAffinity") or {}, affinity.get("podAntiAffinity") or {}
    if not near and not apart:
        return NO_AFFINITY
    required, preferred = (
        "requiredDuringSchedulingIgnoredDuringExecution",
        "preferredDuringSchedulingIgnoredDuringExecution",
    )
    weighted = [(w["weight"], w["podAffinityTerm"]) for w in near.get(preferred) or ()]
    weighted += [(-w["weight"], w["podAffinityTerm"]) for w in apart.get(preferred) or ()]
    return PodAffinity(
        tuple(pod_term(term, namespace) for term in near.get(required) or ()),
        tuple(pod_term(term, namespace) for term in apart.get(required) or ()),
        tuple((weight, pod_term(term, namespace)) for weight, term in weighted),
    )
