"""Admission of pods: service account and its token, priority, default tolerations.

Source: Kubernetes' "Admission Control in Kubernetes" (ServiceAccount, Priority, DefaultTolerationSeconds).
"""

from __future__ import annotations

import random
from typing import Any

from seaway.controlplane.apiserver.admission import Attributes
from seaway.objects.builtin import PODS, PRIORITY_CLASSES, SERVICE_ACCOUNTS
from seaway.objects.names import generate_name

Object = dict[str, Any]
TOKEN_FOLDER = "/var/run/secrets/kubernetes.io/serviceaccount"  # noqa: S105  # a path
TOKEN_SECONDS = 3607
_GRACE = 300
_RANDOM = random.Random()  # noqa: S311  # names, not secrets
_TAINTS = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")


def _is_new_pod(attributes: Attributes) -> bool:
    if attributes.operation != "CREATE" or attributes.subresource or not attributes.is_a(PODS):
        return False
    return isinstance(attributes.object.get("spec"), dict)  # without one, validation says so


def service_account(attributes: Attributes) -> None:
    """Give a new pod its service account, that account's pull secrets, and a volume with its token."""
    if not _is_new_pod(attributes):
        return
    spec = attributes.object["spec"]
    if "kubernetes.io/config.mirror" in (attributes.object["metadata"].get("annotations") or {}):
        return
    name = spec.setdefault("serviceAccountName", "default") or "default"
    spec["serviceAccountName"] = spec["serviceAccount"] = name
    account = attributes.lookup.get(SERVICE_ACCOUNTS, attributes.namespace, name)
    if account is None:
        raise attributes.refuse(
            f'error looking up service account {attributes.namespace}/{name}: serviceaccount "{name}" not found'
        )
    if not spec.get("imagePullSecrets") and account.get("imagePullSecrets"):
        spec["imagePullSecrets"] = [dict(reference) for reference in account["imagePullSecrets"]]
    automount = spec.get("automountServiceAccountToken")
    if automount is None:
        automount = account.get("automountServiceAccountToken", True)
    if automount:
        _mount_token(spec)


def _mount_token(spec: Object) -> None:
    containers = [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]
    lacking = [
        container
        for container in containers
        if all(mount.get("mountPath") != TOKEN_FOLDER for mount in container.get("volumeMounts") or ())
    ]
    if not lacking:
        return
    volumes = spec.get("volumes") or []
    name = next(
        (v["name"] for v in volumes if v.get("name", "").startswith("kube-api-access-") and "projected" in v),
        "",
    )
    if not name:
        name = generate_name("kube-api-access-", _RANDOM)
        spec["volumes"] = [*volumes, _token_volume(name)]
    for container in lacking:
        mount = {"name": name, "readOnly": True, "mountPath": TOKEN_FOLDER}
        container["volumeMounts"] = [*(container.get("volumeMounts") or ()), mount]


def _token_volume(name: str) -> Object:
    namespace = {"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}
    sources = [
        {"serviceAccountToken": {"expirationSeconds": TOKEN_SECONDS, "path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [namespace]}},
    ]
    return {"name": name, "projected": {"sources": sources, "defaultMode": 420}}


def priority(attributes: Attributes) -> None:
    """Turn a pod's priority class into its number and preemption policy."""
    if not _is_new_pod(attributes):
        return
    spec = attributes.object["spec"]
    name = spec.get("priorityClassName") or ""
    if name:
        found = attributes.lookup.get(PRIORITY_CLASSES, "", name)
        if found is None:
            raise attributes.refuse(f"no PriorityClass with name {name} was found")
    else:
        defaults = [c for c in attributes.lookup.list(PRIORITY_CLASSES) if c.get("globalDefault")]
        found = min(defaults, key=lambda c: c["value"], default=None)
        if found is not None:
            spec["priorityClassName"] = found["metadata"]["name"]
    value = found["value"] if found else 0
    if spec.get("priority") not in (None, value):
        raise attributes.refuse(
            f"the integer value of priority ({spec['priority']}) must not be provided in pod spec; "
            f"priority admission controller computed {value} from the given PriorityClass name"
        )
    spec["priority"] = value
    policy = (found or {}).get("preemptionPolicy") or "PreemptLowerPriority"
    if spec.get("preemptionPolicy") not in (None, policy):
        raise attributes.refuse(
            f"the string value of PreemptionPolicy ({spec['preemptionPolicy']}) must not be provided in pod spec; "
            f"priority admission controller computed {policy} from the given PriorityClass name"
        )
    spec["preemptionPolicy"] = policy


def default_tolerations(attributes: Attributes) -> None:
    """Let a pod stay for five minutes on a node that is not ready or unreachable, unless it says otherwise."""
    changed = attributes.operation == "UPDATE" and attributes.is_a(PODS) and not attributes.subresource
    if not (changed or _is_new_pod(attributes)):
        return
    spec = attributes.object["spec"]
    tolerations = spec.get("tolerations") or []
    for taint in _TAINTS:
        if not any(_tolerates(toleration, taint) for toleration in tolerations):
            added = {"key": taint, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": _GRACE}
            tolerations = [*tolerations, added]
    spec["tolerations"] = tolerations


def _tolerates(toleration: Object, taint: str) -> bool:
    return toleration.get("key") in (taint, None, "") and toleration.get("effect") in ("NoExecute", None, "")
