"""Images without a Python: each container runtime says it in its own words."""

from __future__ import annotations

import pytest

from seaway.model.verdict import VerdictClass
from seaway.platform.diagnosis.facts import Facts
from seaway.platform.diagnosis.verdict import judge
from seaway.platform.diagnosis.why import explain

RUNTIMES = [
    pytest.param("terminated", "StartError", 'failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: exec: "python3": executable file not found in $PATH: unknown', id="containerd and runc"),
    pytest.param("waiting", "CreateContainerError", "container create failed: executable file `python3` not found in $PATH: No such file or directory", id="CRI-O and crun"),
    pytest.param("terminated", "ContainerCannotRun", 'exec: "python3": executable file not found in $PATH', id="Docker"),
    pytest.param("terminated", "StartError", 'exec: "python3": executable file not found in $PATH', id="Seaway's node"),
    pytest.param("terminated", "StartError", 'starting container: creating process: failed to load python3: no such file or directory', id="gVisor"),
]  # fmt: skip


def facts(kind: str, reason: str, message: str, *, plain: bool = False, command=("tool",), **more) -> Facts:
    state = {kind: {"reason": reason, "message": message}}
    if kind == "terminated":
        state[kind]["exitCode"] = 128
    pod = {
        "metadata": {"name": "r-1", "annotations": {"seaway.dev/runner": "none"} if plain else {}},
        "spec": {
            "nodeName": "n",
            "containers": [{"name": "main", "image": "busybox", "command": ["python3"]}],
        },
        "status": {
            "phase": "Failed" if kind == "terminated" else "Pending",
            "containerStatuses": [{"name": "main", "state": state}],
        },
    }
    return Facts(run="r", pod=pod, command=command, waiting=kind == "waiting", **more)


@pytest.mark.parametrize(("kind", "reason", "message"), RUNTIMES)
def test_an_image_without_python_is_told_from_a_command_that_is_not_there(kind, reason, message) -> None:
    verdict = judge(facts(kind, reason, message))
    assert (verdict.class_, verdict.cause) == (VerdictClass.CONFIGURATION, "NoPython")
    assert "busybox" in verdict.message
    told = explain(facts(kind, reason, message))
    assert told.retry
    assert told.done == "it is started again without Seaway's runner"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        pytest.param({"needs_environment": True}, "which its packages cannot do without", id="packages"),
        pytest.param({"command": ("python", "a.py")}, "which a Python program cannot", id="a Python program"),
    ],
)
def test_what_cannot_do_without_python_is_not_started_again(changes, says) -> None:
    message = 'exec: "python3": executable file not found in $PATH'
    told = explain(facts("terminated", "StartError", message, **changes))
    assert (told.cause, told.retry, told.done) == ("NoPython", False, "")
    assert says in told.message
    assert "--image python:3.12-slim" in told.next_step


def test_a_command_of_code_that_never_came() -> None:
    """Started plainly, a program of the user's own code is not there."""
    message = 'exec: "./train.sh": executable file not found in $PATH'
    told = explain(
        facts("terminated", "StartError", message, plain=True, needs_code=True, command=("./train.sh",))
    )
    assert told.cause == "CommandNotFound"
    assert "which brings the code in" in told.next_step
    assert told.done == "its image has no python3, so it ran without its code, checkpoints and outputs"


TRACEBACK = 'Traceback (most recent call last):\n  File "/app/a.py", line 5, in <module>\n    exec("def f(:")'


@pytest.mark.parametrize(
    ("command", "log", "cause"),
    [
        pytest.param(
            ("tool",),
            '  File "<string>", line 12\nSyntaxError: future feature annotations is not defined',
            "OldPython",
            id="an old Python",
        ),
        pytest.param(
            ("python", "a.py"),
            f'{TRACEBACK}\n  File "<string>", line 1\n    def f(:\n          ^\nSyntaxError: invalid syntax',
            "UserException",
            id="text that the program runs",
        ),
        pytest.param(
            ("python", "-c", "def f(:"),
            '  File "<string>", line 1\n    def f(:\n          ^\nSyntaxError: invalid syntax',
            "UserException",
            id="text on the command line",
        ),
    ],
)
def test_a_python_that_is_too_old_is_told_from_text_with_a_fault(command, log: str, cause: str) -> None:
    status = {"name": "main", "state": {"terminated": {"exitCode": 1, "reason": "Error"}}}
    pod = {
        "metadata": {"name": "r-1"},
        "spec": {
            "nodeName": "n",
            "containers": [{"name": "main", "image": "centos:7", "command": ["python3"]}],
        },
        "status": {"phase": "Failed", "containerStatuses": [status]},
    }
    verdict = judge(Facts(run="r", pod=pod, command=command, log_tail=log))
    assert verdict.cause == cause
