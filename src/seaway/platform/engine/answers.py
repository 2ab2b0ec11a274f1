"""What the API server's answer to the creation of a pod means. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from seaway.base.messages import wording
from seaway.client.errors import ClientError
from seaway.objects.errors import ApiError, BadRequest, Forbidden, Invalid, RequestEntityTooLarge
from seaway.platform.diagnosis.admission import Admission, admission

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Created:
    """The pod exists and is the attempt's, made now or before."""

    pod: Object


@dataclass(frozen=True, slots=True)
class Refused:
    """The API server will not have this pod, however often it is asked."""

    message: str


@dataclass(frozen=True, slots=True)
class Postponed:
    """Not now; asking again later is right."""

    message: str


_NO_RIGHT = re.compile(r'User "[^"]*" cannot (?P<verb>\w+) resource "(?P<resource>[^"]+)"')
_PASSING = (
    "being terminated",
    "error looking up service account",
    "not yet ready to handle request",
    "status unknown for quota",
)
"""What Kubernetes says where a pod is forbidden now but may be allowed later."""


def refusal(namespace: str, error: ApiError | ClientError) -> Refused | Postponed:
    """Return what an error that creating a pod met means for the attempt.

    Args:
        namespace: where the pod was to be made.
        error: what came of the call.
    """
    if isinstance(error, Forbidden) and not _NO_RIGHT.search(error.message):
        found = admission(error.message)
        if found is Admission.NO_ROOM or any(words in error.message for words in _PASSING):
            return Postponed(error.message)
        return Refused(error.message)
    if isinstance(error, Invalid | BadRequest | RequestEntityTooLarge):
        return Refused(error.message)
    if isinstance(error, ApiError) and admission(error.message) is Admission.DENIED:
        return Refused(error.message)  # a webhook answers with whatever code it likes
    return postponed(wording("create the pod"), namespace, error)


def postponed(what: str, namespace: str, error: ApiError | ClientError) -> Postponed:
    """Return what is waited for where an error says nothing about what was asked for.

    Args:
        what: the server was about to do.
        namespace: where.
        error: what came of the call.
    """
    if isinstance(error, ClientError):
        return Postponed(wording("the cluster does not answer: {error}", error=str(error)))
    if isinstance(error, Forbidden) and (right := _NO_RIGHT.search(error.message)):
        lacks = wording(
            "this server lacks the right to {verb} {resource} in the namespace {namespace}: "
            "whoever runs the cluster must grant it the role that Seaway's installation describes",
            verb=right["verb"], resource=right["resource"], namespace=namespace,
        )  # fmt: skip
        return Postponed(lacks)
    return Postponed(wording("the cluster does not {act} now: {error}", act=what, error=error.message))
