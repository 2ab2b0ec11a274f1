"""Questions that are created and answered, never stored: who am I, may I, is this token good.

Source: authorization.k8s.io/v1 and authentication.k8s.io/v1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from seaway.controlplane.apiserver.authentication import Authenticator
from seaway.controlplane.apiserver.authorization import Authorizer
from seaway.controlplane.apiserver.rbac import Action
from seaway.controlplane.apiserver.subresources import require_map
from seaway.controlplane.apiserver.tokens import TokenRefused
from seaway.controlplane.apiserver.users import User
from seaway.controlplane.apiserver.writing import STRICT, WriteOptions
from seaway.controlplane.kinds import faults
from seaway.controlplane.kinds.schemas import schema_of
from seaway.objects.apply import track_update
from seaway.objects.decoding import decode_fault
from seaway.objects.errors import BadRequest, Cause, invalid
from seaway.objects.resource import Resource

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reviewer:
    """Answers reviews."""

    authenticator: Authenticator
    authorizer: Authorizer

    def answer(
        self, resource: Resource, user: User, namespace: str, body: Any, options: WriteOptions, now: str
    ) -> Object:
        """Return a review with its status.

        Args:
            resource: which review.
            user: who asks.
            namespace: of the URL.
            body: the question.
            options: the field manager, and what becomes of unknown fields.
            now: RFC 3339.

        Raises:
            BadRequest, Invalid: it cannot be answered.
        """
        given = require_map(body, resource.kind, whole=False)
        _check_structure(resource, given, options)
        review = {**given, "kind": resource.kind, "apiVersion": resource.api_version}
        review["metadata"] = {**(given.get("metadata") or {})}
        spec = given.get("spec") or {}
        if resource.kind == "SelfSubjectReview":
            review["metadata"]["creationTimestamp"] = now
            return {**review, "status": {"userInfo": user.to_object()}}
        if resource.kind == "SelfSubjectRulesReview":
            return {**review, "spec": {}, "status": self._rules(user, str(spec.get("namespace") or ""))}
        tracked = track_update(
            None, {name: value for name, value in review.items() if name != "status"}, manager=options.manager,
            schema=schema_of(resource), api_version=resource.api_version, now=now,
        )  # fmt: skip
        match resource.kind:
            case "TokenReview":
                return {**tracked, "status": self._token(spec)}
            case "SelfSubjectAccessReview":
                subject, found = user, list[Cause]()
            case _:
                subject, found = _subject(spec)
        found += _faults(spec, tracked["metadata"], namespace)
        if found:
            raise invalid(resource.group, "", "", found)
        return {**tracked, "status": self._access(subject, _action(spec))}

    def _token(self, spec: Object) -> Object:
        token, audiences = spec.get("token") or "", spec.get("audiences") or []
        if not token:
            raise BadRequest("token is required for TokenReview in authentication")
        if not isinstance(token, str) or not isinstance(audiences, list):
            raise BadRequest("TokenReview: spec.token must be a text, spec.audiences a list of texts")
        try:
            user, accepted = self.authenticator.token_user(token, tuple(map(str, audiences)))
        except TokenRefused:
            return {"user": {}, "error": "invalid bearer token"}
        return {"authenticated": True, "user": user.to_object(), "audiences": list(accepted)}

    def _access(self, user: User, action: Action) -> Object:
        allowed = self.authorizer.allowed(user, action)
        reason = self.authorizer.reason(user, action) if allowed else ""
        return {"allowed": allowed} | ({"reason": reason} if reason else {})

    def _rules(self, user: User, namespace: str) -> Object:
        if not namespace:
            raise BadRequest("no namespace on request")
        rules = [*self.authorizer.rules(user, ""), *self.authorizer.rules(user, namespace)]
        resource_rules = [rule.to_resource_rule() for rule in rules if rule.resources]
        path_rules = [{"verbs": list(r.verbs), "nonResourceURLs": list(r.paths)} for r in rules if r.paths]
        return {"resourceRules": resource_rules, "nonResourceRules": path_rules, "incomplete": False}


def _check_structure(resource: Resource, review: Object, options: WriteOptions) -> None:
    """Refuse wrong types, and unknown fields where they are to be refused. Raises BadRequest."""
    schema, unread = (
        schema_of(resource),
        f'{resource.kind} in version "{resource.version}" cannot be handled as a',
    )
    if fault := decode_fault(schema, review):
        raise BadRequest(f"{unread} {resource.kind}: {fault}")
    unknown = schema.unknown_fields(review) if options.validation == STRICT else ()
    if unknown:
        listed = ", ".join(f'unknown field "{path}"' for path in unknown)
        raise BadRequest(f"{unread} {resource.kind}: strict decoding error: {listed}")


def _subject(spec: Object) -> tuple[User, list[Cause]]:
    user, groups = spec.get("user") or "", spec.get("groups") or []
    if not isinstance(user, str) or not isinstance(groups, list):
        raise BadRequest("spec.user must be a text, spec.groups a list of texts")
    words = "at least one of user or group must be specified"
    found = [] if user or groups else [faults.invalid("spec.user", user, words)]
    return User(user, tuple(map(str, groups)), str(spec.get("uid") or "")), found


def _faults(spec: Object, metadata: Object, namespace: str) -> list[Cause]:
    """Return what is wrong with the question of an access review."""
    wanted, path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    found = []
    if wanted is not None and path is not None:
        shown = (
            {"Path": path.get("path") or "", "Verb": path.get("verb") or ""}
            if isinstance(path, dict)
            else path
        )
        words = "cannot be specified in combination with resourceAttributes"
        found.append(_compact("spec.nonResourceAttributes", shown, words))
    elif wanted is None and path is None:
        words = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
        found.append(faults.invalid("spec.resourceAttributes", None, words))
    if namespace and isinstance(wanted, dict) and (wanted.get("namespace") or "") != namespace:
        words = "must match metadata.namespace"
        found.append(
            faults.invalid("spec.resourceAttributes.namespace", wanted.get("namespace") or "", words)
        )
    allowed = {"managedFields"} | ({"namespace"} if namespace else set())
    if any(value for name, value in metadata.items() if name not in allowed):
        found.append(
            _compact(
                "metadata", metadata, "must be empty except for namespace" if namespace else "must be empty"
            )
        )
    return found


def _compact(field: str, value: Any, words: str) -> Cause:
    return Cause("FieldValueInvalid", f"Invalid value: {orjson.dumps(value).decode()}: {words}", field)


def _action(spec: Object) -> Action:
    path, attributes = spec.get("nonResourceAttributes"), spec.get("resourceAttributes")
    attributes = attributes if attributes is not None else path
    if not isinstance(attributes, dict):
        raise BadRequest("the attributes of an access review must be a map")

    def text(field: str) -> str:
        value = attributes.get(field) or ""
        if not isinstance(value, str):
            raise BadRequest(f"{field} must be a text")
        return value

    if path is not None:
        return Action(text("verb"), path=text("path"))
    return Action(
        text("verb"),
        text("group"),
        text("resource"),
        text("subresource"),
        text("name"),
        text("namespace"),
    )
