"""`why` of pods, jobs and nodes that are no run's, asked of a server: the level at which each cause sits, on both clusters."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from seaway.client.request import Request
from seaway.model.verdict import Explanation
from seaway.objects.builtin import JOBS, NODES, PERSISTENT_VOLUME_CLAIMS
from seaway.platform.errors import NotFound
from seaway.platform.history.containers import RECORD
from tests.scenarios.runs.conftest import embedded_cluster, real_cluster
from tests.waiting import until
from tools.endings.ending import Ending, container, job
from tools.endings.table import ENDINGS
from tools.platforms import Platform, run_platform

WAIT = 90.0
QUOTA = "quota-too-small"
"""Counts for the whole namespace: it is made when the others have been explained."""
BOTH = [
    "module-missing",
    "file-missing",
    "command-not-found",
    QUOTA,
    "out-of-memory",
    "connection-refused",
    "disk-full",
    "job-deadline",
]
"""Of jobs: code, data, spec twice (once without a pod), container, cluster, node, deadline."""
PODS_ALONE = [
    "init-container-failed",
    "secret-missing",
    "never-ready",
    "scheduling-gate",
    "claim-missing",
    "own-disk-limit",
]
PLURALS = {"Pod": "pods", "Job": "jobs", "ResourceQuota": "resourcequotas", "ConfigMap": "configmaps"}


async def make(platform: Any, name: str, ending: Ending) -> None:
    """Make an ending's objects in the test's namespace; what it calls "train" has the ending's name."""
    for one in json.loads(json.dumps(ending.objects).replace('"train"', f'"{name}"')):
        group = "api/v1" if one["apiVersion"] == "v1" else f"apis/{one['apiVersion']}"
        path = f"/{group}/namespaces/{platform.namespace}/{PLURALS[one['kind']]}"
        await platform.cluster.admin.send(Request("POST", path, body=one))


async def explained(platform: Any, kind: str, name: str, cause: str) -> Explanation:
    return await until(
        lambda: platform.server.runs.why_object(kind, name),
        f"why {kind}/{name} comes to say {cause}",
        check=lambda told: told.cause == cause,
        seconds=WAIT,
        pause=0.2,
        ignore=(NotFound,),  # the server has not seen it yet
    )


async def has_its_level(platform: Any, name: str) -> None:
    ending = ENDINGS[name]
    kind = "job" if name in BOTH else "pod"
    await make(platform, name, ending)
    told = await explained(platform, kind, name, ending.cause)
    assert (told.class_, told.level, told.retry) == (ending.class_, ending.level, ending.retry), told.message
    assert told.subject in (f"{kind}/{name}", f"pod/{told.subject.partition('/')[2]}")
    assert told.evidence, name
    assert told.next_step, name


@pytest.mark.timeout(240)
async def test_a_cause_has_its_level(platform: Any) -> None:
    async with asyncio.TaskGroup() as group:
        for name in (*BOTH, *PODS_ALONE):
            if name != QUOTA:
                group.create_task(has_its_level(platform, name), name=name)
    await has_its_level(platform, QUOTA)


async def test_a_job_that_has_failed_quotes_the_log_of_its_pod(platform: Any) -> None:
    """It is not asked for by the pod's name, which nobody knows."""
    failing = job(container("rows = 0\nprint(1 / rows)"), limit=1)
    await make(platform, "train", replace(ENDINGS["zero-division"], objects=(failing,)))
    told = await explained(platform, "job", "train", "UserException")
    assert "ZeroDivisionError: division by zero" in told.message
    assert told.evidence[0].source == "log"


@pytest.fixture(params=["embedded", pytest.param("real", marks=pytest.mark.real)])
async def seeing(
    request: pytest.FixtureRequest, tmp_path: Path, plain_tools: Path
) -> AsyncIterator[Platform]:
    """A server that may look at nodes."""
    made = (
        embedded_cluster(tmp_path / "home", plain_tools, nodes_visible=True)
        if request.param == "embedded"
        else real_cluster(request, tmp_path / "cache", nodes_visible=True)
    )
    async with made as cluster, run_platform(cluster, tmp_path / "server") as running:
        yield running


async def test_a_node_is_well_or_cordoned(seeing: Platform) -> None:
    nodes = (await seeing.cluster.admin.list(NODES))["items"]
    name = next(node["metadata"]["name"] for node in nodes if not node["spec"].get("unschedulable"))
    told = await explained(seeing, "node", name, "Running")
    assert (told.level, told.message) == (None, f"node/{name}: nothing is wrong: the node {name} is ready")
    await seeing.cluster.admin.patch(NODES, name, {"spec": {"unschedulable": True}})
    try:
        told = await explained(seeing, "node", name, "NodeCordoned")
    finally:
        await seeing.cluster.admin.patch(NODES, name, {"spec": {"unschedulable": None}})
    typed = f"kubectl uncordon {name}; on this machine: seaway cluster uncordon {name}"
    assert (told.level, told.next_step) == ("node", typed)


async def gone(platform: Platform, kind: str, name: str, cause: str) -> Explanation:
    """Return what is said of something, when it is said that it is gone."""
    return await until(
        lambda: explained(platform, kind, name, cause),
        f"{kind}/{name} is gone",
        check=lambda told: "gone from the cluster since" in told.done,
        seconds=WAIT,
    )


async def test_what_is_gone_is_explained_as_it_was(seeing: Platform) -> None:
    client, space = seeing.client, seeing.namespace
    failing, paused = job(container("1 / 0")), job(container("1 / 0"), suspend=True)
    failing["spec"]["template"]["metadata"] = {"labels": {RECORD: "true"}}
    paused["metadata"]["name"] = "paused"
    claim = {
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "none", "resources": {"requests": {"storage": "1Mi"}}},
    }  # fmt: skip
    node = {"metadata": {"name": f"spare-{space}"}, "spec": {"unschedulable": True}}
    for resource, one in ((JOBS, failing), (JOBS, paused), (PERSISTENT_VOLUME_CLAIMS, claim)):
        await client.create(resource, one, space)
    await client.create(NODES, node)
    before = await explained(seeing, "job", "train", "UserException")
    for kind, name, cause in (
        ("job", "paused", "JobSuspended"), ("pvc", "data", "ClaimUnbound"), ("node", node["metadata"]["name"], "NodeCordoned"),
    ):  # fmt: skip
        await explained(seeing, kind, name, cause)
    await client.delete(JOBS, "train", space, propagation="Background")
    await client.delete(JOBS, "paused", space)
    await client.delete(PERSISTENT_VOLUME_CLAIMS, "data", space)
    await client.delete(NODES, node["metadata"]["name"])
    after = await gone(seeing, "job", "train", "UserException")
    assert (after.message, after.evidence[0].quote) == (before.message, before.evidence[0].quote)
    assert "kubectl logs" not in after.next_step
    assert (
        "before it had ended: it was suspended" in (await gone(seeing, "job", "paused", "JobDeleted")).message
    )
    assert "before it had a volume" in (await gone(seeing, "pvc", "data", "ClaimDeleted")).message
    told = await gone(seeing, "node", node["metadata"]["name"], "NodeRemoved")
    assert "not in the cluster any more; it was not ready, and was cordoned, before that" in told.message
    for kind, name in (("job", "train"), ("pvc", "data"), ("node", node["metadata"]["name"])):
        entries = (await seeing.server.runs.timeline_object(kind, name)).entries
        assert any("gone from the cluster" in entry.message for entry in entries), kind


async def test_who_is_not_there_is_told(platform: Any) -> None:
    for kind in ("pod", "job", "node", "pvc"):
        with pytest.raises(NotFound, match=f"there is no {kind} 'nobody'"):
            await platform.server.runs.why_object(kind, "nobody")
