"""MutatingAdmissionPolicy: writes changed by expressions.

Source: KEP-3962, and "Mutating Admission Policy" of the Kubernetes documentation.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from seaway.controlplane.apiserver.dynamic.evaluation import Evaluation
from seaway.controlplane.apiserver.served import Served
from seaway.objects.apply import server_side_apply
from seaway.objects.errors import ApiError
from seaway.objects.jsonpatch import NotApplicable
from seaway.objects.patch import json_patch

Object = dict[str, Any]
_APPLIER = "mutating-admission-policy"


class MutationFailed(Exception):
    """A mutation of a policy cannot be made."""


def mutated(evaluation: Evaluation, mutation: Object, obj: Object, served: Served, now: str) -> Object:
    """Return an object as one mutation of a policy changes it; the argument is not changed.

    Args:
        evaluation: of the policy, for this object.
        mutation: one of `spec.mutations`.
        obj: in the version of `served`.
        served: that version.
        now: RFC 3339.

    Raises:
        MutationFailed: the expression has no value, or it cannot be applied.
    """
    from seaway.controlplane.cel.environment import EvaluationError
    from seaway.controlplane.cel.structs import as_maps

    by_operations = mutation["patchType"] == "JSONPatch"
    text = mutation["jsonPatch" if by_operations else "applyConfiguration"]["expression"].strip()
    try:
        wanted = evaluation.value(as_maps(text), text)
        if by_operations:
            return dict(json_patch(obj, [_operation(one) for one in _checked(wanted, list)]))
        return _applied(_checked(wanted, dict), obj, served, now)
    except NotApplicable as error:
        raise MutationFailed(error.why) from None
    except (EvaluationError, ApiError, KeyError) as error:
        raise MutationFailed(str(error)) from None


def _checked(value: Any, kind: type) -> Any:
    if not isinstance(value, kind):
        raise MutationFailed(
            f"the expression must evaluate to {'a list of JSONPatch' if kind is list else 'an Object'}"
        )
    return value


def _operation(operation: Any) -> Object:
    """Return a JSONPatch operation, its value there where the operation has one."""
    given = dict(_checked(operation, dict))
    if given.get("op") in {"add", "replace", "test"}:
        given.setdefault("value", None)
    return given


def _applied(wanted: Object, obj: Object, served: Served, now: str) -> Object:
    for path in _atomic(wanted, served.kind.schema, ""):
        raise MutationFailed(
            f"error applying patch: invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: {path}"
        )
    resource, metadata = served.resource, obj["metadata"]
    named = {"name": metadata.get("name"), **(wanted.get("metadata") or {})}
    given = {**wanted, "apiVersion": resource.api_version, "kind": resource.kind, "metadata": named}
    applied: Object = server_side_apply(
        obj, given, ignored=(), manager=_APPLIER, force=True, schema=served.kind.schema, api_version=resource.api_version,
        now=now, subresource="",
    )  # fmt: skip
    managers = {"managedFields": metadata["managedFields"]} if "managedFields" in metadata else {}
    applied["metadata"] = {k: v for k, v in applied["metadata"].items() if k != "managedFields"} | managers
    return applied


def _atomic(value: Any, schema: Any, path: str) -> Iterator[str]:
    """Yield the paths of atomic lists and maps that a configuration sets."""
    if isinstance(value, list) and schema.list_type == "atomic" and path:
        yield path
    elif isinstance(value, dict):
        if schema.atomic_map and path:
            yield path
            return
        for name, inner in value.items():
            child = schema.properties.get(name)
            if child is not None:
                yield from _atomic(inner, child, f"{path}.{name}")
