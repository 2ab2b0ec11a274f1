"""Objects as far as they have the shapes that Kubernetes gives them: what somebody's edit spoiled is left out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from seaway.objects.quantity import parse_quantity

_MAPPINGS = frozenset(
    [
        "metadata",
        "spec",
        "labels",
        "annotations",
        "resources",
        "state",
        "lastState",
        "waiting",
        "running",
        "terminated",
        "involvedObject",
        "regarding",
        "series",
        "source",
        "nodeSelector",
        "affinity",
        "nodeAffinity",
        "requiredDuringSchedulingIgnoredDuringExecution",
        "securityContext",
        "livenessProbe",
        "readinessProbe",
        "startupProbe",
        "nodeInfo",
        "persistentVolumeClaim",
        "template",
    ]
)
_OBJECTS = frozenset(
    [
        "containers",
        "initContainers",
        "containerStatuses",
        "initContainerStatuses",
        "conditions",
        "ownerReferences",
        "volumes",
        "volumeMounts",
        "env",
        "schedulingGates",
        "imagePullSecrets",
        "tolerations",
        "taints",
        "nodeSelectorTerms",
        "matchExpressions",
        "matchFields",
    ]
)
_TEXTS = frozenset(
    [
        "name",
        "namespace",
        "uid",
        "kind",
        "reason",
        "message",
        "note",
        "type",
        "phase",
        "image",
        "nodeName",
        "key",
        "operator",
        "effect",
        "status",
        "claimName",
        "mountPath",
        "schedulerName",
        "reportingComponent",
        "component",
        "restartPolicy",
        "lastTimestamp",
        "firstTimestamp",
        "eventTime",
        "lastObservedTime",
        "deprecatedLastTimestamp",
        "creationTimestamp",
        "deletionTimestamp",
        "lastTransitionTime",
        "lastHeartbeatTime",
        "startTime",
        "startedAt",
        "finishedAt",
        "architecture",
    ]
)
_NUMBERS = frozenset(
    [
        "exitCode",
        "signal",
        "restartCount",
        "failed",
        "succeeded",
        "active",
        "backoffLimit",
        "completions",
        "parallelism",
        "activeDeadlineSeconds",
        "count",
        "failureThreshold",
        "deletionGracePeriodSeconds",
        "terminationGracePeriodSeconds",
        "initialDelaySeconds",
        "periodSeconds",
        "timeoutSeconds",
    ]
)
_AMOUNTS = frozenset(("limits", "requests", "allocatable", "overhead", "capacity"))
_WORDS = frozenset(("finalizers", "command", "args", "values"))


def shaped(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return an object without the fields whose values are of another type than Kubernetes gives them."""
    top = {name: found[name] for name in ("status",) if isinstance(found.get(name), dict)}
    return {
        **_mapping({key: value for key, value in found.items() if key != "status"}),
        **{name: _mapping(value) for name, value in top.items()},
    }


def _mapping(found: Mapping[Any, Any]) -> dict[str, Any]:
    kept = {}
    for key, value in found.items():
        if isinstance(key, str) and value is not None and _fits(key, value):
            kept[key] = _cleaned(key, value)
    return kept


def _cleaned(key: str, value: Any) -> Any:
    if key in _AMOUNTS:
        return {
            name: amount for name, amount in value.items() if isinstance(name, str) and _is_amount(amount)
        }
    if key in _OBJECTS:
        return [_mapping(one) for one in value if isinstance(one, dict)]
    if key in _WORDS:
        return [str(one) for one in value]
    return _mapping(value) if isinstance(value, dict) else value


def _fits(key: str, value: Any) -> bool:
    for names, fits in _CHECKS:
        if key in names:
            return fits(value)
    return True


def _is_amount(value: Any) -> bool:
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        return False
    try:
        parse_quantity(value)
    except ValueError:
        return False
    return True


_CHECKS: tuple[tuple[frozenset[str], Callable[[Any], bool]], ...] = (
    (_MAPPINGS | _AMOUNTS, lambda value: isinstance(value, dict)),
    (_OBJECTS | _WORDS, lambda value: isinstance(value, list)),
    (_TEXTS, lambda value: isinstance(value, str)),
    (_NUMBERS, lambda value: isinstance(value, int) and not isinstance(value, bool)),
)
