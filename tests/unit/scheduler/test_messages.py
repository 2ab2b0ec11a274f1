"""FailedScheduling, word for word as kube-scheduler says it."""

from __future__ import annotations

import pytest

from seaway.controlplane.scheduler.podinfo import pod_info
from seaway.controlplane.scheduler.select import explain
from seaway.controlplane.scheduler.state import ClusterState

HELPLESS, VICTIMLESS = (
    "Preemption is not helpful for scheduling",
    "No preemption victims found for incoming pod",
)


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        pytest.param([], "no nodes available to schedule pods", id="no nodes"),
        pytest.param(
            [{"cpu": "8", "taints": [{"key": "key", "value": "value", "effect": "NoSchedule"}]}] * 2
            + [{"cpu": "1"}],
            "0/3 nodes are available: 1 Insufficient cpu, 2 node(s) had untolerated taint(s). "
            f"preemption: 0/3 nodes are available: 3 {HELPLESS}.",
            id="too small and tainted",
        ),
        pytest.param(
            [{"cpu": "8", "unschedulable": True}, {"cpu": "1", "memory": "1Mi"}],
            "0/2 nodes are available: 1 Insufficient cpu, 1 Insufficient memory, 1 node(s) were unschedulable. "
            f"preemption: 0/2 nodes are available: 2 {HELPLESS}.",
            id="cordoned and too small twice",
        ),
    ],
)
def test_message(node, pod, nodes: list[dict], message: str) -> None:
    state = ClusterState()
    for number, more in enumerate(nodes):
        state.set_node(node(f"n{number}", **more))
    assert explain(pod_info(pod(requests={"cpu": "2", "memory": "1Gi"})), state).message == message


def test_a_full_node_could_be_emptied_of_lower_ones_only(node, pod) -> None:
    state = ClusterState()
    state.set_node(node("n", cpu="2"))
    state.place(pod_info(pod(requests={"cpu": "2"})), "n")
    assert explain(pod_info(pod(requests={"cpu": "1"})), state).message == (
        f"0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are available: 1 {VICTIMLESS}."
    )
    never = pod_info(pod(requests={"cpu": "1"}, priority=9, preemptionPolicy="Never"))
    assert explain(never, state).message == (
        "0/1 nodes are available: 1 Insufficient cpu. preemption: not eligible due to preemptionPolicy=Never."
    )
