"""Jobs over their whole life, with the node played by the test."""

from __future__ import annotations

import pytest

from seaway.controlplane.controllers.jobpods import FINALIZER, pod_index
from seaway.objects.builtin import EVENTS, JOBS, PODS
from seaway.objects.meta import deletion_timestamp, finalizers, get_condition


async def make(world, name: str = "job", **spec) -> dict:
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": "python"}]}}
    return await world.client.create(
        JOBS, {"metadata": {"name": name, "namespace": "default"}, "spec": {"template": template, **spec}}
    )


async def live(world, count: int) -> list[dict]:
    """Wait until exactly so many pods are neither ended nor going."""

    async def found():
        pods = [
            p
            for p in await world.items(PODS)
            if (p["status"].get("phase") or "Pending") in ("Pending", "Running")
        ]
        pods = [p for p in pods if deletion_timestamp(p) is None]
        return (pods,) if len(pods) == count else None

    return (await world.until(found))[0]


async def finished(world, kind: str, name: str = "job") -> dict:
    """Wait for a terminal condition and return the job."""

    async def found():
        job = await world.read(JOBS, name)
        condition = get_condition(job, kind)
        return job if condition and condition["status"] == "True" else None

    return await world.until(found)


async def test_to_completion(world) -> None:
    await world.node("n")
    await make(world, parallelism=2, completions=3)
    for pod in await live(world, 2):
        await world.end(pod)
    (last,) = await live(world, 1)
    await world.end(last)
    job = await finished(world, "Complete")
    assert job["status"]["succeeded"] == 3
    assert get_condition(job, "SuccessCriteriaMet")["status"] == "True"
    assert job["status"]["completionTime"]
    assert not job["status"].get("active")
    pods = await world.items(PODS)
    assert len(pods) == 3
    assert all(FINALIZER not in finalizers(pod) for pod in pods)

    async def told():
        reasons = {e["reason"] for e in await world.items(EVENTS) if e["involvedObject"]["kind"] == "Job"}
        return reasons >= {"SuccessfulCreate", "Completed"}

    await world.until(told)


async def test_failing_too_often(world) -> None:
    await world.node("n")
    await make(world, backoffLimit=1)
    for _ in range(2):
        (pod,) = await live(world, 1)
        await world.end(pod, "Failed")
    job = await finished(world, "Failed")
    assert get_condition(job, "Failed")["reason"] == "BackoffLimitExceeded"
    assert job["status"]["failed"] == 2


async def test_over_its_deadline(world) -> None:
    await world.node("n")
    await make(world, activeDeadlineSeconds=1)
    (pod,) = await live(world, 1)

    async def stopping():
        current = await world.read(PODS, pod["metadata"]["name"])
        return current is None or deletion_timestamp(current)

    await world.until(stopping)
    await world.end(pod, "Failed")
    await world.client.delete(PODS, pod["metadata"]["name"], "default", grace_seconds=0)
    job = await finished(world, "Failed")
    assert get_condition(job, "Failed")["reason"] == "DeadlineExceeded"


async def test_suspended_and_resumed(world) -> None:
    await world.node("n")
    await make(world, suspend=True)

    async def told():
        return get_condition(await world.read(JOBS, "job"), "Suspended")

    assert (await world.until(told))["status"] == "True"
    assert await world.items(PODS) == []
    await world.client.patch(JOBS, "job", {"spec": {"suspend": False}}, "default")
    (pod,) = await live(world, 1)
    await world.client.patch(JOBS, "job", {"spec": {"suspend": True}}, "default")
    await live(world, 0)
    await world.client.delete(PODS, pod["metadata"]["name"], "default", grace_seconds=0)
    await world.client.patch(JOBS, "job", {"spec": {"suspend": False}}, "default")
    (pod,) = await live(world, 1)
    await world.end(pod)
    job = await finished(world, "Complete")
    assert not job["status"].get("failed"), "a pod that the suspension stopped is no failure"


async def test_indexed(world) -> None:
    await world.node("n")
    await make(world, completionMode="Indexed", completions=3, parallelism=3, backoffLimit=2)
    pods = await live(world, 3)
    assert sorted(pod_index(pod) for pod in pods) == [0, 1, 2]
    names = {entry["name"] for entry in pods[0]["spec"]["containers"][0]["env"]}
    assert "JOB_COMPLETION_INDEX" in names
    for pod in pods:
        await world.end(pod, "Failed" if pod_index(pod) == 1 else "Succeeded")
    (again,) = await live(world, 1)
    assert pod_index(again) == 1
    await world.end(again)
    job = await finished(world, "Complete")
    assert (job["status"]["completedIndexes"], job["status"]["succeeded"], job["status"]["failed"]) == (
        "0-2",
        3,
        1,
    )


async def test_after_its_time_a_finished_job_goes_with_its_pods(world) -> None:
    await world.node("n")
    await make(world, ttlSecondsAfterFinished=0)
    (pod,) = await live(world, 1)
    await world.end(pod)
    await world.gone(JOBS, "job")
    await world.gone(PODS, pod["metadata"]["name"])


@pytest.mark.parametrize("policy", ["Background", "Foreground"])
async def test_deleting_a_job_deletes_its_pods_whose_finalizer_does_not_hold_them(world, policy: str) -> None:
    await make(world, parallelism=2)
    await live(world, 2)
    await world.client.delete(JOBS, "job", "default", propagation=policy)
    await world.gone(JOBS, "job")

    async def empty():
        return not await world.items(PODS)

    await world.until(empty)


async def test_orphaned_pods_stay_and_are_let_go(world) -> None:
    await make(world)
    (pod,) = await live(world, 1)
    await world.client.delete(JOBS, "job", "default", propagation="Orphan")
    await world.gone(JOBS, "job")

    async def free():
        current = await world.read(PODS, pod["metadata"]["name"])
        return (
            current
            and not current["metadata"].get("ownerReferences")
            and FINALIZER not in finalizers(current)
        )

    await world.until(free)


async def test_a_pod_that_cannot_be_created_is_told(world) -> None:
    template = {
        "spec": {
            "restartPolicy": "Never",
            "serviceAccountName": "nobody",
            "containers": [{"name": "main", "image": "python"}],
        }
    }
    job = {"metadata": {"name": "job", "namespace": "default"}, "spec": {"template": template}}
    await world.client.create(JOBS, job)

    async def told():
        return [e for e in await world.items(EVENTS) if e["reason"] == "FailedCreate"]

    event = (await world.until(told))[0]
    assert "nobody" in event["message"]
