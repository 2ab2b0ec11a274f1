"""Resources that answer a question instead of keeping an object: who am I, may I, is this token good."""

from __future__ import annotations

from seaway.objects.resource import Resource

_CREATE = ("create",)
_AUTHORIZATION = "authorization.k8s.io"
_AUTHENTICATION = "authentication.k8s.io"

SELF_SUBJECT_ACCESS_REVIEWS = Resource(
    _AUTHORIZATION,
    "v1",
    "SelfSubjectAccessReview",
    "selfsubjectaccessreviews",
    namespaced=False,
    verbs=_CREATE,
)
SELF_SUBJECT_RULES_REVIEWS = Resource(
    _AUTHORIZATION, "v1", "SelfSubjectRulesReview", "selfsubjectrulesreviews", namespaced=False, verbs=_CREATE
)
SUBJECT_ACCESS_REVIEWS = Resource(
    _AUTHORIZATION, "v1", "SubjectAccessReview", "subjectaccessreviews", namespaced=False, verbs=_CREATE
)
LOCAL_SUBJECT_ACCESS_REVIEWS = Resource(
    _AUTHORIZATION, "v1", "LocalSubjectAccessReview", "localsubjectaccessreviews", verbs=_CREATE
)
SELF_SUBJECT_REVIEWS = Resource(
    _AUTHENTICATION, "v1", "SelfSubjectReview", "selfsubjectreviews", namespaced=False, verbs=_CREATE
)
TOKEN_REVIEWS = Resource(
    _AUTHENTICATION, "v1", "TokenReview", "tokenreviews", namespaced=False, verbs=_CREATE
)

REVIEW_RESOURCES: tuple[Resource, ...] = (
    SELF_SUBJECT_ACCESS_REVIEWS,
    SELF_SUBJECT_RULES_REVIEWS,
    SUBJECT_ACCESS_REVIEWS,
    LOCAL_SUBJECT_ACCESS_REVIEWS,
    SELF_SUBJECT_REVIEWS,
    TOKEN_REVIEWS,
)
