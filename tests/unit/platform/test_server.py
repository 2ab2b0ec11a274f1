"""Runs from submission to verdict, on a real API server with a scripted node."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress

import pytest

from seaway.client.client import Client
from seaway.client.errors import Unreachable
from seaway.model.run import Phase, RunSpec, TaskSpec
from seaway.model.verdict import VerdictClass
from seaway.objects.builtin import NAMESPACES, PODS, SECRETS
from seaway.objects.errors import AlreadyExists
from seaway.platform.errors import Conflict, Invalid, NotFound, StaleFence, Unauthorized
from seaway.platform.server import run_server
from seaway.platform.workloads.pod import build_token_secret

NAMESPACE = "seaway-default"


def spec(*command: str, name: str | None = None, **fields) -> RunSpec:
    return RunSpec(name=name, tasks=(TaskSpec(command=command, **fields),))


async def log_of(server, run: str, **options) -> str:
    return b"".join([chunk async for chunk in await server.runs.logs(run, **options)]).decode()


async def until(server, condition, timeout: float = 60.0) -> None:
    """Wait until a condition of the engine holds; it is looked at after every change."""
    async with asyncio.timeout(timeout):
        while not await condition():
            change = server._engine.changed.next()
            if not await condition():
                await asyncio.wait([change], timeout=0.2)


async def phase_is(server, run: str, phase: Phase) -> None:
    async def condition() -> bool:
        return (await server.runs.get(run)).phase is phase

    await until(server, condition)


async def pods_gone(server, kubernetes) -> None:
    async def condition() -> bool:
        return not (await kubernetes.client.list(PODS, NAMESPACE))["items"]

    await until(server, condition)


async def test_a_program_that_ends_with_0_is_a_run_that_succeeded(server) -> None:
    submitted = await server.runs.submit(spec("say", "42", "0", name="good"), user="ada")
    assert submitted.phase is Phase.QUEUED
    ended = await server.runs.wait("good", timeout=60)
    assert (ended.phase, ended.exit_code) == (Phase.SUCCEEDED, 0)
    assert ended.tasks[0].attempts[0].pod == "good-1"
    log = await log_of(server, "good")
    assert "42\n" in log
    assert log.startswith("[seaway] queued\n")
    assert "[seaway] placed on node node-1\n" in log


async def test_a_failure_keeps_the_programs_own_exit_code_and_says_why(server) -> None:
    await server.runs.submit(spec("say", "ValueError: 7 is odd", "3", name="bad"), user="ada")
    ended = await server.runs.wait("bad", timeout=60)
    assert (ended.phase, ended.exit_code) == (Phase.FAILED, 3)
    assert ended.verdict.class_ is VerdictClass.USER
    explained = await server.runs.why("bad")
    assert (explained.subject, explained.class_) == ("bad", VerdictClass.USER)


async def test_nothing_is_left_in_the_cluster_and_all_of_it_in_history(server, kubernetes) -> None:
    await server.runs.submit(spec("say", "a line", "1", name="gone"), user="ada")
    await server.runs.wait("gone", timeout=60)
    await pods_gone(server, kubernetes)
    await kubernetes.client.delete(NAMESPACES, NAMESPACE)
    assert "a line\n" in await log_of(server, "gone")
    assert (await server.runs.why("gone")).cause
    assert not (await kubernetes.client.list(SECRETS, NAMESPACE))["items"]


async def test_tasks_start_in_their_order_and_those_after_a_failure_are_skipped(server, kubernetes) -> None:
    tasks = (
        TaskSpec(name="a", command=("exit", "0")),
        TaskSpec(name="b", command=("exit", "5"), after=("a",)),
        TaskSpec(name="c", command=("exit", "0"), after=("a",)),
        TaskSpec(name="d", command=("exit", "0"), after=("b", "c")),
        TaskSpec(name="e", command=("exit", "0"), after=("d",)),
    )
    await server.runs.submit(RunSpec(name="graph", tasks=tasks), user="ada")
    ended = await server.runs.wait("graph", timeout=60)
    phases = {task.name: task.phase.value for task in ended.tasks}
    assert phases == {"a": "succeeded", "b": "failed", "c": "succeeded", "d": "skipped", "e": "skipped"}
    assert (ended.phase, ended.exit_code) == (Phase.FAILED, 5)
    assert kubernetes.node.started[0] == "graph--a-1"
    assert "[seaway] failed" in await log_of(server, "graph", task="b")


async def test_retries_are_used_up_and_every_attempt_keeps_its_log(server, kubernetes) -> None:
    await server.runs.submit(spec("exit", "2", name="again", retries=2), user="ada")
    ended = await server.runs.wait("again", timeout=60)
    assert [attempt.phase for attempt in ended.tasks[0].attempts] == [Phase.FAILED] * 3
    assert kubernetes.node.started == ["again-1", "again-2", "again-3"]
    for number in (1, 2, 3):
        assert f"hello from again-{number}" in await log_of(server, "again", attempt=number)


async def test_retry_gives_an_ended_run_a_new_attempt(server) -> None:
    await server.runs.submit(spec("exit", "2", name="retried"), user="ada")
    await server.runs.wait("retried", timeout=60)
    again = await server.runs.retry("retried")
    assert not again.phase.ended
    ended = await server.runs.wait("retried", timeout=60)
    assert [attempt.number for attempt in ended.tasks[0].attempts] == [1, 2]
    with pytest.raises(Conflict, match="nothing to try"):
        await server.runs.submit(spec("exit", "0", name="fine"), user="ada")
        await server.runs.wait("fine", timeout=60)
        await server.runs.retry("fine")


async def test_stop_ends_a_running_program_gracefully(server) -> None:
    await server.runs.submit(spec("hang", name="long"), user="ada")
    await phase_is(server, "long", Phase.RUNNING)
    await server.runs.stop("long")
    ended = await server.runs.wait("long", timeout=60)
    assert ended.phase is Phase.STOPPED
    assert ended.verdict.class_ is VerdictClass.CANCELLED
    assert "stopping in order" in await log_of(server, "long")


async def test_stop_while_nothing_could_be_placed(server) -> None:
    await server.runs.submit(spec("unplaceable", name="big"), user="ada")

    async def says_so() -> bool:
        return "Insufficient cpu" in (await server.runs.why("big")).model_dump_json()

    await until(server, says_so)
    await server.runs.stop("big")
    assert (await server.runs.wait("big", timeout=60)).phase is Phase.STOPPED


async def test_a_timeout_ends_a_program_gracefully(server) -> None:
    await server.runs.submit(spec("hang", name="slow", timeout_seconds=0.2), user="ada")
    ended = await server.runs.wait("slow", timeout=60)
    assert ended.phase is Phase.FAILED
    assert ended.verdict.class_ is VerdictClass.DEADLINE
    assert "stopping in order" in await log_of(server, "slow")


async def test_a_pod_that_somebody_deletes_is_tried_again_without_counting(server, kubernetes) -> None:
    await server.runs.submit(spec("hang", name="lost"), user="ada")
    await phase_is(server, "lost", Phase.RUNNING)
    await kubernetes.client.delete(PODS, "lost-1", NAMESPACE)

    async def second() -> bool:
        attempts = (await server.runs.get("lost")).tasks[0].attempts
        return len(attempts) == 2 and attempts[1].phase is Phase.RUNNING

    await until(server, second)
    first = (await server.runs.get("lost")).tasks[0].attempts[0]
    assert first.verdict.class_ is VerdictClass.INFRASTRUCTURE
    await server.runs.stop("lost")
    await server.runs.wait("lost", timeout=60)


async def test_a_pod_that_somebody_deletes_before_a_node_has_it_is_tried_again(server, kubernetes) -> None:
    await server.runs.submit(spec("unplaceable", name="big"), user="ada")

    async def waits() -> bool:
        return "Insufficient cpu" in (await server.runs.why("big")).model_dump_json()

    await until(server, waits)
    await kubernetes.client.delete(PODS, "big-1", NAMESPACE)

    async def second() -> bool:
        return len((await server.runs.get("big")).tasks[0].attempts) == 2

    await until(server, second)
    first = (await server.runs.get("big")).tasks[0].attempts[0]
    assert (first.verdict.class_, first.verdict.cause) == (VerdictClass.INFRASTRUCTURE, "PodDeleted")
    await server.runs.stop("big")
    await server.runs.wait("big", timeout=60)


async def test_a_log_is_followed_on_by_the_next_server(kubernetes, settings) -> None:
    async with run_server(settings, kubernetes.client) as server:
        await server.runs.submit(spec("hang", name="followed"), user="ada")
        await phase_is(server, "followed", Phase.RUNNING)

    async with run_server(settings, kubernetes.client) as server:

        async def is_followed() -> bool:
            return len(server._engine._collector._following) == 1

        await until(server, is_followed)
        await server.runs.stop("followed")
        await server.runs.wait("followed", timeout=60)


async def test_a_drained_server_goes_on_at_its_next_start(kubernetes, settings) -> None:
    async with run_server(settings, kubernetes.client) as server:
        await server.runs.submit(spec("hang", name="resumes"), user="ada")
        await phase_is(server, "resumes", Phase.RUNNING)
        assert await server.drain(timeout=60)
        assert (await server.runs.get("resumes")).phase is Phase.QUEUED
    assert not (await kubernetes.client.list(PODS, NAMESPACE))["items"]
    async with run_server(settings, kubernetes.client) as server:
        await phase_is(server, "resumes", Phase.RUNNING)
        attempts = (await server.runs.get("resumes")).tasks[0].attempts
        assert [attempt.number for attempt in attempts] == [1, 2]
        await server.runs.stop("resumes")
        await server.runs.wait("resumes", timeout=60)


async def test_a_server_that_was_killed_takes_its_pods_up_again(kubernetes, settings) -> None:
    async with run_server(settings, kubernetes.client) as server:
        await server.runs.submit(spec("hang", name="survives"), user="ada")
        await phase_is(server, "survives", Phase.RUNNING)
    async with run_server(settings, kubernetes.client) as server:
        assert (await server.runs.get("survives")).phase is Phase.RUNNING
        await server.runs.stop("survives")
        ended = await server.runs.wait("survives", timeout=60)
        assert len(ended.tasks[0].attempts) == 1
        log = await log_of(server, "survives")
    assert log.count("hello from survives-1") == 1
    assert kubernetes.node.started == ["survives-1"]


async def test_a_token_that_an_earlier_process_left_behind_is_removed(kubernetes, settings) -> None:
    async with run_server(settings, kubernetes.client) as server:
        await server.runs.submit(spec("hang", name="old"), user="ada")
        await phase_is(server, "old", Phase.RUNNING)
        (made,) = (await kubernetes.client.list(SECRETS, NAMESPACE))["items"]
        await server.runs.stop("old")
        await server.runs.wait("old", timeout=60)
    secret = build_token_secret("old", made["metadata"]["labels"]["seaway.dev/run-uid"], NAMESPACE, "t0ken")
    assert secret["metadata"]["name"] == made["metadata"]["name"]
    with suppress(AlreadyExists):  # the first server may have been too quick for its own removal
        await kubernetes.client.create(SECRETS, secret, NAMESPACE)
    async with run_server(settings, kubernetes.client), asyncio.timeout(60):
        while (await kubernetes.client.list(SECRETS, NAMESPACE))["items"]:
            await asyncio.sleep(0.01)  # tidied up in the background


async def test_a_pod_that_ended_while_the_server_was_down_is_recorded(kubernetes, settings) -> None:
    async with run_server(settings, kubernetes.client) as server:
        await server.runs.submit(spec("hang", name="meanwhile"), user="ada")
        await phase_is(server, "meanwhile", Phase.RUNNING)
    await kubernetes.node.end_all()
    async with run_server(settings, kubernetes.client) as server:
        ended = await server.runs.wait("meanwhile", timeout=60)
        assert (ended.phase, ended.exit_code) == (Phase.FAILED, 143)
        assert "stopping in order" in await log_of(server, "meanwhile")


async def test_a_pod_of_the_name_that_is_not_ours_is_waited_for_and_named(server, kubernetes) -> None:
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "taken-1"},
        "spec": {
            "containers": [
                {
                    "name": "main",
                    "image": "python",
                    "env": [{"name": "SEAWAY_SPEC", "value": '{"command": ["hang"]}'}],
                }
            ]
        },
    }
    kubernetes.node.hold = True
    await kubernetes.client.create(PODS, pod, NAMESPACE)
    await server.runs.submit(spec("exit", "0", name="taken"), user="ada")

    async def says_so() -> bool:
        return "taken-1" in (await server.runs.get("taken")).message

    await until(server, says_so)
    kubernetes.node.hold = False
    await kubernetes.client.delete(PODS, "taken-1", NAMESPACE, grace_seconds=0)
    assert (await server.runs.wait("taken", timeout=60)).phase is Phase.SUCCEEDED


async def test_many_tasks_never_hold_more_pods_than_allowed(kubernetes, settings) -> None:
    from dataclasses import replace

    narrow = replace(settings, engine=replace(settings.engine, pods_in_flight=3))
    async with run_server(narrow, kubernetes.client) as server:
        tasks = tuple(TaskSpec(name=f"t{n}", command=("exit", "0")) for n in range(20))
        await server.runs.submit(RunSpec(name="wide", tasks=tasks), user="ada")
        ended = await server.runs.wait("wide", timeout=60)
        assert ended.phase is Phase.SUCCEEDED
        assert len(kubernetes.node.started) == 20


async def test_every_task_of_a_large_run_says_behind_whom_it_waited(kubernetes, settings) -> None:
    from dataclasses import replace

    narrow = replace(settings, engine=replace(settings.engine, pods_in_flight=3))
    async with run_server(narrow, kubernetes.client) as server:
        tasks = tuple(TaskSpec(name=f"t{n:03}", command=("exit", "0")) for n in range(120))
        await server.runs.submit(RunSpec(name="wide", tasks=tasks), user="ada")
        await server.runs.wait("wide", timeout=100)
        log = (await log_of(server, "wide")).splitlines()
        said = [line.partition("queued ")[2].partition(":")[0] for line in log if "in flight" in line]
    behind = [f"behind {n} task{'s'[: n > 1]} of 1 run" for n in range(1, 117)]
    assert said == ["first in line for the next pod", *behind]


async def test_a_follower_sees_the_whole_log_and_ends_with_the_run(server) -> None:
    await server.runs.submit(spec("hang", name="followed"), user="ada")
    follower = asyncio.create_task(log_of(server, "followed", follow=True))
    await phase_is(server, "followed", Phase.RUNNING)
    await server.runs.stop("followed")
    async with asyncio.timeout(60):
        log = await follower
    assert log == await log_of(server, "followed")
    assert "stopping in order" in log


async def test_names_are_made_from_the_script_and_a_taken_one_is_refused(server) -> None:
    made = await server.runs.submit(spec("python", "My Train_v2.py"), user="ada")
    assert made.name.startswith("my-train-v2-")
    await server.runs.submit(spec("exit", "0", name="mine"), user="ada")
    with pytest.raises(Conflict, match="'mine'") as refused:
        await server.runs.submit(spec("exit", "0", name="mine"), user="ada")
    assert refused.value.remedy


async def test_code_that_was_never_uploaded_is_refused_before_anything_is_stored(server) -> None:
    with pytest.raises(Invalid, match="not uploaded"):
        await server.runs.submit(spec("exit", "0", name="early", code="0" * 64), user="ada")
    with pytest.raises(NotFound):
        await server.runs.get("early")


async def test_the_bin_and_back(server) -> None:
    await server.runs.submit(spec("exit", "0", name="old"), user="ada")
    await server.runs.wait("old", timeout=60)
    assert (await server.runs.remove("old")).deleted is not None
    assert (await server.runs.list()) == []
    assert (await server.runs.restore("old")).deleted is None
    assert [run.name for run in await server.runs.list(all=True)] == ["old"]
    with pytest.raises(Conflict, match="not in the bin"):
        await server.runs.restore("old")


async def test_a_list_is_paged_and_bounded(server) -> None:
    for name in ("one", "two", "three"):
        await server.runs.submit(spec("exit", "0", name=name), user="ada")
        await server.runs.wait(name, timeout=60)
    assert [run.name for run in await server.runs.list(all=True, limit=2)] == ["three", "two"]
    assert [run.name for run in await server.runs.list(all=True, limit=2, before="two")] == ["one"]
    with pytest.raises(Invalid, match="cannot be listed"):
        await server.runs.list(limit=0)


async def body(data: bytes):
    yield data


async def test_a_runs_token_opens_its_run_until_it_has_ended(server, kubernetes) -> None:
    await server.runs.submit(spec("hang", name="guarded"), user="ada")
    await phase_is(server, "guarded", Phase.RUNNING)
    secret = (await kubernetes.client.list(SECRETS, NAMESPACE))["items"][0]
    import base64

    token = base64.b64decode(secret["data"]["token"]).decode()
    assert await server.runs.authenticate_run_token(token) == "guarded"
    for wrong in ("", "guarded", token[:-1], f"other{token[7:]}"):
        with pytest.raises(Unauthorized):
            await server.runs.authenticate_run_token(wrong)
    await server.runs.stop("guarded")
    await server.runs.wait("guarded", timeout=60)
    with pytest.raises(Unauthorized):
        await server.runs.authenticate_run_token(token)


async def test_a_commit_with_an_old_fencing_number_changes_nothing(server) -> None:
    import io
    import tarfile
    from hashlib import sha256

    await server.runs.submit(spec("hang", name="fenced"), user="ada")
    await phase_is(server, "fenced", Phase.RUNNING)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        entry = tarfile.TarInfo("model.bin")
        entry.size = 3
        archive.addfile(entry, io.BytesIO(b"abc"))
    with pytest.raises(StaleFence):
        await server.runs.commit_outputs("fenced", "main", 0, body(buffer.getvalue()))
    assert await server.runs.outputs("fenced") == []
    async with asyncio.timeout(60):
        while "refused the outputs of an earlier attempt (fencing number 0)" not in await log_of(
            server, "fenced"
        ):
            await asyncio.sleep(0.01)
    await server.runs.commit_outputs("fenced", "main", 1, body(buffer.getvalue()))
    listed = json.dumps({"blocks": [[sha256(b"state").hexdigest(), 5]]}, separators=(",", ":")).encode()
    with pytest.raises(StaleFence):
        await server.runs.save_checkpoint("fenced", "main", 0, body(listed + b"\nstate"))
    await server.runs.save_checkpoint("fenced", "main", 1, body(listed + b"\nstate"))
    assert [(o.path, o.size) for o in await server.runs.outputs("fenced")] == [("model.bin", 3)]
    _, chunks = await server.runs.open_output("fenced", "main", "model.bin")
    assert b"".join([chunk async for chunk in chunks]) == b"abc"
    checkpoint = await server.runs.get_checkpoint("fenced", "main")
    assert b"".join([chunk async for chunk in checkpoint]) == listed + b"\nstate"
    await server.runs.stop("fenced")
    await server.runs.wait("fenced", timeout=60)


class LateCreation:
    """Loses the answer to the first creation of a pod, and keeps the second on its way until it may arrive."""

    def __init__(self, inner) -> None:
        self._inner, self._creations = inner, 0
        self.sent, self.arrives = asyncio.Event(), asyncio.Event()

    def __getattr__(self, name: str):
        return getattr(self._inner, name)

    async def send(self, request):
        if request.method != "POST" or not request.path.endswith("/pods"):
            return await self._inner.send(request)
        self._creations += 1
        if self._creations == 1:
            await self._inner.send(request)
            raise Unreachable("the answer was lost")
        self.sent.set()
        await self.arrives.wait()
        return await self._inner.send(request)


async def test_a_creation_that_arrives_late_finds_the_name_taken(kubernetes, settings) -> None:
    """The pod that the lost answer was about may have ended by then: letting it go would have it run twice."""
    transport = LateCreation(kubernetes.client.transport)
    async with run_server(settings, Client(transport)) as server:
        await server.runs.submit(spec("hang", name="late"), user="ada")
        await transport.sent.wait()
        await kubernetes.node.end_all()

        async def ended() -> bool:
            return (await server.runs.get("late")).tasks[0].attempts[0].phase.ended

        await until(server, ended)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await pods_gone(server, kubernetes)
        transport.arrives.set()
        await server.runs.wait("late", timeout=60)
        await pods_gone(server, kubernetes)
    assert kubernetes.node.started == ["late-1"]
