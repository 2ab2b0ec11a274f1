"""Pod Security by a namespace's labels: what is enforced is refused, what is warned of is told.

Source: Kubernetes' "Pod Security Admission".
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import Any

from seaway.controlplane.apiserver.admission import Attributes
from seaway.controlplane.kinds.pod_standards import (
    LEVELS,
    PRIVILEGED,
    Policy,
    Standard,
    policy_of,
    told,
    violations,
)
from seaway.objects import meta
from seaway.objects.builtin import NAMESPACES, PODS
from seaway.objects.errors import invalid

logger = logging.getLogger(__name__)
Object = dict[str, Any]
MOST_PODS = 3000
"""So many pods are looked at when a namespace gets another level."""
_UNJUDGED = frozenset({
    "exec", "attach", "binding", "eviction", "log", "portforward", "proxy", "status", "scale", "token",
})  # fmt: skip
_TEMPLATES = {
    ("", "replicationcontrollers"): ("spec", "template"), ("", "podtemplates"): ("template",),
    ("apps", "replicasets"): ("spec", "template"), ("apps", "deployments"): ("spec", "template"),
    ("apps", "statefulsets"): ("spec", "template"), ("apps", "daemonsets"): ("spec", "template"),
    ("batch", "jobs"): ("spec", "template"), ("batch", "cronjobs"): ("spec", "jobTemplate", "spec", "template"),
}  # fmt: skip
"""Where the pods of what makes pods are described."""


def pod_security(attributes: Attributes) -> None:
    """Judge a namespace's labels, a pod, or what makes pods."""
    if attributes.operation == "DELETE":
        return
    if attributes.is_a(NAMESPACES):
        if not attributes.subresource:
            _judge_namespace(attributes)
        return
    resource = attributes.resource
    place = _TEMPLATES.get((resource.group, resource.plural))
    if not resource.namespaced or not (attributes.is_a(PODS) or place) or attributes.subresource in _UNJUDGED:
        return
    namespace = attributes.lookup.get(NAMESPACES, "", attributes.namespace) or {"metadata": {}}
    policy, _ = policy_of(meta.labels(namespace))
    if policy.is_privileged:
        return
    if attributes.is_a(PODS):
        if attributes.old is None or _is_changed(attributes.object, attributes.old):
            _judge(attributes, policy, attributes.object, enforced=True)
        return
    template: Any = attributes.object
    for name in place or ():
        template = template.get(name) if isinstance(template, dict) else None
    if isinstance(template, dict):
        _judge(attributes, policy, template, enforced=False)


def _judge(attributes: Attributes, policy: Policy, pod: Object, *, enforced: bool) -> None:
    metadata, spec = pod.get("metadata") or {}, pod.get("spec")
    if not isinstance(spec, dict):
        return  # without one, validation says so
    if found := violations(policy.audit, metadata, spec):
        logger.info(
            'audit: %s "%s/%s" by %s would violate PodSecurity "%s": %s', attributes.resource.group_resource,
            attributes.namespace, attributes.name, attributes.user.name, policy.audit, told(found),
        )  # fmt: skip
    if enforced and (found := violations(policy.enforce, metadata, spec)):
        raise attributes.refuse(f'violates PodSecurity "{policy.enforce}": {told(found)}')
    if found := violations(policy.warn, metadata, spec):
        attributes.warnings.append(f'would violate PodSecurity "{policy.warn}": {told(found)}')


def _is_changed(new: Object, old: Object) -> bool:
    """Tell whether a change of a pod is one that levels judge: its containers, or what they run."""

    def images(pod: Object, field: str) -> list[tuple[Any, Any]]:
        return [(c.get("name"), c.get("image")) for c in (pod.get("spec") or {}).get(field) or ()]

    fields = ("containers", "initContainers", "ephemeralContainers")
    return any(images(new, field) != images(old, field) for field in fields)


def _judge_namespace(attributes: Attributes) -> None:
    """Refuse labels that cannot be read; warn of pods that a new level would not let in."""
    policy, faults = policy_of(meta.labels(attributes.object))
    before, old_faults = policy_of(meta.labels(attributes.old)) if attributes.old else (Policy(), [])
    if faults and faults != old_faults:
        raise invalid("", "Namespace", attributes.name, faults)
    new, old = policy.enforce, before.enforce
    relaxed = new.version == old.version and LEVELS.index(new.level) <= LEVELS.index(old.level)
    if attributes.old is None or new == old or new.level == PRIVILEGED or relaxed:
        return
    pods = attributes.lookup.list(PODS, attributes.name)
    attributes.warnings += namespace_warnings(attributes.name, new, pods)


def namespace_warnings(namespace: str, standard: Standard, pods: Sequence[Object]) -> list[str]:
    """Return what is said of the pods that are already in a namespace which gets another level."""
    looked_at = _prioritized(pods)[:MOST_PODS]
    found: dict[str, list[str]] = {}
    for pod in looked_at:
        if broken := violations(standard, pod["metadata"], pod.get("spec") or {}):
            found.setdefault(", ".join(reason for reason, _ in broken), []).append(meta.name(pod))
    warnings = []
    if len(looked_at) < len(pods):
        first = f"the first {len(looked_at)} of {len(pods)} existing pods"
        warnings.append(f"new PodSecurity enforce level only checked against {first}")
    if found:
        words = (
            f'existing pods in namespace "{namespace}" violate the new PodSecurity enforce level "{standard}"'
        )
        warnings.append(words)
    return warnings + sorted(f"{_who(names)}: {reasons}" for reasons, names in found.items())


def _who(names: Sequence[str]) -> str:
    others = len(names) - 1
    return min(names) + (f" (and {others} other pod{'' if others == 1 else 's'})" if others else "")


def _prioritized(pods: Iterable[Object]) -> list[Object]:
    """Return pods, those first that have no owner or are their owner's first."""
    first: list[Object] = []
    further: list[Object] = []
    owners: set[str] = set()
    for pod in pods:
        owner = meta.controller_of(pod)
        known = owner is not None and owner["uid"] in owners
        (further if known else first).append(pod)
        if owner is not None:
            owners.add(owner["uid"])
    return first + further
