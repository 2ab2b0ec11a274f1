"""Limit ranges: what pods and claims do not say is filled in, what they say is held to the bounds.

Source: Kubernetes' "Limit Ranges" and the LimitRanger admission plugin's words.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from seaway.controlplane.apiserver.admission import Attributes
from seaway.controlplane.kinds.pod_totals import pod_total
from seaway.objects import meta
from seaway.objects.builtin import LIMIT_RANGES, PERSISTENT_VOLUME_CLAIMS, PODS
from seaway.objects.quantity import canonical, parse_quantity

Object = dict[str, Any]
Amounts = Mapping[str, Any]
ANNOTATION = "kubernetes.io/limit-ranger"
_LISTS = (("containers", "container"), ("initContainers", "init container"))


def limit_ranger(attributes: Attributes) -> None:
    """Fill in defaults of a new pod, and refuse pods and claims that are out of bounds."""
    pod, claim = attributes.is_a(PODS), attributes.is_a(PERSISTENT_VOLUME_CLAIMS)
    if attributes.operation == "DELETE" or not (pod or claim):
        return
    resized = attributes.subresource == "resize" and pod
    if (attributes.subresource and not resized) or (pod and attributes.operation == "UPDATE" and not resized):
        return
    if claim and meta.deletion_timestamp(attributes.object) is not None:
        return
    ranges = sorted(attributes.lookup.list(LIMIT_RANGES, attributes.namespace), key=meta.name)
    spec = attributes.object.get("spec")
    if not ranges or not isinstance(spec, dict):
        return
    for limit_range in ranges if pod else ():
        fill_in(attributes.object, limit_range)
    for limit_range in ranges:
        limits = (limit_range.get("spec") or {}).get("limits") or ()
        judge = pod_faults if pod else claim_faults
        if faults := list(dict.fromkeys(fault for limit in limits for fault in judge(spec, limit))):
            raise attributes.refuse(faults[0] if len(faults) == 1 else f"[{', '.join(faults)}]")


def fill_in(pod: Object, limit_range: Object) -> None:
    """Give a pod's containers the defaults of a limit range, and note which; changes the pod."""
    requests: Object = {}
    limits: Object = {}
    for limit in (limit_range.get("spec") or {}).get("limits") or ():
        if limit.get("type") == "Container":
            requests |= limit.get("defaultRequest") or {}
            limits |= limit.get("default") or {}
    notes: list[str] = []
    for field, what in _LISTS:
        for container in pod["spec"].get(field) or ():
            resources = container.get("resources") or {}
            for which, defaults in (("requests", requests), ("limits", limits)):
                missing = sorted(defaults.keys() - (resources.get(which) or {}).keys())
                if missing:
                    given = {name: defaults[name] for name in missing}
                    resources = {**resources, which: {**(resources.get(which) or {}), **given}}
                    notes.append(f"{', '.join(missing)} {which[:-1]} for {what} {container.get('name')}")
            if resources:
                container["resources"] = resources
    if notes:
        annotations = pod["metadata"].get("annotations") or {}
        pod["metadata"]["annotations"] = {
            **annotations,
            ANNOTATION: f"LimitRanger plugin set: {'; '.join(notes)}",
        }


def pod_faults(spec: Object, limit: Object) -> Iterator[str]:
    """Yield how a pod breaks one limit."""
    kind = limit.get("type")
    if kind == "Container":
        for field, _ in _LISTS:
            for container in spec.get(field) or ():
                resources = container.get("resources") or {}
                yield from _faults(limit, resources.get("requests") or {}, resources.get("limits") or {})
    elif kind == "Pod":
        yield from _faults(limit, pod_total(spec, "requests"), pod_total(spec, "limits"))


def claim_faults(spec: Object, limit: Object) -> Iterator[str]:
    """Yield how a claim breaks one limit."""
    if limit.get("type") != "PersistentVolumeClaim":
        return
    asked = (spec.get("resources") or {}).get("requests") or {}
    for name, least in sorted((limit.get("min") or {}).items()):
        yield from _below(f"{name} usage per PersistentVolumeClaim", least, asked.get(name), None)
    for name, most in sorted((limit.get("max") or {}).items()):
        head = f"maximum {name} usage per PersistentVolumeClaim is {canonical(str(most))}"
        if name not in asked:
            yield f"{head}.  No request is specified"
        elif _value(asked[name]) > _value(most):
            yield f"{head}, but request is {canonical(str(asked[name]))}"


def _faults(limit: Object, requests: Amounts, limits: Amounts) -> Iterator[str]:
    kind = limit.get("type")
    for name, least in sorted((limit.get("min") or {}).items()):
        yield from _below(f"{name} usage per {kind}", least, requests.get(name), limits.get(name))
    for name, most in sorted((limit.get("max") or {}).items()):
        yield from _above(f"{name} usage per {kind}", most, requests.get(name), limits.get(name))
    for name, ratio in sorted((limit.get("maxLimitRequestRatio") or {}).items()):
        head = f"{name} max limit to request ratio per {kind} is {canonical(str(ratio))}"
        yield from _steep(head, ratio, requests.get(name), limits.get(name))


def _below(what: str, least: Any, request: Any, limit: Any) -> Iterator[str]:
    head = f"minimum {what} is {canonical(str(least))}"
    if request is None:
        yield f"{head}.  No request is specified"
    elif _value(request) < _value(least):
        yield f"{head}, but request is {canonical(str(request))}"
    elif limit is not None and _value(limit) < _value(least):
        yield f"{head}, but limit is {canonical(str(limit))}"


def _above(what: str, most: Any, request: Any, limit: Any) -> Iterator[str]:
    head = f"maximum {what} is {canonical(str(most))}"
    if limit is None:
        yield f"{head}.  No limit is specified"
    elif _value(limit) > _value(most):
        yield f"{head}, but limit is {canonical(str(limit))}"
    elif request is not None and _value(request) > _value(most):
        yield f"{head}, but request is {canonical(str(request))}"


def _steep(head: str, ratio: Any, request: Any, limit: Any) -> Iterator[str]:
    if request is None or not _value(request):
        yield f"{head}, but no request is specified or request is 0"
    elif limit is None or not _value(limit):
        yield f"{head}, but no limit is specified or limit is 0"
    elif (found := _value(limit) / _value(request)) > _value(ratio):
        yield f"{head}, but provided ratio is {float(found):f}"


def _value(amount: Any) -> Any:
    try:
        return parse_quantity(amount)
    except ValueError:
        return 0  # refused by validation, which names the field
