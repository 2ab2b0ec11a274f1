"""What can be copied: what was typed, with one thing changed."""

from __future__ import annotations

import pytest

from seaway.model.run import Origin
from seaway.platform.diagnosis.advice import again, twice, uncordon, with_package
from seaway.platform.diagnosis.evidence import from_log, memory_peak
from seaway.platform.diagnosis.facts import Facts
from seaway.platform.diagnosis.rules.runner import essential
from seaway.platform.diagnosis.why import explain


def facts(*typed: str, requirements: str | None = None, **more) -> Facts:
    origin = Origin(arguments=typed, requirements=requirements) if typed else None
    return Facts(run="r", command=("python", "train.py", "--lr", "0.1"), origin=origin, **more)


@pytest.mark.parametrize(
    ("typed", "option", "value", "expected"),
    [
        pytest.param((), "", None, "seaway run train.py --lr 0.1", id="not known what was typed"),
        pytest.param((), "--memory", "4Gi", "seaway run --memory 4Gi train.py --lr 0.1", id="not known, changed"),
        pytest.param(("--cpu", "2", "ml/train.py", "--lr", "0.1"), "--memory", "4Gi",
                     "seaway run --cpu 2 --memory 4Gi ml/train.py --lr 0.1", id="added"),
        pytest.param(("--memory", "1Gi", "--gpu", "1", "a.py", "--memory", "x"), "--memory", "2Gi",
                     "seaway run --gpu 1 --memory 2Gi a.py --memory x", id="the program's own options stay"),
        pytest.param(("--memory", "1Gi", "--on-oom", "grow", "--memory-cap", "2Gi", "a.py"), "--memory", "4Gi",
                     "seaway run --on-oom grow --memory 4Gi a.py", id="a cap below what is asked for now"),
        pytest.param(("--image", "x", "a.py"), "--image", None, "seaway run a.py", id="left out"),
        pytest.param(("--env", "A=1 2", "a.py"), "--env", "B=3", "seaway run --env 'A=1 2' --env B=3 a.py", id="repeated"),
        pytest.param(("--cpu", "1", "--", "bash", "-c", "a; b"), "--cpu", "2",
                     "seaway run --cpu 2 -- bash -c 'a; b'", id="a command"),
    ],
)  # fmt: skip
def test_a_command_is_repeated_with_one_change(typed, option, value, expected) -> None:
    assert again(facts(*typed), option, value) == expected


@pytest.mark.parametrize(
    ("requirements", "typed", "expected"),
    [
        (None, ("a.py",), "echo pillow >> requirements.txt && seaway run --requirements requirements.txt a.py"),
        ("", ("a.py",), "pip install pillow && seaway run a.py"),
        ("ml/req.txt", ("--requirements", "ml/req.txt", "a.py"), "echo pillow >> ml/req.txt && seaway run --requirements ml/req.txt a.py"),
        ("uv.lock", ("a.py",), "uv add pillow && seaway run a.py"),
        ("ml/pyproject.toml", ("a.py",), "uv add --project ml pillow && seaway run a.py"),
    ],
    ids=["none", "active environment", "file given", "uv.lock", "pyproject elsewhere"],
)  # fmt: skip
def test_a_package_is_added_where_the_packages_come_from(requirements, typed, expected) -> None:
    assert with_package(facts(*typed, requirements=requirements), "pillow") == expected


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ("the code has no folder", "the code has no folder"),
        ("the packages cannot be installed; uv says:", "the packages cannot be installed; uv says:"),
        ("the packages cannot be installed; uv says:\nerror: No solution found\n  cause: Because there is no version of a==9",
         "No solution found: Because there is no version of a==9"),
        (("cannot; uv says:\n  \u00d7 Failed to build `b==1`\n  \u251c\u2500\u25b6 The build backend returned an error\n"
         "  \u2570\u2500\u25b6 Call failed\n\n      [stderr]\n      Traceback (most recent call last):\n"
         "      RuntimeError: no C compiler\n\n      hint: ask somebody"),
         "Failed to build `b==1`: RuntimeError: no C compiler"),
        ("cannot; uv says:\nerror: Failed to download `r==2`\n  cause: Hash mismatch for `r==2`",
         "Failed to download `r==2`: Hash mismatch for `r==2`"),
        ("cannot; uv says:\n\u00d7 No solution found:\n\u2570\u2500\u25b6 Because a was not found", "No solution found: Because a was not found"),
        ("", ""),
    ],
)  # fmt: skip
def test_an_installers_output_is_cut_to_what_it_was_about_and_its_cause(error, expected) -> None:
    assert essential(error) == expected


def test_a_quoted_line_has_the_time_at_which_it_was_written_last() -> None:
    told = facts(
        log_tail="a\nboom\nboom",
        log_times=("2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z", "2026-01-01T00:00:02Z"),
    )
    (evidence,) = from_log(told, ["boom"])
    assert evidence.time is not None
    assert evidence.time.second == 2


def test_the_peak_is_read_from_the_nodes_word() -> None:
    state = {"terminated": {"exitCode": 137, "reason": "OOMKilled", "message": "peak memory 1024 bytes"}}
    pod = {"status": {"containerStatuses": [{"name": "main", "state": state}]}}
    assert memory_peak(facts(pod=pod)) == 1024
    assert memory_peak(facts()) is None


@pytest.mark.parametrize(
    ("limit", "double"), [("300M", "600M"), ("512Mi", "1Gi"), ("1G", "2G"), (None, "8Gi")]
)
def test_twice_as_much_is_said_in_the_units_that_were_asked_in(limit, double) -> None:
    assert twice(limit) == double


@pytest.mark.parametrize(
    ("runtime", "step"),
    [
        ("containerd://2.1.0", "kubectl uncordon node-1"),
        ("", "kubectl uncordon node-1"),
        ("seaway://0.1.0", "kubectl uncordon node-1; on this machine: seaway cluster uncordon node-1"),
    ],
)
def test_a_node_of_this_machines_cluster_is_opened_as_its_users_may(runtime: str, step: str) -> None:
    assert uncordon("node-1", {"status": {"nodeInfo": {"containerRuntimeVersion": runtime}}}) == step
    assert uncordon("node-1", {}) == "kubectl uncordon node-1"


def test_what_a_run_lacks_is_made_in_its_workspace() -> None:
    """The kubeconfig that its user has names another namespace."""
    message = 'secret "token" not found'
    waiting = {
        "name": "main",
        "state": {"waiting": {"reason": "CreateContainerConfigError", "message": message}},
    }
    pod = {
        "metadata": {"name": "r-1", "namespace": "vision"},
        "spec": {"containers": [{"name": "main"}]},
        "status": {"phase": "Pending", "containerStatuses": [waiting]},
    }
    step = "kubectl create secret generic token --from-literal=KEY=VALUE -n vision && seaway retry r"
    assert explain(facts("train.py", pod=pod)).next_step == step
