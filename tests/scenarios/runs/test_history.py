"""What history keeps on both clusters: timelines of what is gone, logs of pods that are no run's, searches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from seaway.model.run import RunSpec
from seaway.objects.builtin import PODS
from seaway.platform.history.retention import HistorySettings
from tests.waiting import until
from tools.platforms import Platform, run_platform

PROGRAM = "print('epoch 1 of train-set \"a\"'); import sys; sys.exit(3)"


async def failed_run(platform: Platform) -> str:
    spec = RunSpec.model_validate({"tasks": [{"name": "main", "command": ["python3", "-c", PROGRAM]}]})
    run = await platform.server.runs.submit(spec, user="ada")
    ended = await platform.server.runs.wait(run.name, timeout=90)
    assert ended.phase.value == "failed"
    return run.name


async def test_a_runs_timeline_is_whole_after_its_pod_is_gone(platform: Platform) -> None:
    name = await failed_run(platform)

    async def gone() -> Any:
        shown = await platform.server.runs.timeline(name)
        return shown if any(e.message == "gone from the cluster" for e in shown.entries) else None

    shown = await until(gone)
    messages = [entry.message for entry in shown.entries]
    assert messages[0].startswith("submitted: ")
    assert shown.entries[0].by == "ada"
    order = ["queued", "created", "started", "the run has ended: failed", "gone from the cluster"]
    places = [messages.index(message) for message in order]
    assert places == sorted(places)
    ended = next(entry for entry in shown.entries if "ended with exit code 3" in entry.message)
    assert ended.warning
    assert ended.by  # the node's field manager
    assert [entry.time for entry in shown.entries] == sorted(entry.time for entry in shown.entries)
    pod = next(entry.object for entry in shown.entries if entry.object.startswith("pod/")).removeprefix(
        "pod/"
    )
    alone = await platform.server.runs.timeline_object("pod", pod)
    assert "gone from the cluster" in [entry.message for entry in alone.entries]


async def test_lines_are_found_in_all_runs_and_in_one(platform: Platform) -> None:
    first, second = await failed_run(platform), await failed_run(platform)
    found = await platform.server.runs.search('EPOCH train-set "a"')
    assert [hit.run for hit in found.hits if not hit.own] == [second, first]
    alone = await platform.server.runs.search("epoch", run=first)
    assert {hit.run for hit in alone.hits} == {first}
    assert not (await platform.server.runs.search("poch")).hits


async def test_logs_of_other_pods_are_kept_through_restarts(cluster, tmp_path: Path) -> None:
    manifest = {
        "metadata": {"name": "other"},
        "spec": {
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 1,
            "initContainers": [_container("prepare", cluster.image, "print('prepared it')")],
            "containers": [_container("work", cluster.image, "print('worked on it')")],
        },
    }
    history = HistorySettings(logs="all")
    async with run_platform(cluster, tmp_path / "server", history=history) as platform:
        await platform.client.create(PODS, manifest, platform.namespace)

        async def both() -> Any:
            found = (await platform.server.runs.search("it", limit=10)).hits
            return found if {hit.task for hit in found} == {"prepare", "work"} else None

        await until(both)
    await cluster.admin.delete(PODS, "other", cluster.namespace, grace_seconds=0)
    async with run_platform(cluster, tmp_path / "server", history=history) as platform:

        async def noticed() -> bool:
            shown = await platform.server.runs.timeline_object("pod", "other")
            return [e.message for e in shown.entries].count("gone from the cluster") == 1

        await until(noticed)
        chunks = await platform.server.runs.pod_logs("other")
        assert b"".join([chunk async for chunk in chunks]) == b"prepare | prepared it\nwork | worked on it\n"
        found = (await platform.server.runs.search("it", limit=10)).hits
        assert sorted((hit.task, hit.line, hit.pod) for hit in found) == [
            ("prepare", "prepared it", "other"),
            ("work", "worked on it", "other"),
        ]


def _container(name: str, image: str, program: str) -> dict[str, Any]:
    return {"name": name, "image": image, "command": ["python3", "-c", program]}
