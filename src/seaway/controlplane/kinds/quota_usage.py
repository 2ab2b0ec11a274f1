"""What an object costs a quota, and which quotas it concerns.

Used by the API server, which charges, and by the controller, which counts anew.

Source: Kubernetes' "Resource Quotas", and the evaluators of its quota package.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from seaway.base.clock import parse_rfc3339
from seaway.controlplane.kinds.pod_totals import Amounts, pod_total, sum_of
from seaway.controlplane.kinds.resources import is_extended
from seaway.objects.pods import has_ended
from seaway.objects.quantity import format_quantity, parse_quantity, whole
from seaway.objects.resource import Resource

Object = dict[str, Any]
PODS, SERVICES, CLAIMS = "pods", "services", "persistentvolumeclaims"
NEVER_COUNTED = frozenset({"events", "events.events.k8s.io"})
BY_CLASS = ".storageclass.storage.k8s.io/"
MUST_SAY = frozenset({"cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory"})
"""Where a quota counts one of these, each container has to name it."""
_POD_NAMES = MUST_SAY | {
    "ephemeral-storage", "requests.ephemeral-storage", "limits.ephemeral-storage", "pods", "count/pods",
}  # fmt: skip
_SERVICE_NAMES = frozenset({"services", "services.nodeports", "services.loadbalancers", "count/services"})
_CLAIM_NAMES = ("persistentvolumeclaims", "requests.storage")
_PLAIN_COUNTS = frozenset({"replicationcontrollers", "resourcequotas", "secrets", "configmaps"})
_STORAGE_CLASS = "volume.beta.kubernetes.io/storage-class"


def counted(resource: Resource, names: Iterable[str]) -> list[str]:
    """Return those of a quota's names that objects of a resource count for."""
    return [name for name in names if _counts(resource.group_resource, name)]


def _counts(resource: str, name: str) -> bool:
    if name == f"count/{resource}":
        return True
    match resource:
        case "pods":
            extended = name.startswith("requests.") and is_extended(name.removeprefix("requests."))
            return name in _POD_NAMES or name.startswith(("hugepages-", "requests.hugepages-")) or extended
        case "services":
            return name in _SERVICE_NAMES
        case "persistentvolumeclaims":
            return name in _CLAIM_NAMES or name.endswith(tuple(BY_CLASS + one for one in _CLAIM_NAMES))
        case _:
            return name == resource and name in _PLAIN_COUNTS


def usage(resource: Resource, obj: Object, now: float) -> Amounts:
    """Return what an object uses, by the names that quotas have for it."""
    one = {f"count/{resource.group_resource}": "1"}
    match resource.group_resource:
        case "pods":
            return one | (pod_usage(obj) if _is_charged(obj, now) else {})
        case "services":
            return one | _service_usage(obj.get("spec") or {})
        case "persistentvolumeclaims":
            return one | _claim_usage(obj)
        case plain if plain in _PLAIN_COUNTS:
            return one | {plain: "1"}
        case _:
            return one


def pod_usage(pod: Object) -> Amounts:
    """Return what a pod that has not ended uses."""
    spec = pod.get("spec") or {}
    requests, limits = (pod_total(spec, which, overhead=True) for which in ("requests", "limits"))
    return {"pods": "1"} | names_of(requests, limits)


def names_of(requests: Mapping[str, str], limits: Mapping[str, str]) -> Amounts:
    """Return requests and limits by the names that quotas have for them."""
    found: Amounts = {}
    for name, amount in requests.items():
        if name in ("cpu", "memory", "ephemeral-storage") or name.startswith("hugepages-"):
            found |= {name: amount, f"requests.{name}": amount}
        elif is_extended(name):
            found[f"requests.{name}"] = amount
    limited = {
        f"limits.{name}": limits[name] for name in ("cpu", "memory", "ephemeral-storage") if name in limits
    }
    return found | limited


def _is_charged(pod: Object, now: float) -> bool:
    """Tell whether a pod still uses anything: not one that has ended, or whose time to end is over."""
    if has_ended(pod):
        return False
    metadata = pod["metadata"]
    due, grace = metadata.get("deletionTimestamp"), metadata.get("deletionGracePeriodSeconds")
    return due is None or grace is None or parse_rfc3339(due) + grace >= now


def _service_usage(spec: Object) -> Amounts:
    kind, ports = spec.get("type"), spec.get("ports") or ()
    balanced = kind == "LoadBalancer"
    opened = len(ports) if kind == "NodePort" or balanced else 0
    if balanced and spec.get("allocateLoadBalancerNodePorts") is False:
        opened = sum(bool(port.get("nodePort")) for port in ports)
    return {
        "services": "1", "services.nodeports": str(opened), "services.loadbalancers": str(int(balanced)),
    }  # fmt: skip


def _claim_usage(claim: Object) -> Amounts:
    spec, annotations = claim.get("spec") or {}, claim["metadata"].get("annotations") or {}
    found = {"persistentvolumeclaims": "1"}
    if (asked := ((spec.get("resources") or {}).get("requests") or {}).get("storage")) is not None:
        allotted = ((claim.get("status") or {}).get("allocatedResources") or {}).get("storage")
        larger = allotted if allotted is not None and whole(allotted) > whole(asked) else asked
        found["requests.storage"] = _of_whole_bytes(str(larger))
    of_class = annotations.get(_STORAGE_CLASS) or spec.get("storageClassName")
    return found | (
        {f"{of_class}{BY_CLASS}{name}": amount for name, amount in found.items()} if of_class else {}
    )


def _of_whole_bytes(amount: str) -> str:
    rounded = whole(amount)
    return amount if parse_quantity(amount) == rounded else format_quantity(rounded)


def matches(quota: Object, resource: Resource, obj: Object) -> bool:
    """Tell whether an object is in all scopes of a quota."""
    spec = quota.get("spec") or {}
    wanted = [{"scopeName": scope, "operator": "Exists"} for scope in spec.get("scopes") or ()]
    wanted += (spec.get("scopeSelector") or {}).get("matchExpressions") or ()
    return all(_in_scope(one, resource.group_resource, obj) for one in wanted)


def _in_scope(requirement: Object, resource: str, obj: Object) -> bool:
    scope, spec = requirement.get("scopeName"), obj.get("spec") or {}
    if resource == "persistentvolumeclaims":
        if scope != "VolumeAttributesClass":
            return False
        status = obj.get("status") or {}
        found = {spec.get("volumeAttributesClassName"), status.get("currentVolumeAttributesClassName")}
        found.add((status.get("modifyVolumeStatus") or {}).get("targetVolumeAttributesClassName"))
        return _selects(requirement, {name for name in found if name})
    if resource != "pods":
        return False
    match scope:
        case "Terminating":
            return is_terminating(obj)
        case "NotTerminating":
            return not is_terminating(obj)
        case "BestEffort":
            return _is_best_effort(spec)
        case "NotBestEffort":
            return not _is_best_effort(spec)
        case "PriorityClass":
            return _selects(requirement, {name for name in (spec.get("priorityClassName"),) if name})
        case "CrossNamespacePodAffinity":
            return _reaches_other_namespaces(spec)
        case _:
            return False


def _selects(requirement: Object, found: set[str]) -> bool:
    values = set(requirement.get("values") or ())
    match requirement.get("operator"):
        case "Exists":
            return bool(found)
        case "DoesNotExist":
            return not found
        case "In":
            return bool(found & values)
        case "NotIn":
            return not found or bool(found - values)
        case _:
            return False


def is_terminating(pod: Object) -> bool:
    """Tell whether a pod has a deadline: the scope Terminating."""
    deadline = (pod.get("spec") or {}).get("activeDeadlineSeconds")
    return deadline is not None and deadline >= 0


def _is_best_effort(spec: Object) -> bool:
    whole_pod = spec.get("resources") or {}
    holders = [
        whole_pod, *((c.get("resources") or {}) for f in ("containers", "initContainers") for c in spec.get(f) or ())
    ]  # fmt: skip
    return not any(
        holder.get(which, {}).get(name) not in (None, "0", 0)
        for holder in holders
        for which in ("requests", "limits")
        for name in ("cpu", "memory")
        if holder.get(which)
    )


def _reaches_other_namespaces(spec: Object) -> bool:
    affinity = spec.get("affinity") or {}
    terms: list[Object] = []
    for name in ("podAffinity", "podAntiAffinity"):
        rules = affinity.get(name) or {}
        terms += rules.get("requiredDuringSchedulingIgnoredDuringExecution") or ()
        preferred = rules.get("preferredDuringSchedulingIgnoredDuringExecution") or ()
        terms += [one.get("podAffinityTerm") or {} for one in preferred]
    return any(term.get("namespaces") or term.get("namespaceSelector") is not None for term in terms)


def recount(quota: Object, objects: Iterable[tuple[Resource, Iterable[Object]]], now: float) -> Amounts:
    """Return what a quota's namespace uses of what the quota bounds.

    Args:
        quota: the quota.
        objects: all objects of its namespace, of each resource that it counts.
        now: seconds since the epoch.
    """
    hard = (quota.get("spec") or {}).get("hard") or {}
    used: Amounts = {}
    for resource, found in objects:
        names = counted(resource, hard)
        used = dict.fromkeys(names, "0") | used
        for obj in found:
            if matches(quota, resource, obj):
                amounts = usage(resource, obj, now)
                used = sum_of(used, {name: amounts[name] for name in names if name in amounts})
    return used
