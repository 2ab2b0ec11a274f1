"""What runners say that their programs use: how long it is good, what of it is kept, who is shown it. Tables."""

from __future__ import annotations

import json

import pytest

from seaway.model.attempt_usage import AttemptUsage
from seaway.model.resources import Resources
from seaway.model.run import Phase, RunSpec, TaskSpec
from seaway.platform.database.records import AttemptRecord, RunRecord, TaskRecord
from seaway.platform.diagnosis.facts import Facts
from seaway.platform.diagnosis.verdict import judge
from seaway.platform.engine.attempt_usages import AttemptUsages, Reported
from seaway.platform.engine.state import run_state
from seaway.platform.views import live_attempts, run_view
from seaway.platform.workloads.observation import observe
from seaway.platform.workloads.pod import AttemptIdentity, PodSettings, build_pod

RUN = RunRecord(1, "uid", "train", "ada", "team", Phase.RUNNING, "runs", "python train.py", 100.0)
SPEC = RunSpec(tasks=(TaskSpec(command=("python", "train.py")),))
SAID = Reported(memory=3, memory_peak=4, memory_limit=8, cores=1.5)


def attempt(phase: Phase = Phase.RUNNING, **fields) -> AttemptRecord:
    return AttemptRecord(1, "main", 1, 1, "train-1", phase, 100.0, **{"started": 101.0, **fields})


def test_a_word_that_is_not_said_again_says_nothing_of_now_and_its_peak_is_kept() -> None:
    usages = AttemptUsages()
    usages.note("train-1", SAID, 1e9, 1000.0)
    now = usages.of("train-1", 1100.0)
    assert now is not None
    assert (now.memory, now.memory_limit, now.cores, now.gpu) == (3, 8, 1.5, None)
    assert now.measured.timestamp() == 1e9
    assert usages.of("train-1", 1120.0) is None
    assert usages.added(attempt()).peak_memory == 4
    assert usages.added(attempt(peak_memory=9)).peak_memory == 9
    usages.keep({"train-2"})
    assert usages.of("train-1", 1000.0) is None
    assert usages.added(attempt()).peak_memory is None


def test_what_runs_now_is_shown_with_what_it_uses_and_what_has_ended_with_its_peak() -> None:
    usage = AttemptUsage(measured="2026-01-02T03:04:05Z", memory=3, memory_peak=4)  # type: ignore[arg-type]
    task = TaskRecord(1, "main", 0)
    running = run_state(RUN, SPEC, [task], [attempt()])
    begins = run_state(RUN, SPEC, [task], [attempt(Phase.STARTING, started=None)])
    found = live_attempts([begins, running], {"train-1": usage}.get)
    assert [(one.run, one.task, one.usage) for one in found] == [("train", "main", usage)]
    assert live_attempts([running], lambda _pod: None)[0].usage is None

    def shown(one: AttemptRecord):
        view = run_view(RUN, SPEC, [task], [one], bin_seconds=1.0, usage={"train-1": usage}.get)
        return view.tasks[0].attempts[0]

    assert (shown(attempt()).usage, shown(attempt()).peak_memory) == (usage, 4)
    ended = shown(attempt(Phase.SUCCEEDED, peak_memory=5, memory_limit=8))
    assert (ended.usage, ended.peak_memory, ended.memory_limit) == (None, 5, 8)


def pod(message: str, reason: str = "Completed", limit: str | None = "8Gi") -> dict:
    ended = {"exitCode": 137, "reason": reason, "message": message, "finishedAt": "2026-01-02T03:04:05Z"}
    resources = {"limits": {"memory": limit}} if limit else {}
    return {
        "metadata": {"name": "train-1"},
        "spec": {"containers": [{"name": "main", "resources": resources}]},
        "status": {
            "phase": "Failed",
            "containerStatuses": [{"name": "main", "state": {"terminated": ended}}],
        },
    }


@pytest.mark.parametrize(
    ("message", "peak"),
    [
        ("peak memory 8482560410 bytes", 8482560410),
        ("", None),
        ('{"stage": "code", "error": "peak memory 5 bytes"}', None),
        ("peak memory 99999999999999999999 bytes", None),
    ],
)
def test_a_pod_says_its_peak_where_nobody_said_anything_else(message: str, peak: int | None) -> None:
    seen = observe(pod(message))
    assert (seen.peak_memory, seen.memory_limit) == (peak, 8 << 30)
    assert observe(pod(message, limit=None)).memory_limit is None


@pytest.mark.parametrize(
    ("message", "known", "said"),
    [
        ("peak memory 8482560410 bytes", 0, " (it had used up to 7.9 GiB)"),
        ("", 8482560410, " (it had used up to 7.9 GiB)"),
        ("peak memory 1000 bytes", 8482560410, " (it had used up to 7.9 GiB)"),
        ("", 0, ""),
    ],
    ids=["the pod says it", "the server knows it", "the server knows more", "nobody knows it"],
)
def test_out_of_memory_is_told_with_what_was_used(message: str, known: int, said: str) -> None:
    verdict = judge(Facts(run="train", pod=pod(message, "OOMKilled"), peak_memory=known))
    assert verdict.message == f"it needed more memory than its limit of 8Gi and was killed{said}"


@pytest.mark.parametrize(
    ("memory", "grows", "told"),
    [("4Gi", True, {"memory_bytes": 4 << 30, "memory_grows": True}), ("1G", False, {"memory_bytes": 10**9}), (None, False, {})],
)  # fmt: skip
def test_the_runner_is_told_how_much_memory_there_is(memory: str | None, grows: bool, told: dict) -> None:
    task = TaskSpec(command=("python", "train.py"), resources=Resources(memory=memory))
    identity = AttemptIdentity("train", "uid", "team", 1, 1, "train-1", memory_grows=grows)
    made = build_pod(task, identity, PodSettings(bootstrap=("x",), gateway_url="https://x"))
    [spec] = [one["value"] for one in made["spec"]["containers"][0]["env"] if one["name"] == "SEAWAY_SPEC"]
    assert {key: value for key, value in json.loads(spec).items() if key.startswith("memory")} == told
