"""Cron jobs over some of their minutes, each of which takes a second here; the node is played by the test."""

from __future__ import annotations

from typing import Any

from seaway.base.clock import parse_rfc3339
from seaway.objects.builtin import CRON_JOBS, EVENTS, JOBS, PODS


async def make(world, **spec: Any) -> None:
    pod = {"restartPolicy": "Never", "containers": [{"name": "main", "image": "python"}]}
    template = {"spec": {"template": {"spec": pod}}}
    spec = {"schedule": "* * * * *", "jobTemplate": template, **spec}
    await world.client.create(CRON_JOBS, {"metadata": {"name": "tick", "namespace": "default"}, "spec": spec})


async def status(world) -> dict:
    return (await world.read(CRON_JOBS, "tick")).get("status") or {}


async def end_pods(world) -> None:
    for pod in await world.items(PODS):
        if (pod["status"].get("phase") or "Pending") == "Pending":
            await world.end(pod)


async def told(world, reason: str) -> bool:
    return any(event["reason"] == reason for event in await world.items(EVENTS))


async def test_a_job_a_minute_and_no_more_are_kept_than_asked(fast_world) -> None:
    await make(fast_world, successfulJobsHistoryLimit=1)
    seen: set[str] = set()

    async def three():
        await end_pods(fast_world)
        seen.update(job["metadata"]["name"] for job in await fast_world.items(JOBS))
        return len(seen) >= 3

    await fast_world.until(three)

    async def followed():
        await end_pods(fast_world)
        now = await status(fast_world)
        return now.get("lastSuccessfulTime") and await told(fast_world, "SuccessfulDelete")

    await fast_world.until(followed)
    minutes = sorted(int(name.removeprefix("tick-")) for name in seen)
    last = parse_rfc3339((await status(fast_world))["lastScheduleTime"])
    assert minutes[-1] <= last / 60
    assert await told(fast_world, "SawCompletedJob")


async def test_one_that_forbids_others_waits(fast_world) -> None:
    await make(fast_world, concurrencyPolicy="Forbid")

    async def refused():
        return await told(fast_world, "JobAlreadyActive")

    await fast_world.until(refused)
    assert len(await fast_world.items(JOBS)) == 1


async def test_one_that_replaces_stops_the_last(fast_world) -> None:
    await make(fast_world, concurrencyPolicy="Replace")

    async def replaced():
        return await told(fast_world, "SuccessfulDelete")

    await fast_world.until(replaced)

    async def another():
        jobs = {job["metadata"]["uid"] for job in await fast_world.items(JOBS)}
        active = {entry["uid"] for entry in (await status(fast_world)).get("active") or ()}
        return len(active) == 1 and active <= jobs

    await fast_world.until(another)


async def test_suspended_it_makes_none_and_resumed_it_does(fast_world) -> None:
    await make(fast_world, suspend=True)
    await make_other_jobs_pass(fast_world)
    assert await fast_world.items(JOBS) == []
    await fast_world.client.patch(CRON_JOBS, "tick", {"spec": {"suspend": False}}, "default")

    async def made():
        return await fast_world.items(JOBS)

    await fast_world.until(made)


async def make_other_jobs_pass(world) -> None:
    """Wait until another cron job has made a job: the suspended one had its time too."""
    other = (await world.read(CRON_JOBS, "tick"))["spec"] | {"suspend": False}
    await world.client.create(
        CRON_JOBS, {"metadata": {"name": "other", "namespace": "default"}, "spec": other}
    )

    async def made():
        return await world.items(JOBS)

    await world.until(made)
    await world.client.delete(CRON_JOBS, "other", "default", propagation="Foreground")

    async def gone():
        return not await world.items(JOBS)

    await world.until(gone)
