"""A node writes what is its own and nothing else.

Source: Kubernetes' "Admission Control in Kubernetes", NodeRestriction.
"""

from __future__ import annotations

from seaway.controlplane.apiserver.admission import Attributes
from seaway.controlplane.apiserver.users import node_of
from seaway.objects.builtin import LEASES, NODES, PODS

LEASE_NAMESPACE = "kube-node-lease"
_MIRROR = "kubernetes.io/config.mirror"


def node_restriction(attributes: Attributes) -> None:
    """Refuse a node's writes to other nodes, to pods of other nodes, and to leases that are not its own."""
    node = node_of(attributes.user)
    if node is None:
        return
    if attributes.is_a(NODES):
        if attributes.name != node:
            raise attributes.refuse(f'node "{node}" is not allowed to modify node "{attributes.name}"')
    elif attributes.is_a(PODS):
        _check_pod(attributes, node)
    elif attributes.is_a(LEASES) and (attributes.namespace, attributes.name) != (LEASE_NAMESPACE, node):
        raise attributes.refuse("can only access node lease with the same name as the requesting node")


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
