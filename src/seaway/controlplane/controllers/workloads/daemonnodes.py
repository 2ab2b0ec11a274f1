"""On which nodes a daemon set's pods belong, and the pod of each: pure.

Source: apps/v1 DaemonSet; Kubernetes' "DaemonSet", "How Daemon Pods are scheduled", "Taints and tolerations".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from seaway.controlplane.controllers.workloads.children import pod_of_template
from seaway.controlplane.controllers.workloads.history import REVISION_HASH, revision_label
from seaway.objects import meta
from seaway.objects.meta import deletion_timestamp, labels, name
from seaway.objects.nodeselection import REQUIRED, is_meant, tolerated
from seaway.objects.pods import has_ended

Object = dict[str, Any]
GENERATION = "pod-template-generation"
"""Label of pods: how often the template had changed."""
_GENERATION_NOTE = "deprecated.daemonset.template.generation"
_ALWAYS_TOLERATED = (
    ("not-ready", "NoExecute"),
    ("unreachable", "NoExecute"),
    ("disk-pressure", "NoSchedule"),
    ("memory-pressure", "NoSchedule"),
    ("pid-pressure", "NoSchedule"),
    ("unschedulable", "NoSchedule"),
)
_ON_HOST_NETWORK = ("network-unavailable", "NoSchedule")


class Place(NamedTuple):
    """Whether a pod belongs on a node."""

    begins: bool
    stays: bool


def place(daemon_set: Object, node: Object) -> Place:
    """Return whether a daemon set's pod should begin on a node, and whether one that is there may stay."""
    spec = daemon_set["spec"]["template"]["spec"]
    if spec.get("nodeName") not in (None, "", name(node)) or not is_meant(spec, labels(node), name(node)):
        return Place(begins=False, stays=False)
    borne = tolerations(spec)
    refused = [taint["effect"] for taint in node["spec"].get("taints") or () if not tolerated(borne, taint)]
    return Place(
        begins=not any(effect in ("NoSchedule", "NoExecute") for effect in refused),
        stays="NoExecute" not in refused,
    )


def tolerations(spec: Mapping[str, Any]) -> list[Object]:
    """Return the tolerations of a daemon set's pods: its own, and of all that may ail a node."""
    wanted = [*_ALWAYS_TOLERATED, *([_ON_HOST_NETWORK] if spec.get("hostNetwork") else [])]
    added = [
        {"key": f"node.kubernetes.io/{key}", "operator": "Exists", "effect": effect} for key, effect in wanted
    ]
    known = {(one["key"], one["effect"]) for one in added}
    own = [t for t in spec.get("tolerations") or () if (t.get("key"), t.get("effect")) not in known]
    return [*own, *added]


def new_pod(daemon_set: Object, node: str, revision: str) -> Object:
    """Return the pod of a node, to be created: the scheduler may put it there and nowhere else.

    Args:
        daemon_set: as stored.
        node: its name.
        revision: the hash of the newest revision.
    """
    made = pod_of_template(daemon_set, daemon_set["spec"]["template"])
    own = {REVISION_HASH: revision}
    if generation := template_generation(daemon_set):
        own[GENERATION] = generation
    made["metadata"]["labels"] = {**labels(made), **own}
    spec = made["spec"]
    spec["tolerations"] = tolerations(spec)
    field = {"key": "metadata.name", "operator": "In", "values": [node]}
    affinity = spec["affinity"] = spec.get("affinity") or {}
    node_affinity = affinity["nodeAffinity"] = affinity.get("nodeAffinity") or {}
    node_affinity[REQUIRED] = {"nodeSelectorTerms": [{"matchFields": [field]}]}
    return made


def template_generation(daemon_set: Object) -> str:
    """Return how often a daemon set's template has changed, "" where that is not known."""
    text = meta.annotations_of(daemon_set).get(_GENERATION_NOTE, "")
    return text if text.isdigit() else ""


def is_updated(daemon_set: Object, pod: Object, revision: str) -> bool:
    """Tell whether a pod is of a daemon set's newest template."""
    generation = template_generation(daemon_set)
    return revision_label(pod) == revision or bool(generation and labels(pod).get(GENERATION) == generation)


def node_of(pod: Object) -> str:
    """Return the node that a pod is on or meant for, "" where it is meant for none."""
    if node := pod["spec"].get("nodeName"):
        return str(node)
    affinity = ((pod["spec"].get("affinity") or {}).get("nodeAffinity") or {}).get(REQUIRED) or {}
    for term in affinity.get("nodeSelectorTerms") or ():
        for requirement in term.get("matchFields") or ():
            if requirement.get("key") == "metadata.name" and requirement.get("operator") == "In":
                return str(requirement["values"][0])
    return ""


def by_node(pods: Iterable[Object]) -> dict[str, list[Object]]:
    """Return pods by the node that they are on or meant for, the one first that has come furthest."""
    found: dict[str, list[Object]] = {}
    for pod in pods:
        if (node := node_of(pod)) and not (has_ended(pod) and deletion_timestamp(pod)):
            found.setdefault(node, []).append(pod)
    for there in found.values():
        there.sort(key=_order)
    return found


def _order(pod: Object) -> tuple[bool, str, str]:
    """Sort pods that have a node before those that have none, then by age."""
    return not pod["spec"].get("nodeName"), pod["metadata"].get("creationTimestamp") or "", name(pod)


def homeless(pods: Mapping[str, Sequence[Object]], nodes: Iterable[str]) -> list[Object]:
    """Return the pods that wait for a node that is not there any more."""
    known = set(nodes)
    waiting = (pod for node, there in pods.items() if node not in known for pod in there)
    return [pod for pod in waiting if not pod["spec"].get("nodeName") and deletion_timestamp(pod) is None]
