"""What is said of a run that waits for a volume, and of one that filled its cache: with Seaway's own commands."""

from __future__ import annotations

from typing import Any

import pytest

from seaway.model.verdict import VerdictClass
from seaway.platform.diagnosis.facts import Facts
from seaway.platform.diagnosis.rules.scheduling import unschedulable
from seaway.platform.diagnosis.why import explain

NODES = [{"metadata": {"name": "node-1"}, "status": {"allocatable": {"cpu": "8", "memory": "8Gi"}}}]
PROVISIONING = {"reason": "ProvisioningFailed", "message": 'storageclass.storage.k8s.io "nope" not found'}
CLAIM = {
    "kind": "PersistentVolumeClaim",
    "metadata": {"name": "inputs"},
    "status": {"phase": "Pending"},
}


def unplaced(message: str) -> dict[str, Any]:
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    return {
        "spec": {"containers": [{"name": "main"}]},
        "status": {"phase": "Pending", "conditions": [condition]},
    }


def facts(pod: dict[str, Any], **more: Any) -> Facts:
    return Facts(run="r", pod=pod, command=("python", "a.py"), waiting=True, **more)


@pytest.mark.parametrize(
    ("message", "more", "cause", "said", "step"),
    [
        (
            "0/1 nodes are available: 1 node(s) had volume node affinity conflict.", {"nodes": NODES},
            "Unschedulable", "its volume lies in a zone or on a node where it cannot run", "seaway status",
        ),
        (
            "0/2 nodes are available: 1 node(s) had untolerated taint(s), 1 node(s) didn't match PersistentVolume's node affinity.", {},
            "Unschedulable", "its volume lies in a zone", "--shared",
        ),
        (
            'persistentvolumeclaim "inputs" not found', {},
            "ClaimMissing", "'inputs', which does not exist", "seaway volume create inputs --size SIZE",
        ),
        (
            "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims.", {"claims": [CLAIM, PROVISIONING]},
            "ClaimUnbound", 'storageclass.storage.k8s.io "nope" not found', "seaway volume create inputs --class CLASS",
        ),
    ],
    ids=["node gone", "node silent", "removed by others", "class missing"],
)  # fmt: skip
def test_a_run_waits_for_its_volume_and_says_why(message, more, cause, said, step) -> None:
    """Each of these can come right without the run, so that none of them ends it."""
    told = explain(facts(unplaced(message), **more))
    assert told.cause == cause
    assert said in told.message
    assert step in told.next_step


def test_a_run_whose_volume_is_out_of_reach_is_not_given_up() -> None:
    """Its node may come back; somebody else's pod may never have been able to run."""
    found = unschedulable(facts(unplaced("0/1 nodes are available: 1 node(s) had volume node affinity conflict."), nodes=NODES))  # fmt: skip
    assert found is not None
    assert not found.permanent
    assert "as soon as a node that reaches its volume takes it" in found.done


def test_room_on_nodes_that_do_not_reach_the_volume_is_not_offered() -> None:
    """The second node has room for a little less, but the volume lies on the first."""
    message = "0/2 nodes are available: 1 Insufficient cpu, 1 node(s) had volume node affinity conflict."
    pod = unplaced(message)
    pod["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "16"}}
    nodes = [{"metadata": {"name": name}, "status": {"allocatable": {"cpu": cpu, "memory": "8Gi", "pods": "9"}}} for name, cpu in (("node-1", "1"), ("node-2", "8"))]  # fmt: skip
    assert "would start now" not in explain(facts(pod, nodes=nodes, others=[])).message
    unbound = unplaced("0/2 nodes are available: 2 Insufficient cpu.") | {"spec": pod["spec"]}
    assert "would start now with --cpu 8" in explain(facts(unbound, nodes=nodes, others=[])).message


def test_a_cache_that_no_disk_holds_is_asked_for_smaller() -> None:
    pod = unplaced("0/1 nodes are available: 1 Insufficient ephemeral-storage.")
    pod["spec"]["containers"][0]["resources"] = {"requests": {"ephemeral-storage": "1Ti"}}
    nodes = [{"metadata": {"name": "node-1"}, "status": {"allocatable": {"ephemeral-storage": "251Gi"}}}]
    told = explain(facts(pod, nodes=nodes))
    assert told.next_step == "ask for less: seaway run --cache 251Gi a.py"


def test_who_fills_its_cache_is_told_so() -> None:
    message = 'Usage of EmptyDir volume "seaway-task-cache" exceeds the limit "8Mi". '
    pod = {"spec": {"containers": [{"name": "main"}]}, "status": {"phase": "Failed", "reason": "Evicted", "message": message}}  # fmt: skip
    told = explain(Facts(run="r", pod=pod, command=("python", "a.py")))
    assert (told.cause, told.class_) == ("DiskLimit", VerdictClass.RESOURCE)
    assert "more into its cache ($SEAWAY_CACHE) than --cache 8Mi allows" in told.message
    assert told.next_step.endswith("seaway run --cache 16Mi a.py")
