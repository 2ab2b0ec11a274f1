"""When a node is short of something, and which pod goes first."""

from __future__ import annotations

from typing import Any

import pytest

from seaway.controlplane.node.eviction import (
    Signals,
    Thresholds,
    Use,
    message,
    pressures,
    ranked,
    rejection,
)

GIB, MIB = 1 << 30, 1 << 20


def pod(name: str, memory: str | None = None, priority: int = 0, **spec: Any) -> dict[str, Any]:
    requests = {"memory": memory} if memory else {}
    container = {"name": "main", "resources": {"requests": requests}}
    return {
        "metadata": {"name": name},
        "spec": {"containers": [container], "priority": priority} | spec,
    }


@pytest.mark.parametrize(
    ("signals", "found"),
    [
        pytest.param(Signals(8 * GIB, 500 * GIB, 1000 * GIB, 30000), {}, id="enough of everything"),
        pytest.param(
            Signals(99 * MIB, 500 * GIB, 1000 * GIB), {"memory": (100 * MIB, 99 * MIB)}, id="memory"
        ),
        pytest.param(Signals(100 * MIB, 500 * GIB, 1000 * GIB), {}, id="just enough memory"),
        pytest.param(Signals(8 * GIB, GIB - 1, 1000 * GIB), {"disk": (GIB, GIB - 1)}, id="a large disk"),
        pytest.param(Signals(8 * GIB, 300 * MIB, 10 * GIB), {}, id="a small disk has its share free"),
        pytest.param(Signals(8 * GIB, 500 * GIB, 1000 * GIB, 99), {"pid": (100, 99)}, id="processes"),
        pytest.param(Signals(8 * GIB, 500 * GIB, 1000 * GIB, None), {}, id="processes are not known"),
    ],
)
def test_pressures(signals, found):
    assert pressures(signals, Thresholds()) == found


@pytest.mark.parametrize(
    ("kind", "pods", "order"),
    [
        pytest.param(
            "memory",
            [(pod("asked", "1Gi"), Use(memory=GIB)), (pod("over", "1Mi"), Use(memory=2 * MIB))],
            ["over", "asked"],
            id="who uses more than asked for goes before who does not",
        ),
        pytest.param(
            "memory",
            [(pod("precious", priority=10), Use(memory=GIB)), (pod("plain"), Use(memory=MIB))],
            ["plain", "precious"],
            id="then by priority",
        ),
        pytest.param(
            "memory",
            [(pod("small"), Use(memory=MIB)), (pod("large", "1Gi"), Use(memory=3 * GIB))],
            ["large", "small"],
            id="then by how much more",
        ),
        pytest.param(
            "disk",
            [(pod("a"), Use(memory=GIB, disk=MIB)), (pod("b"), Use(disk=2 * MIB))],
            ["b", "a"],
            id="disk is compared for disk",
        ),
        pytest.param(
            "pid",
            [(pod("few"), Use(processes=1)), (pod("many"), Use(processes=9)), (pod("p", priority=1), Use())],
            ["many", "few", "p"],
            id="processes: priority, then how many",
        ),
        pytest.param(
            "memory",
            [(pod("critical", priority=2_000_000_000), Use(memory=GIB))],
            [],
            id="what keeps the system going stays",
        ),
    ],
)
def test_ranking(kind, pods, order):
    assert [each["metadata"]["name"] for each, _ in ranked(pods, kind)] == order


def test_message_is_worded_as_kubernetes_words_it():
    use = Use(memory=3 * MIB, containers=(("main", 3 * MIB, 0),))
    assert message(pod("p", "1Mi"), use, "memory", (100 * MIB, 50 * MIB + 512)) == (
        "The node was low on resource: memory. Threshold quantity: 100Mi, available: 52429312. "
        "Container main was using 3Mi, request is 1Mi, has larger consumption of memory. "
    )
    assert message(pod("p"), Use(), "disk", None) == "The node was low on resource: ephemeral-storage. "


TOLERATES = [{"key": "node.kubernetes.io/memory-pressure", "operator": "Exists", "effect": "NoSchedule"}]


@pytest.mark.parametrize(
    ("wanted", "short_of", "why"),
    [
        pytest.param(pod("p"), [], None, id="enough"),
        pytest.param(pod("p"), ["memory"], "The node had condition: [MemoryPressure]. ", id="best effort"),
        pytest.param(pod("p", "1Mi"), ["memory"], None, id="asks for memory"),
        pytest.param(pod("p", tolerations=TOLERATES), ["memory"], None, id="tolerates it"),
        pytest.param(
            pod("p", "1Mi"),
            ["memory", "disk"],
            "The node had condition: [MemoryPressure DiskPressure]. ",
            id="disk too",
        ),
        pytest.param(pod("p", priority=2_000_001_000), ["disk"], None, id="critical"),
    ],
)
def test_rejection(wanted, short_of, why):
    assert rejection(wanted, short_of) == why
