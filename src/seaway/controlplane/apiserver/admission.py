"""Admission: what stands between a permitted write and the store, as one visible list of steps.

A step may change the object (create and update) or refuse by raising an `ApiError`. Steps read other objects through
`Lookup`, synchronously; they write nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from seaway.controlplane.apiserver.served import Served
from seaway.controlplane.apiserver.users import User
from seaway.objects.errors import Cause, Forbidden, not_found
from seaway.objects.resource import Resource

Object = dict[str, Any]
Operation = Literal["CREATE", "UPDATE", "DELETE", "CONNECT"]
IMMORTAL = frozenset({"default", "kube-system", "kube-public"})


class Lookup(Protocol):
    """Reads live objects. What it returns is shared."""

    def get(self, resource: Resource, namespace: str, name: str) -> Object | None:
        """Return one object, None for none."""
        ...

    def list(self, resource: Resource, namespace: str = "") -> Sequence[Object]:
        """Return all objects of a kind, of one namespace where it is given."""
        ...


@dataclass(slots=True)
class Attributes:
    """One write on its way to the store."""

    operation: Operation
    served: Served
    namespace: str
    name: str
    subresource: str
    object: Object
    """The object to be stored (create, update: may be changed) or to be deleted (shared)."""
    old: Object | None
    user: User
    lookup: Lookup
    dry_run: bool = False
    warnings: list[str] = field(default_factory=list)
    options: Object = field(default_factory=dict)
    """The options of the request, as the object that they are in the API."""

    @property
    def resource(self) -> Resource:
        """What is written."""
        return self.served.resource

    def is_a(self, resource: Resource) -> bool:
        """Tell whether the write is of a built-in resource."""
        return resource.plural == self.resource.plural and resource.group == self.resource.group

    @property
    def _asked_name(self) -> str:
        """The name, or the generateName as long as that is all that the caller gave."""
        metadata = self.object.get("metadata") or {}
        prefix = metadata.get("generateName") or ""
        made = self.operation == "CREATE" and prefix and self.name.startswith(prefix[:58])
        return prefix if made and len(self.name) == len(prefix[:58]) + 5 else self.name

    def refuse(self, why: str, causes: Sequence[Cause] = ()) -> Forbidden:
        """Return the error of a step that says no, worded as Kubernetes words it."""
        name = self._asked_name
        details = {"name": name, "kind": self.resource.plural}
        if self.resource.group:
            details["group"] = self.resource.group
        message = f'{self.resource.group_resource} "{name}" is forbidden: {why}'
        return Forbidden(message, details=details, causes=causes)


Step = Callable[[Attributes], None]


def namespace_lifecycle(attributes: Attributes) -> None:
    """Refuse creates in namespaces that are missing or going, and deletes of those that every cluster needs."""
    from seaway.objects.builtin import NAMESPACES

    if attributes.operation == "DELETE" and attributes.is_a(NAMESPACES) and attributes.name in IMMORTAL:
        raise attributes.refuse("this namespace may not be deleted")
    if attributes.operation != "CREATE" or not attributes.resource.namespaced:
        return
    namespace = attributes.lookup.get(NAMESPACES, "", attributes.namespace)
    if namespace is None:
        raise not_found("namespaces", attributes.namespace)
    if namespace["metadata"].get("deletionTimestamp"):
        why = (
            f"unable to create new content in namespace {attributes.namespace} because it is being terminated"
        )
        cause = Cause(
            "NamespaceTerminating",
            f"namespace {attributes.namespace} is being terminated",
            "metadata.namespace",
        )
        raise attributes.refuse(why, [cause])


def admit(steps: Sequence[Step], attributes: Attributes) -> None:
    """Take a write through all steps, in order."""
    for step in steps:
        step(attributes)
