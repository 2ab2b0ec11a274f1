"""Which requests a webhook or a policy is for.

Source: "Matching requests" of Kubernetes' "Dynamic Admission Control".
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import orjson

from seaway.controlplane.apiserver.dynamic.request import AdmissionRequest
from seaway.controlplane.apiserver.served import Served
from seaway.objects.selectors import LabelSelector

Object = dict[str, Any]


def matched(request: AdmissionRequest, part: Object) -> Served | None:
    """Return the resource as which a request meets a webhook, None where it does not.

    Args:
        request: what is asked.
        part: a webhook, a policy's `matchConstraints` or a binding's `matchResources`, its defaults filled in.
    """
    if not _selected(request, part):
        return None
    equivalent = part.get("matchPolicy") == "Equivalent"
    if _meets(request, part.get("excludeResourceRules") or (), equivalent=equivalent) is not None:
        return None
    rules = part.get("rules") or part.get("resourceRules")
    if not rules:
        return request.served if "rules" not in part and "clientConfig" not in part else None
    return _meets(request, rules, equivalent=equivalent)


def _selected(request: AdmissionRequest, part: Object) -> bool:
    selector = part.get("namespaceSelector")
    labels = request.namespace_labels() if selector else None
    if labels is not None and not _selector(orjson.dumps(selector)).matches(labels):
        return False
    if selector := part.get("objectSelector"):
        attributes = request.attributes
        objects = (None if request.operation == "DELETE" else attributes.object, attributes.old)
        found = _selector(orjson.dumps(selector))
        return any(obj is not None and found.matches(request.labels(obj)) for obj in objects)
    return True


@lru_cache(maxsize=256)
def _selector(encoded: bytes) -> LabelSelector:
    return LabelSelector.from_object(orjson.loads(encoded))


def _meets(request: AdmissionRequest, rules: Iterable[Object], *, equivalent: bool) -> Served | None:
    rules = list(rules)
    if any(_rule_meets(request, rule, request.served) for rule in rules):
        return request.served
    others = request.equivalents() if equivalent and rules else ()
    return next((other for rule in rules for other in others if _rule_meets(request, rule, other)), None)


def _rule_meets(request: AdmissionRequest, rule: Object, served: Served) -> bool:
    resource, names = served.resource, rule.get("resourceNames")
    return (
        _scope_meets(request, rule.get("scope"))
        and _holds(rule.get("operations"), request.operation)
        and _holds(rule.get("apiGroups"), resource.group)
        and _holds(rule.get("apiVersions"), resource.version)
        and any(
            _resource_meets(text, resource.plural, request.subresource)
            for text in rule.get("resources") or ()
        )
        and (not names or request.name in names)
    )


def _holds(given: Iterable[str] | None, wanted: str) -> bool:
    return any(one in ("*", wanted) for one in given or ())


def _scope_meets(request: AdmissionRequest, scope: str | None) -> bool:
    if scope in (None, "*"):
        return True
    return request.resource.namespaced == (scope == "Namespaced")


def _resource_meets(text: str, plural: str, subresource: str) -> bool:
    resource, _, part = text.partition("/")
    return resource in ("*", plural) and part in ("*", subresource)
