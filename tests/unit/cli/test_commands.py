"""The command line without a server: help, suggestions, exit codes, start-up."""

from __future__ import annotations

import subprocess
import sys

import pytest

from seaway.cli.main import COMMANDS, main
from seaway.cli.ps import nothing


@pytest.fixture(autouse=True)
def _no_server(monkeypatch, tmp_path):
    monkeypatch.setenv("SEAWAY_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.py").write_text("print(1)\n")
    (tmp_path / "requirements.txt").write_text("")


@pytest.mark.parametrize("command", list(COMMANDS))
def test_every_command_explains_itself(capsys, command):
    assert main([command, "--help"]) == 0
    shown = capsys.readouterr().out
    assert f"Usage: seaway {command}" in shown
    assert "--help" in shown


def test_the_list_of_commands_hides_the_daemon(capsys):
    assert main([]) == 0
    shown = capsys.readouterr().out
    assert "  run " in shown
    assert "daemon" not in shown
    assert "Exit codes" in shown


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        pytest.param(["pss"], 64, "Did you mean 'ps'?", id="unknown command"),
        pytest.param(["train.py"], 64, "seaway run train.py", id="a script in place of a command"),
        pytest.param(["ps", "--al"], 64, "--all", id="unknown option"),
        pytest.param(["--nope"], 64, "no such option", id="unknown global option"),
        pytest.param(["ps", "-n", "x"], 64, "not a whole number", id="no number"),
        pytest.param(["ps", "-n", "0"], 64, "from 1 to 1000", id="out of range"),
        pytest.param(["ps", "-o", "yaml"], 64, "none of text, json", id="unknown format"),
        pytest.param(["show"], 64, "RUN", id="missing argument"),
        pytest.param(["why", "--from"], 64, "seaway why --help", id="an option without its value"),
        pytest.param(
            ["cluster", "drain", "--context"], 64, "seaway cluster drain --help", id="that of a group"
        ),
        pytest.param(["run"], 64, "nothing to run", id="run without a program"),
        pytest.param(["prove"], 64, "seaway prove SCRIPT.py", id="prove without a program"),
        pytest.param(["run", "--"], 64, "nothing to run", id="run without a command"),
        pytest.param(["run", "-m", "mine.train"], 64, "seaway run -- python -m", id="a module as script"),
        pytest.param(["run", "missing.py"], 64, "no file missing.py", id="missing script"),
        pytest.param(["run", "."], 64, "is a folder", id="folder as script"),
        pytest.param(["run", "--timeout", "soon", "train.py"], 64, "--timeout", id="no duration"),
        pytest.param(["run", "--gpu", "-1", "train.py"], 64, "--gpu", id="negative GPUs"),
        pytest.param(["run", "train.py"], 69, "seaway up", id="run without a server"),
        pytest.param(["ps"], 69, "seaway up", id="ps without a server"),
        pytest.param(["kubeconfig"], 69, "kubeconfig", id="no kubeconfig yet"),
        pytest.param(["status"], 69, "seaway up", id="status without a server"),
        pytest.param(["down"], 0, "does not run", id="down without a server"),
    ],
)
def test_mistakes_get_a_sentence_a_remedy_and_a_stable_code(capfd, arguments, code, said):
    assert main(arguments) == code
    shown = capfd.readouterr()
    assert said in shown.err
    assert "Traceback" not in shown.err


def test_a_script_in_the_home_folder_is_refused_since_nothing_of_it_would_be_sent(
    monkeypatch, tmp_path, capfd
):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert main(["run", "train.py"]) == 65
    assert "folder of its own" in capfd.readouterr().err


def test_a_folder_that_is_gone_is_called_so(monkeypatch, tmp_path, capfd):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert main(["run", "train.py"]) == 74
    assert "the folder that you are in is gone" in capfd.readouterr().err
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    "locale",
    [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}],
    ids=["encoding", "locale"],
)
def test_letters_that_a_stream_lacks_are_escaped(locale: dict[str, str]):
    program = (
        "from seaway.cli.output import print_json; from seaway.cli.streams import say_what_can_be_said;"
        r"say_what_can_be_said(); print('\u00fc \u5b83'); print_json('\u00fc')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, env=locale, check=True)
    assert done.stdout.splitlines() == [b"\\xfc \\u5b83", b'"\\u00fc"']


def test_a_wrong_option_changes_nothing(tmp_path):
    main(["run", "--memory", "much", "train.py"])
    assert not (tmp_path / "home").exists()


def test_completion_says_nothing_without_a_server():
    from seaway.cli.arguments import complete_runs

    assert complete_runs("") == []


def test_ps_imports_nothing_heavy():
    """Start-up time is import time: these cost more than all that `seaway ps` does."""
    program = "import sys; from seaway.cli.main import main; main(['ps']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert not loaded & {
        "pydantic",
        "httpx",
        "rich",
        "fastapi",
        "uvicorn",
        "starlette",
        "sqlalchemy",
        "asyncio",
    }


@pytest.mark.parametrize(
    ("every", "only", "said"),
    [(False, True, "Nothing runs now"), (True, False, "There are no runs yet"), (True, True, "There are no such runs")],
)  # fmt: skip
def test_who_looks_for_one_users_runs_is_not_told_that_there_are_none_at_all(every, only, said):
    assert nothing(all=every, only=only).startswith(said)
