"""Questions that are created and answered, never stored: who am I, may I, is this token good.

Source: authorization.k8s.io/v1 and authentication.k8s.io/v1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from seaway.controlplane.apiserver.authentication import Authenticator
from seaway.controlplane.apiserver.authorization import Authorizer
from seaway.controlplane.apiserver.rbac import Action, Rule
from seaway.controlplane.apiserver.subresources import require_map
from seaway.controlplane.apiserver.tokens import TokenRefused
from seaway.controlplane.apiserver.users import MASTERS, User
from seaway.objects.errors import BadRequest
from seaway.objects.resource import Resource

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reviewer:
    """Answers reviews."""

    authenticator: Authenticator
    authorizer: Authorizer

    def answer(self, resource: Resource, user: User, namespace: str, body: Any) -> Object:
        """Return a review with its status. Raises BadRequest."""
        review = require_map(body, resource.kind)
        spec = review.get("spec") or {}
        match resource.kind:
            case "SelfSubjectReview":
                status: Object = {"userInfo": user.to_object()}
            case "TokenReview":
                status = self._token(spec)
            case "SelfSubjectRulesReview":
                status = self._rules(user, str(spec.get("namespace") or ""))
            case "SelfSubjectAccessReview":
                status = self._access(user, spec)
            case _:
                status = self._access(_subject(spec), spec, namespace)
        shown = {**review, "kind": resource.kind, "apiVersion": resource.api_version, "status": status}
        return {**shown, "metadata": review.get("metadata") or {}}

    def _token(self, spec: Object) -> Object:
        token, audiences = spec.get("token"), spec.get("audiences") or []
        if not isinstance(token, str) or not isinstance(audiences, list):
            raise BadRequest("TokenReview: spec.token must be a text, spec.audiences a list of texts")
        try:
            user, accepted = self.authenticator.token_user(token, tuple(map(str, audiences)))
        except TokenRefused as refused:
            return {"user": {}, "error": str(refused)}
        return {"authenticated": True, "user": user.to_object(), "audiences": list(accepted)}

    def _access(self, user: User, spec: Object, namespace: str = "") -> Object:
        allowed = self.authorizer.allowed(user, _action(spec, namespace))
        return {"allowed": allowed} | ({"reason": "RBAC: allowed"} if allowed else {})

    def _rules(self, user: User, namespace: str) -> Object:
        rules = list(self.authorizer.rules(user, ""))
        if namespace:
            rules += self.authorizer.rules(user, namespace)
        if MASTERS in user.groups:
            every = frozenset({"*"})
            rules += [Rule(every, every, every), Rule(every, paths=("*",))]
        resource_rules = [rule.to_resource_rule() for rule in rules if rule.resources]
        path_rules = [{"verbs": sorted(r.verbs), "nonResourceURLs": list(r.paths)} for r in rules if r.paths]
        return {"resourceRules": resource_rules, "nonResourceRules": path_rules, "incomplete": False}


def _subject(spec: Object) -> User:
    user, groups = spec.get("user") or "", spec.get("groups") or []
    if not isinstance(user, str) or not isinstance(groups, list) or not (user or groups):
        raise BadRequest(
            "spec.user and spec.groups: Required value: at least one of user or group must be specified"
        )
    return User(user, tuple(map(str, groups)), str(spec.get("uid") or ""))


def _action(spec: Object, namespace: str) -> Action:
    wanted, path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if bool(wanted) == bool(path) or not isinstance(wanted or path, dict):
        raise BadRequest(
            "exactly one of spec.resourceAttributes and spec.nonResourceAttributes must be specified"
        )
    attributes: Object = wanted or path or {}

    def text(field: str) -> str:
        value = attributes.get(field) or ""
        if not isinstance(value, str):
            raise BadRequest(f"{field} must be a text")
        return value

    if path:
        return Action(text("verb"), path=text("path"))
    return Action(
        text("verb"),
        text("group"),
        text("resource"),
        text("subresource"),
        text("name"),
        text("namespace") or namespace,
    )
