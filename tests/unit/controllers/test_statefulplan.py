"""What a stateful set needs next."""

from __future__ import annotations

from typing import Any

import pytest

from seaway.controlplane.controllers.workloads.history import (
    HISTORY_HASH,
    REVISION_HASH,
    data_of,
    history,
    number_of,
    outdated,
    template_of,
)
from seaway.controlplane.controllers.workloads.statefulplan import Revisions, StatefulPlan, plan_stateful_set
from seaway.controlplane.controllers.workloads.statefulpods import (
    POD_INDEX,
    POD_NAME,
    claim_owners,
    is_stale,
    new_claim,
    new_pod,
    ordinal_of,
)
from tests.unit.controllers.workload_objects import NOW, names, pod, template, workload

Object = dict[str, Any]
CLAIMED = [
    {"metadata": {"name": "data"}, "spec": {"resources": {"requests": {"storage": "1Gi"}}}},
]


def stateful_set(replicas: int = 3, *, status: Object | None = None, **spec: Any) -> Object:
    spec = {"podManagementPolicy": "OrderedReady", "updateStrategy": rolling(), **spec}
    return workload("StatefulSet", status=status, replicas=replicas, **spec)


def rolling(**fields: Any) -> Object:
    return {"type": "RollingUpdate", "rollingUpdate": {"partition": 0, **fields}}


def revision(name: str, image: str, number: int = 1) -> Object:
    data = {"spec": {"template": {**template(image), "$patch": "replace"}}}
    metadata = {"name": name, "creationTimestamp": "2027-01-01T00:00:00Z"}
    return {"metadata": metadata, "data": data, "revision": number}


BOTH = Revisions(revision("web-1", "old"), revision("web-2", "new", 2))
ONE = Revisions(BOTH.update, BOTH.update)


def member(number: int, of: str = "web-2", **fields: Any) -> Object:
    labels = {REVISION_HASH: of, POD_NAME: f"web-{number}", POD_INDEX: str(number)}
    return pod(f"web-{number}", labels=labels, **fields)


def plan(
    owner: Object, *pods: Object, revisions: Revisions = ONE, claims: dict[str, Object] | None = None
) -> StatefulPlan:
    return plan_stateful_set(owner, pods, revisions, (claims or {}).get, NOW)


def done(found: StatefulPlan) -> tuple[list[str], list[str]]:
    return names(found.create), names(found.delete)


PARALLEL = {"podManagementPolicy": "Parallel"}


@pytest.mark.parametrize(
    ("owner", "pods", "created", "deleted"),
    [
        pytest.param(stateful_set(), [], ["web-0"], [], id="the first one"),
        pytest.param(stateful_set(), [member(0, ready=None)], [], [], id="which the next one waits for"),
        pytest.param(stateful_set(), [member(0)], ["web-1"], [], id="until it serves"),
        pytest.param(stateful_set(minReadySeconds=200), [member(0)], [], [], id="for long enough"),
        pytest.param(stateful_set(), [member(0), member(2)], ["web-1"], [], id="a gap is filled"),
        pytest.param(stateful_set(), [member(0), member(1, going=True), member(2)], [], [], id="a name is free when its pod is gone"),
        pytest.param(stateful_set(), [member(0, phase="Failed"), member(1)], [], ["web-0"], id="one that has ended is replaced"),
        pytest.param(stateful_set(**PARALLEL), [], ["web-0", "web-1", "web-2"], [], id="together where that is allowed"),
        pytest.param(stateful_set(2, ordinals={"start": 5}, **PARALLEL), [], ["web-5", "web-6"], [], id="from another number"),
        pytest.param(stateful_set(1), [member(0), member(1), member(2)], [], ["web-2"], id="the last one goes first"),
        pytest.param(stateful_set(1), [member(0), member(1), member(2, going=True)], [], [], id="one after the other"),
        pytest.param(stateful_set(1), [member(0), member(1, ready=None), member(2)], [], ["web-2"], id="those that serve in their order"),
        pytest.param(stateful_set(1), [member(0), member(1, ready=None), member(2, ready=None)], [], [], id="none while a lower one does not serve"),
        pytest.param(stateful_set(1, **PARALLEL), [member(0), member(1), member(2)], [], ["web-2", "web-1"], id="or all together"),
        pytest.param(stateful_set(0), [pod("web-x")], [], [], id="a pod without a number is not ours"),
    ],
)  # fmt: skip
def test_pods_come_and_go_in_order(
    owner: Object, pods: list[Object], created: list[str], deleted: list[str]
) -> None:
    assert done(plan(owner, *pods)) == (created, deleted)


@pytest.mark.parametrize(
    ("strategy", "pods", "deleted"),
    [
        pytest.param(rolling(), [member(0, "web-1"), member(1, "web-1"), member(2, "web-1")], ["web-2"], id="the last one first"),
        pytest.param(rolling(), [member(0, "web-1"), member(1, "web-1"), member(2)], ["web-1"], id="then the one before it"),
        pytest.param(rolling(partition=1), [member(0, "web-1"), member(1), member(2)], [], id="down to the partition"),
        pytest.param({"type": "OnDelete"}, [member(0, "web-1"), member(1, "web-1"), member(2, "web-1")], [], id="only those that somebody deletes"),
        pytest.param(rolling(maxUnavailable=2), [member(0, "web-1"), member(1, "web-1"), member(2, "web-1")], ["web-2", "web-1"], id="as many as may be away"),
    ],
)  # fmt: skip
def test_an_update_rolls(strategy: Object, pods: list[Object], deleted: list[str]) -> None:
    assert done(plan(stateful_set(updateStrategy=strategy), *pods, revisions=BOTH))[1] == deleted


def test_an_update_waits_for_the_one_it_replaced() -> None:
    waiting = [member(0, "web-1"), member(1, "web-1"), member(2, ready=None)]
    assert done(plan(stateful_set(), *waiting, revisions=BOTH)) == ([], [])


def test_a_pod_below_the_partition_is_made_of_the_current_revision() -> None:
    owner = stateful_set(updateStrategy=rolling(partition=2))
    (made,) = plan(owner, revisions=BOTH).create
    assert (made["metadata"]["labels"][REVISION_HASH], made["spec"]["containers"][0]["image"]) == (
        "web-1",
        "old",
    )
    (last,) = plan(owner, member(0, "web-1"), member(1, "web-1"), revisions=BOTH).create
    assert (last["metadata"]["labels"][REVISION_HASH], last["spec"]["containers"][0]["image"]) == (
        "web-2",
        "new",
    )


def test_the_status() -> None:
    pods = [member(0, "web-1"), member(1, "web-1"), member(2, ready=None)]
    assert plan(stateful_set(), *pods, revisions=BOTH).status == {
        "observedGeneration": 1, "replicas": 3, "readyReplicas": 2, "availableReplicas": 2, "currentReplicas": 2,
        "updatedReplicas": 1, "currentRevision": "web-1", "updateRevision": "web-2", "collisionCount": 0,
    }  # fmt: skip
    through = plan(stateful_set(), *(member(n) for n in range(3)), revisions=BOTH).status
    assert (through["currentRevision"], through["currentReplicas"]) == ("web-2", 3)


def test_a_pod_has_a_name_a_host_name_and_claims_of_its_own() -> None:
    owner = stateful_set(serviceName="svc", volumeClaimTemplates=CLAIMED)
    made = new_pod(owner, template("new"), "web-2", 1)
    assert (made["spec"]["hostname"], made["spec"]["subdomain"]) == ("web-1", "svc")
    assert made["metadata"]["labels"] | {"app": "web"} == made["metadata"]["labels"]
    assert made["spec"]["volumes"] == [{"name": "data", "persistentVolumeClaim": {"claimName": "data-web-1"}}]
    claim = new_claim(owner, "data", 1)
    assert (claim["metadata"]["name"], claim["metadata"]["labels"]) == ("data-web-1", {"app": "web"})
    assert "ownerReferences" not in claim["metadata"]
    assert [
        ordinal_of(owner, {"metadata": {"name": n}}) for n in ("web-0", "web-12", "web-x", "other-0")
    ] == [0, 12, -1, -1]


def test_claims_are_made_before_the_pod_and_again_while_it_waits() -> None:
    owner = stateful_set(volumeClaimTemplates=CLAIMED)
    assert names(plan(owner).claims) == ["data-web-0"]
    there = {"data-web-0": new_claim(owner, "data", 0)}
    assert names(plan(owner, claims=there).claims) == []
    assert names(plan(owner, member(0, phase="Pending", ready=None)).claims) == ["data-web-0"]


@pytest.mark.parametrize(
    ("deleted", "scaled", "number", "owner"),
    [
        ("Retain", "Retain", 0, None), ("Delete", "Retain", 0, "StatefulSet"), ("Delete", "Retain", 5, "StatefulSet"),
        ("Retain", "Delete", 0, None), ("Retain", "Delete", 5, "Pod"), ("Delete", "Delete", 0, "StatefulSet"),
        ("Delete", "Delete", 5, "Pod"),
    ],
)  # fmt: skip
def test_who_owns_a_claim(deleted: str, scaled: str, number: int, owner: str | None) -> None:
    policy = {"whenDeleted": deleted, "whenScaled": scaled}
    one = stateful_set(volumeClaimTemplates=CLAIMED, persistentVolumeClaimRetentionPolicy=policy)
    claim = new_claim(one, "data", number)
    found = claim_owners(one, claim, member(number), number)
    assert [reference["kind"] for reference in found] == ([owner] if owner else [])
    claim["metadata"]["ownerReferences"] = found
    assert claim_owners(one, claim, member(number), number) == found
    assert is_stale(one, claim, number) is (owner == "Pod")


def test_a_pod_waits_until_the_claim_of_the_one_before_it_is_gone() -> None:
    policy = {"whenDeleted": "Retain", "whenScaled": "Delete"}
    one = stateful_set(volumeClaimTemplates=CLAIMED, persistentVolumeClaimRetentionPolicy=policy)
    gone = member(0)
    claim = new_claim(one, "data", 0)
    claim["metadata"]["ownerReferences"] = [
        {"kind": "Pod", "name": "web-0", "uid": gone["metadata"]["uid"], "controller": True}
    ]
    assert done(plan(one, claims={"data-web-0": claim})) == ([], [])


def test_labels_that_somebody_took_off_come_back() -> None:
    stripped = pod("web-0", labels={REVISION_HASH: "web-2"})
    ((changed, wanted),) = plan(stateful_set(1), stripped).relabel
    assert (changed, wanted) == (stripped, {POD_NAME: "web-0", POD_INDEX: "0"})


def test_a_set_that_goes_only_counts() -> None:
    owner = stateful_set()
    owner["metadata"]["deletionTimestamp"] = "2027-01-01T00:00:00Z"
    assert done(plan(owner, member(0))) == ([], [])


def test_history() -> None:
    owner = workload("StatefulSet", template=template("a"))
    first = history(owner, [], HISTORY_HASH)
    assert (first.is_new, number_of(first.newest)) == (True, 1)
    assert template_of(first.newest) == owner["spec"]["template"]
    assert first.newest["metadata"]["labels"].keys() == {"app", HISTORY_HASH}
    known = first.newest
    assert not history(owner, [known], HISTORY_HASH).is_new
    changed = workload("StatefulSet", template=template("b"))
    second = history(changed, [known], HISTORY_HASH)
    assert (second.is_new, number_of(second.newest)) == (True, 2)
    back = history(owner, [known, second.newest], HISTORY_HASH)
    assert (back.is_new, back.renumber, number_of(back.newest)) == (False, True, 3)
    assert data_of(owner)["spec"]["template"]["$patch"] == "replace"


def test_old_revisions_go() -> None:
    owner = workload("StatefulSet", template=template("x"))
    kept = [revision(f"web-{n}", str(n), n) for n in range(1, 6)]
    found = history(owner, kept, HISTORY_HASH)
    assert names(outdated(found, {"web-2"}, 2)) == ["web-1", "web-3"]
    assert outdated(found, {"web-2"}, 10) == []
