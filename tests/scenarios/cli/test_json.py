"""`-o json`: what is listed can be read by programs, and an error leaves their input alone."""

from __future__ import annotations

import json

import pytest

from seaway.cli.main import COMMANDS, make_command

pytestmark = pytest.mark.timeout(200)
LISTING = {name for name in COMMANDS if any("--output" in param.opts for param in make_command(name).params)}
CHANGING = {"stop", "retry", "rm", "restore"}
"""Commands that change runs: they list what they changed."""
ROW = {"name", "phase", "command", "created", "started", "finished"}


@pytest.fixture(scope="module")
def told(running):
    """A server that has a run with an output, one that failed and one that was removed."""
    save = "import os, pathlib; pathlib.Path(os.environ['SEAWAY_OUTPUTS'], 'a \"b\" ü.txt').write_text('x')"
    running("run", "--name", "good", "--", "python3", "-c", save)
    running("run", "--name", "bad", "--", "python3", "-c", "import nothing_like_this", code=1)
    running("run", "--name", "gone", "--", "true")
    running("rm", "gone")
    return running


SUCCESS = [
    pytest.param(["ps"], lambda value: value == [], id="ps where nothing runs"),
    pytest.param(["ps", "-a"], lambda value: [run["name"] for run in value] == ["gone", "bad", "good"], id="ps -a"),
    pytest.param(["ps", "-a", "-n", "1"], lambda value: value[0].keys() >= ROW, id="ps has the columns of its table"),
    pytest.param(["top"], lambda value: value == [], id="top where nothing runs"),
    pytest.param(["show", "good"], lambda value: value["exit_code"] == 0 and value["tasks"], id="show"),
    pytest.param(["show", "bad"], lambda value: value["verdict"]["class"] == "user", id="show of a failure"),
    pytest.param(["show", "gone"], lambda value: value["deleted"], id="show of a removed run"),
    pytest.param(["why", "good"], lambda value: value["class"] == "succeeded", id="why of a success"),
    pytest.param(["why", "bad"], lambda value: value["cause"] and value["evidence"] and value["next_step"], id="why"),
    pytest.param(["outputs", "good"], lambda value: [file["path"] for file in value] == ['a "b" ü.txt'], id="outputs"),
    pytest.param(["outputs", "bad"], lambda value: value == [], id="outputs of a run without any"),
    pytest.param(["status"], lambda value: value["running"] and value["server"]["nodes"], id="status"),
    pytest.param(["usage"], lambda value: value[0]["runs"] == 2 and value[0]["outputs"] == 1, id="usage"),
    pytest.param(["usage", "--workspaces"], lambda value: value[0]["workspace"] == "seaway-default" and value[0]["outputs"] == 1, id="usage of workspaces"),
    pytest.param(["top"], lambda value: value == [], id="top where nothing runs"),
    pytest.param(["workspace", "list"], lambda value: value[0]["default"] and value[0]["runs"] == 2, id="workspace list"),
    pytest.param(["workspace", "show", "seaway-default"], lambda value: value["losses"] is None, id="workspace show"),
    pytest.param(["audit"], lambda value: value == [], id="audit where nobody deleted anything"),
    pytest.param(["timeline", "good"], lambda value: value["subject"] == "run/good" and value["entries"], id="timeline"),
    pytest.param(
        ["logs", "--grep", "modulenotfounderror"],
        lambda value: [hit["run"] for hit in value["hits"] if not hit["own"]] == ["bad"], id="logs --grep",
    ),
    pytest.param(["logs", "--grep", "nowhere"], lambda value: value["hits"] == [], id="logs --grep of nothing"),
    pytest.param(["doctor"], lambda value: all(check["state"] in ("ok", "warn") for check in value), id="doctor"),
    pytest.param(["context"], lambda value: [each["name"] for each in value] == ["local"], id="context"),
    pytest.param(["version"], lambda value: value["version"] == value["server"], id="version"),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "right"), SUCCESS)
def test_a_result_is_one_json_value(told, arguments, right):
    done = told(*arguments, "-o", "json")
    assert right(json.loads(done.stdout)), done.stdout
    assert done.stderr == ""


def test_the_option_has_its_two_names_everywhere(told):
    for name in LISTING:
        option = next(param for param in make_command(name).params if "--output" in param.opts)
        assert set(option.opts) == {"-o", "--output"}, name
    assert json.loads(told("ps", "--output=json").stdout) == json.loads(told("ps", "-o", "json").stdout)


def test_every_listing_command_is_in_the_table():
    assert {param.values[0][0] for param in SUCCESS} - {"workspace"} == LISTING - CHANGING - {"prove"}, (
        "which have tests of their own"
    )


FAULTS = [
    pytest.param(["show", "nobody"], 64, "nobody", id="show of no run"),
    pytest.param(["why", "nobody"], 64, "nobody", id="why of no run"),
    pytest.param(["outputs", "nobody"], 64, "nobody", id="outputs of no run"),
    *(
        pytest.param([command, "nobody"], 64, "nobody", id=f"{command} of no run")
        for command in sorted(CHANGING)
    ),
    pytest.param(["rm", "--undo", "--now", "good"], 64, "--now", id="rm that contradicts itself"),
    pytest.param(["ps", "-n", "0"], 64, "from 1 to 1000", id="ps of none"),
    pytest.param(["show"], 64, "RUN", id="show of nothing"),
    pytest.param(["logs", "good"], 64, "--output goes with --grep alone", id="logs as they are"),
    pytest.param(["version", "more"], 64, "more", id="too many words"),
]


@pytest.mark.parametrize(("arguments", "code", "said"), FAULTS)
def test_an_error_goes_to_standard_error_alone(told, arguments, code, said):
    done = told(*arguments, "-o", "json", code=code)
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert said in done.stderr


@pytest.mark.parametrize("command", sorted(LISTING - {"prove"}))
def test_without_a_server_it_is_still_json_or_nothing(seaway, command):
    needs_run = command in ("show", "why", "outputs", "timeline", *CHANGING)
    without_server = command in ("version", "context", "audit", "doctor")
    needed = ["x"] if needs_run else ["--grep", "x"] if command == "logs" else []
    done = seaway(command, *needed, "-o", "json", code=0 if without_server else 69)
    if command == "context":
        assert json.loads(done.stdout)[0]["current"]
    elif command == "audit":  # its file is read, whether a server runs or not
        assert json.loads(done.stdout) == []
    elif command == "doctor":
        assert {
            "name": "server",
            "state": "warn",
            "message": "does not run",
            "remedy": "seaway up",
        } in json.loads(done.stdout)
    elif command in ("version", "status"):
        value = json.loads(done.stdout)
        assert value["version"]
        assert not value.get("running")
    else:
        assert done.stdout == ""
        assert "seaway up" in done.stderr
    assert not seaway.home.exists()
