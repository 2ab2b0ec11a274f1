"""What the engine decides about one task, as a table."""

from __future__ import annotations

from dataclasses import replace

import pytest

from seaway.base.tasks import Backoff
from seaway.model.resources import Resources
from seaway.model.run import Phase, TaskSpec
from seaway.model.verdict import Verdict, VerdictClass
from seaway.platform.database.records import AttemptRecord, RunRecord, TaskRecord
from seaway.platform.diagnosis.rules.infrastructure import UNCONFIRMED
from seaway.platform.diagnosis.rules.python import NO_PYTHON
from seaway.platform.diagnosis.rules.resources import OUT_OF_MEMORY
from seaway.platform.engine import texts
from seaway.platform.engine.plan import decide
from seaway.platform.engine.situation import Ages, Blocker, Effect, Need, Policy, Situation
from seaway.platform.workloads.observation import Observation

NOW = 1000.0
POLICY = Policy(Backoff(1.0, 2.0, 60.0))
RUN = RunRecord(1, "uid", "run", "ada", "ns", Phase.QUEUED, "", "x", NOW)
TASK = TaskRecord(1, "main", 0)
SPEC = TaskSpec(command=("x",))


def replace_spec(**changes) -> TaskSpec:
    return SPEC.model_copy(update=changes)


ATTEMPT = AttemptRecord(1, "main", 1, 1, "run-1", Phase.STARTING, NOW)
POD = Observation("run-1", "pod-uid", "uid", "main", 1, "Pending", held=True)
RUNNING = replace(POD, phase="Running", node="n", started=NOW - 10)
DONE = replace(RUNNING, phase="Succeeded", exit_code=0, finished=NOW)
BROKE = replace(RUNNING, phase="Failed", exit_code=3, finished=NOW)


def situation(**changes) -> Situation:
    values = {
        "run": RUN,
        "task": TASK,
        "spec": SPEC,
        "attempt": None,
        "need": Need.MET,
        "waits_for": "",
        "now": NOW,
    }
    return Situation(**values | changes)


def under_way(pod: Observation | None, **changes) -> Situation:
    task = replace(TASK, phase=Phase.STARTING, fence=1)
    return situation(**{"attempt": ATTEMPT, "task": task, "pod": pod} | changes)


def verdict(class_: VerdictClass) -> Verdict:
    return Verdict.model_validate({"class": class_, "cause": "Cause", "message": "so it was"})


DELETED = replace(RUNNING, deleting=True, grace=30.0)
ENDED = replace(ATTEMPT, phase=Phase.FAILED)
STOPPED_RUN = replace(RUN, stop_requested=NOW)

BEFORE_START = [
    ("nothing in the way", {}, Phase.STARTING, (Effect.CREATE,)),
    ("a task before it has not ended", {"need": Need.OPEN, "waits_for": "a"}, Phase.QUEUED, ()),
    ("a task before it failed", {"need": Need.BROKEN, "waits_for": "a"}, Phase.SKIPPED, ()),
    ("the run was stopped", {"run": STOPPED_RUN}, Phase.STOPPED, ()),
    ("stopped, and a task before it failed", {"run": STOPPED_RUN, "need": Need.BROKEN}, Phase.STOPPED, ()),
    ("the server goes down", {"draining": True}, Phase.QUEUED, ()),
    ("no room", {"room": False}, Phase.QUEUED, ()),
    ("back-off", {"task": replace(TASK, not_before=NOW + 5)}, Phase.QUEUED, ()),
    ("its lock is held", {"locked": "waits for the lock"}, Phase.QUEUED, ()),
    ("its lock is held, the run was stopped", {"locked": "waits for the lock", "run": STOPPED_RUN}, Phase.STOPPED, ()),
    ("back-off longer than any: the clock was set back", {"task": replace(TASK, not_before=NOW + 3600)}, Phase.STARTING, (Effect.CREATE,)),
    ("back-off is over", {"task": replace(TASK, not_before=NOW)}, Phase.STARTING, (Effect.CREATE,)),
    ("an attempt ended before", {"attempt": ENDED, "pod": BROKE}, Phase.STARTING, (Effect.CREATE,)),
    ("it has ended, its pod is there", {"task": replace(TASK, phase=Phase.FAILED), "attempt": ENDED, "pod": BROKE}, Phase.FAILED, (Effect.RELEASE,)),
    ("it has ended, its pod is gone", {"task": replace(TASK, phase=Phase.FAILED), "attempt": ENDED}, Phase.FAILED, ()),
]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "phase", "effects"), [c[1:] for c in BEFORE_START], ids=[c[0] for c in BEFORE_START]
)
def test_a_task_without_an_attempt_under_way(changes, phase, effects) -> None:
    decision = decide(situation(**changes), POLICY)
    assert (decision.task.phase, decision.effects) == (phase, effects)


def test_a_stop_before_the_next_attempt_does_not_say_that_there_was_none() -> None:
    assert decide(situation(run=STOPPED_RUN), POLICY).task.message == texts.STOPPED_BEFORE_START
    assert decide(situation(run=STOPPED_RUN, attempt=ENDED), POLICY).task.message == texts.STOPPED_BEFORE_NEXT


def test_a_new_attempt_holds_its_lock_under_the_next_number() -> None:
    decision = decide(situation(spec=replace_spec(lock="data"), lock_token=7), POLICY)
    assert (decision.attempt.lock, decision.attempt.lock_token) == ("data", 7)


def oom(**changes) -> Situation:
    found = Verdict.model_validate({"class": "resource", "cause": OUT_OF_MEMORY, "message": "too much"})
    spec = replace_spec(**{"resources": Resources(memory="1Gi"), "on_oom": "grow"} | changes.pop("spec", {}))
    return under_way(BROKE, spec=spec, verdict=found, **changes)


@pytest.mark.parametrize(
    ("now", "phase", "growth", "failures"),
    [
        pytest.param(oom(), Phase.QUEUED, 1, 0, id="twice as much"),
        pytest.param(oom(task=replace(TASK, growth=1)), Phase.QUEUED, 2, 0, id="twice as much again"),
        pytest.param(oom(task=replace(TASK, growth=2)), Phase.FAILED, 2, 0, id="four times is the most where no cap is named"),
        pytest.param(oom(task=replace(TASK, growth=2), spec={"memory_cap": "8Gi"}), Phase.QUEUED, 3, 0, id="the cap is higher"),
        pytest.param(oom(spec={"memory_cap": "1Gi"}), Phase.FAILED, 0, 0, id="at its cap"),
        pytest.param(oom(spec={"on_oom": "fail"}), Phase.FAILED, 0, 0, id="not asked for"),
        pytest.param(oom(task=replace(TASK, growth=2), spec={"retries": 1}), Phase.QUEUED, 2, 1, id="then the retries"),
    ],
)  # fmt: skip
def test_memory_grows_after_it_ran_out(now, phase, growth, failures) -> None:
    task = decide(now, POLICY).task
    assert (task.phase, task.growth, task.failures) == (phase, growth, failures)


@pytest.mark.parametrize(
    ("retry_on", "class_", "exit_code", "phase"),
    [
        ((), VerdictClass.USER, 3, Phase.QUEUED),
        (("user",), VerdictClass.USER, 3, Phase.QUEUED),
        (("3", "75"), VerdictClass.USER, 3, Phase.QUEUED),
        (("Cause",), VerdictClass.USER, 3, Phase.QUEUED),
        (("75",), VerdictClass.USER, 3, Phase.FAILED),
        (("resource",), VerdictClass.USER, 3, Phase.FAILED),
        (("deadline",), VerdictClass.DEADLINE, None, Phase.QUEUED),
        (("Cause",), VerdictClass.CONFIGURATION, None, Phase.FAILED),
        (("75",), VerdictClass.INFRASTRUCTURE, 3, Phase.QUEUED),
    ],
)
def test_which_endings_the_retries_are_for(retry_on, class_, exit_code, phase) -> None:
    found = verdict(class_).model_copy(update={"exit_code": exit_code})
    spec = replace_spec(retries=1, retry_on=retry_on)
    assert decide(under_way(BROKE, spec=spec, verdict=found), POLICY).task.phase is phase


def test_a_new_attempt_rises_number_and_fencing_number_together() -> None:
    decision = decide(situation(attempt=replace(ENDED, number=4), task=replace(TASK, fence=7)), POLICY)
    assert (decision.attempt.number, decision.attempt.fence, decision.task.fence) == (5, 8, 8)
    assert decision.attempt.pod == "run-5"


PERMANENT = Blocker(replace(POD, waiting="X").why_waiting, "never", verdict(VerdictClass.CONFIGURATION))
UNDER_WAY = [
    ("no pod yet", under_way(None), Phase.STARTING, (Effect.CREATE,)),
    ("no pod yet, a create is under way", under_way(None, creating=True), Phase.STARTING, ()),
    ("no pod, a create under way, stopped", under_way(None, creating=True, run=STOPPED_RUN), Phase.STARTING, ()),
    ("no pod yet, stopped", under_way(None, run=STOPPED_RUN), Phase.STARTING, (Effect.JUDGE,)),
    ("the pod was there and is not", under_way(None, attempt=replace(ATTEMPT, uid="u")), Phase.STARTING, (Effect.JUDGE,)),
    ("pending", under_way(POD), Phase.STARTING, ()),
    ("placed", under_way(replace(POD, node="n")), Phase.STARTING, ()),
    ("waits, not examined", under_way(replace(POD, waiting="X")), Phase.STARTING, (Effect.EXAMINE,)),
    ("waits, examined", under_way(replace(POD, waiting="X"), blocker=replace(PERMANENT, verdict=None)), Phase.STARTING, ()),
    ("waits for ever", under_way(replace(POD, waiting="X"), blocker=PERMANENT), Phase.STOPPING, (Effect.DELETE,)),
    ("running", under_way(RUNNING), Phase.RUNNING, ()),
    ("running, stopped", under_way(RUNNING, run=STOPPED_RUN), Phase.STOPPING, (Effect.DELETE,)),
    ("running, being deleted by us", under_way(replace(RUNNING, deleting=True), run=STOPPED_RUN), Phase.STOPPING, ()),
    ("running, the server goes down", under_way(RUNNING, draining=True), Phase.STOPPING, (Effect.DELETE,)),
    ("running in time", under_way(RUNNING, spec=replace_spec(timeout_seconds=11), ages=Ages(program=10)), Phase.RUNNING, ()),
    ("running in time, the clock was set forward", under_way(RUNNING, now=NOW + 7200, spec=replace_spec(timeout_seconds=11), ages=Ages(program=10)), Phase.RUNNING, ()),
    ("out of time", under_way(RUNNING, spec=replace_spec(timeout_seconds=10), ages=Ages(program=10)), Phase.STOPPING, (Effect.DELETE,)),
    ("out of time, the clock was set back", under_way(RUNNING, now=NOW - 7200, spec=replace_spec(timeout_seconds=10), ages=Ages(program=10)), Phase.STOPPING, (Effect.DELETE,)),
    ("completed", under_way(DONE), Phase.SUCCEEDED, (Effect.RELEASE,)),
    ("completed after a stop", under_way(DONE, attempt=replace(ATTEMPT, asked="stop")), Phase.STARTING, (Effect.JUDGE,)),
    ("completed, but it was being taken away", under_way(replace(DONE, taken_away=True)), Phase.STARTING, (Effect.JUDGE,)),
    ("failed, not judged", under_way(BROKE), Phase.STARTING, (Effect.JUDGE,)),
    ("gone", under_way(replace(RUNNING, gone=True)), Phase.STARTING, (Effect.JUDGE,)),
    ("deleted before a node had it", under_way(replace(POD, deleting=True)), Phase.STARTING, (Effect.JUDGE,)),
    ("deleted on a node that may run it still", under_way(replace(RUNNING, deleting=True)), Phase.RUNNING, ()),
]  # fmt: skip


@pytest.mark.parametrize(
    ("now", "phase", "effects"), [c[1:] for c in UNDER_WAY], ids=[c[0] for c in UNDER_WAY]
)
def test_an_attempt_under_way(now, phase, effects) -> None:
    decision = decide(now, POLICY)
    assert (decision.task.phase, decision.effects) == (phase, effects)


@pytest.mark.parametrize("now", [c[1] for c in UNDER_WAY], ids=[c[0] for c in UNDER_WAY])
def test_deciding_again_with_the_records_stored_changes_nothing(now) -> None:
    first = decide(now, POLICY)
    again = decide(replace(now, task=first.task, attempt=first.attempt), POLICY)
    assert (again.task, again.attempt) == (first.task, first.attempt)


ENDINGS = [
    (VerdictClass.INFRASTRUCTURE, 0, Phase.QUEUED, (0, 1)),
    (VerdictClass.USER, 0, Phase.FAILED, (0, 0)),
    (VerdictClass.USER, 1, Phase.QUEUED, (1, 0)),
    (VerdictClass.RESOURCE, 0, Phase.FAILED, (0, 0)),
    (VerdictClass.RESOURCE, 1, Phase.QUEUED, (1, 0)),
    (VerdictClass.UNKNOWN, 1, Phase.QUEUED, (1, 0)),
    (VerdictClass.CONFIGURATION, 5, Phase.FAILED, (0, 0)),
    (VerdictClass.CANCELLED, 5, Phase.STOPPED, (0, 0)),
    (VerdictClass.DEADLINE, 0, Phase.FAILED, (0, 0)),
    (VerdictClass.SUCCEEDED, 5, Phase.SUCCEEDED, (0, 0)),
]


@pytest.mark.parametrize(
    ("class_", "retries", "phase", "counts"), ENDINGS, ids=[f"{c}, {r} retries" for c, r, *_ in ENDINGS]
)
def test_what_a_verdict_means_for_the_task(class_, retries, phase, counts) -> None:
    spec = SPEC.model_copy(update={"retries": retries})
    decision = decide(under_way(BROKE, spec=spec, verdict=verdict(class_)), POLICY)
    assert decision.task.phase is phase
    assert (decision.task.failures, decision.task.losses) == counts
    assert decision.attempt.phase.ended
    assert Effect.RELEASE in decision.effects


@pytest.mark.parametrize("class_", [VerdictClass.INFRASTRUCTURE, VerdictClass.USER])
def test_nothing_is_tried_again_once_a_stop_was_asked_for(class_) -> None:
    spec = SPEC.model_copy(update={"retries": 3})
    decision = decide(under_way(BROKE, run=STOPPED_RUN, spec=spec, verdict=verdict(class_)), POLICY)
    assert decision.task.phase.ended


@pytest.mark.parametrize(
    ("deletion", "says", "look_again"),
    [
        pytest.param(25.0, "is being taken off the node n", 35.0, id="its time to end"),
        pytest.param(90.0, "seaway cluster confirm-off n", 3570.0, id="overdue: its node does not answer"),
    ],
)
def test_a_pod_that_the_cluster_takes_away_is_waited_for(deletion, says, look_again) -> None:
    decision = decide(under_way(DELETED, ages=Ages(deletion=deletion)), POLICY)
    assert says in decision.task.message
    assert (decision.effects, decision.look_again) == ((), look_again)


LEASED = replace(DELETED, lease=600.0)
LONG = Ages(deletion=5030.0)
"""Its node has not confirmed its end for longer than any patience."""


@pytest.mark.parametrize(
    ("pod", "changes", "effects", "look_again"),
    [
        pytest.param(DELETED, {"ages": LONG}, (Effect.JUDGE,), None, id="given up"),
        pytest.param(DELETED, {"ages": LONG, "run": STOPPED_RUN}, (Effect.JUDGE,), None, id="given up after a stop"),
        pytest.param(DELETED, {"ages": Ages(deletion=3659.0)}, (), 1.0, id="the last second of patience"),
        pytest.param(DELETED, {"ages": Ages(deletion=3659.0), "run": STOPPED_RUN}, (), 1.0, id="the same after a stop"),
        pytest.param(DELETED, {"now": NOW + 7200}, (), 60.0, id="deleted now, and the clock was set forward"),
        pytest.param(LEASED, {"ages": replace(LONG, silence=1199.0)}, (), 1.0, id="its program may still hold the lease"),
        pytest.param(LEASED, {"ages": replace(LONG, silence=1200.0)}, (Effect.JUDGE,), None, id="its program has ended by itself"),
        pytest.param(LEASED, {"ages": Ages(deletion=59.0, silence=9000.0)}, (), 1.0, id="its node has time to confirm"),
        pytest.param(replace(LEASED, deleting=False), {"ages": Ages(silence=9000.0)}, (), None, id="nobody wants it to end"),
    ],
)  # fmt: skip
def test_how_long_an_end_is_waited_for_that_nobody_confirms(pod, changes, effects, look_again) -> None:
    decision = decide(under_way(pod, **changes), POLICY)
    assert (decision.effects, decision.look_again) == (effects, look_again)


@pytest.mark.parametrize(
    ("cause", "class_", "phase"),
    [
        pytest.param(UNCONFIRMED, VerdictClass.UNKNOWN, Phase.FAILED, id="it may still run"),
        pytest.param("NodeLost", VerdictClass.INFRASTRUCTURE, Phase.QUEUED, id="it has ended by itself"),
    ],
)
def test_only_what_has_certainly_ended_is_tried_again(cause, class_, phase) -> None:
    found = Verdict.model_validate({"class": class_, "cause": cause, "message": "silent"})
    spec = replace_spec(retries=3)
    decision = decide(under_way(LEASED, ages=replace(LONG, silence=9000.0), verdict=found, spec=spec), POLICY)
    assert (decision.task.phase, decision.effects) == (phase, (Effect.RELEASE,))


UNPLACEABLE = replace(POD, waiting="Unschedulable", waiting_message="0/1 nodes")
NEVER = Blocker(UNPLACEABLE.why_waiting, "too big", verdict(VerdictClass.CONFIGURATION))


@pytest.mark.parametrize(
    ("pod", "hope", "asked", "look_again"),
    [
        pytest.param(UNPLACEABLE, 0.0, "blocked", None, id="a cluster that never grows"),
        pytest.param(UNPLACEABLE, 60.0, "", 60.0, id="a cluster that may grow"),
        pytest.param(replace(UNPLACEABLE, node="n"), 60.0, "blocked", None, id="placed already: a node will not help"),
        pytest.param(replace(POD, node="n"), 60.0, "", None, id="a node came"),
    ],
)  # fmt: skip
def test_what_no_node_can_take(pod, hope, asked, look_again) -> None:
    decision = decide(under_way(pod, blocker=NEVER), replace(POLICY, hope=hope))
    assert (decision.attempt.asked, decision.look_again) == (asked, look_again)


def test_hope_ends() -> None:
    later = under_way(UNPLACEABLE, blocker=NEVER, ages=Ages(attempt=60.0))
    assert decide(later, replace(POLICY, hope=60.0)).attempt.asked == "blocked"


@pytest.mark.parametrize(
    ("spec", "phase"),
    [
        pytest.param(SPEC, Phase.QUEUED, id="a command of its own is started without the runner"),
        pytest.param(replace_spec(environment="a" * 64), Phase.FAILED, id="packages need Python"),
        pytest.param(replace_spec(command=("python3.12", "a.py")), Phase.FAILED, id="Python needs Python"),
    ],
)
def test_an_image_without_python(spec, phase) -> None:
    found = Verdict.model_validate({"class": VerdictClass.CONFIGURATION, "cause": NO_PYTHON, "message": "no"})
    decision = decide(under_way(BROKE, verdict=found, spec=spec), POLICY)
    assert (decision.task.phase, decision.task.failures, decision.task.losses) == (phase, 0, 0)


def test_back_off_grows_with_losses_in_a_row_and_is_looked_at_again_in_time() -> None:
    task = replace(TASK, phase=Phase.RUNNING, losses=3)
    decision = decide(under_way(BROKE, task=task, verdict=verdict(VerdictClass.INFRASTRUCTURE)), POLICY)
    assert (decision.look_again, decision.task.not_before) == (8, NOW + 8)


def test_a_drained_attempt_goes_on_at_once_at_the_next_start_and_is_no_loss() -> None:
    now = under_way(
        BROKE, attempt=replace(ATTEMPT, asked="drain"), verdict=verdict(VerdictClass.INFRASTRUCTURE)
    )
    decision = decide(now, POLICY)
    assert (decision.task.losses, decision.task.not_before) == (0, NOW)


def test_what_was_asked_first_stays_the_reason() -> None:
    now = under_way(RUNNING, run=STOPPED_RUN, attempt=replace(ATTEMPT, asked="timeout", asked_at=NOW - 1))
    assert decide(now, POLICY).attempt.asked == "timeout"


def test_a_success_is_said_without_asking_anybody() -> None:
    decision = decide(under_way(DONE), POLICY)
    assert decision.attempt.verdict["cause"] == texts.SUCCEEDED.cause
