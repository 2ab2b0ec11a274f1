"""`why` of pods, jobs and nodes that are no run's, asked of a server: the level at which each cause sits, on both clusters."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from seaway.client.request import Request
from seaway.model.verdict import Explanation, VerdictClass
from seaway.objects.builtin import NODES
from seaway.objects.errors import AlreadyExists
from seaway.platform.errors import NotFound
from tools.endings.ending import INFRASTRUCTURE, PASS, Ending, asking, container, job, pod
from tools.endings.table import ENDINGS

WAIT = 90.0
BOTH = [
    "module-missing",
    "file-missing",
    "command-not-found",
    "quota-too-small",
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


async def make(platform: Any, ending: Ending) -> None:
    """Make an ending's objects in the test's namespace, of the test's image."""
    for one in ending.objects:
        group = "api/v1" if one["apiVersion"] == "v1" else f"apis/{one['apiVersion']}"
        path = f"/{group}/namespaces/{platform.namespace}/{PLURALS[one['kind']]}"
        try:
            await platform.cluster.admin.send(Request("POST", path, body=one))
        except AlreadyExists:
            continue


async def explained(platform: Any, kind: str, name: str, cause: str) -> Explanation:
    told = None
    try:
        async with asyncio.timeout(WAIT):
            while told is None or told.cause != cause:
                try:
                    told = await platform.server.runs.why_object(kind, name)
                except NotFound:  # the server has not seen it yet
                    told = None
                await asyncio.sleep(0.2)
    except TimeoutError:
        pytest.fail(f"why {kind}/{name} did not come to say {cause}: {told}")
    return told


@pytest.mark.parametrize("name", [*BOTH, *PODS_ALONE])
async def test_a_cause_has_its_level(platform: Any, name: str) -> None:
    ending = ENDINGS[name]
    kind = "job" if name in BOTH else "pod"
    await make(platform, ending)
    told = await explained(platform, kind, "train", ending.cause)
    assert (told.class_, told.level, told.retry) == (ending.class_, ending.level, ending.retry), told.message
    assert told.subject in (f"{kind}/train", f"pod/{told.subject.partition('/')[2]}")
    assert told.evidence
    assert told.next_step


async def test_a_job_that_has_failed_quotes_the_log_of_its_pod(platform: Any) -> None:
    """It is not asked for by the pod's name, which nobody knows."""
    await make(
        platform,
        replace(ENDINGS["zero-division"], objects=(job(container("rows = 0\nprint(1 / rows)"), limit=1),)),
    )
    told = await explained(platform, "job", "train", "UserException")
    assert "ZeroDivisionError: division by zero" in told.message
    assert told.evidence[0].source == "log"


async def test_a_node_and_what_it_turned_away(platform: Any) -> None:
    nodes = (await platform.cluster.admin.list(NODES))["items"]
    name = nodes[0]["metadata"]["name"]
    told = await explained(platform, "node", name, "Running")
    assert (told.class_, told.level, told.message) == (
        VerdictClass.UNKNOWN,
        None,
        f"node/{name}: nothing is wrong: the node {name} is ready",
    )
    turned = pod(container(PASS, **asking(cpu="4000")), nodeName=name)
    await make(platform, Ending("NodeRejected", INFRASTRUCTURE, "node", (turned,)))
    told = await explained(platform, "pod", "train", "NodeRejected")
    assert (told.class_, told.level, told.retry) == (VerdictClass.INFRASTRUCTURE, "node", True)
    await platform.cluster.admin.patch(NODES, name, {"spec": {"unschedulable": True}})
    try:
        told = await explained(platform, "node", name, "NodeCordoned")
    finally:
        await platform.cluster.admin.patch(NODES, name, {"spec": {"unschedulable": None}})
    assert told.next_step == f"kubectl uncordon {name}"


async def test_who_is_not_there_is_told(platform: Any) -> None:
    for kind in ("pod", "job", "node"):
        with pytest.raises(NotFound, match=f"there is no {kind} 'nobody'"):
            await platform.server.runs.why_object(kind, "nobody")
