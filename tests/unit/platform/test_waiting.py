"""What time alone makes worth telling: runs that wait, programs that hang, nodes in trouble. Tables."""

from __future__ import annotations

import pytest

from seaway.model.notification import Event
from seaway.model.run import Phase, RunSpec, TaskSpec
from seaway.platform.database.records import AttemptRecord, RunRecord, TargetRecord, TaskRecord
from seaway.platform.engine.happenings import Happening, happenings
from seaway.platform.engine.idleness import Idleness, words
from seaway.platform.engine.passes import Pass
from seaway.platform.engine.state import RunState, run_state
from seaway.platform.notifications.nodes import Hit, alert, troubles
from seaway.platform.notifications.recipients import wants
from seaway.platform.notifications.waiting import Quiet, hung, shortest_limit, span, waiting

RUN = RunRecord(
    1, "uid", "train", "ada", "team", Phase.QUEUED, "queued", "python train.py --token s3cret", 100.0
)
INFRA = {"class": "infrastructure", "cause": "NodeLost", "message": "the node node-1 was lost"}


def state(run: RunRecord = RUN, task: TaskRecord | None = None, *attempts: AttemptRecord) -> RunState:
    spec = RunSpec(tasks=(TaskSpec(command=("python", "train.py")),))
    return run_state(run, spec, [task or TaskRecord(1, "main", 0)], attempts)


def attempt(number: int, phase: Phase, **fields) -> AttemptRecord:
    return AttemptRecord(1, "main", number, number, f"train-{number}", phase, 100.0, **fields)


def looked(before: RunState, *changed: AttemptRecord, task: TaskRecord, run: RunRecord | None = None) -> Pass:
    result = Pass(run or before.run, before.phases)
    result.tasks = {task.name: task}
    result.changed = {each.pod: each for each in changed}
    return result


@pytest.mark.parametrize(
    ("before", "after", "task", "expected"),
    [
        pytest.param(attempt(1, Phase.RUNNING), attempt(1, Phase.FAILED, verdict=INFRA), TaskRecord(1, "main", 0, losses=1), [Event.LOST], id="lost"),
        pytest.param(attempt(1, Phase.RUNNING), attempt(1, Phase.FAILED, verdict=INFRA, asked="drain"), TaskRecord(1, "main", 0), [], id="the server was stopped"),
        pytest.param(attempt(1, Phase.RUNNING), attempt(1, Phase.FAILED, verdict=INFRA), TaskRecord(1, "main", 0, Phase.FAILED), [], id="lost, and not tried again"),
        pytest.param(attempt(1, Phase.RUNNING), attempt(1, Phase.FAILED, verdict=INFRA | {"class": "user"}), TaskRecord(1, "main", 0, failures=1), [], id="the program's own failure is tried again"),
        pytest.param(attempt(2, Phase.STARTING), attempt(2, Phase.RUNNING, node="node-2"), TaskRecord(1, "main", 0, Phase.RUNNING, losses=1), [Event.RECOVERED], id="goes on"),
        pytest.param(attempt(2, Phase.STARTING), attempt(2, Phase.RUNNING), TaskRecord(1, "main", 0, Phase.RUNNING), [], id="a retry is no recovery"),
        pytest.param(attempt(2, Phase.RUNNING), attempt(2, Phase.RUNNING, node="x"), TaskRecord(1, "main", 0, Phase.RUNNING, losses=1), [], id="ran already"),
    ],
)  # fmt: skip
def test_what_of_an_attempt_is_told(before, after, task, expected) -> None:
    known = state(RUN, None, before)
    found = happenings(known, looked(known, after, task=task), {before.pod: before})
    assert [one.event for one in found] == expected
    assert "s3cret" not in repr(found)


@pytest.mark.parametrize(
    ("phase", "event"), [(Phase.SUCCEEDED, Event.SUCCEEDED), (Phase.FAILED, Event.FAILED), (Phase.STOPPED, Event.STOPPED)]
)  # fmt: skip
def test_an_end_is_told_with_its_cause_and_again_after_a_retry(phase, event) -> None:
    keys = set()
    for finished in (200.0, 300.0):
        ended = RunRecord(
            1,
            "uid",
            "train",
            "ada",
            "team",
            phase,
            "m",
            "c",
            1.0,
            finished=finished,
            verdict={"message": "why"},
        )
        (found,) = happenings(state(), looked(state(), task=TaskRecord(1, "main", 0, phase), run=ended), {})
        assert (found.event, found.message, found.title) == (event, "why", f"train {phase.value}")
        keys.add(found.key)
    assert len(keys) == 2


@pytest.mark.parametrize(
    ("since", "limit", "told"),
    [(0.0, 100.0, True), (0.0, 0.0, False), (950.0, 100.0, False), (None, 100.0, False)],
)
def test_who_waits_for_long_is_told_of(since, limit, told) -> None:
    found = waiting([state()], {} if since is None else {"uid": since}, 1000.0, limit)
    assert [one.event for one in found] == ([Event.WAITING] if told else [])


def test_the_same_wait_has_the_same_key_when_its_pod_is_made_and_another_after_an_attempt() -> None:
    queued = state()
    starting = state(RUN, TaskRecord(1, "main", 0, Phase.STARTING, fence=1), attempt(1, Phase.STARTING))
    again = state(RUN, TaskRecord(1, "main", 0, Phase.QUEUED, fence=1), attempt(1, Phase.FAILED))
    first, second, third = (
        waiting([each], {"uid": 0.0}, 999.0, 1.0)[0].key for each in (queued, starting, again)
    )
    assert first == second != third


@pytest.mark.parametrize(
    ("silent", "idle", "hangs"),
    [(0.0, 0.0, True), (0.0, None, False), (0.0, 950.0, False), (950.0, 0.0, False)],
)
def test_a_program_hangs_that_is_silent_and_idle_for_long(silent, idle, hangs) -> None:
    assert Quiet(silent, idle).hangs(1000.0, 100.0) is hangs


@pytest.mark.parametrize(("seconds", "said"), [(45, "45 s"), (2700, "45 min"), (12600, "3.5 h")])
def test_spans(seconds, said) -> None:
    assert span(seconds) == said


def node(*conditions: tuple[str, str]) -> dict:
    listed = [
        {"type": kind, "status": status, "lastTransitionTime": "2026-01-02T03:04:05Z"}
        for kind, status in conditions
    ]
    return {"metadata": {"name": "node-1", "uid": "n"}, "status": {"conditions": listed}}


@pytest.mark.parametrize(
    ("conditions", "said"),
    [
        ([("Ready", "True"), ("MemoryPressure", "False")], []),
        ([("Ready", "Unknown")], ["does not answer"]),
        ([("Ready", "False")], ["is not ready"]),
        ([("Ready", "True"), ("DiskPressure", "True"), ("PIDPressure", "True")], ["is short of disk space", "is short of process numbers"]),
        ([], []),
    ],
)  # fmt: skip
def test_what_is_the_matter_with_a_node(conditions, said) -> None:
    assert [trouble.what for trouble in troubles(node(*conditions))] == said


def test_an_alert_names_the_runs_and_what_becomes_of_them() -> None:
    (lost,) = troubles(node(("Ready", "Unknown")))
    hits = [Hit(f"run-{number}", "ada", "main", 1, "running") for number in range(12)]
    told = alert(lost, hits)
    assert "run-0, run-1" in told.message
    assert "and 2 more" in told.message
    assert "checkpoint" in told.message
    assert told.users == {"ada"}
    assert alert(lost, []).message.endswith("no run is on it")


@pytest.mark.parametrize(
    ("target", "happening", "wanted"),
    [
        ({}, {}, True),
        ({"user": "ada"}, {"user": "ada"}, True),
        ({"user": "bob"}, {"user": "ada"}, False),
        ({"user": "bob"}, {"users": frozenset({"bob"})}, True),
        ({"user": "bob"}, {"users": frozenset({"ada"})}, False),
        ({"workspace": "team"}, {"user": "ada", "workspace": "team"}, True),
        ({"workspace": "team"}, {"user": "ada", "workspace": "other"}, False),
        ({"workspace": "team"}, {}, True),
        ({"events": ("lost",)}, {}, False),
    ],
)  # fmt: skip
def test_who_is_told(target, happening, wanted) -> None:
    known = {"user": None, "workspace": None, "events": ("failed", "node")} | target
    assert (
        wants(
            TargetRecord("t", "json://x", created=1.0, created_by="root", **known),
            Happening(Event.FAILED, "k", "t", "m", **happening),
        )
        is wanted
    )


def test_the_shortest_limit_of_what_is_under_way_counts() -> None:
    spec = RunSpec(tasks=(TaskSpec(command=("x",), stop_if_hung_seconds=40),))
    under_way = run_state(RUN, spec, [TaskRecord(1, "main", 0)], [attempt(1, Phase.RUNNING)])
    not_yet = run_state(RUN, spec, [TaskRecord(1, "main", 0)], [])
    assert shortest_limit([state(), not_yet], 3600.0) == 3600.0
    assert shortest_limit([state(), under_way], 3600.0) == shortest_limit([under_way], 0) == 40
    assert shortest_limit([under_way], 30.0) == 30.0


def test_what_a_program_waits_for_is_told() -> None:
    quiet = Quiet(1000.0, 1600.0, words("futex_wait_queue"))
    said = hung(state(RUN, None, attempt(1, Phase.RUNNING)), "main", quiet, 4600.0)
    assert said.message == (
        "it has written nothing for 60 min and used no CPU for 50 min: it waits for a lock (futex_wait_queue)"
    )


def test_a_word_that_is_not_said_again_says_nothing_of_now() -> None:
    idleness = Idleness()
    idleness.note("a", 60.0, "", 1000.0)
    idleness.note("b", 0.0, "", 1000.0)
    assert idleness.of("a", 1100.0).since == 940.0
    assert idleness.of("a", 1300.0) is None
    assert idleness.of("b", 1300.0).since is None
    idleness.keep({"b"})
    assert idleness.of("a", 1001.0) is None
    assert words("do_something_new") == "do_something_new"
