"""What a deployment needs next, from its replica sets."""

from __future__ import annotations

from typing import Any

import pytest

from seaway.base.clock import rfc3339
from seaway.controlplane.controllers.workloads.children import collided
from seaway.controlplane.controllers.workloads.deploymentplan import (
    DeploymentPlan,
    creation_failed,
    is_same_template,
    plan_deployment,
)
from seaway.controlplane.controllers.workloads.replicasets import (
    DESIRED,
    HISTORY,
    MAX,
    REVISION,
    bounds,
    new_annotations,
    outdated,
    proportional,
)
from tests.unit.controllers.workload_objects import NOW, names, reasons, template, workload

ROLLING = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}}
Object = dict[str, Any]


def deployment(replicas: int = 4, image: str = "new", *, status: Object | None = None, **spec: Any) -> Object:
    spec = {"strategy": ROLLING, "progressDeadlineSeconds": 600, "revisionHistoryLimit": 10, **spec}
    return workload("Deployment", status=status, replicas=replicas, template=template(image), **spec)


def replica_set(
    image: str,
    replicas: int,
    *,
    available: int | None = None,
    current: int | None = None,
    revision: int = 1,
    desired: int = 4,
    most: int = 5,
    terminating: int = 0,
) -> Object:
    """Return a replica set that made its pods; `available` of them serve."""
    current = replicas if current is None else current
    available = current if available is None else available
    status = {
        "replicas": current, "readyReplicas": available, "availableReplicas": available, "observedGeneration": 1,
        "terminatingReplicas": terminating,
    }  # fmt: skip
    made = workload("ReplicaSet", f"web-{image}", status=status, replicas=replicas, template=template(image))
    notes = {REVISION: str(revision), DESIRED: str(desired), MAX: str(most)}
    made["metadata"] |= {"annotations": notes, "creationTimestamp": rfc3339(NOW - 1000 + revision)}
    return made


def plan(owner: Object, *sets: Object, old_pods: bool = False) -> DeploymentPlan:
    return plan_deployment(owner, list(sets), old_pods, NOW)


def sizes(found: DeploymentPlan) -> dict[str, int]:
    """Return what is resized, and what is created as "new"."""
    resized = {scaled.name.removeprefix("web-"): scaled.after for scaled in found.scaled}
    return resized | ({"made": found.create["spec"]["replicas"]} if found.create else {})


@pytest.mark.parametrize(
    ("owner", "sets", "wanted"),
    [
        pytest.param(deployment(), [], {"made": 4}, id="the first one gets all"),
        pytest.param(deployment(), [replica_set("old", 4)], {"made": 1, "old": 3}, id="an update begins within both bounds"),
        pytest.param(deployment(), [replica_set("old", 3), replica_set("new", 1, available=0)], {"new": 2}, id="surge is used before anything else"),
        pytest.param(deployment(), [replica_set("old", 3), replica_set("new", 2, available=0)], {}, id="no pod is taken that would be missed"),
        pytest.param(deployment(), [replica_set("old", 3), replica_set("new", 2)], {"old": 1}, id="as many go as are available above the least"),
        pytest.param(deployment(), [replica_set("old", 4, available=2), replica_set("new", 1, available=0)], {"old": 3}, id="those that do not serve go first, within the bounds"),
        pytest.param(deployment(), [replica_set("older", 2, available=0), replica_set("old", 2, revision=2), replica_set("new", 1, available=0, revision=3)], {"older": 1}, id="of several, first the oldest"),
        pytest.param(deployment(), [replica_set("old", 0), replica_set("new", 4)], {}, id="done"),
        pytest.param(deployment(2), [replica_set("new", 4, desired=4)], {"new": 2}, id="a smaller size"),
        pytest.param(deployment(strategy={"type": "Recreate"}), [replica_set("old", 4)], {"old": 0}, id="recreate ends all first"),
        pytest.param(deployment(strategy={"type": "Recreate"}), [replica_set("old", 0, current=2)], {}, id="and waits for them"),
        pytest.param(deployment(strategy={"type": "Recreate"}), [replica_set("old", 0)], {"made": 4}, id="before the new ones begin"),
        pytest.param(deployment(paused=True), [replica_set("old", 4)], {}, id="paused"),
        pytest.param(deployment(8, paused=True), [replica_set("old", 4)], {"old": 8}, id="paused, and resized all the same"),
        pytest.param(deployment(paused=True), [], {}, id="paused from the start"),
    ],
)  # fmt: skip
def test_sizes(owner: Object, sets: list[Object], wanted: dict[str, int]) -> None:
    assert sizes(plan(owner, *sets)) == wanted


def test_recreate_waits_for_pods_that_are_being_deleted() -> None:
    owner = deployment(strategy={"type": "Recreate"})
    assert sizes(plan(owner, replica_set("old", 0), old_pods=True)) == {}


@pytest.mark.parametrize(
    ("replicas", "sets", "wanted"),
    [
        pytest.param(20, [("old", 8), ("new", 5)], {"old": 15, "new": 10}, id="up: shared by size"),
        pytest.param(5, [("old", 8), ("new", 5)], {"old": 4, "new": 3}, id="down: shared by size"),
        pytest.param(0, [("old", 8), ("new", 5)], {"old": 0, "new": 0}, id="to nothing"),
    ],
)
def test_a_resize_in_the_midst_of_an_update_is_shared(
    replicas: int, sets: list[tuple[str, int]], wanted: dict[str, int]
) -> None:
    owner = deployment(replicas)
    active = [
        replica_set(image, size, desired=10, most=13, revision=number)
        for number, (image, size) in enumerate(sets)
    ]
    found = proportional(owner, active)
    assert {name.removeprefix("web-"): size for name, size in found.items()} == wanted
    assert sum(found.values()) == (replicas + bounds(owner).surge if replicas else 0)
    changed = plan(owner, *active).update
    assert {one["metadata"]["annotations"][DESIRED] for one in changed.values()} == {str(replicas)}


@pytest.mark.parametrize(
    ("replicas", "surge", "unavailable", "wanted"),
    [
        (4, "25%", "25%", (1, 1)),
        (1, "25%", "25%", (1, 0)),
        (1, 0, "25%", (0, 1)),
        (3, 2, 5, (2, 3)),
        (0, "25%", "25%", (0, 0)),
    ],
)
def test_bounds(replicas: int, surge: Any, unavailable: Any, wanted: tuple[int, int]) -> None:
    rolling = {"maxSurge": surge, "maxUnavailable": unavailable}
    assert (
        bounds(deployment(replicas, strategy={"type": "RollingUpdate", "rollingUpdate": rolling})) == wanted
    )


def test_the_new_replica_set() -> None:
    serving = {"replicas": 4, "updatedReplicas": 4, "readyReplicas": 4, "availableReplicas": 4}
    owner = deployment(minReadySeconds=5, status=serving)
    owner["metadata"]["annotations"] = {
        "mine": "x",
        REVISION: "7",
        "kubectl.kubernetes.io/last-applied-configuration": "{}",
    }
    found = plan(owner, replica_set("old", 4, revision=7))
    made = found.create
    assert made is not None
    short = made["metadata"]["labels"]["pod-template-hash"]
    assert made["metadata"]["name"] == f"web-{short}"
    assert made["spec"]["selector"]["matchLabels"] == {"app": "web", "pod-template-hash": short}
    assert made["spec"]["template"]["metadata"]["labels"] == {"app": "web", "pod-template-hash": short}
    assert made["spec"]["minReadySeconds"] == 5
    assert made["metadata"]["annotations"] == {"mine": "x", REVISION: "8", DESIRED: "4", MAX: "5"}
    assert found.revision == "8"
    assert reasons(found.status)["Progressing"] == ("True", "NewReplicaSetCreated")
    assert is_same_template(owner, made)
    assert not is_same_template(owner, replica_set("old", 4))
    assert "pod-template-hash" not in owner["spec"]["template"]["metadata"]["labels"]
    again = plan({**owner, "status": collided(owner)}, replica_set("old", 4)).create
    assert again is not None
    assert again["metadata"]["name"] != made["metadata"]["name"]


def test_going_back_gives_an_old_replica_set_a_new_revision() -> None:
    back, other = replica_set("new", 0, revision=1), replica_set("old", 4, revision=2)
    wanted = new_annotations(deployment(), back, [other])
    assert (wanted[REVISION], wanted[HISTORY]) == ("3", "1")
    back["metadata"]["annotations"] |= {HISTORY: "1,4"}
    assert new_annotations(deployment(), back, [other])[HISTORY] == "1,4,1"
    back["metadata"]["annotations"] |= {HISTORY: ",".join(["1000"] * 400)}
    assert len(new_annotations(deployment(), back, [other])[HISTORY]) <= 2000
    found = plan(deployment(), back, other)
    assert found.revision == "3"
    assert sizes(found) == {"new": 1}


def test_the_history_is_kept_as_long_as_its_limit_says() -> None:
    olds = [replica_set(f"o{n}", 0, revision=n) for n in range(1, 5)]
    assert names(outdated(deployment(revisionHistoryLimit=2), olds)) == ["web-o1", "web-o2"]
    assert outdated(deployment(revisionHistoryLimit=2**31 - 1), olds) == []
    busy = [replica_set("o1", 0, current=1), *olds[1:]]
    assert names(outdated(deployment(revisionHistoryLimit=2), busy)) == ["web-o2"]
    done = {"observedGeneration": 1, "replicas": 4, "updatedReplicas": 4, "availableReplicas": 4}
    newest = replica_set("new", 4, revision=5)
    limited = deployment(revisionHistoryLimit=0, status=done)
    assert names(plan(limited, *olds, newest).delete) == ["web-o1", "web-o2", "web-o3", "web-o4"]
    assert plan({**limited, "status": {}}, *olds, newest).delete == [], "not before it is through"


def progressing(reason: str, updated: float = NOW - 10, status: str = "True", **counts: int) -> Object:
    time = rfc3339(updated)
    condition = {
        "type": "Progressing",
        "status": status,
        "reason": reason,
        "message": "",
        "lastUpdateTime": time,
        "lastTransitionTime": time,
    }
    return {"conditions": [condition], **counts}


SOME = {"replicas": 5, "updatedReplicas": 2, "readyReplicas": 3, "availableReplicas": 3}


@pytest.mark.parametrize(
    ("status", "sets", "told"),
    [
        pytest.param({}, [replica_set("new", 4)], ("True", "NewReplicaSetAvailable"), id="complete"),
        pytest.param(progressing("ReplicaSetUpdated"), [replica_set("old", 3), replica_set("new", 1, available=0)], ("True", "ReplicaSetUpdated"), id="on its way"),
        pytest.param(progressing("ReplicaSetUpdated", NOW - 601, **SOME), [replica_set("old", 3), replica_set("new", 2, available=0)], ("False", "ProgressDeadlineExceeded"), id="late"),
        pytest.param(progressing("ReplicaSetUpdated", NOW - 599, **SOME), [replica_set("old", 3), replica_set("new", 2, available=0)], ("True", "ReplicaSetUpdated"), id="not yet late"),
        pytest.param(progressing("ProgressDeadlineExceeded", NOW - 900, "False", **SOME), [replica_set("old", 3), replica_set("new", 2, available=1)], ("True", "ReplicaSetUpdated"), id="late, and gets on after all"),
        pytest.param(progressing("NewReplicaSetAvailable", NOW - 900), [replica_set("new", 4, available=1)], ("True", "NewReplicaSetAvailable"), id="an update that is through stays so when pods fail"),
        pytest.param({}, [replica_set("new", 4, available=0, current=0)], ("True", "FoundNewReplicaSet"), id="found"),
    ],
)  # fmt: skip
def test_progress(status: Object, sets: list[Object], told: tuple[str, str]) -> None:
    assert reasons(plan(deployment(status=status), *sets).status)["Progressing"] == told


def test_without_a_deadline_progress_is_not_judged() -> None:
    owner = deployment(status=progressing("ReplicaSetUpdated"), progressDeadlineSeconds=None)
    assert "Progressing" not in reasons(plan(owner, replica_set("new", 4)).status)


def test_it_is_looked_at_again_when_it_may_be_late() -> None:
    stuck = [replica_set("old", 3), replica_set("new", 2, available=0)]
    assert plan(deployment(status=progressing("ReplicaSetUpdated", NOW - 400, **SOME)), *stuck).again == 201
    assert plan(deployment(), replica_set("new", 4)).again is None


def test_pausing_and_resuming_are_told() -> None:
    paused = plan(
        deployment(paused=True, status=progressing("ReplicaSetUpdated")), replica_set("new", 4, available=1)
    )
    assert reasons(paused.status)["Progressing"] == ("Unknown", "DeploymentPaused")
    resumed = deployment(status=progressing("DeploymentPaused", status="Unknown"))
    old, new = replica_set("old", 3), replica_set("new", 2, available=0)
    found = plan({**resumed, "status": resumed["status"] | SOME}, old, new)
    assert reasons(found.status)["Progressing"] == ("Unknown", "DeploymentResumed")


def test_availability_and_failures() -> None:
    status = plan(deployment(), replica_set("new", 4, available=3)).status
    assert reasons(status)["Available"] == ("True", "MinimumReplicasAvailable")
    failing = replica_set("new", 4, available=2)
    failing["status"]["conditions"] = [
        {
            "type": "ReplicaFailure",
            "status": "True",
            "reason": "FailedCreate",
            "message": "no",
            "lastTransitionTime": rfc3339(NOW),
        }
    ]
    status = plan(deployment(), failing).status
    assert reasons(status)["Available"] == ("False", "MinimumReplicasUnavailable")
    assert reasons(status)["ReplicaFailure"] == ("True", "FailedCreate")
    assert status["unavailableReplicas"] == 2
    healed = plan(deployment(status=status), replica_set("new", 4)).status
    assert "ReplicaFailure" not in reasons(healed)


def test_a_deployment_that_goes_only_counts() -> None:
    going = deployment()
    going["metadata"]["deletionTimestamp"] = rfc3339(NOW)
    found = plan(going, replica_set("old", 4))
    assert (sizes(found), found.delete) == ({}, [])
    assert found.status["replicas"] == 4


def test_a_replica_set_that_cannot_be_made_is_told() -> None:
    told = creation_failed(deployment(), "no", NOW)
    assert reasons(told)["Progressing"] == ("False", "ReplicaSetCreateError")
    assert creation_failed(deployment(progressDeadlineSeconds=None), "no", NOW) == {}
