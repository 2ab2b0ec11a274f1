"""The objects that a binding gives its policy as parameters.

Source: "Parameter resources" of Kubernetes' "Validating Admission Policy".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from seaway.controlplane.apiserver.dynamic.request import AdmissionRequest
from seaway.controlplane.apiserver.served import KindTable, Served
from seaway.objects.selectors import LabelSelector

Object = dict[str, Any]


class Misconfigured(Exception):
    """A policy or a binding cannot be used; the message is worded as Kubernetes words it."""

    def __init__(self, message: str, *, policy: bool = False) -> None:
        super().__init__(message)
        self.policy = policy
        """The policy is at fault, not the binding."""


def parameters(
    request: AdmissionRequest, table: KindTable, kind: Object | None, reference: Object | None
) -> Sequence[Object | None]:
    """Return the parameters that a policy is evaluated with, one after another; None for without.

    Raises:
        Misconfigured: they cannot be found.
    """
    if kind is None or reference is None:
        served = _served(table, kind) if kind is not None else None
        return [None]
    served = _served(table, kind)
    namespace = _namespace(request, served, reference)
    found = _found(request, served, namespace, reference)
    if not found and reference.get("parameterNotFoundAction") == "Deny":
        raise Misconfigured("no params found for policy binding with `Deny` parameterNotFoundAction")
    return [served.from_storage(one) for one in found]


def _served(table: KindTable, kind: Object) -> Served:
    for served in table:
        resource = served.resource
        if (resource.api_version, resource.kind) == (
            kind.get("apiVersion"),
            kind.get("kind"),
        ) and served.kind.served:
            return served
    group, _, version = str(kind.get("apiVersion")).rpartition("/")
    named = f"{group}/{version}, Kind={kind.get('kind')}"
    raise Misconfigured(f"failed to find resource referenced by paramKind: '{named}'", policy=True)


def _namespace(request: AdmissionRequest, served: Served, reference: Object) -> str:
    given = reference.get("namespace") or ""
    if not served.resource.namespaced:
        if given:
            raise Misconfigured("paramRef.namespace must not be provided for a cluster-scoped `paramKind`")
        return ""
    if not given and not request.namespace:
        raise Misconfigured(
            "cannot use namespaced paramRef in policy binding that matches cluster-scoped resources"
        )
    return given or request.namespace


def _found(request: AdmissionRequest, served: Served, namespace: str, reference: Object) -> list[Object]:
    lookup, resource = request.attributes.lookup, served.base.resource
    if name := reference.get("name"):
        one = lookup.get(resource, namespace, name)
        return [] if one is None else [one]
    selector = LabelSelector.from_object(reference.get("selector"))
    listed = lookup.list(resource, namespace)
    return [one for one in listed if selector.matches(one["metadata"].get("labels") or {})]
