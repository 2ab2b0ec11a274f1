"""A node writes what is its own and nothing else.

Source: Kubernetes' "Admission Control in Kubernetes", NodeRestriction.
"""

from __future__ import annotations

from seaway.controlplane.apiserver.admission import Attributes
from seaway.controlplane.apiserver.users import node_of
from seaway.objects import meta
from seaway.objects.builtin import LEASES, NODES, PODS

LEASE_NAMESPACE = "kube-node-lease"
_MIRROR = "kubernetes.io/config.mirror"
_OWN_DOMAINS = ("kubelet.kubernetes.io", "node.kubernetes.io")
_OWN_LABELS = frozenset({
    "kubernetes.io/hostname", "kubernetes.io/arch", "kubernetes.io/os", "beta.kubernetes.io/arch", "beta.kubernetes.io/os",
    "beta.kubernetes.io/instance-type", "failure-domain.beta.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/region",
    "failure-domain.kubernetes.io/zone", "failure-domain.kubernetes.io/region", "topology.kubernetes.io/zone",
    "topology.kubernetes.io/region",
})  # fmt: skip
"""Labels of Kubernetes that a node sets of itself."""


def node_restriction(attributes: Attributes) -> None:
    """Refuse a node's writes to other nodes, to pods of other nodes, and to leases that are not its own."""
    node = node_of(attributes.user)
    if node is None:
        return
    if attributes.is_a(NODES):
        _check_node(attributes, node)
    elif attributes.is_a(PODS):
        _check_pod(attributes, node)
    elif attributes.is_a(LEASES) and (attributes.namespace, attributes.name) != (LEASE_NAMESPACE, node):
        raise attributes.refuse("can only access node lease with the same name as the requesting node")


def _check_node(attributes: Attributes, node: str) -> None:
    """A node writes itself only, and of itself nothing that decides which pods come to it."""
    if attributes.name != node:
        raise attributes.refuse(f'node "{node}" is not allowed to modify node "{attributes.name}"')
    if attributes.operation == "DELETE":
        return
    new, old = attributes.object, attributes.old
    if old is not None:
        if ((new.get("spec") or {}).get("taints") or []) != ((old.get("spec") or {}).get("taints") or []):
            raise attributes.refuse(f'node "{node}" is not allowed to modify taints')
        if meta.owner_references(new) != meta.owner_references(old):
            raise attributes.refuse(f'node "{node}" is not allowed to modify ownerReferences')
    before = meta.labels(old) if old is not None else {}
    changed = {key for key, _ in meta.labels(new).items() ^ before.items()}
    if forbidden := sorted(filter(_is_forbidden, changed)):
        listed = ", ".join(forbidden)
        said = (
            f'node "{node}" is not allowed to set the following labels'
            if old is None
            else "is not allowed to modify labels"
        )
        raise attributes.refuse(f"{said}: {listed}")


def _is_forbidden(label: str) -> bool:
    """Tell whether a label is Kubernetes' own and not one of those that nodes say of themselves."""
    domain, slash, _ = label.partition("/")
    if not slash or label in _OWN_LABELS:
        return False
    if domain in _OWN_DOMAINS or domain.endswith(tuple(f".{own}" for own in _OWN_DOMAINS)):
        return False
    return domain in ("kubernetes.io", "k8s.io") or domain.endswith((".kubernetes.io", ".k8s.io"))


def _check_pod(attributes: Attributes, node: str) -> None:
    """A node writes and deletes the pods that are bound to it; it makes only mirrors of its own static pods."""
    pod = attributes.old or attributes.object
    spec = pod.get("spec")
    place = spec.get("nodeName") if isinstance(spec, dict) else None
    if attributes.operation == "CREATE" and _MIRROR not in (pod["metadata"].get("annotations") or {}):
        why = f'pod does not have "{_MIRROR}" annotation, node "{node}" can only create mirror pods'
        raise attributes.refuse(why)
    if place != node:
        verb = {"DELETE": "delete pods", "CREATE": "create pods"}.get(
            attributes.operation, "update pod status for pods"
        )
        raise attributes.refuse(f'node "{node}" can only {verb} with spec.nodeName set to itself')
    if attributes.operation == "UPDATE" and meta.labels(attributes.object) != meta.labels(pod):
        raise attributes.refuse(f'node "{node}" cannot update labels through pod status')
