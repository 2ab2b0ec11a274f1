"""May this user do this: RBAC over the live roles and bindings.

What roles allow is decided in `rbac`, purely; here the rules of a user are gathered, and kept until any role or
binding changes.
"""

from __future__ import annotations

import json
from typing import Any

from seaway.controlplane.apiserver.authorization_nodes import NodeRights
from seaway.controlplane.apiserver.lookup import StoreLookup
from seaway.controlplane.apiserver.rbac import Action, Rule, is_subject, rules_of
from seaway.controlplane.apiserver.requestinfo import RequestInfo
from seaway.controlplane.apiserver.served import Served
from seaway.controlplane.apiserver.users import MASTERS, User, node_of
from seaway.objects.builtin import CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, ROLE_BINDINGS, ROLES
from seaway.objects.errors import Forbidden

Object = dict[str, Any]
RBAC_GROUP = "rbac.authorization.k8s.io"
_MOST_USERS = 4096


class Authorizer:
    """Decides by roles and bindings, of nodes by their pods too. Members of system:masters may do everything."""

    def __init__(self, lookup: StoreLookup) -> None:
        self._lookup = lookup
        self._nodes = NodeRights(lookup)
        self._rules: dict[tuple[str, tuple[str, ...], str], tuple[Rule, ...]] = {}

    def changed(self, served: Served, _old: Object | None, _new: Object | None) -> None:
        """Forget what was gathered when a role or binding changed (a registry's listener)."""
        if served.resource.group == RBAC_GROUP:
            self._rules.clear()

    def allowed(self, user: User, action: Action) -> bool:
        """Tell whether a user may do something."""
        if MASTERS in user.groups:
            return True
        node = node_of(user)
        if node is not None and self._nodes.allowed(node, action):
            return True
        if any(rule.allows(action) for rule in self.rules(user, "")):
            return True
        return bool(action.namespace) and any(
            rule.allows(action) for rule in self.rules(user, action.namespace)
        )

    def reason(self, user: User, action: Action) -> str:
        """Return which binding allows something, "" where none does or none has to."""
        scopes = ("", action.namespace) if action.namespace else ("",)
        for namespace in scopes if MASTERS not in user.groups else ():
            for binding in self._lookup.list(
                ROLE_BINDINGS if namespace else CLUSTER_ROLE_BINDINGS, namespace
            ):
                subjects = (s for s in binding.get("subjects") or () if is_subject(s, user, namespace))
                subject = next(subjects, None)
                rules = self.role_rules(binding["roleRef"], namespace) if subject else ()
                if subject and any(rule.allows(action) for rule in rules):
                    return _allowed_by(binding, subject)
        return ""

    def role_exists(self, reference: Object, namespace: str) -> bool:
        """Tell whether the role that a binding names is there."""
        name = str(reference.get("name") or "")
        if reference.get("kind") == "Role":
            return self._lookup.get(ROLES, namespace, name) is not None
        return self._lookup.get(CLUSTER_ROLES, "", name) is not None

    def rules(self, user: User, namespace: str) -> tuple[Rule, ...]:
        """Return what a user may do in all namespaces (empty namespace), or what bindings of one namespace add."""
        key = (user.name, user.groups, namespace)
        if key not in self._rules:
            if len(self._rules) >= _MOST_USERS:
                self._rules.clear()
            self._rules[key] = self._gather(user, namespace)
        return self._rules[key]

    def role_rules(self, reference: Object, namespace: str) -> tuple[Rule, ...]:
        """Return the rules of the role that a binding names, none where it does not exist."""
        name = str(reference.get("name") or "")
        if reference.get("kind") == "Role":
            return rules_of(self._lookup.get(ROLES, namespace, name))
        return rules_of(self._lookup.get(CLUSTER_ROLES, "", name))

    def _gather(self, user: User, namespace: str) -> tuple[Rule, ...]:
        bindings = ROLE_BINDINGS if namespace else CLUSTER_ROLE_BINDINGS
        rules: list[Rule] = []
        for binding in self._lookup.list(bindings, namespace):
            if any(is_subject(subject, user, namespace) for subject in binding.get("subjects") or ()):
                rules += self.role_rules(binding["roleRef"], namespace)
        return tuple(rules)


def _allowed_by(binding: Object, subject: Object) -> str:
    metadata, reference = binding["metadata"], binding["roleRef"]
    namespace = metadata.get("namespace")
    named = (
        f'RoleBinding "{metadata["name"]}/{namespace}"'
        if namespace
        else f'ClusterRoleBinding "{metadata["name"]}"'
    )
    account = subject.get("kind") == "ServiceAccount"
    who = f"{subject.get('name')}/{subject.get('namespace') or namespace}" if account else subject.get("name")
    return f'RBAC: allowed by {named} of {reference.get("kind")} "{reference.get("name")}" to {subject.get("kind")} "{who}"'


def action_of(info: RequestInfo) -> Action:
    """Return the action that a request is."""
    if not info.is_resource:
        return Action(info.verb, path=info.path)
    return Action(
        info.verb, info.group, info.resource, info.subresource, info.name, info.namespace,
        field_selector=info.field_selector,
    )  # fmt: skip


class Denied(Forbidden):
    """No role allows it; admission and quotas refuse with a plain Forbidden."""


def forbidden(user: User, action: Action) -> Denied:
    """Return the error for something that a user may not do, worded as Kubernetes words it."""
    if action.path:
        message = f'forbidden: User {json.dumps(user.name, ensure_ascii=False)} cannot {action.verb} path "{action.path}"'
        return Denied(message, details={})
    resource = f"{action.resource}/{action.subresource}" if action.subresource else action.resource
    qualified = f"{action.resource}.{action.group}" if action.group else action.resource
    scope = f'in the namespace "{action.namespace}"' if action.namespace else "at the cluster scope"
    named = f' "{action.name}"' if action.name else ""
    message = (
        f'{qualified}{named} is forbidden: User {json.dumps(user.name, ensure_ascii=False)} cannot {action.verb} resource "{resource}" '
        f'in API group "{action.group}" {scope}'
    )
    details = {"kind": action.resource} | ({"name": action.name} if action.name else {})
    return Denied(message, details=details | ({"group": action.group} if action.group else {}))
