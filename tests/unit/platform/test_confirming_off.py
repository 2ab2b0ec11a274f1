"""Machines that are off, as administrators confirm it: what is written to the node, and what is said of it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from seaway.base.clock import ManualClock
from seaway.client.errors import ClientError
from seaway.model.node import NodeView
from seaway.model.run import Phase
from seaway.objects.errors import NotFound as Gone
from seaway.objects.errors import ServiceUnavailable
from seaway.platform.confirming_off import OUT_OF_SERVICE, ConfirmingOff, taints, view_of
from seaway.platform.errors import Conflict, NotFound, Unavailable
from seaway.platform.workloads.labels import CONFIRMED_OFF_BY

USERS = {"key": "team", "value": "ml", "effect": "NoSchedule"}
OFF = {"key": OUT_OF_SERVICE, "value": "nodeshutdown", "effect": "NoExecute"}
BY_HAND = {"key": OUT_OF_SERVICE, "effect": "NoSchedule"}


def node(ready: str | None = "Unknown", *marks: dict[str, str]) -> dict[str, Any]:
    conditions = [{"type": "Ready", "status": ready, "message": "nothing was heard"}] if ready else []
    return {"metadata": {"name": "n"}, "spec": {"taints": list(marks)}, "status": {"conditions": conditions}}


@pytest.mark.parametrize(
    ("given", "off", "expected"),
    [
        pytest.param(node("Unknown", USERS), True, [USERS, OFF], id="confirmed beside others"),
        pytest.param(node("Unknown", OFF, USERS), True, [OFF, USERS], id="confirmed already"),
        pytest.param(node("Unknown", BY_HAND), True, [BY_HAND], id="somebody has said it in other words"),
        pytest.param(node("True", USERS, OFF), False, [USERS], id="taken back"),
        pytest.param(node("True"), False, [], id="nothing to take back"),
        pytest.param({"metadata": {"name": "n"}}, True, [OFF], id="never heard of"),
    ],
)
def test_the_taint(given: dict[str, Any], off: bool, expected: list[dict[str, str]]) -> None:
    assert taints(given, off=off) == expected


def state(name: str, node: str | None, phase: Phase = Phase.RUNNING) -> Any:
    attempt = SimpleNamespace(node=node, phase=phase)
    return SimpleNamespace(run=SimpleNamespace(name=name), attempts={"main": attempt})


def pod(node: str, phase: str = "Running", **labels: str) -> dict[str, Any]:
    return {
        "metadata": {"name": "p", "labels": labels},
        "spec": {"nodeName": node},
        "status": {"phase": phase},
    }


def test_what_is_on_a_node() -> None:
    states = [
        state("b", "n"),
        state("a", "n"),
        state("elsewhere", "m"),
        state("ended", "n", Phase.FAILED),
        state("waits", None),
    ]
    pods = [pod("n"), pod("m"), pod("n", "Succeeded"), pod("n", **{"seaway.dev/run-uid": "u"})]
    found = view_of(node("Unknown", OFF), states, pods)
    said = "Ready is Unknown: nothing was heard"
    assert found == NodeView(
        name="n", ready=False, condition=said, confirmed_off=True, runs=("a", "b"), other_pods=1
    )
    hidden = view_of(node("True"), (), None)
    assert (hidden.ready, hidden.confirmed_off, hidden.other_pods) == (True, False, None)
    assert view_of(node(None), (), ()).condition == "Ready is Unknown: it has said nothing yet"


class Nodes:
    """Stands for the client of a cluster with one node."""

    def __init__(self, ready: str | None, fails: Exception | None = None) -> None:
        self.fails = fails
        self.node = node(ready) | {"metadata": {"name": "n", "resourceVersion": "7"}}
        self.patches: list[dict[str, Any]] = []

    async def get(self, *_: Any) -> dict[str, Any]:
        return self.node

    async def patch(self, _: Any, __: str, patch: dict[str, Any]) -> None:
        if self.fails is not None:
            raise self.fails
        self.patches.append(patch)


def confirming(nodes: Nodes) -> ConfirmingOff:
    async def none() -> list[dict[str, Any]]:
        return []

    view = SimpleNamespace(everybodys_pods=none, all_nodes=lambda: [nodes.node])
    requests, recorder = SimpleNamespace(tell_off=lambda *_: None), SimpleNamespace(acted=lambda _: None)
    return ConfirmingOff(nodes, view, requests, lambda: (), recorder, ManualClock())


@pytest.mark.parametrize(
    ("ready", "remedy"),
    [
        pytest.param("True", "To have its pods leave: ", id="well"),
        pytest.param("False", "Where it was switched off just now: try again", id="not ready, but it says so itself"),
    ],
)  # fmt: skip
async def test_a_node_that_answers_is_not_off(ready: str, remedy: str) -> None:
    nodes = Nodes(ready)
    with pytest.raises(Conflict, match="the node n answers: its machine is not off") as refused:
        await confirming(nodes).confirm("n", "root")
    assert (refused.value.remedy or "").startswith(remedy)
    assert nodes.patches == []


@pytest.mark.parametrize("ready", ["Unknown", None])
async def test_of_a_silent_node_it_is_believed(ready: str | None) -> None:
    nodes = Nodes(ready)
    await confirming(nodes).confirm("n", "root")
    metadata = {"resourceVersion": "7", "annotations": {CONFIRMED_OFF_BY: "root"}}
    assert nodes.patches == [{"metadata": metadata, "spec": {"taints": [OFF]}}]


async def test_who_confirmed_first_stands_on_the_node_until_it_is_taken_back() -> None:
    nodes = Nodes("Unknown")
    nodes.node["metadata"]["annotations"] = {CONFIRMED_OFF_BY: "ada"}
    nodes.node["spec"]["taints"] = [OFF]
    assert (await confirming(nodes).look("n")).confirmed_off_by == "ada"
    await confirming(nodes).confirm("n", "bob")
    await confirming(nodes).undo("n", "bob")
    assert [patch["metadata"]["annotations"] for patch in nodes.patches] == [
        {CONFIRMED_OFF_BY: "ada"},
        {CONFIRMED_OFF_BY: None},
    ]


@pytest.mark.parametrize("name", ["n?watch=true", "n#", "..", "", "N", "n\0", "ü", "n" * 300])
async def test_what_cannot_be_a_nodes_name_is_looked_for_nowhere(name: str) -> None:
    nodes = Nodes("Unknown")
    for asked in (confirming(nodes).look(name), confirming(nodes).confirm(name, "root")):
        with pytest.raises(NotFound) as refused:
            await asked
        assert refused.value.remedy == "The nodes are n"
    assert nodes.patches == []


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (ServiceUnavailable("it is being started"), Unavailable),
        (ClientError("the connection was refused"), Unavailable),
        (Gone('nodes "n" not found'), NotFound),
    ],
)
async def test_what_the_cluster_says_meanwhile_is_passed_on(fault, expected) -> None:
    with pytest.raises(expected):
        await confirming(Nodes("Unknown", fault)).confirm("n", "root")
