"""Names, tokens, logs on disk, redaction, and what a run as a whole shows."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from random import Random
from types import SimpleNamespace

import pytest

from seaway.model.run import Phase, RunSpec, TaskSpec
from seaway.model.verdict import Explanation, VerdictClass
from seaway.platform.database.records import AttemptRecord, RevisionRecord, RunRecord, TaskRecord
from seaway.platform.engine.narration import narrate
from seaway.platform.engine.outcome import conclude, progress, run_phase
from seaway.platform.explaining import as_judged, latest_ends
from seaway.platform.history import redaction
from seaway.platform.history.log_files import FileLogStore
from seaway.platform.history.logs import LogKey
from seaway.platform.history.remembered import put_together
from seaway.platform.submission import generated_name, new_records, stem_of
from seaway.platform.tokens import RunTokens, load_key
from seaway.platform.views import doubt

STEMS = [
    (("python", "train.py", "--lr", "0.1"), "train"),
    (("python3.11", "-u", "src/Fine Tune_v2.py"), "fine-tune-v2"),
    (("./run.sh",), "run"),
    (("python", "-m", "mypkg.train"), "mypkg"),
    (("uv", "run", "x.py"), "run"),
    (("python", "-c", "print(1)"), "python"),
    (("bash", "-c", "ls /etc/x; rm -f /etc/xx"), "bash"),
    (("train.py", "-c", "config.yaml"), "train"),
    (("123.py",), "run"),
    (("python", "é.py"), "run"),
    (("x" * 300,), "x" * 30),
]


@pytest.mark.parametrize(("command", "stem"), STEMS, ids=[" ".join(c)[:30] for c, _ in STEMS])
def test_a_run_is_named_after_its_script(command, stem) -> None:
    assert stem_of(command) == stem
    name = generated_name(RunSpec(tasks=(TaskSpec(command=command),)), Random(1))
    assert re.fullmatch(r"[a-z]([-a-z0-9]*[a-z0-9])?", name)
    assert len(name) <= 40


def test_a_very_long_command_is_cut_for_lists() -> None:
    spec = RunSpec(tasks=(TaskSpec(command=("x", "y" * 9000)),))
    run, _ = new_records(spec, name="n", uid="u", user="a", namespace="ns", now=0.0)
    assert len(run.command) == 500


def test_a_token_is_good_for_its_run_alone(tmp_path) -> None:
    key = load_key(tmp_path / "key")
    assert load_key(tmp_path / "key") == key
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    tokens = RunTokens(key)
    token = tokens.token("train", "u1")
    assert tokens.run_of(token) == "train"
    assert tokens.matches(token, "train", "u1")
    assert not tokens.matches(token, "train", "u2")
    assert not RunTokens(b"x" * 32).matches(token, "train", "u1")


PHASES = [
    ({"queued": 2}, Phase.QUEUED),
    ({"queued": 1, "succeeded": 1}, Phase.RUNNING),
    ({"queued": 1, "starting": 1}, Phase.STARTING),
    ({"running": 1, "failed": 1}, Phase.RUNNING),
    ({"stopping": 1, "running": 1}, Phase.STOPPING),
    ({"succeeded": 2}, Phase.SUCCEEDED),
    ({"succeeded": 1, "failed": 1, "skipped": 1, "stopped": 1}, Phase.FAILED),
    ({"succeeded": 1, "stopped": 1}, Phase.STOPPED),
]


@pytest.mark.parametrize(("counts", "phase"), PHASES, ids=[str(c) for c, _ in PHASES])
def test_a_runs_phase_follows_from_its_tasks(counts, phase) -> None:
    assert run_phase(Counter({Phase(name): count for name, count in counts.items()})) is phase


RUN = RunRecord(1, "u", "run", "ada", "ns", Phase.RUNNING, "", "x", 1.0)


def test_a_failed_run_shows_its_first_failed_tasks_verdict_and_code() -> None:
    tasks = [
        TaskRecord(1, "b", 1, Phase.FAILED, verdict={"cause": "B"}),
        TaskRecord(1, "a", 0, Phase.FAILED, verdict={"cause": "A"}),
    ]
    attempts = {
        n: AttemptRecord(1, n, 1, 1, n, Phase.FAILED, 1.0, exit_code=c) for n, c in (("a", 4), ("b", 5))
    }
    ended = conclude(RUN, Phase.FAILED, tasks, attempts, 9.0)
    assert (ended.verdict, ended.exit_code, ended.finished) == ({"cause": "A"}, 4, 9.0)


def test_a_run_of_many_tasks_counts_them() -> None:
    assert progress(Counter({Phase.RUNNING: 2, Phase.QUEUED: 3}), None) == "5 tasks: 3 queued, 2 running"


def test_the_log_tells_an_attempts_life_in_sentences() -> None:
    new = AttemptRecord(1, "main", 1, 1, "p", Phase.STARTING, 1.0)
    running = replace(new, node="n1", phase=Phase.RUNNING)
    assert narrate(None, new) == ["queued"]
    assert narrate(None, replace(new, number=2), "2Gi") == ["attempt 2 with 2Gi of memory: queued"]
    assert narrate(new, running) == ["placed on node n1", "started"]
    assert narrate(running, running) == []
    failed = replace(running, phase=Phase.FAILED, verdict={"message": "it broke"})
    assert narrate(running, failed) == ["failed: it broke"]


def test_values_of_variables_are_not_kept() -> None:
    env = [
        {"name": "API", "value": "hunter2"},
        {"name": "SEAWAY_RUN", "value": "r"},
        {"name": "S", "valueFrom": {}},
    ]
    pod = {
        "metadata": {"name": "p", "managedFields": [1]},
        "spec": {"containers": [{"name": "main", "command": ["long"], "env": env}]},
    }
    kept = redaction.whole_pod(pod)
    assert "hunter2" not in str(kept)
    assert kept["metadata"] == {"name": "p"}
    assert [v["name"] for v in kept["spec"]["containers"][0]["env"]] == ["API", "SEAWAY_RUN", "S"]


def test_a_heartbeat_is_no_news_but_a_lost_node_is() -> None:
    def node(status: str, beat: str) -> dict:
        return {
            "metadata": {"name": "n"},
            "status": {"conditions": [{"type": "Ready", "status": status, "lastHeartbeatTime": beat}]},
        }

    first = redaction.signature("Node", node("True", "1"))
    assert redaction.signature("Node", node("True", "2")) == first
    assert redaction.signature("Node", node("Unknown", "1")) != first


def test_a_pod_is_put_together_from_what_changed_up_to_its_end() -> None:
    def revision(obj: dict) -> RevisionRecord:
        return RevisionRecord("Pod", "p", "u", "r", 1.0, False, obj)

    recorded = [
        revision({"metadata": {"name": "p", "labels": {"a": "b"}}, "spec": {"containers": []}, "status": {}}),
        revision({"metadata": {"name": "p"}, "spec": {"nodeName": "n"}, "status": {"phase": "Failed"}}),
        revision(
            {
                "metadata": {"name": "p", "deletionTimestamp": "t"},
                "spec": {"nodeName": "n"},
                "status": {"phase": "Failed"},
            }
        ),
    ]
    assert put_together(recorded) == {
        "metadata": {"name": "p", "labels": {"a": "b"}},
        "spec": {"containers": [], "nodeName": "n"},
        "status": {"phase": "Failed"},
    }


async def test_only_the_owner_may_read_logs(tmp_path) -> None:
    key = LogKey("run", "main", 1)
    logs = FileLogStore(tmp_path / "logs")
    await logs.writer(key).append(b"2026-01-02T03:04:05Z line\n")
    await logs.close(key)
    assert logs.path(key).stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "logs").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("nodes", "status", "said"),
    [
        (["a"], "Unknown", "its node a has not answered since T: whether it still runs there is not known"),
        (["a"], "False", ""),
        (
            ["b", None],
            "Unknown",
            "its node b is not in the cluster any more: whether it still runs there is not known",
        ),
        ([None], "Unknown", ""),
        ([], "Unknown", ""),
    ],
)
def test_what_is_said_of_a_run_is_doubted_where_its_node_is_silent(nodes, status, said) -> None:
    ready = {"type": "Ready", "status": status, "lastTransitionTime": "T"}
    assert doubt(nodes, [{"metadata": {"name": "a"}, "status": {"conditions": [ready]}}]) == said


def test_what_was_found_when_it_ended_counts_where_nothing_that_is_kept_explains_it() -> None:
    unknown = Explanation(subject="r", **{"class": "unknown"}, cause="Unknown", message="?", retry=False)
    known = unknown.model_copy(update={"class_": VerdictClass.USER, "cause": "NonZeroExit"})
    verdict = {"class": "configuration", "cause": "QuotaExceeded", "message": "it asks for too much"}
    assert as_judged(unknown, verdict).cause == "QuotaExceeded"
    assert as_judged(known, verdict) is known
    assert as_judged(unknown, None) is unknown
    assert as_judged(unknown, {**verdict, "class": "unknown"}) is unknown


def test_a_time_limit_beyond_every_calendar_ends_at_no_time_that_can_be_said() -> None:
    """Else one such run would keep everybody's waiting runs from being explained."""
    limits = {"soon": 60.0, "never": None, "far": 1e12, "farther": 1e308}
    running = {
        name: SimpleNamespace(task=name, pod=f"pod-{name}", phase=Phase.RUNNING, started=0.0)
        for name in limits
    }
    state = SimpleNamespace(
        attempts=running,
        specs={name: SimpleNamespace(timeout_seconds=limit) for name, limit in limits.items()},
    )
    assert latest_ends([state]) == {"pod-soon": "1970-01-01T00:01:00Z"}
