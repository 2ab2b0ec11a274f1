"""The wait limit: what is decided about tasks that have not started in time, and how long they have waited, whatever the clock says."""

from __future__ import annotations

from dataclasses import replace

import pytest

from seaway.base.clock import ManualClock
from seaway.base.tasks import Backoff
from seaway.model.run import Phase, RunSpec, TaskSpec
from seaway.model.verdict import Verdict, VerdictClass
from seaway.objects.builtin import PODS
from seaway.platform.database.records import AttemptRecord, RunRecord, TaskRecord
from seaway.platform.diagnosis.rules.requests import WAIT_LIMIT
from seaway.platform.diagnosis.waits import NO_ROOM
from seaway.platform.engine import texts
from seaway.platform.engine.ages import AttemptAges
from seaway.platform.engine.cluster import find_pod, take_back_pod
from seaway.platform.engine.plan import decide
from seaway.platform.engine.situation import WAIT, Ages, Blocker, Decision, Effect, Need, Policy, Situation
from seaway.platform.server import run_server
from seaway.platform.workloads.observation import Observation
from tests.clocks import SetClock
from tests.languages import Marked
from tests.waiting import until

NAMESPACE = "seaway-default"
NOW, LIMIT = 10_000.0, 7200.0
POLICY = Policy(Backoff(1.0, 2.0, 60.0))
RUN = RunRecord(1, "uid", "run", "ada", "ns", Phase.QUEUED, "", "x", NOW)
SPEC = TaskSpec(command=("x",), wait_limit_seconds=LIMIT, retries=3)
TASK = TaskRecord(1, "main", 0, waits_since=NOW - LIMIT, message="waits for what was there before")
ATTEMPT = AttemptRecord(1, "main", 1, 1, "run-1", Phase.STARTING, NOW - LIMIT)
ENDED = replace(ATTEMPT, phase=Phase.FAILED)
POD = Observation("run-1", "pod-uid", "uid", "main", 1, "Pending", held=True)
UNPLACED = replace(POD, waiting="Unschedulable", waiting_message="0/1 nodes are available")
NO_GPU = Blocker(UNPLACED.why_waiting, "no node has a free GPU")
PULLING = replace(POD, node="n", lease=20.0)
RUNNING = replace(PULLING, phase="Running", started=NOW - 1)
OVER, NEARLY = LIMIT, LIMIT - 5
BEGAN = replace(TASK, begun=True, waits_since=None)
LOST = Verdict.model_validate(
    {"class": "infrastructure", "cause": "NodeLost", "message": "its node was lost"}
)


def situation(**changes) -> Situation:
    values = {
        "run": RUN, "task": TASK, "spec": SPEC, "attempt": None, "need": Need.MET, "waits_for": "", "now": NOW, "waited": OVER,
    }  # fmt: skip
    return Situation(**values | changes)


def under_way(pod: Observation | None, **changes) -> Situation:
    task = replace(TASK, phase=Phase.STARTING, fence=1)
    return situation(**{"attempt": ATTEMPT, "task": task, "pod": pod} | changes)


BEFORE_AN_ATTEMPT = [
    ("not over yet", {"waited": NEARLY, "room": False}, Phase.QUEUED, NO_ROOM),
    ("no limit", {"spec": TaskSpec(command=("x",)), "room": False}, Phase.QUEUED, NO_ROOM),
    ("over in the queue", {"room": False}, Phase.FAILED, f"it did not start within its wait limit of 2h; at the end: {NO_ROOM}"),
    ("over before a lock", {"locked": "waits for the lock 'x'"}, Phase.FAILED, "it did not start within its wait limit of 2h; at the end: waits for the lock 'x'"),
    ("over before this server looked", {}, Phase.FAILED, "it did not start within its wait limit of 2h; at the end: waits for what was there before"),
    ("over in a back-off before the first start", {"attempt": ENDED, "task": replace(TASK, not_before=NOW + 5)}, Phase.FAILED, "it did not start within its wait limit of 2h; at the end: waits for what was there before"),
    ("it has started once: the next attempt waits for as long as it takes", {"attempt": ENDED, "task": BEGAN, "room": False}, Phase.QUEUED, NO_ROOM),
    ("another task comes first: that is no waiting", {"need": Need.OPEN, "waits_for": "a", "task": replace(TASK, waits_since=None)}, Phase.QUEUED, "waits for the task 'a'"),
    ("it was stopped", {"run": replace(RUN, stop_requested=NOW)}, Phase.STOPPED, texts.STOPPED_BEFORE_START),
]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "phase", "message"), [c[1:] for c in BEFORE_AN_ATTEMPT], ids=[c[0] for c in BEFORE_AN_ATTEMPT]
)
def test_a_task_without_an_attempt_under_way(changes, phase, message) -> None:
    decision = decide(situation(**changes), POLICY)
    assert (decision.task.phase, decision.task.message, decision.effects) == (phase, message, ())
    if phase is Phase.FAILED:
        assert (decision.task.verdict["class"], decision.task.verdict["cause"]) == ("deadline", WAIT_LIMIT)


def test_the_wait_begins_when_what_comes_before_has_succeeded_and_is_looked_at_when_it_is_over() -> None:
    fresh = replace(TASK, waits_since=None)
    waits = decide(situation(task=fresh, room=False, waited=0.0), POLICY)
    assert (waits.task.waits_since, waits.look_again) == (NOW, LIMIT)
    before = decide(situation(task=fresh, need=Need.OPEN, waits_for="a", waited=0.0), POLICY)
    assert (before.task.waits_since, before.look_again) == (None, None)
    placed = decide(under_way(PULLING, waited=NEARLY), POLICY)
    assert (placed.task.phase, placed.look_again) == (Phase.STARTING, 5.0)


ASKED = replace(ATTEMPT, asked=WAIT, asked_at=NOW, phase=Phase.STOPPING)
SAID = "it did not start within its wait limit of 2h; at the end: no node has a free GPU"
STOPPING = replace(TASK, phase=Phase.STOPPING, message=SAID, fence=1)
GOING = {"attempt": ASKED, "task": STOPPING}
WITH_AN_ATTEMPT = [
    ("why it waits is found out first", under_way(UNPLACED), "", Phase.STARTING, (Effect.EXAMINE,)),
    ("what was found is about something else", under_way(PULLING, blocker=NO_GPU), "", Phase.STARTING, (Effect.EXAMINE,)),
    ("its pod is taken back", under_way(UNPLACED, blocker=NO_GPU), WAIT, Phase.STOPPING, (Effect.DELETE,)),
    ("a placed one too: its image is being pulled", under_way(PULLING, blocker=Blocker(": ", "its image")), WAIT, Phase.STOPPING, (Effect.DELETE,)),
    ("it waits for the pod to go", under_way(replace(PULLING, deleting=True), **GOING), WAIT, Phase.STOPPING, ()),
    ("it is deleted until it is", under_way(PULLING, **GOING), WAIT, Phase.STOPPING, (Effect.DELETE,)),
    ("no pod could be made", under_way(None, blocker=Blocker("NotCreated", "the quota is used up")), WAIT, Phase.STOPPING, (Effect.JUDGE,)),
    ("a pod is being made: whether it exists is not known", under_way(None, creating=True), "", Phase.STARTING, ()),
    ("it runs: the limit means nothing any more", under_way(RUNNING), "", Phase.RUNNING, ()),
    ("it started before its pod was taken back", under_way(RUNNING, **GOING), "", Phase.RUNNING, ()),
    ("it started, and its pod is taken back already", under_way(replace(RUNNING, deleting=True), **GOING), WAIT, Phase.STOPPING, ()),
    ("it started and ended: how is to be judged", under_way(replace(RUNNING, phase="Failed", exit_code=143), **GOING), WAIT, Phase.STOPPING, (Effect.JUDGE,)),
    ("its node is lost: by its lease nothing runs", under_way(replace(PULLING, deleting=True), ages=Ages(deletion=1e6, silence=1e6), **GOING), WAIT, Phase.FAILED, (Effect.RELEASE,)),
    ("its node is lost, and no lease says that nothing runs", under_way(replace(PULLING, lease=0.0, deleting=True), ages=Ages(deletion=1e6), **GOING), WAIT, Phase.STOPPING, (Effect.JUDGE,)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("now", "asked", "phase", "effects"),
    [c[1:] for c in WITH_AN_ATTEMPT],
    ids=[c[0] for c in WITH_AN_ATTEMPT],
)
def test_a_task_with_an_attempt_under_way(now, asked, phase, effects) -> None:
    decision = decide(now, POLICY)
    assert (decision.attempt.asked, decision.task.phase, decision.effects) == (asked, phase, effects)


def test_the_end_says_what_was_waited_for_when_it_was_decided() -> None:
    asked = decide(under_way(UNPLACED, blocker=NO_GPU), POLICY)
    assert asked.task.message == SAID
    gone = replace(UNPLACED, deleting=True)
    ended = decide(situation(attempt=asked.attempt, task=asked.task, pod=gone), POLICY)
    assert (ended.task.phase, ended.task.message, ended.attempt.phase) == (Phase.FAILED, SAID, Phase.FAILED)
    assert ended.task.verdict == ended.attempt.verdict
    assert Verdict.from_stored(ended.task.verdict).class_ is VerdictClass.DEADLINE
    assert ended.effects == (Effect.RELEASE,)


def test_without_a_pod_the_verdict_ends_it_and_no_retry_is_used() -> None:
    found = Verdict.model_validate({"class": "deadline", "cause": WAIT_LIMIT, "message": SAID})
    ended = decide(under_way(None, verdict=found, **GOING), POLICY)
    assert (ended.task.phase, ended.task.failures) == (Phase.FAILED, 0)


def test_what_started_is_remembered_and_waits_for_as_long_as_it_takes_after_a_loss() -> None:
    running = decide(under_way(RUNNING), POLICY)
    assert (running.task.begun, running.task.waits_since) == (True, None)
    lost = decide(
        situation(attempt=running.attempt, task=running.task, pod=replace(RUNNING, gone=True), verdict=LOST),
        POLICY,
    )
    assert (lost.task.phase, lost.task.begun) == (Phase.QUEUED, True)
    assert settled(lost).task.phase is Phase.QUEUED


def settled(lost: Decision) -> Decision:
    return decide(
        situation(attempt=lost.attempt, task=replace(lost.task, not_before=None), room=False), POLICY
    )


def test_a_loss_before_the_start_leaves_the_wait_as_it_was() -> None:
    early = replace(STOPPING, phase=Phase.STARTING, waits_since=NOW - 60)
    lost = decide(under_way(replace(PULLING, gone=True), task=early, verdict=LOST, waited=60.0), POLICY)
    assert (lost.task.phase, lost.task.waits_since) == (Phase.QUEUED, NOW - 60)


@pytest.mark.parametrize(
    ("boot", "step", "waited"),
    [
        pytest.param("this", 0.0, 30.0, id="as it was"),
        pytest.param("this", LIMIT, 30.0, id="set forward"),
        pytest.param("this", -LIMIT, 30.0, id="set back"),
        pytest.param("another", 0.0, 30.0, id="on another machine"),
        pytest.param("another", -LIMIT, 0.0, id="set back, on another machine"),
    ],
)
def test_a_server_that_is_started_again_goes_on_measuring(boot, step, waited) -> None:
    clock = ManualClock()
    task = AttemptAges(clock, "this").measured_wait(replace(TASK, waits_since=clock.now()))
    clock.set_by(step)
    clock.advance(30.0)
    assert AttemptAges(clock, boot).waited(task) == waited
    assert AttemptAges(clock, boot).waited(replace(task, waits_since=None)) == 0.0


@pytest.mark.parametrize(
    "before",
    [
        pytest.param(replace(TASK, phase=Phase.FAILED), id="it did not start in time"),
        pytest.param(replace(BEGAN, phase=Phase.FAILED), id="its program failed"),
    ],
)
def test_a_wait_counts_anew_after_a_retry(before: TaskRecord) -> None:
    clock = ManualClock()
    ages = AttemptAges(clock, "this")
    ages.measured_wait(replace(before, waits_since=clock.now()))
    ended = replace(before, boot_id="this", waits_since_monotonic=clock.monotonic())
    clock.advance(LIMIT)
    again = replace(ended, phase=Phase.QUEUED, begun=False, waits_since=None)
    waits = decide(situation(task=again, now=clock.now(), waited=ages.waited(again), room=False), POLICY)
    stored = ages.measured_wait(waits.task)
    assert stored.waits_since == clock.now()
    assert [one.waited(stored) for one in (ages, AttemptAges(clock, "this"))] == [0.0, 0.0]


def test_of_a_task_that_has_ended_no_wait_is_measured() -> None:
    clock = ManualClock()
    ages = AttemptAges(clock, "this")
    waits = ages.measured_wait(replace(TASK, waits_since=clock.now()))
    clock.advance(LIMIT)
    ended = replace(waits, phase=Phase.FAILED)
    assert (ages.measured_wait(ended), ages.waited(ended)) == (ended, 0.0)


async def test_a_run_that_did_not_start_in_time_ends_after_its_pod_is_gone_and_can_be_tried_again(
    kubernetes, settings
) -> None:
    task = TaskSpec(command=("unplaceable",), wait_limit_seconds=0.5)
    async with run_server(settings, kubernetes.client) as server:
        await server.runs.submit(RunSpec(name="waits", tasks=(task,)), user="ada")
        ended = await server.runs.wait("waits", timeout=60)
        assert (ended.phase, ended.verdict.class_, ended.verdict.cause) == (
            Phase.FAILED,
            VerdictClass.DEADLINE,
            WAIT_LIMIT,
        )
        await until(
            lambda: kubernetes.client.list(PODS, "seaway-default"), check=lambda found: not found["items"]
        )
        told = await server.runs.why("waits")
        assert told.message.startswith("it did not start within its wait limit of 0.5s; at the end: ")
        assert told.next_step == "seaway retry waits"
        await server.runs.retry("waits")
        again = await server.runs.wait("waits", timeout=60)
        assert [one.verdict.cause for one in again.tasks[0].attempts] == [WAIT_LIMIT, WAIT_LIMIT]


async def test_a_pod_that_has_changed_since_it_was_seen_is_not_taken_back(kubernetes, settings) -> None:
    async with run_server(settings, kubernetes.client):
        pass  # it makes the namespace
    pod = {
        "metadata": {"name": "p", "namespace": NAMESPACE},
        "spec": {"containers": [{"name": "c", "image": "i"}]},
    }
    kubernetes.node.hold = True
    seen = await kubernetes.client.create(PODS, pod)
    newer = await kubernetes.client.patch(PODS, "p", {"metadata": {"labels": {"a": "b"}}}, NAMESPACE)
    assert not await take_back_pod(kubernetes.client, seen)
    assert (await kubernetes.client.get(PODS, "p", NAMESPACE))["metadata"]["labels"] == {"a": "b"}
    assert await take_back_pod(kubernetes.client, newer)
    assert await find_pod(kubernetes.client, "p", NAMESPACE, "") is None


async def test_a_wait_outlives_the_server_though_the_clock_is_set_meanwhile(kubernetes, settings) -> None:
    clock, task = SetClock(), TaskSpec(command=("unplaceable",), wait_limit_seconds=3600.0)
    async with run_server(settings, kubernetes.client, clock=clock) as server:
        await server.runs.submit(RunSpec(name="waits", tasks=(task,)), user="ada")
        await until(lambda: server.runs.why("waits"), check=lambda told: told.cause == "Unschedulable")
    clock.ahead = 7200.0
    async with run_server(settings, kubernetes.client, clock=clock) as server:
        await server.runs.submit(RunSpec(name="later", tasks=(TaskSpec(command=("exit", "0")),)), user="ada")
        await server.runs.wait("later", timeout=60)  # the other one was looked at before
        assert (await server.runs.get("waits")).phase is not Phase.FAILED
        assert "it is given up unless it has started by" in (await server.runs.why("waits")).done
        await server.runs.stop("waits")
        await server.runs.wait("waits", timeout=60)


async def test_who_waits_for_a_lock_too_long_ends_without_an_attempt_and_the_next_one_gets_it(
    kubernetes, settings
) -> None:
    async with run_server(settings, kubernetes.client) as server:
        for name, fields in (("holds", {}), ("waits", {"wait_limit_seconds": 0.5}), ("next", {})):
            command = ("exit", "0") if name == "next" else ("hang",)
            spec = RunSpec(name=name, tasks=(TaskSpec(command=command, lock="data", **fields),))
            await server.runs.submit(spec, user="ada")
            if name == "holds":
                await until(lambda: server.runs.get("holds"), check=lambda view: view.phase is Phase.RUNNING)
        ended = await server.runs.wait("waits", timeout=60)
        assert (ended.verdict.cause, ended.tasks[0].attempts) == (WAIT_LIMIT, ())
        told = await server.runs.why("waits")
        assert "at the end: waits for the lock 'data', which run 'holds' has held since" in told.message
        held = "<waits for the lock 'data', which <run 'holds'> has held since"
        limit = "<it did not start within its wait limit of 0.5s; at the end: "
        assert told.spoken_in(Marked()).message.startswith(f"{limit}{held}")
        log = b"".join([chunk async for chunk in await server.runs.logs("waits")]).decode()
        assert "it did not start within its wait limit of 0.5s" in log
        await server.runs.stop("holds")
        assert (await server.runs.wait("next", timeout=60)).phase is Phase.SUCCEEDED


async def test_a_wait_limit_beyond_every_calendar_is_explained_without_a_time(kubernetes, settings) -> None:
    task = TaskSpec(command=("unplaceable",), wait_limit_seconds=1e12)
    async with run_server(settings, kubernetes.client) as server:
        await server.runs.submit(RunSpec(name="waits", tasks=(task,)), user="ada")
        told = await until(
            lambda: server.runs.why("waits"), check=lambda found: found.cause == "Unschedulable"
        )
        assert "given up" not in told.message
        await server.runs.stop("waits")
        await server.runs.wait("waits", timeout=60)
