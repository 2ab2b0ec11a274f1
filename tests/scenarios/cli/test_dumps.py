"""`seaway why --from`: dumps from files and pipes, and what is said of those that are none. No server runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

CORPUS = Path(__file__).parents[2] / "corpus"
KEYS = {"subject", "level", "class", "cause", "message", "evidence", "done", "retry", "next_step"}


def recorded(name: str) -> tuple[str, str]:
    ending = yaml.safe_load((CORPUS / f"{name}.yaml").read_text())
    dump = {"apiVersion": "v1", "kind": "List", "items": ending["objects"]}
    return yaml.safe_dump(dump), "\n".join((ending.get("logs") or {}).values())


@pytest.fixture
def why(tmp_path):
    def run(*words: str, text: bytes = b"") -> subprocess.CompletedProcess[str]:
        environment = os.environ | {"SEAWAY_HOME": str(tmp_path / "home"), "NO_COLOR": "1"}
        done = subprocess.run(
            [sys.executable, "-m", "seaway", "why", *words], input=text, capture_output=True, cwd=tmp_path, env=environment, timeout=60
        )  # fmt: skip
        return subprocess.CompletedProcess(
            done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
        )

    return run


def test_a_dump_and_a_log_are_explained_without_a_server(why, tmp_path) -> None:
    dump, log = recorded("real-module-missing")
    (tmp_path / "dump.yaml").write_text(dump)
    (tmp_path / "train.log").write_text(log)
    told = json.loads(why("--from", "dump.yaml", "--log", "train.log", "-o", "json").stdout)
    assert set(told) == KEYS
    assert (told["level"], told["class"], told["cause"], told["retry"]) == (
        "code",
        "user",
        "ModuleNotFound",
        False,
    )
    assert all(set(piece) == {"source", "time", "quote"} for piece in told["evidence"])
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize(
    "encode",
    [
        pytest.param(lambda dump: dump.encode(), id="YAML"),
        pytest.param(lambda dump: json.dumps(yaml.safe_load(dump)).encode(), id="JSON"),
        pytest.param(lambda dump: "".join(f"---\n{yaml.safe_dump(one)}" for one in yaml.safe_load(dump)["items"]).encode(), id="several documents"),
        pytest.param(lambda dump: dump.replace("\n", "\r\n").encode("utf-16"), id="from PowerShell"),
    ],
)  # fmt: skip
def test_each_form_that_kubectl_prints_is_read(why, tmp_path, encode) -> None:
    (tmp_path / "dump").write_bytes(encode(recorded("real-out-of-memory")[0]))
    done = why("--from", "dump")
    assert "it needed more memory than its limit of 64Mi" in done.stdout, done.stderr


def test_several_files_and_a_pipe_are_one_dump(why, tmp_path) -> None:
    items = yaml.safe_load(recorded("real-quota-too-small")[0])["items"]
    (tmp_path / "job.yaml").write_text(yaml.safe_dump_all(one for one in items if one["kind"] == "Job"))
    events = yaml.safe_dump_all(one for one in items if one["kind"] == "Event").encode()
    done = why("--from", "job.yaml", "--from", "-", text=events)
    assert "more than the quota 'team'" in done.stdout, done.stderr


def test_a_name_chooses_whom_to_explain(why, tmp_path) -> None:
    failed, waits = recorded("real-exit-3")[0], recorded("real-secret-missing")[0]
    (tmp_path / "both.yaml").write_text(f"{failed}---\n{waits}")
    first = why("--from", "both.yaml")
    assert "exit code 3" in first.stdout
    assert "Others with trouble of their own: pod/train" in first.stdout
    assert "the secret 'db' does not exist" in why("--from", "both.yaml", "pod/train").stdout


@pytest.mark.parametrize(
    ("words", "text", "code", "said"),
    [
        pytest.param(["--from", "nowhere.yaml"], "", 64, "nowhere.yaml: no such file", id="no such file"),
        pytest.param(
            ["--from", "-"],
            "Name:  train\nStatus: Failed\n---\n",
            65,
            "kubectl describe prints",
            id="kubectl describe",
        ),
        pytest.param(["--from", "-"], "NAME READY\n", 65, "it is a table of kubectl's", id="a table"),
        pytest.param(["--from", "-"], "a: [b\n", 65, "neither YAML nor JSON", id="broken YAML"),
        pytest.param(["--from", "-"], "", 65, "it is empty", id="nothing"),
        pytest.param(
            ["--from", "-"], "kind: List\nitems: []\n", 65, "kubectl get pod,event", id="an empty list"
        ),
        pytest.param(["--from", "-", "--log", "-"], "", 64, "once only", id="standard input twice"),
        pytest.param(["--log", "x", "run"], "", 64, "--log belongs to --from", id="a log of a run"),
        pytest.param([], "", 64, "which run?", id="nobody"),
    ],
)
def test_what_is_no_dump_is_told(why, words, text, code, said) -> None:
    done = why(*words, text=text.encode())
    assert (done.returncode, said in done.stderr, "Traceback" in done.stderr) == (code, True, False), (
        done.stderr
    )


def test_secrets_in_a_log_are_not_quoted(why, tmp_path) -> None:
    objects = yaml.safe_load(recorded("real-zero-division")[0])["items"]
    pod = next(one for one in objects if one["kind"] == "Pod")
    pod["spec"]["containers"][0]["env"] = [{"name": "DB_PASSWORD", "value": "correct horse"}]
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s"},
        "data": {"k": "YmF0dGVyeSBzdGFwbGU="},
    }
    (tmp_path / "dump.yaml").write_text(yaml.safe_dump_all([*objects, secret]))
    log = 'Traceback (most recent call last):\n  File "a.py", line 1, in <module>\nValueError: bad url https://ada:hunter2hunter2@db/x?token=abcdef123456 correct horse battery staple\n'
    (tmp_path / "a.log").write_text(log)
    done = why("--from", "dump.yaml", "--log", "a.log", "-o", "json")
    assert "hunter2" not in done.stdout
    assert "abcdef123456" not in done.stdout
    assert "correct horse" not in done.stdout
    assert "battery staple" not in done.stdout
    assert "ValueError" in done.stdout
