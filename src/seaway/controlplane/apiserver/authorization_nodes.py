"""What nodes may do: their own node, the pods bound to it, and what those pods need; nothing of other nodes.

No index is kept: a node's read is proved by one of its pods, which is remembered as long as it holds.

Source: Kubernetes' "Using Node Authorization" and KEP-4601 (nodes list their own pods only).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from seaway.controlplane.apiserver.bootstrap_roles import ROLES
from seaway.controlplane.apiserver.lookup import StoreLookup
from seaway.controlplane.apiserver.rbac import Action, rules_of
from seaway.objects.builtin import PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, PODS

Object = dict[str, Any]
Reference = tuple[str, str]
"""Resource and name."""
LEASE_NAMESPACE = "kube-node-lease"
_READ = frozenset({"get", "list", "watch"})
_WRITE = frozenset({"create", "update", "patch"})
_MOST_PROOFS = 16384


class NodeRights:
    """Judges what nodes ask for.

    Args:
        lookup: reads pods, claims and volumes.
    """

    def __init__(self, lookup: StoreLookup) -> None:
        self._lookup = lookup
        self._proofs: dict[tuple[str, str, Reference], str] = {}
        """The pod by which a node may read something, where it was asked for before."""
        self._others = rules_of({"rules": ROLES["system:node"]})

    def allowed(self, node: str, action: Action) -> bool:
        """Tell whether a node may do something."""
        match (action.group, action.resource):
            case ("", "secrets" | "configmaps"):
                return action.verb in _READ and not action.subresource and self._needs(node, action)
            case ("", "persistentvolumeclaims"):
                wanted = _WRITE - {"create"} if action.subresource == "status" else {"get"}
                return (
                    action.subresource in ("", "status")
                    and action.verb in wanted
                    and self._needs(node, action)
                )
            case ("", "persistentvolumes"):
                return (
                    action.verb == "get" and not action.subresource and self._needs_volume(node, action.name)
                )
            case ("", "serviceaccounts"):
                asked = (action.verb, action.subresource)
                return asked in {("get", ""), ("create", "token")} and self._needs(node, action)
            case ("coordination.k8s.io", "leases"):
                own = action.verb == "create" or action.name == node
                return (
                    own and action.namespace == LEASE_NAMESPACE and action.verb in _WRITE | {"get", "delete"}
                )
            case ("", "nodes"):
                return _node_allowed(node, action)
            case ("", "pods"):
                return self._pod_allowed(node, action)
            case _:
                return any(rule.allows(action) for rule in self._others)

    def _needs(self, node: str, action: Action) -> bool:
        """Tell whether a pod of the node names what is asked for."""
        if not action.namespace or not action.name:
            return False
        wanted = (action.resource, action.name)
        proof = (node, action.namespace, wanted)
        known = self._lookup.get(PODS, action.namespace, self._proofs.get(proof, ""))
        if known is not None and _is_of(known, node) and wanted in references(known):
            return True
        for pod in self._lookup.list(PODS, action.namespace):
            if _is_of(pod, node) and wanted in references(pod):
                if len(self._proofs) >= _MOST_PROOFS:
                    self._proofs.clear()
                self._proofs[proof] = pod["metadata"]["name"]
                return True
        return False

    def _needs_volume(self, node: str, name: str) -> bool:
        volume = self._lookup.get(PERSISTENT_VOLUMES, "", name)
        claim = ((volume or {}).get("spec") or {}).get("claimRef") or {}
        place, named = str(claim.get("namespace") or ""), str(claim.get("name") or "")
        held = self._lookup.get(PERSISTENT_VOLUME_CLAIMS, place, named) if place and named else None
        bound = ((held or {}).get("spec") or {}).get("volumeName") == name
        return bound and self._needs(node, Action("get", "", "persistentvolumeclaims", "", named, place))

    def _pod_allowed(self, node: str, action: Action) -> bool:
        match action.subresource:
            case "status":
                return action.verb in {"update", "patch"}
            case "eviction":
                return action.verb == "create"
            case "":
                if action.verb in {"create", "delete"}:
                    return True  # admission holds it to its own
                if action.verb in {"list", "watch"} and f"spec.nodeName={node}" in _terms(
                    action.field_selector
                ):
                    return True
                pod = self._lookup.get(PODS, action.namespace, action.name) if action.name else None
                return action.verb in _READ and pod is not None and _is_of(pod, node)
        return False


def _node_allowed(node: str, action: Action) -> bool:
    if action.subresource:
        return action.subresource == "status" and action.verb in {"update", "patch"}
    if action.verb in _WRITE:
        return True  # admission holds it to its own
    return action.verb in _READ and action.name == node


def _terms(selector: str) -> set[str]:
    return {term.strip().replace("==", "=") for term in selector.split(",")}


def _is_of(pod: Object, node: str) -> bool:
    return bool((pod.get("spec") or {}).get("nodeName") == node) and not _is_mirror(pod)


def _is_mirror(pod: Object) -> bool:
    """Tell whether a pod is only the image of one that the node has by itself: it proves nothing."""
    return "kubernetes.io/config.mirror" in (pod["metadata"].get("annotations") or {})


def references(pod: Object) -> set[Reference]:
    """Return the objects of its namespace that a pod names."""
    spec = pod.get("spec") or {}
    found: set[Reference] = set()
    if account := spec.get("serviceAccountName"):
        found.add(("serviceaccounts", str(account)))
    found |= {("secrets", str(one.get("name"))) for one in spec.get("imagePullSecrets") or ()}
    for field in ("initContainers", "containers", "ephemeralContainers"):
        for container in spec.get(field) or ():
            found.update(_of_environment(container))
    for volume in spec.get("volumes") or ():
        found.update(_of_volume(volume, pod["metadata"]["name"]))
    return found


def _of_environment(container: Object) -> Iterator[Reference]:
    sources = [(one.get("valueFrom") or {}) for one in container.get("env") or ()]
    for source in sources:
        yield from _named(source, "secretKeyRef", "secrets")
        yield from _named(source, "configMapKeyRef", "configmaps")
    for source in container.get("envFrom") or ():
        yield from _named(source, "secretRef", "secrets")
        yield from _named(source, "configMapRef", "configmaps")


def _of_volume(volume: Object, pod: str) -> Iterator[Reference]:
    if name := (volume.get("secret") or {}).get("secretName"):
        yield "secrets", str(name)
    yield from _named(volume, "configMap", "configmaps")
    if name := (volume.get("persistentVolumeClaim") or {}).get("claimName"):
        yield "persistentvolumeclaims", str(name)
    if volume.get("ephemeral") is not None:
        yield "persistentvolumeclaims", f"{pod}-{volume.get('name')}"
    for source in (volume.get("projected") or {}).get("sources") or ():
        yield from _named(source, "secret", "secrets")
        yield from _named(source, "configMap", "configmaps")
    for driver in ("cephfs", "flexVolume", "iscsi", "rbd", "scaleIO", "storageos"):
        yield from _named(volume.get(driver) or {}, "secretRef", "secrets")
    yield from _named(volume.get("csi") or {}, "nodePublishSecretRef", "secrets")
    if name := (volume.get("azureFile") or {}).get("secretName"):
        yield "secrets", str(name)


def _named(holder: Object, field: str, resource: str) -> Iterator[Reference]:
    if name := (holder.get(field) or {}).get("name"):
        yield resource, str(name)
