"""Secrets are planted wherever a user may put them, and looked for wherever anybody may look."""

from __future__ import annotations

import base64
import json
import secrets
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from seaway.sdk.client import SeawayClient
from tests.scenarios.cli.conftest import Shell, log_in, make_shell
from tests.waiting import wait_until
from tools.receiver import Receiver, run_receiver

HIDDEN_NAMES = ("secret", "variable", "plain", "argument", "url", "assigned")
PROGRAM = """
import os, sys
assert os.environ["IN_SECRET"].startswith("planted-secret"), "it did not get it"
assert os.environ["API_TOKEN"].startswith("planted-variable"), "it did not get it"
assert os.environ["PLAIN"].startswith("planted-plain"), "it did not get it"
assert any("planted-argument" in word for word in sys.argv), "it did not get it"
open(os.path.join(os.environ["SEAWAY_OUTPUTS"], "model.txt"), "w").write("weights")
sys.exit(3 if "fail" in sys.argv else 0)
"""


@pytest.fixture(scope="module")
def told(running: Shell) -> Iterator[Receiver]:
    """Somebody who is told of everything; the URL holds secrets too."""
    with run_receiver() as receiver:
        running("notify", "add", "hook", receiver.url, "--on", "ended")
        yield receiver
        running("notify", "remove", "hook")


@pytest.fixture(scope="module")
def proof() -> list[str]:
    """What `seaway prove` said of a run that has them all."""
    return []


@pytest.fixture(scope="module")
def planted(running: Shell, told: Receiver, proof: list[str]) -> dict[str, str]:
    """Plant a secret of each kind; two runs get them all, and one of them fails."""
    words = {kind: f"planted-{kind}-{secrets.token_hex(8)}" for kind in HIDDEN_NAMES}
    manifest = {
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "hidden", "namespace": "seaway-default"},
        "stringData": {"IN_SECRET": words["secret"]},
    }  # fmt: skip
    _kubernetes(running, "POST", "/api/v1/namespaces/seaway-default/secrets", manifest)
    (running.folder / "program.py").write_text(PROGRAM)
    common = (
        "--secret", "hidden", "--env", f"API_TOKEN={words['variable']}", "--env", f"PLAIN={words['plain']}",
    )  # fmt: skip
    passed = (
        "--password", words["argument"], f"postgresql://ada:{words['url']}@db/x", f"MY_SECRET={words['assigned']}",
    )  # fmt: skip
    running("run", "--name", "good", *common, "program.py", *passed)
    running("run", "--name", "bad", *common, "program.py", *passed, "fail", code=3)
    running("run", "--name", "binned", *common, "program.py", *passed)
    running("rm", "binned")
    for options in ((), ("-o", "json")):
        done = running("prove", "good", *options, code=None)
        proof.append(done.stdout + done.stderr)
    _kubernetes(running, "DELETE", "/api/v1/namespaces/seaway-default/secrets/hidden")
    return (
        words
        | _tokens(running)
        | {"a target's password": "hunter2-planted", "a target's path": "T0KEN-planted"}
    )


def _tokens(shell: Shell) -> dict[str, str]:
    return {"the home's token": (shell.home / "server" / "token").read_text().strip()}


def _kubernetes(shell: Shell, method: str, path: str, body: object = None) -> str:
    """Call the cluster's API as its administrator."""
    done = subprocess.run(
        ["curl", "-sS", "--fail-with-body", "-X", method, *_certificate(shell), "-H", "content-type: application/json",
         *(["-d", json.dumps(body)] if body else []), f"{_server(shell)}{path}"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout


def _config(shell: Shell) -> dict:
    import yaml

    return dict(yaml.safe_load((shell.home / "kubeconfig").read_text()))


def _server(shell: Shell) -> str:
    return str(_config(shell)["clusters"][0]["cluster"]["server"])


def _certificate(shell: Shell) -> list[str]:
    config, folder, options = _config(shell), shell.home.parent, []
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    for option, data in (
        ("--cacert", cluster["certificate-authority-data"]),
        ("--cert", user["client-certificate-data"]),
        ("--key", user["client-key-data"]),
    ):
        path = folder / option.strip("-")
        path.write_bytes(base64.b64decode(data))
        path.chmod(0o600)
        options += [option, str(path)]
    return options


COMMANDS = (
    ["ps", "-a"], ["ps", "--bin"], ["status"], ["audit"], ["version"], ["context"], ["token", "list"],
    *([command, run] for run in ("good", "bad", "binned") for command in ("show", "why", "outputs", "timeline")),
    ["timeline", "pod/bad-1"], ["timeline", "node/node-1"], ["cluster", "nodes"],
    ["doctor"], ["notify", "list"], ["notify", "test", "hook"], ["logs", "--grep", "seaway"],
)  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("output", [(), ("-o", "json")], ids=["text", "json"])
def test_no_command_shows_them(running: Shell, planted: dict[str, str], command: list[str], output) -> None:
    done = running(*command, *output, code=None)
    if done.returncode == 64 and output:
        pytest.skip(f"{command[0]} has no JSON")
    assert done.returncode == 0, done.stderr
    _assert_clean(done.stdout + done.stderr, planted)


@pytest.mark.parametrize("run", ["good", "bad", "binned"])
def test_no_log_of_a_run_shows_them_that_does_not_print_them_itself(
    running: Shell, planted: dict[str, str], run: str
) -> None:
    _assert_clean(running("logs", "--timestamps", run).stdout, planted)


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "--secret", "nosuch=1=2", "--env", "API_TOKEN={variable}", "program.py"],
        ["run", "--name", "good", "--env", "API_TOKEN={variable}", "program.py", "--password", "{argument}"],
        ["run", "--env", "A B={variable}", "program.py"],
        ["run", "--lock", "NOT ALLOWED", "--env", "API_TOKEN={variable}", "program.py"],
    ],
    ids=["a wrong secret", "a name that is taken", "a variable that cannot be", "a wrong lock"],
)
def test_no_error_shows_them(running: Shell, planted: dict[str, str], arguments: list[str]) -> None:
    done = running(*(word.format(**planted) for word in arguments), code=None)
    assert done.returncode not in (0, 70)
    _assert_clean(done.stdout + done.stderr, planted)


@pytest.mark.parametrize("kind", ["secret", "variable", "plain", "argument", "url", "assigned"])
def test_nothing_is_found_that_no_program_printed(running: Shell, planted: dict[str, str], kind: str) -> None:
    """Searching the logs for a secret finds nothing: no line that is kept has it."""
    done = running("logs", "--grep", planted[kind], code=None)
    assert planted[kind] not in done.stdout
    assert "bad" not in done.stdout


def test_messages_hold_none(told: Receiver, planted: dict[str, str], running: Shell) -> None:
    """What goes out to a chat may be read by more people than the run."""
    wait_until(lambda: {"bad", "good"} <= {message["run"] for message in told.got}, seconds=60)
    found = list(told.got)
    _assert_clean(json.dumps(found), planted)
    listed = running.json("notify", "list")
    assert listed[0]["shown"] == "json://127.0.0.1/…"


def test_a_proof_repeats_none(planted: dict[str, str], proof: list[str]) -> None:
    assert all(proof)
    for said in proof:
        _assert_clean(said, planted)


def test_metrics_name_neither_secrets_nor_runs(running: Shell, planted: dict[str, str]) -> None:
    url, ca = running.json("status")["url"], str(running.home / "server" / "ca.crt")
    token = running.json("token", "create", "scraper", "--scope", "metrics")["token"]
    done = subprocess.run(
        ["curl", "-sS", "--fail-with-body", "--cacert", ca, "-H", "@-", f"{url}/metrics"],
        input=f"Authorization: Bearer {token}", capture_output=True, text=True, check=True,
    )  # fmt: skip
    for text in (done.stdout, _kubernetes(running, "GET", "/metrics")):
        assert "_total" in text
        _assert_clean(text, planted | {"the scraper's token": token})
        assert "binned" not in text


def test_nobody_else_sees_them(running: Shell, planted: dict[str, str], tmp_path: Path) -> None:
    """Another user of the server sees all runs, but nothing that their owners keep to themselves."""
    other = make_shell(tmp_path / "other")
    token = log_in(running, other, "bob")
    for command in (["ps", "-a"], ["show", "bad"], ["why", "bad"], ["timeline", "bad"]):
        _assert_clean(other(*command, "-o", "json").stdout, planted)
    _assert_clean((running.home / "daemon.log").read_text(), {"bob's token": token})
    for database in (running.home / "server").glob("seaway.db*"):
        assert token.encode() not in database.read_bytes(), "tokens are stored as digests"


def test_the_logs_of_the_platform_hold_none(running: Shell, planted: dict[str, str]) -> None:
    for log in (running.home / "daemon.log", *(running.home / "cluster").glob("audit.log*")):
        _assert_clean(log.read_text(), planted)


def test_the_files_of_the_home_hold_none_but_where_they_have_to(
    running: Shell, planted: dict[str, str]
) -> None:
    """A Secret's value lies nowhere in the clear, but for the environment of a process that runs with it."""
    home, token = running.home, planted["the home's token"]
    found: dict[str, set[str]] = {}
    for path in home.rglob("*"):
        if path.is_file() and not path.is_symlink():
            data = path.read_bytes()
            for kind, word in planted.items():
                if word.encode() in data:
                    found.setdefault(kind, set()).add(str(path.relative_to(home)))
    assert found.pop("the home's token", set()) == {"server/token"}, token[:0]
    assert "secret" not in found, found
    # What a command line or a variable says is part of the run, which may be tried again, and of its pod: these two
    # databases have it, and nothing else does. Nobody but the owner of the home can read them.
    kept = ("server/seaway.db", "cluster/store.db")
    for kind, paths in found.items():
        assert all(path.startswith(kept) for path in paths), (kind, paths)
        assert all((home / path).stat().st_mode & 0o077 == 0 for path in paths)


def test_history_repeats_none(running: Shell, planted: dict[str, str]) -> None:
    """What the server recorded of pods and events has neither variables nor commands."""
    found = stored(running)
    assert {"revisions", "events"} <= found.keys()
    for table, text in found.items():
        if table == "notify_targets":  # what is sent has to be there: nobody but the owner can read the file
            text = text.replace(planted["a target's password"], "").replace(planted["a target's path"], "")
        _assert_clean(text, planted)


def test_an_ending_that_quotes_one_is_told_and_stored_without_it_in_every_language(running: Shell) -> None:
    hidden = {"a quoted variable": f"planted-quoted-{secrets.token_hex(8)}"}
    program = "import os; raise ValueError('no login with ' + os.environ['DB_PASSWORD'])"
    options = ("--name", "quotes", "--env", f"DB_PASSWORD={hidden['a quoted variable']}")
    running("run", *options, "--", "python", "-c", program, code=1)
    with client_of(running) as client:
        for language in ("en", "de"):
            told = client.why("quotes", language=language)
            assert "ValueError: no login with ***" in told["message"]
            assert told["message"] in running("why", "--language", language, "quotes").stdout
            _assert_clean(json.dumps(told), hidden)
    with client_of(running, "de") as client:
        shown = client.run("quotes")
        assert shown["message"] == shown["verdict"]["message"] == told["message"]
        _assert_clean(json.dumps(shown), hidden)
    found = stored(running)
    for table in ("attempts", "tasks"):
        assert "no login with ***" in found[table], "a verdict keeps what its sentence was made from"
    _assert_clean(json.dumps(found), hidden)


def stored(shell: Shell) -> dict[str, str]:
    """Return what is in the server's database, by table: without the specs of runs, and the words of logs."""
    with closing(sqlite3.connect(f"file:{shell.home}/server/seaway.db?mode=ro", uri=True)) as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        found = {}
        for table in tables:
            if table.startswith("log_words"):
                continue
            columns = [name for _, name, *_ in database.execute(f"PRAGMA table_info({table})")]
            kept = [index for index, name in enumerate(columns) if (table, name) != ("runs", "spec")]
            rows = database.execute(f"SELECT * FROM {table}").fetchall()
            found[table] = json.dumps([[row[index] for index in kept] for row in rows], default=repr)
        return found


def client_of(shell: Shell, language: str = "en") -> SeawayClient:
    record = json.loads((shell.home / "daemon.json").read_text())
    token = _tokens(shell)["the home's token"]
    return SeawayClient(
        record["url"], token, (shell.home / "server" / "ca.crt").read_text(), language=language
    )


def test_the_rest_api_answers_without_them(running: Shell, planted: dict[str, str]) -> None:
    with client_of(running) as client:
        for answer in (client.runs(all=True), client.run("bad"), client.why("bad"), client.status()):
            _assert_clean(json.dumps(answer), planted)
    with client_of(running, "de") as client:
        for answer in (client.run("bad"), client.why("bad", language="de")):
            _assert_clean(json.dumps(answer), planted)


def _assert_clean(text: str, planted: dict[str, str]) -> None:
    for kind, word in planted.items():
        at = text.find(word)
        assert at < 0, f"{kind}: …{text[max(0, at - 200) : at]}HERE"
        encoded = base64.b64encode(word.encode()).decode().rstrip("=")
        assert encoded not in text, f"{kind} in base64"
