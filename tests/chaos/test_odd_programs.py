"""Programs that do what programs should not: each gets its verdict, its log, its outputs, and leaves no process."""

from __future__ import annotations

import json
from typing import Any

import pytest

from seaway.sdk.client import SeawayClient


def python(running, name: str, program: str, *arguments: str) -> Any:
    running.submit(name, "--", "python", "-c", program, *arguments)
    return running.ended(name)


@pytest.fixture
def client(running) -> Any:
    """The REST client of the server."""
    url = json.loads((running.path / "daemon.json").read_text())["url"]
    token = (running.path / "server" / "token").read_text().strip()
    with SeawayClient(url, token, (running.path / "server" / "ca.crt").read_text()) as client:
        yield client


def submit_many(client: Any, name: str, tasks: list[dict[str, Any]]) -> Any:
    small = {"resources": {"cpu": "0.05", "memory": "64Mi"}}
    client.submit({"name": name, "tasks": [{**small, **task} for task in tasks]})
    return client.wait(name, timeout=100)


def test_every_kind_of_ending(client) -> None:
    """Exit codes are the program's own, signals are 128 and their number; also where they look like the runner's."""
    codes = [0, 1, 2, 77, 120, 121, 122, 123, 124, 125, 126, 127, 128, 137, 143, 255]
    signals = [1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 31]
    tasks = [{"name": f"code-{code}", "command": ["sh", "-c", f"exit {code}"]} for code in codes]
    tasks += [
        {"name": f"signal-{number}", "command": ["sh", "-c", f"kill -{number} $$"]} for number in signals
    ]
    view = submit_many(client, "endings", tasks)
    ended = {task["name"]: task["attempts"][-1] for task in view["tasks"]}
    assert {name: attempt["exit_code"] for name, attempt in ended.items()} == {
        **{f"code-{code}": code for code in codes},
        **{f"signal-{number}": 128 + number for number in signals},
    }
    assert {len(task["attempts"]) for task in view["tasks"]} == {1}
    classes = {attempt["verdict"]["class"] for name, attempt in ended.items() if name != "code-0"}
    assert classes <= {"user", "configuration"}, ended  # 126 and 127: not found, not executable


BYTES = bytes(range(256)) * 40 + b"\xff\xfe\x80 the end"


def test_bytes_that_are_no_text_arrive_and_harm_nothing(running) -> None:
    view = python(running, "bytes", f"import os; os.write(1, {BYTES!r})")
    assert view["phase"] == "succeeded"
    assert running.attempt("logs", "bytes")[1].endswith(" the end\n")


def test_streams_that_are_closed_or_kept_open(running) -> None:
    """A program that closes its output ends when it ends; a child that keeps it open is ended with the container."""
    program = "import os; os.write(1, b'before\\n'); os.close(1); os.close(2)"
    assert python(running, "closes", program)["phase"] == "succeeded"
    assert running.seaway("logs", "closes").splitlines()[-1] == "before"
    program = """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.write(1, b'child\\n')
        while True: time.sleep(1)
    os._exit(0)
os.wait()
sys.exit(4)
"""
    view = python(running, "keeps", program)
    assert (view["phase"], view["exit_code"]) == ("failed", 4)
    assert running.program("keeps") is None, "its child lives on"


def test_a_program_that_takes_its_folder_and_its_group_away(running) -> None:
    program = "import os, shutil; os.setpgid(0, 0); shutil.rmtree(os.getcwd()); print('gone', flush=True); os._exit(5)"
    view = python(running, "vandal", program)
    assert (view["phase"], view["exit_code"]) == ("failed", 5)


ODD_OUTPUTS = """
import os, socket
os.chdir(os.environ["SEAWAY_OUTPUTS"])
os.mkfifo("fifo")
socket.socket(socket.AF_UNIX).bind("socket")
for name, target in {"dangling": "nowhere", "folder": "/etc", "loop": ".", "alias": "good"}.items():
    os.symlink(target, name)
open("good", "w").write("good")
os.mkdir("ünï ©ode")
open("ünï ©ode/файл", "w").write("x")
open("new\\nline", "w").write("x")
open(b"bad\\xff", "w").write("x")
os.mkdir("dir\\n"); open("dir\\n/inside", "w").write("x")
with open("sparse", "wb") as file: file.truncate(64 << 20)
"""


def test_odd_outputs_are_kept_or_named(running) -> None:
    """What can be kept is kept, the rest is named in the log: no second attempt, nothing of the host's comes along."""
    view = python(running, "outputs", ODD_OUTPUTS)
    assert (view["phase"], len(view["tasks"][0]["attempts"])) == ("succeeded", 1), view["message"]
    listed = json.loads(running.seaway("outputs", "outputs", "-o", "json"))
    sizes = {output["path"]: output["size"] for output in listed}
    assert sizes == {"good": 4, "alias": 4, "sparse": 64 << 20, "ünï ©ode/файл": 1}
    said = running.attempt("logs", "outputs")[1]
    for name in ("fifo", "socket", "dangling", "folder", "loop", "new\\nline", "bad\\udcff", "dir\\n"):
        assert name in said


def test_outputs_that_the_server_refuses_end_the_run(running) -> None:
    """Running it again would end the same: the user is told what to mend."""
    deep = "import os; os.chdir(os.environ['SEAWAY_OUTPUTS'])\nfor _ in range(12):\n    os.mkdir('d' * 100); os.chdir('d' * 100)\nopen('file', 'w').close()"
    view = python(running, "refused", deep)
    assert (view["phase"], len(view["tasks"][0]["attempts"])) == ("failed", 1), view
    assert view["verdict"]["cause"] == "OutputsRefused"
    assert "longer than 1024 characters" in running.attempt("logs", "refused")[1]
    assert "SEAWAY_OUTPUTS" in running.seaway("why", "refused")


DOLLARS = ["$$", "$$$", "$(SEAWAY_RUN)", "$$(SEAWAY_RUN)", "$"]
"""Kubernetes reads some of these as its own."""


def test_arguments_and_variables_arrive_as_they_were_given(running) -> None:
    arguments = ["", " ", "ü ñ", "日本", "new\nline", "--name", "$HOME", "'\"\\", "-", "%s", "a=b", *DOLLARS]
    program = "import json, os, sys; print(json.dumps([*sys.argv[1:], os.environ['ODD']]))"
    running.submit("arguments", "--env", f"ODD={''.join(DOLLARS)}", "--", "python", "-c", program, *arguments)
    assert running.ended("arguments")["phase"] == "succeeded"
    printed = running.seaway("logs", "arguments").splitlines()[-1]
    assert json.loads(printed) == [*arguments, "".join(DOLLARS)]


def test_thousands_of_variables(client) -> None:
    variables = {f"NAME_{number}": f"value {number}" for number in range(3000)}
    command = [
        "python",
        "-c",
        "import os; assert all(os.environ[f'NAME_{n}'] == f'value {n}' for n in range(3000))",
    ]
    view = submit_many(client, "variables", [{"name": "main", "command": command, "env": variables}])
    assert view["phase"] == "succeeded", view["message"]


def test_a_failure_in_a_graph_skips_what_comes_after_it(client) -> None:
    tasks = [
        {"name": "first", "command": ["true"]},
        {"name": "breaks", "command": ["false"], "after": ["first"]},
        {"name": "beside", "command": ["true"], "after": ["first"]},
        {"name": "never", "command": ["true"], "after": ["breaks", "beside"]},
        {"name": "nor-this", "command": ["true"], "after": ["never"]},
    ]
    view = submit_many(client, "graph", tasks)
    assert {task["name"]: task["phase"] for task in view["tasks"]} == {
        "first": "succeeded", "breaks": "failed", "beside": "succeeded", "never": "skipped", "nor-this": "skipped",
    }  # fmt: skip
    assert view["phase"] == "failed"


def test_a_script_named_like_a_module_of_the_library(running) -> None:
    """The runner imports nothing of the user's, and the user's module is the one that is run."""
    code = running.code
    for name in ("json.py", "os.py", "tarfile.py"):
        (code / name).write_text(f"print('mine: {name}')\n")
    try:
        running.submit("named", "json.py")
        assert running.ended("named")["phase"] == "succeeded"
        assert running.seaway("logs", "named").splitlines()[-1] == "mine: json.py"
    finally:
        for name in ("json.py", "os.py", "tarfile.py"):
            (code / name).unlink()
