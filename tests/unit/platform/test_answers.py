"""What the API server's answer to a creation means: wait, or never."""

from __future__ import annotations

import pytest

from seaway.client.errors import NotSent, Unreachable
from seaway.objects.errors import (
    BadRequest,
    Forbidden,
    InternalError,
    Invalid,
    ServiceUnavailable,
    TooManyRequests,
    Unauthorized,
)
from seaway.platform.engine.answers import Postponed, Refused, refusal

NO_RIGHT = (
    'pods is forbidden: User "seaway" cannot create resource "pods" in API group "" in the namespace "ns"'
)
QUOTA = (
    'pods "p" is forbidden: exceeded quota: q, requested: pods=1, used: pods={used}, limited: pods={limited}'
)


@pytest.mark.parametrize(
    ("error", "kind", "says"),
    [
        pytest.param(Unreachable("no answer"), Postponed, "does not answer", id="no answer"),
        pytest.param(NotSent("refused"), Postponed, "does not answer", id="nobody there"),
        pytest.param(TooManyRequests("slow down"), Postponed, "slow down", id="too many requests"),
        pytest.param(ServiceUnavailable("later"), Postponed, "later", id="unavailable"),
        pytest.param(InternalError("failed calling webhook"), Postponed, "failed calling webhook", id="a webhook that is away"),
        pytest.param(Unauthorized("who?"), Postponed, "who?", id="credentials that are renewed"),
        pytest.param(Forbidden(NO_RIGHT), Postponed, "lacks the right to create pods in the namespace ns", id="no right (yet)"),
        pytest.param(Forbidden(QUOTA.format(used=3, limited=3)), Postponed, "exceeded quota", id="a quota that is full"),
        pytest.param(Forbidden(QUOTA.format(used=0, limited=0)), Refused, "exceeded quota", id="a quota that is too small"),
        pytest.param(Forbidden('unable to create new content in namespace ns because it is being terminated'), Postponed, "terminated", id="a namespace that goes"),
        pytest.param(Forbidden('pods "p" is forbidden: violates PodSecurity "restricted:latest": x'), Refused, "violates", id="pod security"),
        pytest.param(InternalError('admission webhook "w" denied the request: no'), Refused, "denied", id="a webhook with an odd code"),
        pytest.param(Invalid("spec is wrong"), Refused, "spec is wrong", id="invalid"),
        pytest.param(BadRequest("cannot be read"), Refused, "cannot be read", id="bad request"),
    ],
)  # fmt: skip
def test_an_answer_is_final_or_not(error, kind, says) -> None:
    found = refusal("ns", error)
    assert isinstance(found, kind)
    assert says in found.message
