"""What `seaway prove` says: from what a run showed to its outcome."""

from __future__ import annotations

from random import Random

import pytest

from seaway.cli import proof
from seaway.cli.prove import names_run

DIGEST = "ab" * 32
LOG = f"[seaway] started\n[seaway] checkpoint: restored from the last attempt ({DIGEST[:12]})\nepoch 4\n"
UNREAD = "[seaway] checkpoint: the program read none of the restored files\n"
SAVED = {"task": "main", "attempt": 1, "sha256": DIGEST, "size": 1234, "saved": "2026-01-01T00:00:38.5Z"}


def loss(saved=SAVED):
    return {
        "task": "main",
        "attempt": 1,
        "pod": "digits-1",
        "node": "node-1",
        "at": "2026-01-01T00:00:40.5Z",
        "checkpoint": saved,
    }


def view(*phases: str, phase: str = "succeeded", **fields):
    attempts = [
        {
            "number": number,
            "phase": each,
            "node": f"node-{number}",
            "started": f"2026-01-01T00:0{number}:00Z",
            "finished": f"2026-01-01T00:0{number}:20Z",
        }
        for number, each in enumerate(phases, 1)
    ]
    return {
        "name": "digits",
        "phase": phase,
        "tasks": [{"name": "main", "phase": phase, "attempts": attempts}],
        **fields,
    }


@pytest.mark.parametrize(
    ("saved", "shown", "log", "outcome", "lost", "said"),
    [
        pytest.param(SAVED, view("failed", "succeeded"), LOG, "resumed", 2.0, "ended well", id="resumed"),
        pytest.param(None, view("failed", "succeeded"), "", "nothing-saved", 40.5, "began anew", id="nothing saved"),
        pytest.param(SAVED, view("failed", "succeeded"), "epoch 1\n", "not-restored", 2.0, "attempt 2", id="not restored"),
        pytest.param(SAVED, view("failed", "succeeded"), LOG.replace("abab", "cdcd"), "not-restored", 2.0, "did not begin", id="another checkpoint"),
        pytest.param(SAVED, view("failed", "failed", phase="failed", message="it ran out of memory"), LOG, "failed", 2.0, "out of memory", id="failed later"),
        pytest.param(SAVED, {**view("failed", "succeeded"), "phase": "failed"}, LOG, "resumed", 2.0, "ended well", id="another task failed"),
        pytest.param(SAVED, view("failed", phase="failed"), "", "not-tried-again", 2.0, "not tried again", id="not tried again"),
        pytest.param(SAVED, view("failed", "succeeded"), LOG + UNREAD, "not-read", 40.5, "read none of its files", id="restored, but not read"),
        pytest.param(SAVED, view("failed", "failed", "succeeded"), LOG, "resumed", 2.0, "ended well", id="lost once more by chance"),
    ],
)  # fmt: skip
def test_the_outcome_follows_from_what_was_seen(saved, shown, log, outcome, lost, said):
    found = proof.judge(proof.Kill(loss(saved), "2026-01-01T00:00:00Z"), shown, log)
    assert (found.outcome, found.lost, found.ran) == (outcome, lost, 40.5)
    assert said in found.message
    assert found.proven is (outcome == "resumed")
    assert bool(found.next_step) is not found.proven


@pytest.mark.parametrize(
    ("after", "said"),
    [
        ({}, "none, as digits had none"),
        ({"model": "a", "loss": "b"}, "the same as those of digits, to the byte (2 files)"),
        (
            {"model": "x", "loss": "b", "more": "c"},
            "2 of 3 differ from those of digits: main/model, main/more",
        ),
    ],
)
def test_the_result_is_compared_with_an_earlier_runs(after, said):
    def outputs(found):
        return [{"task": "main", "path": path, "sha256": digest} for path, digest in found.items()]

    before = {"model": "a", "loss": "b"} if after else {}
    found = proof.Proof(
        "resumed", "", ran=1.0, outputs=proof.compare("digits", outputs(before), outputs(after))
    )
    kill = proof.Kill(loss(None), None)
    assert dict(proof.lines(found, kill))["outputs"] == said
    assert proof.as_json(found, kill, "digits-proof", 1, 1.0)["outputs"]["run"] == "digits"


def test_a_line_of_the_program_is_no_word_of_the_runner():
    assert proof.restored(f"x [seaway] checkpoint: restored from the last attempt ({DIGEST[:12]})\n") == ""


def test_of_a_run_with_several_tasks_the_lines_have_the_tasks_name():
    labelled = "".join(f"train.x | {line}\n" for line in LOG.splitlines())
    assert proof.unlabelled(labelled, "train.x") == LOG
    assert proof.unlabelled(LOG, "train.x") == LOG


@pytest.mark.parametrize(
    ("log", "found"),
    [
        ("T1 hello\n", (False, "")),
        ("T1 [seaway] environment: installing 3 packages\n", (True, "")),
        (
            "T1 [seaway] environment: installing 3 packages\nT2 [seaway] environment: ready in 3.0 s\n",
            (True, "T2"),
        ),
        ("T1 x [seaway] environment: ready in 3.0 s\n", (False, "")),
    ],
)
def test_the_time_counts_from_the_program(log, found):
    assert proof.preparation(log) == found


@pytest.mark.parametrize(
    ("shown", "unsaved", "said", "step"),
    [
        (view("succeeded"), False, "ended before 12 s had passed", "seaway prove digits"),
        (view("succeeded"), True, "without having saved a checkpoint", "write what the program needs"),
        (view("failed", phase="failed", message="no module"), True, "no module", "seaway why digits"),
    ],
)
def test_a_run_that_ended_before(shown, unsaved, said, step):
    found = proof.ended_early(shown, 12.0, unsaved=unsaved)
    assert said in found.message
    assert found.next_step.startswith(step)
    assert proof.lines(found, None) == []


@pytest.mark.parametrize("known", [None, 1000.0])
def test_the_same_seed_chooses_the_same_moment(known):
    chosen = [proof.moment(Random(seed), known) for seed in range(200)]
    assert chosen == [proof.moment(Random(seed), known) for seed in range(200)]
    low, high = (10, 90) if known is None else (200, 800)
    assert low <= min(chosen) < low + (high - low) / 5
    assert high - (high - low) / 5 < max(chosen) <= high


@pytest.mark.parametrize(
    ("phases", "known"),
    [(("succeeded",), 20.0), (("failed", "succeeded"), None), (("failed",), None), ((), None)],
)
def test_a_duration_is_known_of_what_succeeded_at_once(phases, known):
    assert proof.duration(view(*phases), "main") == known


def test_all_of_it_is_shown():
    kill = proof.Kill(loss(), "2026-01-01T00:00:00Z")
    found = proof.judge(kill, view("failed", "succeeded"), LOG)
    assert proof.lines(found, kill) == [
        ("killed", "attempt 1, 40.5 s after its start on node-1"),
        ("saved", "2.0 s before that, 1,234 bytes"),
        ("lost", "2.0 s of work"),
        ("went on", "attempt 2 on node-2, ran 20s, succeeded"),
    ]
    said = proof.as_json(found, kill, "digits", 7, 40.0)
    assert (said["proven"], said["lost_seconds"], said["seed"]) == (True, 2.0, 7)


@pytest.mark.parametrize(
    ("words", "is_command", "run"),
    [
        (("digits-x1",), False, True),
        (("train.py",), False, False),
        (("missing.py",), False, False),
        (("./tool",), False, False),
        (("script",), False, False),
        (("digits",), True, False),
        ((), False, False),
    ],
)
def test_a_run_is_told_from_a_script(words, is_command, run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "script").touch()
    assert names_run(words, is_command=is_command) is run
