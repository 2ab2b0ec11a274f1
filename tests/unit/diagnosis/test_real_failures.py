"""Rules meet real failures: each program here really fails, and its own output and exit code are the evidence."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from seaway.platform.diagnosis.facts import Facts
from seaway.platform.diagnosis.why import explain

PYTHON = {
    "an exception in the user's own function": (
        "def load(path):\n    return {}[path]\n\nload('x')\n", "UserException", "the program failed at train.py:2: KeyError: 'x'",
    ),
    "an exception raised out of another": (
        "try:\n    int('x')\nexcept ValueError as error:\n    raise RuntimeError('no number') from error\n",
        "UserException", "the program failed at train.py:4: RuntimeError: no number",
    ),
    "an exception inside the standard library": (
        "import json\n\njson.loads('{')\n", "InputBroken", "its input could not be read at train.py:3: json.decoder.JSONDecodeError: ",
    ),
    "a module that is not installed": (
        "import cv2_no_such_module\n", "ModuleNotFound",
        "it imports the module 'cv2_no_such_module' (package 'cv2-no-such-module') at train.py:1, which is not installed",
    ),
    "a name that the module lacks": ("from json import nothing\n", "ImportFailed", "the module 'json' has no 'nothing'"),
    "a script that does not parse": ("x = = 1\n", "UserException", "the program failed at train.py:1: SyntaxError: "),
    "a service that asks for fewer requests": (
        "from urllib.error import HTTPError\n\nraise HTTPError('http://s3.example.com/b', 503, 'Slow Down', {}, None)\n",
        "ServiceBusy", "a service that it reads from or writes to limits the rate of its requests",
    ),
    "a bare exit code": ("raise SystemExit(7)\n", "NonZeroExit", "the program ended with exit code 7"),
    "a full disk": ("with open('/dev/full', 'w') as file:\n    file.write('x')\n", "DiskFull", "it failed because the disk was full"),
    "a crash": ("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n", "KilledBySignal", "it crashed in native code"),
    "an abort": ("import os\nos.abort()\n", "KilledBySignal", "it aborted itself"),
}  # fmt: skip
COMMANDS = {
    "a command that is not there": (["sh", "-c", "no-such-command --flag"], "CommandNotFound", "the command 'no-such-command' was not found"),
    "a file that may not be executed": (["sh", "-c", "./plain.txt"], "NotExecutable", "is there but may not be executed"),
    "a module of python -m": ([sys.executable, "-m", "no_such_module"], "ModuleNotFound", "it imports the module 'no_such_module'"),
}  # fmt: skip


def _explain(command: list[str], folder: Path):
    """Run a command to its end and explain it from what a Pod would show."""
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C"}
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    code = done.returncode if done.returncode >= 0 else 128 - done.returncode
    state = {"terminated": {"exitCode": code, "reason": "Error", "finishedAt": "2026-01-02T03:04:05Z"}}
    pod = {"spec": {}, "status": {"phase": "Failed", "containerStatuses": [{"name": "main", "state": state}]}}
    return explain(Facts(run="r", pod=pod, log_tail=done.stdout, command=("python", "train.py")))


@pytest.mark.parametrize(("source", "cause", "message"), PYTHON.values(), ids=PYTHON.keys())
def test_a_failing_script_is_explained(tmp_path, source, cause, message):
    if "/dev/full" in source and not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    (tmp_path / "train.py").write_text(source)
    told = _explain([sys.executable, str(tmp_path / "train.py")], tmp_path)
    assert told.cause == cause
    assert message in told.message


@pytest.mark.parametrize(("command", "cause", "message"), COMMANDS.values(), ids=COMMANDS.keys())
def test_a_failing_command_is_explained(tmp_path, command, cause, message):
    (tmp_path / "plain.txt").write_text("no program\n")
    told = _explain(command, tmp_path)
    assert told.cause == cause
    assert message in told.message
