"""Runs as a user types them, on a real daemon."""

from __future__ import annotations

import json
import os
import signal
import socket
import textwrap
from pathlib import Path

import pytest

from tests.waiting import wait_until

pytestmark = pytest.mark.timeout(200)


def script(shell, name: str, text: str) -> str:
    (shell.folder / name).write_text(textwrap.dedent(text))
    return name


def wait_for(shell, run: str, phase: str) -> dict:
    def view() -> dict | None:
        found = shell.json("show", run)
        return found if found["phase"] == phase else None

    return wait_until(view, f"{run} {phase}", pause=0.05)


def test_a_scripts_log_arguments_and_exit_code_are_its_own(anywhere):
    name = script(
        anywhere, "code.py", "import sys; print(sys.argv[1:], flush=True); sys.exit(int(sys.argv[-1]))"
    )
    done = anywhere("run", name, "--name", "mine", "7", code=7)
    assert done.stdout == "['--name', 'mine', '7']\n"
    assert "seaway why" in done.stderr


def test_success_is_0_and_writes_nothing_else_to_standard_output(anywhere):
    assert anywhere("run", "--", "echo", "hello").stdout == "hello\n"


def test_a_pipe_gets_only_the_last_state_of_a_progress_bar(anywhere):
    name = script(anywhere, "bar.py", r"""
        import sys, time
        for part in range(5):
            sys.stdout.write(f"\r{part}/4"); sys.stdout.flush(); time.sleep(0.02)
        print()
    """)  # fmt: skip
    assert anywhere("run", name).stdout == "4/4\n"


def test_detached_prints_the_name_and_logs_follow_to_the_end(anywhere):
    name = script(
        anywhere, "slow.py", "import time\nfor i in range(5): print(i, flush=True); time.sleep(0.1)"
    )
    run = anywhere("run", "--detach", name).stdout.strip()
    assert "\n" not in run
    assert anywhere("logs", "-f", run).stdout == "0\n1\n2\n3\n4\n"
    assert anywhere("logs", run).stdout == "0\n1\n2\n3\n4\n"


def test_local_modules_data_and_the_callers_folder_are_there(anywhere):
    (anywhere.folder / "helper").mkdir(exist_ok=True)
    script(anywhere, "helper/__init__.py", "WORD = open('data.txt').read()")
    script(anywhere, "data.txt", "from the snapshot")
    name = script(anywhere, "uses.py", "import helper; print(helper.WORD)")
    assert anywhere("run", name).stdout == "from the snapshot\n"


def test_environment_outputs_and_download(anywhere, tmp_path):
    name = script(anywhere, "outputs.py", """
        import os, pathlib
        out = pathlib.Path(os.environ["SEAWAY_OUTPUTS"])
        (out / "deep").mkdir()
        (out / "deep" / "a b.txt").write_text(os.environ["WORD"])
        (out / "model.bin").write_bytes(bytes(range(256)) * 1000)
        print(os.environ["SEAWAY_RUN"])
    """)  # fmt: skip
    assert anywhere("run", "--name", "with-outputs", "--env", "WORD=hé", name).stdout == "with-outputs\n"
    assert {file["path"] for file in anywhere.json("outputs", "with-outputs")} == {
        "deep/a b.txt",
        "model.bin",
    }
    anywhere("download", "with-outputs", "-o", str(tmp_path / "all"))
    assert (tmp_path / "all" / "deep" / "a b.txt").read_text() == "hé"
    anywhere("download", "with-outputs", "model.bin", "-o", str(tmp_path / "one"))
    assert [path.name for path in (tmp_path / "one").iterdir()] == ["model.bin"]
    assert (tmp_path / "one" / "model.bin").read_bytes() == bytes(range(256)) * 1000
    assert "no output" in anywhere("download", "with-outputs", "none", code=64).stderr


def test_ctrl_c_detaches_and_the_run_goes_on(anywhere):
    listener = socket.create_server(("127.0.0.1", 0))
    name = script(anywhere, "long.py", f"""
        import socket
        print("began", flush=True)
        socket.create_connection(("127.0.0.1", {listener.getsockname()[1]})).recv(1)
        print("ended")
    """)  # fmt: skip
    process = anywhere.start("run", "--name", "left-alone", name)
    assert process.stdout.readline() == "began\n"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "seaway stop left-alone" in err
    with listener, listener.accept()[0] as go:
        go.sendall(b"!")
    assert anywhere("logs", "-f", "left-alone").stdout == "began\nended\n"
    assert wait_for(anywhere, "left-alone", "succeeded")["exit_code"] == 0


def test_stop_is_graceful_and_retry_goes_on_from_the_checkpoint(anywhere):
    name = script(anywhere, "stops.py", """
        import os, pathlib, signal, sys, time
        state = pathlib.Path(os.environ["SEAWAY_CHECKPOINT"]) / "state"
        if state.exists():
            print("going on from", state.read_text()); sys.exit(0)
        def save(*_):
            state.write_text("7"); print("saved", flush=True); sys.exit(1)
        signal.signal(signal.SIGTERM, save)
        print("began", flush=True)
        time.sleep(60)
    """)  # fmt: skip
    process = anywhere.start("run", "--name", "stopped", name)
    assert process.stdout.readline() == "began\n"
    anywhere("stop", "stopped")
    out, _ = process.communicate(timeout=60)
    assert (process.returncode, out) == (143, "saved\n")
    anywhere("retry", "stopped")
    wait_for(anywhere, "stopped", "succeeded")
    assert anywhere("logs", "--attempt", "2", "stopped").stdout == "going on from 7\n"


def test_timeout_is_124(anywhere):
    anywhere("run", "--timeout", "1s", "--", "sleep", "30", code=124)


def test_a_missing_module_is_explained(anywhere):
    name = script(anywhere, "broken.py", "import surely_no_such_module")
    done = anywhere("run", "--name", "broken", name, code=1)
    assert "surely_no_such_module" in done.stderr
    assert "surely_no_such_module" in anywhere("why", "broken").stdout
    explanation = anywhere.json("why", "broken")
    assert explanation["class"] in ("user", "configuration")
    assert explanation["evidence"]
    assert explanation["next_step"]


def test_a_removed_run_can_be_restored(anywhere):
    anywhere("run", "--name", "removed", "--", "true")
    anywhere("rm", "removed")
    assert "restored" in anywhere("rm", "--undo", "removed").stdout
    anywhere("rm", "removed")
    anywhere("restore", "removed")
    assert not anywhere.json("show", "removed")["deleted"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["show", "nothing"], 64),
        (["logs", "nothing"], 64),
        (["logs", "-f", "nothing"], 64),
        (["why", "nothing"], 64),
        (["stop", "nothing"], 64),
        (["outputs", "nothing"], 64),
        (["download", "nothing"], 64),
        (["show", "../../etc/passwd"], 64),
        (["run", "--name", "Bad Name", "--", "true"], 64),
    ],
)
def test_an_unknown_run_is_said_to_be_so(anywhere, arguments, code):
    assert "error:" in anywhere(*arguments, code=code).stderr


def test_a_taken_name_is_refused(anywhere):
    anywhere("run", "--name", "taken", "--", "true")
    assert "taken" in anywhere("run", "--name", "taken", "--", "true", code=65).stderr


def test_requirements_that_cannot_be_resolved_show_the_resolvers_message(anywhere):
    (anywhere.folder / "bad.txt").write_text("numpy==\n")
    name = script(anywhere, "never.py", "print(1)")
    before = len(anywhere.json("ps", "-a"))
    assert "numpy==" in anywhere("run", "--requirements", "bad.txt", name, code=65).stderr
    assert len(anywhere.json("ps", "-a")) == before


def test_a_huge_folder_is_refused_with_its_largest_file(anywhere, tmp_path):
    from dataclasses import replace

    with (tmp_path / "weights.bin").open("wb") as file:
        file.truncate(2 * 1024**3)
    (tmp_path / "requirements.txt").touch()
    (tmp_path / "train.py").touch()
    said = replace(anywhere, folder=tmp_path)("run", "train.py", code=65).stderr
    assert "weights.bin" in said
    assert ".seawayignore" in said


def test_lists_are_json_for_programs_and_plain_in_pipes(anywhere):
    anywhere("run", "--", "true")
    assert isinstance(json.loads(anywhere("ps", "-a", "-o", "json").stdout), list)
    lines = anywhere("ps", "-a").stdout.splitlines()
    assert lines[0].split() == ["NAME", "STATUS", "AGE", "TOOK", "COMMAND"]
    assert "\x1b" not in "".join(lines)


def test_status_names_nodes_runs_and_the_log(running):
    status = running.json("status")
    assert status["running"]
    assert status["server"]["nodes"][0]["status"] == "ready"
    assert running("status").stdout.count(str(running.home)) == 2


def test_the_kubeconfig_is_for_its_owner_alone(running):
    path = running("kubeconfig", "--path").stdout.strip()
    assert Path(path).stat().st_mode & 0o077 == 0
    assert "certificate-authority-data" in running("kubeconfig").stdout


def test_names_of_runs_are_completed(anywhere):
    anywhere("run", "--name", "completed", "--", "true")
    words = {"_SEAWAY_COMPLETE": "complete_bash", "COMP_WORDS": "seaway show compl", "COMP_CWORD": "2"}
    from dataclasses import replace

    assert replace(anywhere, extra=words)(code=None).stdout.split() == ["completed"]


def test_a_followed_run_outlives_kill_9_of_the_daemon(running):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(60)
        name = script(running, "through.py", f"""
            import socket
            for i in range(10): print(i, flush=True)
            socket.create_connection(("127.0.0.1", {listener.getsockname()[1]})).recv(1)
            for i in range(10, 20): print(i, flush=True)
        """)  # fmt: skip
        process = running.start("run", name)
        assert process.stdout.readline() == "0\n"
        with listener.accept()[0]:
            os.kill(running.pid(), signal.SIGKILL)
            running("up")
    out = process.stdout.read()  # communicate() would lose what readline() has read ahead
    err = process.communicate(timeout=60)[1]
    assert process.returncode == 0, err
    assert out == "".join(f"{i}\n" for i in range(1, 20))
