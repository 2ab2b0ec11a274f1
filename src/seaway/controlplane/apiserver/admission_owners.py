"""Who owns an object decides when it goes: nobody has others' objects deleted, or kept, by naming owners.

Source: Kubernetes' OwnerReferencesPermissionEnforcement admission plugin.
"""

from __future__ import annotations

from typing import Any

from seaway.controlplane.apiserver.admission import Attributes
from seaway.controlplane.apiserver.authorization import Authorizer
from seaway.controlplane.apiserver.rbac import ALL, Action
from seaway.controlplane.apiserver.served import KindTable
from seaway.controlplane.apiserver.users import MASTERS
from seaway.objects.meta import owner_references
from seaway.objects.resource import Resource

Object = dict[str, Any]


class OwnerReferences:
    """An admission step that lets owners be named only by whoever may delete, and block only by whoever may finalize.

    Args:
        authorizer: knows who may.
        table: finds an owner's resource.
    """

    def __init__(self, authorizer: Authorizer, table: KindTable) -> None:
        self._authorizer, self._table = authorizer, table

    def __call__(self, attributes: Attributes) -> None:
        """Judge the owner references of a write."""
        if attributes.operation == "DELETE" or MASTERS in attributes.user.groups:
            return
        new = owner_references(attributes.object)
        old = owner_references(attributes.old) if attributes.old else []
        if new == old:
            return
        resource, user = attributes.resource, attributes.user
        if attributes.operation == "UPDATE":
            deletion = Action(
                "delete",
                resource.group,
                resource.plural,
                attributes.subresource,
                attributes.name,
                attributes.namespace,
            )
            if not self._authorizer.allowed(user, deletion):
                raise attributes.refuse("cannot set an ownerRef on a resource you can't delete: , <nil>")
        blocking = {reference.get("uid") for reference in old if reference.get("blockOwnerDeletion")}
        added = [r for r in new if r.get("blockOwnerDeletion") and r.get("uid") not in blocking]
        anything = Action("update", ALL, ALL, "finalizers", ALL)
        if not added or self._authorizer.allowed(user, anything):
            return
        for reference in added:
            self._judge_blocking(attributes, reference)

    def _judge_blocking(self, attributes: Attributes, reference: Object) -> None:
        owner = self._resource(reference)
        if owner is None:
            named = f"APIVersion {reference.get('apiVersion')} Kind {reference.get('kind')}"
            why = f"cannot set blockOwnerDeletion in this case because cannot find RESTMapping for {named}"
            raise attributes.refuse(why)
        place = attributes.namespace if owner.namespaced else ""
        action = Action("update", owner.group, owner.plural, "finalizers", str(reference.get("name")), place)
        if not self._authorizer.allowed(attributes.user, action):
            raise attributes.refuse(
                "cannot set blockOwnerDeletion if an ownerReference refers to a resource you can't set finalizers on: , <nil>"
            )

    def _resource(self, reference: Object) -> Resource | None:
        group, slash, _ = str(reference.get("apiVersion") or "").rpartition("/")
        wanted = (group if slash else "", reference.get("kind"))
        return next(
            (one.resource for one in self._table if (one.resource.group, one.resource.kind) == wanted), None
        )
