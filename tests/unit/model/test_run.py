"""What a submitted run may be, and how a wrong one is told."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from seaway.model.resources import Resources
from seaway.model.run import Phase, RunSpec, TaskSpec
from seaway.model.verdict import Verdict, VerdictClass

WRONG = [
    ("unknown field", {"tasks": [{"command": ["x"], "cpus": 2}]}, "cpus"),
    ("no tasks", {"tasks": []}, "tasks"),
    ("no command", {"tasks": [{"command": []}]}, "command"),
    ("capital in the name", {"name": "Train", "tasks": [{"command": ["x"]}]}, "name"),
    ("name too long", {"name": "a" * 41, "tasks": [{"command": ["x"]}]}, "name"),
    ("memory without sense", {"tasks": [{"command": ["x"], "resources": {"memory": "4 gigs"}}]}, "memory"),
    ("no memory at all", {"tasks": [{"command": ["x"], "resources": {"memory": "0"}}]}, "memory"),
    ("timeout of nothing", {"tasks": [{"command": ["x"], "timeout_seconds": 0}]}, "timeout_seconds"),
    ("out of the snapshot", {"tasks": [{"command": ["x"], "workdir": "a/../../etc"}]}, "workdir"),
    ("absolute folder", {"tasks": [{"command": ["x"], "workdir": "/etc"}]}, "workdir"),
    ("same name twice", {"tasks": [{"command": ["x"]}, {"command": ["y"]}]}, "two tasks"),
    ("unknown dependency", {"tasks": [{"command": ["x"], "after": ["nope"]}]}, "not a task"),
    ("circle", {"tasks": [{"name": "a", "command": ["x"], "after": ["b"]}, {"name": "b", "command": ["x"], "after": ["a"]}]}, "circle"),
    ("waits for itself", {"tasks": [{"name": "a", "command": ["x"], "after": ["a"]}]}, "circle"),
    ("no digest", {"tasks": [{"command": ["x"], "code": "abc"}]}, "code"),
    ("a zero byte in an argument", {"tasks": [{"command": ["x\0y"]}]}, "command"),
    ("a zero byte in a value", {"tasks": [{"command": ["x"], "env": {"A": "\0"}}]}, "env"),
    ("a variable of a key that is not named", {"tasks": [{"command": ["x"], "secrets": [{"name": "s", "variable": "V"}]}]}, "secrets"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "named"), [c[1:] for c in WRONG], ids=[c[0] for c in WRONG])
def test_a_wrong_run_is_refused_and_the_fault_is_named(value, named) -> None:
    with pytest.raises(ValidationError) as refused:
        RunSpec.model_validate(value)
    assert named in str(refused.value)


def test_a_run_comes_back_from_json_as_it_was() -> None:
    spec = RunSpec(
        name="r", tasks=(TaskSpec(command=("a",), resources=Resources(cpu="2", gpu=1), env={"A": "b"}),)
    )
    assert RunSpec.model_validate_json(spec.model_dump_json()) == spec
    assert RunSpec.model_validate(spec.model_dump(mode="json", exclude_defaults=True)) == spec


@pytest.mark.parametrize("phase", list(Phase))
def test_what_has_ended_is_final(phase) -> None:
    assert phase.ended == (phase.value in ("succeeded", "failed", "stopped", "skipped"))


def test_a_verdicts_class_travels_under_its_own_name() -> None:
    verdict = Verdict.model_validate({"class": "user", "cause": "X", "message": "m"})
    assert verdict.class_ is VerdictClass.USER
    assert verdict.model_dump(mode="json", by_alias=True)["class"] == "user"
