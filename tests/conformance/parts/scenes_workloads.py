"""Workloads and what is done to them, for our controllers and Kubernetes' own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from seaway.objects.builtin import PODS
from seaway.objects.meta import get_condition
from seaway.objects.resource import Resource
from seaway.objects.workloads import (
    DAEMON_SETS,
    DEPLOYMENTS,
    POD_DISRUPTION_BUDGETS,
    REPLICA_SETS,
    REPLICATION_CONTROLLERS,
    STATEFUL_SETS,
)

Object = dict[str, Any]
Check = Callable[[Object], Any]
NODES = 3
"""Simulated ones."""


class Step(NamedTuple):
    """A change of the workload and what is waited for after it."""

    until: Check
    patch: Object | None = None


class Scene(NamedTuple):
    """A workload, its life, and what else is there."""

    resource: Resource
    spec: Object
    steps: tuple[Step, ...]
    beside: tuple[tuple[Resource, str, Object], ...] = ()
    """Created before it: resource, the rest of the name after the workload's, fields."""
    children: Resource | None = None
    """What it keeps besides pods."""


def status(obj: Object) -> Object:
    found: Object = obj.get("status") or {}
    return found


def observed(obj: Object) -> bool:
    return bool(status(obj).get("observedGeneration") == obj["metadata"]["generation"])


def rolled_out(obj: Object) -> bool:
    """Tell whether a deployment is through."""
    wanted = obj["spec"]["replicas"]
    counts = [status(obj).get(f, 0) for f in ("replicas", "updatedReplicas", "availableReplicas")]
    done = (get_condition(obj, "Progressing") or {}).get("reason") == "NewReplicaSetAvailable"
    return observed(obj) and counts == [wanted] * 3 and done and not status(obj).get("terminatingReplicas")


def because(kind: str, reason: str) -> Check:
    """Wait for a condition with a reason."""
    return lambda obj: observed(obj) and (get_condition(obj, kind) or {}).get("reason") == reason


def has(**counts: int) -> Check:
    """Wait for numbers of a status."""
    return lambda obj: observed(obj) and all(status(obj).get(f, 0) == n for f, n in counts.items())


def everywhere(obj: Object) -> bool:
    """Tell whether a daemon set's newest pods serve on all nodes."""
    return has(updatedNumberScheduled=NODES, numberAvailable=NODES, currentNumberScheduled=NODES)(obj)


def image(name: str) -> Object:
    return {"spec": {"template": {"spec": {"containers": [container(name)]}}}}


def container(name: str = "python") -> Object:
    return {"name": "main", "image": name, "resources": {"requests": {"cpu": "10m"}}}


def pods(**spec: Any) -> Object:
    """Return a template; the workload's name is put in."""
    inner = {
        "terminationGracePeriodSeconds": 0,
        "nodeSelector": {"simulated": "true"},
        "containers": [container()],
    }
    return {"metadata": {"labels": {"app": "NAME"}}, "spec": inner | spec}


SELECTED: Object = {"selector": {"matchLabels": {"app": "NAME"}}, "template": pods()}
NOWHERE = {"spec": {"template": {"spec": {"nodeSelector": {"simulated": "never"}}}}}
RECREATE = {"strategy": {"type": "Recreate"}}
STUCK = has(updatedReplicas=5, replicas=13, availableReplicas=8)
CLAIMS = {
    "volumeClaimTemplates": [
        {
            "metadata": {"name": "data"},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}, "storageClassName": ""},
        }
    ]
}  # fmt: skip
WITH_CLAIMS = {**SELECTED, **CLAIMS, "replicas": 2, "podManagementPolicy": "Parallel", "template": pods(nodeSelector={"simulated": "never"})}  # fmt: skip
TWO = has(replicas=2)


def deployment(*steps: Step, **spec: Any) -> Scene:
    return Scene(DEPLOYMENTS, {**SELECTED, **spec}, steps, children=REPLICA_SETS)


def scaled(replicas: int) -> Object:
    return {"spec": {"replicas": replicas}}


def budget(**spec: Any) -> Scene:
    """A budget over a deployment of four pods."""
    beside = (DEPLOYMENTS, "", {"spec": {**SELECTED, "replicas": 4}})
    wanted = Step(lambda obj: observed(obj) and status(obj).get("currentHealthy") == 4)
    return Scene(
        POD_DISRUPTION_BUDGETS, {"selector": {"matchLabels": {"app": "NAME"}}, **spec}, (wanted,), (beside,)
    )


SCENES = {
    "deployed": deployment(Step(rolled_out), replicas=3),
    "rolled": deployment(Step(rolled_out), Step(rolled_out, image("python:3")), replicas=3),
    "undone": deployment(Step(rolled_out), Step(rolled_out, image("python:3")), Step(rolled_out, image("python")), replicas=2),
    "recreated": deployment(Step(rolled_out), Step(rolled_out, image("python:3")), replicas=2, **RECREATE),
    "resized": deployment(Step(rolled_out), Step(rolled_out, scaled(4)), Step(rolled_out, scaled(1)), replicas=2),
    "paused": deployment(Step(because("Progressing", "DeploymentPaused")), replicas=2, paused=True),
    "paused and resized": deployment(
        Step(rolled_out), Step(because("Progressing", "DeploymentPaused"), {"spec": {"paused": True}}),
        Step(has(availableReplicas=4), image("python:3") | {"spec": {**image("python:3")["spec"], "replicas": 4}}), replicas=2,
    ),
    "resumed": deployment(
        Step(rolled_out), Step(because("Progressing", "DeploymentPaused"), {"spec": {"paused": True}}),
        Step(observed, image("python:3")), Step(rolled_out, {"spec": {"paused": False}}), replicas=2,
    ),
    "late": deployment(Step(because("Progressing", "ProgressDeadlineExceeded")), replicas=1, progressDeadlineSeconds=1, template=pods(nodeSelector={"simulated": "never"})),
    "stuck": deployment(Step(rolled_out), Step(STUCK, NOWHERE), replicas=10),
    "stuck and resized": deployment(Step(rolled_out), Step(STUCK, NOWHERE), Step(has(replicas=25, availableReplicas=15), scaled(20)), replicas=10),
    "short history": deployment(
        Step(rolled_out), *(Step(rolled_out, image(f"python:{n}")) for n in (1, 2, 3)), replicas=1, revisionHistoryLimit=1
    ),
    "no pods": deployment(Step(rolled_out), replicas=0),
    "refused pods": deployment(Step(because("ReplicaFailure", "FailedCreate")), replicas=2, template=pods(serviceAccountName="nobody")),
    "minimum": deployment(Step(rolled_out), replicas=2, minReadySeconds=1),
    "replicas": Scene(REPLICA_SETS, {**SELECTED, "replicas": 3}, (Step(has(availableReplicas=3)), Step(has(availableReplicas=1, replicas=1), scaled(1)))),
    "controller": Scene(REPLICATION_CONTROLLERS, {"replicas": 2, "template": pods()}, (Step(has(availableReplicas=2)),)),
    "adopted": Scene(REPLICA_SETS, {**SELECTED, "replicas": 2}, (Step(has(availableReplicas=2)),), ((PODS, "-lone", {"metadata": {"labels": {"app": "NAME"}}, "spec": pods()["spec"]}),)),
    "ordered": Scene(STATEFUL_SETS, {**SELECTED, "replicas": 3, "serviceName": "names"}, (Step(has(availableReplicas=3)), Step(has(replicas=1), scaled(1)))),
    "updated in order": Scene(
        STATEFUL_SETS, {**SELECTED, "replicas": 3, "serviceName": "names"},
        (Step(has(availableReplicas=3)), Step(has(availableReplicas=3, updatedReplicas=3, currentReplicas=3), image("python:3"))),
    ),
    "partition": Scene(
        STATEFUL_SETS, {**SELECTED, "replicas": 3, "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}},
        (Step(has(availableReplicas=3)), Step(has(availableReplicas=3, updatedReplicas=1, currentReplicas=2), image("python:3"))),
    ),
    "on delete": Scene(
        STATEFUL_SETS, {**SELECTED, "replicas": 2, "updateStrategy": {"type": "OnDelete"}},
        (Step(has(availableReplicas=2)), Step(lambda o: observed(o) and status(o)["currentRevision"] != status(o)["updateRevision"], image("python:3"))),
    ),
    "numbered from five": Scene(STATEFUL_SETS, {**SELECTED, "replicas": 2, "ordinals": {"start": 5}, "podManagementPolicy": "Parallel"}, (Step(has(availableReplicas=2)),)),
    "claims kept": Scene(STATEFUL_SETS, WITH_CLAIMS, (Step(TWO), Step(has(replicas=1), scaled(1)))),
    "claims that go": Scene(
        STATEFUL_SETS, {**WITH_CLAIMS, "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete", "whenScaled": "Delete"}},
        (Step(TWO), Step(has(replicas=1), scaled(1))),
    ),
    "daemons": Scene(DAEMON_SETS, SELECTED, (Step(everywhere),)),
    "daemons rolled": Scene(DAEMON_SETS, SELECTED, (Step(everywhere), Step(everywhere, image("python:3")))),
    "daemons surging": Scene(
        DAEMON_SETS, {**SELECTED, "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}},
        (Step(everywhere), Step(everywhere, image("python:3"))),
    ),
    "daemons nowhere": Scene(DAEMON_SETS, SELECTED, (Step(everywhere), Step(has(desiredNumberScheduled=0, numberMisscheduled=0), NOWHERE))),
    "daemons on delete": Scene(
        DAEMON_SETS, {**SELECTED, "updateStrategy": {"type": "OnDelete"}},
        (Step(everywhere), Step(has(numberAvailable=NODES, updatedNumberScheduled=0), image("python:3"))),
    ),
    "budget of one": budget(maxUnavailable=1),
    "budget of a share": budget(maxUnavailable="50%"),
    "budget of a least share": budget(minAvailable="30%"),
    "budget of a least": budget(minAvailable=4),
    "budget of nothing": Scene(POD_DISRUPTION_BUDGETS, {"selector": {"matchLabels": {"app": "NAME"}}, "maxUnavailable": 1}, (Step(observed),)),
}  # fmt: skip
