"""What is said of failures that only a real cluster shows: the one cause, with what was seen of it."""

from __future__ import annotations

import asyncio

import pytest

from seaway.model.resources import Resources
from seaway.model.run import Origin, RunSpec, TaskSpec
from seaway.model.verdict import VerdictClass
from seaway.objects.builtin import PODS
from seaway.platform.errors import NotFound
from seaway.platform.history.containers import RECORD
from tests.waiting import until

WAIT = 60.0
GREEDY = "x = []\nwhile True: x.append(bytearray(10 << 20))"
PARENT = (
    f"import subprocess, sys\nsys.exit(bool(subprocess.run([sys.executable, '-c', {GREEDY!r}]).returncode))"
)


async def ended(platform, command: tuple[str, ...], origin: tuple[str, ...] = (), **fields):
    spec = RunSpec(
        name="run",
        tasks=(TaskSpec(command=command, **fields),),
        origin=Origin(arguments=origin) if origin else None,
    )
    await platform.server.runs.submit(spec, user="ada")
    assert (await platform.server.runs.wait("run", timeout=WAIT)).phase.ended
    return await platform.server.runs.why("run")


@pytest.mark.parametrize("source", [GREEDY, PARENT], ids=["the program", "a process that it started"])
async def test_too_much_memory_says_limit_peak_and_what_to_type(platform, source) -> None:
    told = await ended(
        platform,
        ("python", "-c", source),
        ("--memory", "100Mi", "a.py"),
        resources=Resources(memory="100Mi"),
    )
    assert (told.class_, told.cause) == (VerdictClass.RESOURCE, "OOMKilled")
    assert "its limit of 100Mi" in told.message
    assert "had used up to" in told.message
    assert told.next_step == "seaway run --memory 200Mi a.py"
    (attempt,) = (await platform.server.runs.get("run")).tasks[0].attempts
    assert attempt.memory_limit == 100 << 20
    assert attempt.peak_memory is not None


async def test_what_a_program_uses_is_seen_while_it_runs_and_its_peak_is_kept(platform) -> None:
    """Its log warns before memory ends; what the kernel keeps of files does not count."""
    fills = (
        "import os, time\nx = bytearray(460 << 20)\nfor i in range(0, len(x), 4096): x[i] = 1\n"
        "with open('file', 'wb') as file:\n  for i in range(100): file.write(bytes(1 << 20))\n"
        "while not os.path.exists('/nowhere'): time.sleep(0.1)"
    )
    task = TaskSpec(command=("python", "-c", fills), resources=Resources(memory="500Mi"))
    await platform.server.runs.submit(RunSpec(name="run", tasks=(task,)), user="ada")

    async def uses():
        return next((attempt.usage for attempt in platform.server.runs.live()), None)

    usage = await until(uses, "its memory is measured", check=lambda found: found is not None, seconds=WAIT)
    assert usage.memory_limit == 500 << 20
    assert 460 << 20 <= usage.memory <= usage.memory_peak < 500 << 20
    assert usage.cores is not None

    async def log() -> bytes:
        return b"".join([chunk async for chunk in await platform.server.runs.logs("run")])

    said = await until(log, "its log warns", check=lambda found: b"memory: " in found, seconds=WAIT)
    assert b"of 500 MiB in use; at 500 MiB the program is ended. For more: --memory 1000Mi" in said
    await platform.server.runs.stop("run")
    ended = await platform.server.runs.wait("run", timeout=WAIT)
    (attempt,) = ended.tasks[0].attempts
    assert (attempt.usage, attempt.memory_limit) == (None, 500 << 20)
    assert attempt.peak_memory is not None
    assert usage.memory_peak <= attempt.peak_memory < 500 << 20


async def test_a_program_that_ran_out_of_memory_gets_more_until_it_is_enough(platform) -> None:
    needs = "x = bytearray(150 << 20)\nfor i in range(0, len(x), 4096): x[i] = 1\nprint('enough')"
    spec = TaskSpec(
        command=("python", "-c", needs), resources=Resources(memory="60Mi"), on_oom="grow", memory_cap="400Mi"
    )
    await platform.server.runs.submit(RunSpec(name="run", tasks=(spec,)), user="ada")
    found = await platform.server.runs.wait("run", timeout=WAIT)
    said = [(attempt.verdict.cause, attempt.exit_code) for attempt in found.tasks[0].attempts]
    assert said == [("OOMKilled", 137), ("OOMKilled", 137), ("Completed", 0)]


async def test_the_programs_last_words_are_quoted_with_their_time(platform) -> None:
    told = await ended(platform, ("python", "-c", "import sys; sys.exit('no data: pass --data')"))
    assert told.message == "the program ended with exit code 1; the last it said: no data: pass --data"
    assert (told.evidence[0].source, told.evidence[0].quote) == ("log", "no data: pass --data")
    assert told.evidence[0].time is not None


async def test_a_command_that_is_not_there_is_named(platform) -> None:
    told = await ended(platform, ("trainn",))
    assert (told.cause, told.next_step.partition(":")[2]) == ("CommandNotFound", " seaway run -- trainn")


async def test_an_eviction_is_told_from_a_deletion_and_the_run_goes_on(platform) -> None:
    spec = RunSpec(name="run", tasks=(TaskSpec(command=("sleep", "60")),))
    await platform.server.runs.submit(spec, user="ada")
    async with asyncio.timeout(WAIT):
        while (await platform.server.runs.get("run")).phase != "running":
            await asyncio.sleep(0.1)
        eviction = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": "run-1", "namespace": platform.namespace},
        }
        await platform.client.create_subresource(PODS, "run-1", "eviction", eviction, platform.namespace)
        while len((await platform.server.runs.get("run")).tasks[0].attempts) < 2:
            await asyncio.sleep(0.1)
    first = (await platform.server.runs.get("run")).tasks[0].attempts[0]
    assert first.verdict is not None
    assert (first.verdict.class_, first.verdict.cause) == (VerdictClass.INFRASTRUCTURE, "Evicted")
    assert "evicted" in (await platform.server.runs.why("run")).done


async def kept_log(platform, pod: str) -> bytes:
    try:
        return b"".join([chunk async for chunk in await platform.server.runs.pod_logs(pod)])
    except NotFound:
        return b""


async def test_a_pod_that_is_no_runs_is_explained_from_what_the_cluster_shows(platform, cluster) -> None:
    spec = {
        "restartPolicy": "Never",
        "containers": [
            {"name": "main", "image": cluster.image, "command": ["python3", "-c", "import no_such_module"]}
        ],
    }
    lone = {"metadata": {"name": "lone", "labels": {RECORD: "true"}}, "spec": spec}
    await cluster.admin.create(PODS, lone, platform.namespace)
    async with asyncio.timeout(WAIT):
        while (told := await platform.server.runs.why_object("pod", "lone")).class_ is VerdictClass.UNKNOWN:
            await asyncio.sleep(0.1)
    assert (told.cause, told.class_, told.subject) == ("ModuleNotFound", VerdictClass.USER, "pod/lone")
    assert "no_such_module" in told.evidence[0].quote
    assert told.next_step.endswith(f"kubectl replace --force -n {platform.namespace} -f FILE.yaml")
    async with asyncio.timeout(WAIT):
        while b"no_such_module" not in await kept_log(platform, "lone"):
            await asyncio.sleep(0.1)
        await platform.client.delete(PODS, "lone", platform.namespace)
        while "gone" not in (remembered := await platform.server.runs.why_object("pod", "lone")).done:
            await asyncio.sleep(0.1)
    assert (remembered.cause, remembered.message) == (told.cause, told.message)
    with pytest.raises(NotFound, match="there is no pod 'nobody'"):
        await platform.server.runs.why_object("pod", "nobody")
