"""What a server says of itself and of its nodes, on both databases."""

from __future__ import annotations

import asyncio

from seaway.base.measures import text
from seaway.client.request import MERGE_PATCH
from seaway.model.run import Phase, RunSpec, TaskSpec
from seaway.objects.builtin import NODES
from tests.waiting import until


async def test_a_server_says_how_it_is(server) -> None:
    facts = await server.health.facts()
    assert facts["database"]["problem"] == ""
    assert facts["missing_rights"] == []
    assert [disk["what"] for disk in facts["disks"]] == ["home"]
    assert [node["name"] for node in facts["nodes"]] == ["node-1"]
    assert facts["cluster_seen"]


async def test_a_node_in_trouble_is_an_alert_with_the_runs_that_it_hits(server, kubernetes) -> None:
    spec = RunSpec(name="train", tasks=(TaskSpec(command=("hang",)),))
    await server.runs.submit(spec, user="ada")
    async with asyncio.timeout(60):
        while (await server.runs.get("train")).phase is not Phase.RUNNING:
            await asyncio.wait([server._engine.changed.next()], timeout=0.2)
    assert (await server.status())["alerts"] == []
    conditions = [
        {
            "type": "Ready",
            "status": "Unknown",
            "reason": "NodeStatusUnknown",
            "lastTransitionTime": "2026-01-02T03:04:05Z",
        }
    ]
    await kubernetes.client.patch(
        NODES,
        "node-1",
        {"status": {"conditions": conditions}},
        content_type=MERGE_PATCH,
        subresource="status",
    )
    alerts = (await until(server.status, "an alert", check=lambda status: status["alerts"]))["alerts"]
    (alert,) = alerts
    assert (alert["node"], alert["what"]) == ("node-1", "does not answer")
    assert [(run["run"], run["attempt"]) for run in alert["runs"]] == [("train", 1)]
    measured = text(await server.measures.measures())
    assert 'seaway_runs{phase="running"} 1.0' in measured
    assert 'seaway_nodes{trouble="NotReady"} 1.0' in measured
    assert "train" not in measured
    (node,) = (await server.health.facts())["nodes"]
    assert node["troubles"] == ["does not answer"]
    await server.runs.stop("train")
    await server.runs.wait("train", timeout=60)
