"""Nobody gets out of their rights: each attempt is refused, shows nothing, and changes nothing."""

from __future__ import annotations

import json

import pytest

from tests.conformance.escapes.attempts import ATTEMPTS, RBAC, Attempt
from tests.conformance.escapes.conftest import SECRET, Town


@pytest.mark.parametrize("attempt", ATTEMPTS, ids=lambda attempt: attempt.name)
def test_an_attempt_is_refused(town: Town, attempt: Attempt) -> None:
    if attempt.ours_alone and not town.is_ours:
        pytest.skip("Kubernetes' API server lets it through as it comes")
    answer = town.send(attempt)
    assert answer.status >= 300, answer.body
    assert answer.status < 500, answer.body
    shown = json.dumps(answer.body, default=str)
    assert SECRET not in shown


def test_nothing_has_changed(town: Town) -> None:
    theirs = town.admin("GET", "/api/v1/namespaces/{theirs}/secrets/gold").body
    assert theirs["data"] == {"key": SECRET}
    victim = town.admin("GET", "/api/v1/namespaces/{theirs}/pods/victim").body
    assert victim["spec"]["nodeName"] == "node-b"
    assert "deletionTimestamp" not in victim["metadata"]
    bindings = town.admin("GET", f"{RBAC}/clusterrolebindings").body["items"]
    users = {(s["name"], b["roleRef"]["name"]) for b in bindings for s in b.get("subjects") or ()}
    assert {role for name, role in users if name in ("mallory", "climber")} == {
        f"{town.mine}-asks",
        f"{town.mine}-climb",
    }
    pods = town.admin("GET", "/api/v1/namespaces/{mine}/pods").body["items"]
    assert {pod["metadata"]["name"] for pod in pods} == {"runs", "free"}


def test_there_are_many() -> None:
    names = [attempt.name for attempt in ATTEMPTS]
    assert len(names) == len(set(names))
    assert len(names) > 150
