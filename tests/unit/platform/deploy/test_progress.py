"""What is said of a server's start: by its Deployment and its pods."""

from __future__ import annotations

from typing import Any

import pytest

from seaway.platform.deploy.progress import progress

Object = dict[str, Any]


def deployment(wanted: int = 1, *, generation: int = 1, **status: Any) -> Object:
    return {"metadata": {"generation": generation}, "spec": {"replicas": wanted}, "status": status}


def pod(*containers: Object, name: str = "p", **status: Any) -> Object:
    return {"metadata": {"name": name}, "status": {"containerStatuses": list(containers), **status}}


def waiting(reason: str, message: str = "", **more: Any) -> Object:
    return {"state": {"waiting": {"reason": reason, "message": message}}, **more}


def ended(code: int, reason: str = "Error") -> Object:
    return {"terminated": {"exitCode": code, "reason": reason}}


READY = {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1}
UNPLACED = {"type": "PodScheduled", "status": "False", "message": "0/3 nodes are available"}
QUOTA = {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota"}


@pytest.mark.parametrize(
    ("shown", "pods", "text"),
    [
        (deployment(), [], "0 of 1 ready"),
        (deployment(2, observedGeneration=1, replicas=2, updatedReplicas=2, availableReplicas=1), [], "1 of 2 ready"),
        (deployment(generation=2, **READY), [], "0 of 1 ready"),
        (deployment(1, **{**READY, "replicas": 2}), [], "1 of 1 ready"),
        (deployment(), [pod(waiting("ContainerCreating"))], "0 of 1 ready"),
        (deployment(), [pod(conditions=[UNPLACED])], "0 of 1 ready: the pod p fits no node: 0/3 nodes are available"),
        (deployment(conditions=[QUOTA]), [], "0 of 1 ready: no pod can be made: exceeded quota"),
        (deployment(), [pod(waiting("ErrImagePull", "no such image"))], "0 of 1 ready: ErrImagePull in the pod p: no such image"),
        (deployment(), [pod(waiting("CreateContainerConfigError", 'secret "db" not found'))],
         '0 of 1 ready: CreateContainerConfigError in the pod p: secret "db" not found'),
        (deployment(), [pod({"state": ended(64)})], "0 of 1 ready: the server in the pod p ended (exit code 64)"),
        (deployment(), [pod({"state": {"running": {}}, "lastState": ended(1), "restartCount": 2})],
         "0 of 1 ready: the server in the pod p ended 2 times (exit code 1)"),
        (deployment(), [{"metadata": {"name": "old", "deletionTimestamp": "now"}, "status": {"conditions": [UNPLACED]}}],
         "0 of 1 ready"),
    ],
    ids=["nothing yet", "one of two", "an older generation", "an old pod still there", "being made", "unplaced", "quota",
         "no image", "no secret", "ended", "ended twice", "pods that go"],
)  # fmt: skip
def test_not_ready(shown: Object, pods: list[Object], text: str) -> None:
    said = progress(shown, pods)
    assert (said.ready, said.failed, said.text) == (False, False, text)


def test_ready() -> None:
    assert progress(deployment(**READY), [pod(conditions=[UNPLACED])]).ready


@pytest.mark.parametrize(
    ("shown", "crashed"),
    [
        (pod(waiting("InvalidImageName", "invalid reference format")), ""),
        (pod(waiting("CrashLoopBackOff", lastState=ended(64), restartCount=3)), "p"),
        (pod(waiting("CrashLoopBackOff", lastState=ended(137, "OOMKilled"), restartCount=4)), "p"),
    ],
    ids=["no image's name", "ends again and again", "too little memory"],
)
def test_waiting_longer_is_of_no_use(shown: Object, crashed: str) -> None:
    other = pod(conditions=[UNPLACED], name="other")
    said = progress(deployment(2), [other, shown])
    assert said.failed
    assert said.crashed == crashed


def test_ready_is_not_enough_where_one_has_to_lead() -> None:
    plain, leading = pod(), pod()
    leading["metadata"]["labels"] = {"seaway.dev/leader": "true"}
    said = progress(deployment(**READY), [plain], elected=True)
    assert (said.ready, said.failed, said.text) == (False, False, "1 of 1 ready, none of them leads yet")
    assert progress(deployment(**READY), [plain, leading], elected=True).ready
