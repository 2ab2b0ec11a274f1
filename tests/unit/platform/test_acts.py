"""Who did what: which audit events say something, and where it stands in a timeline. Tables for the pure parts."""

from __future__ import annotations

import time
from typing import Any

import pytest

from seaway.base.clock import rfc3339
from seaway.platform.database.records import ActRecord, RevisionRecord
from seaway.platform.history import timeline
from seaway.platform.history.acts import is_unclaimed, of_audit_event, with_acts

AT = 1_800_000_000.0


def event(
    verb: str = "delete", resource: str = "pods", code: int = 200, user: str = "ada", **fields: Any
) -> dict:
    told = {
        "stage": "ResponseComplete", "verb": verb, "user": {"username": user}, "userAgent": "kubectl/v1.36.0 (linux/amd64)",
        "objectRef": {"resource": resource, "namespace": "ns", "name": "p"}, "responseStatus": {"code": code},
        "requestReceivedTimestamp": rfc3339(AT), "requestURI": "/api/v1/namespaces/ns/pods/p",
    }  # fmt: skip
    return told | fields


def with_sub(verb: str, subresource: str, **fields: Any) -> dict:
    reference = {"resource": "pods", "namespace": "ns", "name": "p", "subresource": subresource}
    return event(verb, objectRef=reference, **fields)


@pytest.mark.parametrize(
    ("told", "said"),
    [
        pytest.param(event(), ("delete", "Pod", "p", False), id="delete"),
        pytest.param(
            event("deletecollection", objectRef={"resource": "pods", "namespace": "ns"}), ("delete", "Pod", "", False),
            id="all",
        ),
        pytest.param(event(resource="namespaces"), ("delete", "Namespace", "p", False), id="a namespace"),
        pytest.param(with_sub("create", "eviction"), ("evict", "Pod", "p", False), id="evict"),
        pytest.param(with_sub("create", "eviction", code=429), ("evict", "Pod", "p", True), id="budget"),
        pytest.param(with_sub("create", "binding"), ("bind", "Pod", "p", False), id="bind"),
        pytest.param(with_sub("create", "binding", user="system:kube-scheduler"), None, id="the scheduler"),
        pytest.param(with_sub("patch", "scale"), ("scale", "Pod", "p", False), id="scale"),
        pytest.param(with_sub("patch", "status", user="system:node:n"), None, id="status"),
        pytest.param(event(code=403), ("delete", "Pod", "p", True), id="forbidden"),
        pytest.param(event(code=404), None, id="not there"),
        pytest.param(event("patch"), ("patch", "Pod", "p", False), id="a person's change"),
        pytest.param(event("patch", user="system:serviceaccount:kube-system:job-controller"), None, id="a controller's"),
        pytest.param(event("patch", user="system:serviceaccount:ns:bot"), ("patch", "Pod", "p", False), id="a pod's"),
        pytest.param(event(user="system:serviceaccount:kube-system:job-controller"), ("delete", "Pod", "p", False), id="controller deletes"),
        pytest.param(event(requestURI="/api/v1/namespaces/ns/pods/p?dryRun=All"), None, id="dry run"),
        pytest.param(event(stage="RequestReceived"), None, id="another stage"),
        pytest.param(event(resource="secrets"), None, id="not recorded"),
        pytest.param(event(user="seaway:server"), None, id="noted by the server itself"),
        pytest.param(event(requestReceivedTimestamp="yesterday"), None, id="no time"),
        pytest.param({"objectRef": "p", "user": 3, "verb": None}, None, id="of no form"),
        pytest.param({}, None, id="empty"),
    ],
)  # fmt: skip
def test_what_an_audit_event_says(told: dict, said: tuple | None) -> None:
    act = of_audit_event(told)
    assert (act and (act.verb, act.kind, act.name, act.refused)) == said


def test_who_it_was_is_kept_in_a_length_that_databases_take() -> None:
    act = of_audit_event(event(impersonatedUser={"username": "b\0b" + "x" * 9999}))
    assert act is not None
    assert act.user.startswith("ada as b b")
    assert len(act.user) <= 500
    assert (act.agent, act.namespace, act.at) == ("kubectl", "ns", AT)


def pod(name: str = "p", **metadata: Any) -> dict:
    status = metadata.pop("status", {"phase": "Running"})
    return {"metadata": {"name": name, **metadata}, "spec": {"nodeName": "n"}, "status": status}


def seen(at: float, obj: dict, name: str = "p", written: list[dict] | None = None) -> RevisionRecord:
    return RevisionRecord("Pod", name, f"uid-{name}", None, at, False, obj, "ns", "s", written)


DELETING = {"deletionTimestamp": rfc3339(AT + 30), "deletionGracePeriodSeconds": 30}


def told(revisions: list[RevisionRecord], *acts: ActRecord) -> list[tuple[str, str, str]]:
    entries = [one.entry for one in with_acts(timeline.of_revisions(revisions), acts)]
    return [(entry.object, entry.message, entry.by) for entry in entries]


def act(verb: str = "delete", user: str = "ada", at: float = AT, **fields: Any) -> ActRecord:
    return ActRecord(at, user, verb, "Pod", **{"name": "p", "namespace": "ns", "agent": "kubectl"} | fields)


def test_a_deletion_says_who_asked_for_it() -> None:
    kept = [seen(AT - 60, pod()), seen(AT + 0.01, pod(**DELETING))]
    assert told(kept, act())[-1] == ("pod/p", "asked to end within 30 s", "ada (kubectl)")
    assert told(kept, act("evict"))[-1] == ("pod/p", "asked to end within 30 s: evicted", "ada (kubectl)")
    assert told(kept, act(name=""))[-1][2] == "ada (kubectl)"  # all of them
    garbage = act(
        user="system:serviceaccount:kube-system:generic-garbage-collector", agent="kube-controller-manager"
    )
    assert told(kept, garbage)[-1][2] == "system:serviceaccount:kube-system:generic-garbage-collector"
    for other in (act(name="q"), act(at=AT - 30)):
        assert ("pod/p", "asked to end within 30 s", "") in told(kept, other)


def test_what_no_change_shows_is_an_entry_of_its_own() -> None:
    kept = [seen(AT - 60, pod())]
    assert ("pod/p", "deletion asked for", "ada (kubectl)") in told(kept, act())
    again = [act(refused=True, text="ada may not", at=AT + number) for number in range(3)]
    entries = with_acts(timeline.of_revisions(kept), again)
    (refused,) = [one.entry for one in entries if one.entry.source == "audit"]
    assert (refused.message, refused.warning) == ("refused to delete it (3 times): ada may not", True)
    assert len(told(kept, act("patch"))) == len(told(kept))


def test_whose_write_it_was_stands_before_the_program() -> None:
    writer = [{"manager": "kubectl-edit", "operation": "Update", "time": rfc3339(AT)}]
    waiting = {
        "phase": "Running",
        "conditions": [{"type": "DisruptionTarget", "status": "True", "reason": "x"}],
    }
    kept = [seen(AT - 60, pod()), seen(AT + 0.01, pod(status=waiting), written=writer)]
    assert told(kept, act("patch"))[-1][2] == "ada (kubectl-edit)"
    assert told(kept, act("patch", agent="other"))[-1][2] == "kubectl-edit"


@pytest.mark.parametrize(
    ("reason", "by", "unclaimed"),
    [
        ("EvictionByEvictionAPI", "the eviction API", True),
        ("DeletionByTaintManager", "the taint manager", False),
        ("PreemptionByScheduler", "the scheduler, for a pod of higher priority", False),
        ("Else", "", True),
    ],
)
def test_without_audit_events_a_disruption_says_who_it_was(reason: str, by: str, unclaimed: bool) -> None:
    condition = {"type": "DisruptionTarget", "status": "True", "reason": reason, "message": "m"}
    status = {"phase": "Running", "conditions": [condition]}
    kept = [
        seen(AT - 60, pod()),
        seen(AT, pod(status=status)),
        seen(AT + 0.1, pod(**DELETING, status=status)),
    ]
    entries = with_acts(timeline.of_revisions(kept), [])
    assert entries[-1].entry.by == by
    assert is_unclaimed(entries[-1]) is unclaimed


def test_the_timeline_of_a_run_of_very_many_tasks_is_put_together_at_once() -> None:
    pods = [f"p{number}" for number in range(3000)]
    kept = [seen(AT + number, pod(name), name) for number, name in enumerate(pods)]
    kept += [seen(AT + number + 0.1, pod(name, **DELETING), name) for number, name in enumerate(pods)]
    acts = [act(name=name, at=AT + number) for number, name in enumerate(pods)]
    dated = timeline.of_revisions(kept)
    began = time.process_time()
    entries = with_acts(dated, acts)
    assert time.process_time() - began < 2.0
    assert sum(one.entry.by == "ada (kubectl)" for one in entries) == 3000
