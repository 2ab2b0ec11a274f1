"""Nobody gives away more than they have: the escalation check on roles and bindings.

Source: Kubernetes' "Using RBAC Authorization", "Privilege escalation prevention and bootstrapping".
"""

from __future__ import annotations

from typing import Any

from seaway.controlplane.apiserver.admission import Attributes
from seaway.controlplane.apiserver.authorization import RBAC_GROUP, Authorizer
from seaway.controlplane.apiserver.rbac import ALL, Action, Rule, compacted, covers, rules_of
from seaway.controlplane.apiserver.users import MASTERS
from seaway.objects.errors import not_found

Object = dict[str, Any]
_EVERYTHING = (Rule((ALL,), (ALL,), (ALL,)), Rule((ALL,), paths=(ALL,)))


class Escalation:
    """An admission step that refuses roles and bindings that hold more than their writer may do."""

    def __init__(self, authorizer: Authorizer) -> None:
        self._authorizer = authorizer

    def __call__(self, attributes: Attributes) -> None:
        """Check a write of a role or binding."""
        resource = attributes.resource
        if (
            attributes.operation == "DELETE"
            or resource.group != RBAC_GROUP
            or MASTERS in attributes.user.groups
        ):
            return
        new, old = attributes.object, attributes.old
        if resource.plural in {"roles", "clusterroles"}:
            fields = ("rules", "aggregationRule")
            if old is not None and all(new.get(field) == old.get(field) for field in fields):
                return
            verb, rules = "escalate", rules_of(new)
            action = Action(verb, RBAC_GROUP, resource.plural, "", attributes.name, attributes.namespace)
        else:
            if old is not None and (new.get("roleRef"), new.get("subjects")) == (
                old.get("roleRef"),
                old.get("subjects"),
            ):
                return
            reference = new.get("roleRef") or {}
            role = "clusterroles" if reference.get("kind") == "ClusterRole" else "roles"
            if not self._authorizer.role_exists(reference, attributes.namespace):
                raise not_found(resource.group_resource, str(reference.get("name")))
            rules = self._authorizer.role_rules(reference, attributes.namespace)
            action = Action("bind", RBAC_GROUP, role, "", str(reference.get("name")), attributes.namespace)
        if self._authorizer.allowed(attributes.user, action):
            return
        self._require(attributes, rules)
        if new.get("aggregationRule") or (old or {}).get("aggregationRule"):
            self._require_everything(attributes)

    def _require_everything(self, attributes: Attributes) -> None:
        """Refuse a role that gathers whatever others are labelled for it, but of those who hold everything."""
        owned = self._authorizer.rules(attributes.user, "")
        if any(covers(owned, rule) for rule in _EVERYTHING):
            raise attributes.refuse("must have cluster-admin privileges to use an aggregationRule")

    def _require(self, attributes: Attributes, rules: tuple[Rule, ...]) -> None:
        user = attributes.user
        owned = self._authorizer.rules(user, "")
        if attributes.namespace:
            owned += self._authorizer.rules(user, attributes.namespace)
        missing = compacted(part for rule in rules for part in covers(owned, rule))
        if missing:
            listed = "\n".join(sorted(map(_shown, missing)))
            groups = " ".join(f'"{group}"' for group in user.groups)
            raise attributes.refuse(
                f'user "{user.name}" (groups=[{groups}]) is attempting to grant RBAC permissions not currently held:\n{listed}'
            )


def _shown(rule: Rule) -> str:
    parts = [
        f"{field}:[{' '.join(repr(word) for word in words)}]".replace("'", '"')
        for field, words in (
            ("APIGroups", rule.groups), ("Resources", rule.resources),
            ("ResourceNames", rule.names), ("NonResourceURLs", rule.paths), ("Verbs", rule.verbs),
        )
        if words
    ]  # fmt: skip
    return "{" + ", ".join(parts) + "}"
