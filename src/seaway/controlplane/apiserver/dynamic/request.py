"""One write as webhooks and policies see it, in each version that they may ask for.

Source: `AdmissionRequest` of admission.k8s.io/v1.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from seaway.controlplane.apiserver.admission import Attributes
from seaway.controlplane.apiserver.messages import ApiRequest
from seaway.controlplane.apiserver.requestinfo import is_true
from seaway.controlplane.apiserver.served import KindTable, Served
from seaway.objects.builtin import NAMESPACES
from seaway.objects.errors import not_found
from seaway.objects.resource import Resource

Object = dict[str, Any]
_SUBRESOURCE_KINDS: Mapping[str, tuple[str, str, str]] = {
    "scale": ("autoscaling", "v1", "Scale"), "eviction": ("policy", "v1", "Eviction"), "binding": ("", "v1", "Binding"),
    "exec": ("", "v1", "PodExecOptions"), "attach": ("", "v1", "PodAttachOptions"),
    "portforward": ("", "v1", "PodPortForwardOptions"), "token": ("authentication.k8s.io", "v1", "TokenRequest"),
}  # fmt: skip


class AdmissionRequest:
    """A write, and the equivalent resources that its object can also be shown as."""

    def __init__(self, attributes: Attributes, table: KindTable) -> None:
        self.attributes = attributes
        self.operation = attributes.operation
        self.namespace = attributes.namespace
        self.name = attributes.name
        self.subresource = attributes.subresource
        self._table = table
        if attributes.is_a(NAMESPACES):
            self.namespace = attributes.name or attributes.object["metadata"].get("name") or ""

    @property
    def resource(self) -> Resource:
        """What is written, as the caller named it."""
        return self.attributes.resource

    @property
    def served(self) -> Served:
        """The same, as it is served."""
        return self.attributes.served

    def equivalents(self) -> Iterable[Served]:
        """Return the other resources that the same objects are served as."""
        own = self.attributes.served
        return [
            other
            for other in self._table
            if other.prefix == own.prefix and other is not own and other.kind.served
        ]

    def object(self, served: Served) -> Object | None:
        """Return the object in a version, None for one that is deleted."""
        return None if self.operation == "DELETE" else self.shown(served, self.attributes.object)

    def old(self, served: Served) -> Object | None:
        """Return the object that is replaced or deleted, in a version."""
        return None if self.attributes.old is None else self.shown(served, self.attributes.old)

    def shown(self, served: Served, obj: Object) -> Object:
        """Return an object in a version; one of a subresource's own kind as it is."""
        return obj if self.subresource in _SUBRESOURCE_KINDS else served.from_storage(obj)

    def labels(self, obj: Object | None) -> Mapping[str, str]:
        """Return the labels of an object, none of nothing."""
        return ((obj or {}).get("metadata") or {}).get("labels") or {}

    def namespace_object(self) -> Object | None:
        """Return the namespace that is written in, None for none.

        Raises:
            NotFound: it is not there.
        """
        if not self.attributes.resource.namespaced or not self.namespace:
            return None
        found = self.attributes.lookup.get(NAMESPACES, "", self.namespace)
        if found is None:
            raise not_found("namespaces", self.namespace)
        return found

    def namespace_labels(self) -> Mapping[str, str] | None:
        """Return the labels that a namespace selector judges, None for an object that is in no namespace."""
        if self.attributes.is_a(NAMESPACES):
            if not self.subresource and self.operation in {"CREATE", "UPDATE"}:
                return self.labels(self.attributes.object)
            return self.labels(self.attributes.lookup.get(NAMESPACES, "", self.namespace))
        return self.labels(self.namespace_object()) if self.namespace else None

    def to_review(self, served: Served, uid: str) -> Object:
        """Return the `request` of an AdmissionReview, its objects in the version of `served`."""
        attributes = self.attributes
        request: Object = {
            "uid": uid, **self.described(served), "dryRun": attributes.dry_run,
            "object": self.object(served), "oldObject": self.old(served), "options": attributes.options,
        }  # fmt: skip
        return request

    def described(self, served: Served) -> Object:
        """Return what is asked for, without the objects."""
        kind, resource = self._kind(served), _resource(served.resource)
        described: Object = {
            "kind": kind, "resource": resource, "requestKind": self._kind(self.served),
            "requestResource": _resource(self.resource), "operation": self.operation,
            "userInfo": self.attributes.user.to_object(),
        }  # fmt: skip
        for field, value in (
            ("subResource", self.subresource), ("requestSubResource", self.subresource), ("name", self.name),
            ("namespace", self.namespace),
        ):  # fmt: skip
            if value:
                described[field] = value
        return described

    def _kind(self, served: Served) -> Object:
        own = served.resource
        group, version, kind = _SUBRESOURCE_KINDS.get(self.subresource, (own.group, own.version, own.kind))
        return {"group": group, "version": version, "kind": kind}


def connection_options(request: ApiRequest, subresource: str) -> Object:
    """Return the options of a connection to a pod, as the object that is judged."""
    query = (
        request.connection.query
        if request.connection is not None
        else {k: [v] for k, v in request.query.items()}
    )
    kind = _SUBRESOURCE_KINDS.get(subresource, ("", "v1", "NodeProxyOptions"))[2]
    options: Object = {"kind": kind, "apiVersion": "v1", "metadata": {}}
    options |= {
        name: is_true(query[name][0]) for name in ("stdin", "stdout", "stderr", "tty") if query.get(name)
    }
    options |= {"container": query["container"][0]} if query.get("container") else {}
    return options | ({"command": list(query["command"])} if query.get("command") else {})


def _resource(resource: Resource) -> Object:
    return {"group": resource.group, "version": resource.version, "resource": resource.plural}
