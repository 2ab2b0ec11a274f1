"""What is said of runs that Seaway, a user or the cluster ended, or that wait: causes that no dump shows."""

from __future__ import annotations

from typing import Any

from seaway.model.resources import Resources
from seaway.model.run import RunSpec, TaskSpec
from seaway.model.verdict import VerdictClass
from seaway.objects.builtin import NODES, PODS
from tests.waiting import until

WAIT = 90.0
SLEEP = ("python", "-c", "import time; print('on', flush=True); time.sleep(600)")


async def submit(platform: Any, name: str = "run", command: tuple[str, ...] = SLEEP, **fields: Any) -> None:
    await platform.server.runs.submit(
        RunSpec(name=name, tasks=(TaskSpec(command=command, **fields),)), user="ada"
    )


async def until_phase(platform: Any, phase: str, name: str = "run") -> None:
    await until(
        lambda: platform.server.runs.get(name),
        f"{name} {phase}",
        check=lambda run: run.phase == phase,
        seconds=WAIT,
    )


async def until_why(platform: Any, cause: str, name: str = "run") -> Any:
    return await until(
        lambda: platform.server.runs.why(name), f"why {name}: {cause}", check=lambda told: told.cause == cause,
        seconds=WAIT, pause=0.1,
    )  # fmt: skip


async def first_verdict(platform: Any, name: str = "run") -> Any:
    """Return how the first attempt ended, once it has."""

    async def verdict() -> Any:
        return (await platform.server.runs.get(name)).tasks[0].attempts[0].verdict

    return await until(verdict, f"the first attempt of {name} has ended", seconds=WAIT, pause=0.1)


async def the_pod(platform: Any, name: str = "run") -> dict[str, Any]:
    async def of_run() -> dict[str, Any] | None:
        pods = (await platform.cluster.admin.list(PODS, platform.namespace))["items"]
        return next((pod for pod in pods if pod["metadata"]["labels"].get("seaway.dev/run") == name), None)

    found: dict[str, Any] = await until(of_run, f"a pod of {name}", seconds=WAIT, pause=0.1)
    return found


async def without_room(platform: Any) -> tuple[Resources, list[str]]:
    """Have runs take the nodes; return what no node has left, and the runs."""
    nodes = (await platform.cluster.admin.list(NODES))["items"]
    cpu = int(nodes[0]["status"]["allocatable"]["cpu"])
    whole = Resources(cpu=str(cpu - 0.5))
    others = [f"first-{number}" for number, _ in enumerate(nodes)]  # other tests may have nodes here too
    for name in others:
        await submit(platform, name, resources=whole)
        await until(
            lambda name=name: platform.server.runs.why(name),
            f"{name} has its place, or none is left",
            check=lambda told: told.cause in ("Running", "Unschedulable"),
        )
    return whole, others


async def test_a_stop_and_a_time_limit_are_called_so(platform: Any) -> None:
    await submit(platform)
    await until_phase(platform, "running")
    await platform.server.runs.stop("run")
    await platform.server.runs.wait("run", timeout=WAIT)
    told = await platform.server.runs.why("run")
    assert (told.class_, told.cause) == (VerdictClass.CANCELLED, "Stopped")
    await submit(platform, "late", timeout_seconds=1)
    await platform.server.runs.wait("late", timeout=WAIT)
    told = await platform.server.runs.why("late")
    assert (told.class_, told.cause, told.level) == (VerdictClass.DEADLINE, "Timeout", "spec")


async def test_a_run_that_waits_for_longer_than_it_may_is_given_up_and_says_for_what(platform: Any) -> None:
    """One before a lock, without a pod; one with a pod that no node has room for now, which must be gone then."""
    whole, others = await without_room(platform)
    await submit(platform, "holds", lock="data", resources=Resources(cpu="100m"))
    await until_phase(platform, "running", "holds")
    await submit(platform, "locked", lock="data", wait_limit_seconds=1)
    await submit(platform, "roomless", wait_limit_seconds=8, resources=whole)
    told = await until_why(platform, "Unschedulable", "roomless")
    assert "it is given up unless it has started by " in told.done
    for name, attempts, reason in (
        ("locked", 0, "waits for the lock 'data', which run 'holds' has held since"),
        ("roomless", 1, "no node has"),
    ):
        view = await platform.server.runs.wait(name, timeout=WAIT)
        assert (view.phase, len(view.tasks[0].attempts)) == ("failed", attempts)
        ended = await platform.server.runs.why(name)
        assert (ended.class_, ended.cause, ended.level) == (VerdictClass.DEADLINE, "WaitLimit", "cluster")
        assert ended.message.startswith("it did not start within its wait limit of "), ended
        assert reason in ended.message, ended
        assert ended.next_step == f"seaway retry {name}"

    async def runs_with_pods() -> set[str]:
        pods = (await platform.cluster.admin.list(PODS, platform.namespace))["items"]
        return {pod["metadata"]["labels"]["seaway.dev/run"] for pod in pods}

    # its end is certain when it is deleted before a node had it; its finalizer is taken off after that
    await until(runs_with_pods, "its pod is gone", check=lambda found: "roomless" not in found)
    for run in (*others, "holds"):
        await platform.server.runs.stop(run)


async def test_a_run_that_was_asked_to_stop_is_said_to_end_until_it_has(platform: Any) -> None:
    program = "import signal, time; signal.signal(signal.SIGTERM, lambda *_: None); print('deaf', flush=True); time.sleep(600)"

    async def log() -> bytes:
        return b"".join([chunk async for chunk in await platform.server.runs.logs("run")])

    await submit(platform, command=("python", "-c", program))
    await until(log, "the program does not listen", check=lambda said: b"deaf" in said)
    await platform.server.runs.stop("run")
    told = await until_why(platform, "Stopping")
    assert "it was asked to stop" in told.message
    name = (await the_pod(platform))["metadata"]["name"]
    await platform.cluster.admin.delete(PODS, name, platform.namespace, grace_period_seconds=1)
    await platform.server.runs.wait("run", timeout=WAIT)


async def test_a_pod_that_somebody_deletes_is_the_clusters_doing_and_the_run_goes_on(platform: Any) -> None:
    await submit(platform)
    await until_phase(platform, "running")
    pod = await the_pod(platform)
    await platform.cluster.admin.delete(PODS, pod["metadata"]["name"], platform.namespace)
    verdict = await first_verdict(platform)
    assert (verdict.class_, verdict.cause) == (VerdictClass.INFRASTRUCTURE, "PodDeleted")
    assert verdict.message == "its pod was deleted from the cluster before the program ended"
    await platform.server.runs.stop("run")


async def test_a_pod_that_is_gone_at_once_is_missed(platform: Any) -> None:
    """Somebody takes the finalizer off and forces it: nobody saw how the program ended."""
    await submit(platform)
    await until_phase(platform, "running")
    name = (await the_pod(platform))["metadata"]["name"]
    await platform.cluster.admin.delete(PODS, name, platform.namespace, grace_period_seconds=0)
    await platform.cluster.admin.patch(PODS, name, {"metadata": {"finalizers": None}}, platform.namespace)
    verdict = await first_verdict(platform)
    assert (verdict.class_, verdict.cause) == (VerdictClass.INFRASTRUCTURE, "PodDeleted")
    await platform.server.runs.stop("run")


async def test_a_pod_that_is_deleted_before_it_begins(platform: Any) -> None:
    whole, others = await without_room(platform)
    await submit(platform, resources=whole)
    told = await until_why(platform, "Unschedulable")
    assert told.level == "cluster"
    name = (await the_pod(platform))["metadata"]["name"]
    await platform.cluster.admin.delete(PODS, name, platform.namespace)
    verdict = await first_verdict(platform)
    assert (verdict.class_, verdict.cause) == (VerdictClass.INFRASTRUCTURE, "PodDeleted")
    assert verdict.message.endswith("before the program started")
    for run in (*others, "run"):
        await platform.server.runs.stop(run)


async def test_who_waits_for_a_lock_is_told_who_has_it(platform: Any) -> None:
    command = ("python", "-c", "import os, time; time.sleep(float(os.environ['SECONDS']))")
    await submit(platform, "before", command, env={"SECONDS": "0"})
    await platform.server.runs.wait("before", timeout=WAIT)
    await submit(platform, "first", command, lock="dataset", env={"SECONDS": "600"})
    await until_phase(platform, "running", "first")
    await submit(platform, lock="dataset")
    told = await until_why(platform, "Waiting")
    assert "first" in told.message
    assert told.done.startswith("an estimate: first took about ")
    for run in ("run", "first"):
        await platform.server.runs.stop(run)
