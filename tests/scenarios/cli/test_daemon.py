"""Up and down: one daemon a home, ready when `up` returns, gone when `down` returns."""

from __future__ import annotations

import os
import re
import signal
import stat

import psutil
import pytest

from tests.waiting import wait_until

pytestmark = pytest.mark.timeout(200)


def test_up_is_ready_says_so_twice_and_down_leaves_no_process(seaway):
    seaway("up")
    assert seaway("ps").returncode == 0
    pid = seaway.pid()
    assert "already" in seaway("up").stderr
    assert seaway.pid() == pid
    seaway("down")
    assert seaway.processes() == []
    assert seaway("ps", code=69).stderr.count("seaway up") == 1
    seaway("down")


UNUSED_WHILE_IDLE = {
    "the command line": "typer",
    "PostgreSQL": "sqlalchemy.dialects.postgresql",
    "GPUs": "pynvml",
    "pydantic's first version": "pydantic.v1.main",
    "YAML": "yaml",
    "the protocols of exec and port-forward": "websockets.server",
}


def test_an_idle_daemon_has_not_loaded_what_it_does_not_use(seaway):
    seaway.extra["PYTHONPROFILEIMPORTTIME"] = "1"  # says in the log each module that it has loaded
    seaway("up")
    seaway("down")
    log = (seaway.home / "daemon.log").read_text()
    loaded = {line.rpartition("|")[2].strip() for line in log.splitlines() if line.startswith("import time:")}
    assert "seaway.platform.database.tables" in loaded
    assert {what: module for what, module in UNUSED_WHILE_IDLE.items() if module in loaded} == {}


def test_files_are_for_their_owner_alone(seaway):
    seaway("up")
    wrong = [
        str(path)
        for path in [seaway.home, *seaway.home.rglob("*")]
        if not path.is_symlink() and not path.is_socket() and stat.S_IMODE(path.stat().st_mode) & 0o077
    ]
    assert wrong == []
    seaway("down")


def test_two_homes_run_side_by_side(seaway, tmp_path):
    from dataclasses import replace

    other = replace(seaway, home=tmp_path / "other")
    try:
        seaway("up")
        other("up")
        assert seaway.json("status")["url"] != other.json("status")["url"]
        seaway("run", "--name", "same", "--", "true")
        other("run", "--name", "same", "--", "true")
        seaway("down")
        assert [run["name"] for run in other.json("ps", "-a")] == ["same"]
        other("down")
        assert other.processes() == []
    finally:
        other.clean()


def test_after_kill_9_up_serves_the_same_home_at_the_same_address(seaway):
    seaway("up")
    seaway("run", "--name", "before", "--", "true")
    before = seaway.json("status")
    os.kill(seaway.pid(), signal.SIGKILL)
    seaway("up")
    after = seaway.json("status")
    assert after["pid"] != before["pid"]
    assert (after["url"], after["cluster_url"]) == (before["url"], before["cluster_url"])
    assert seaway.json("show", "before")["phase"] == "succeeded"
    seaway("down")


def test_up_waits_for_the_end_of_a_server_that_answers_no_more(seaway):
    """One that is killed holds its lock for a moment yet: taken for one that runs, nobody would start another."""
    seaway("up")
    frozen = psutil.Process(seaway.pid())
    frozen.suspend()
    starting = seaway.start("up")
    assert "does not answer; waiting for it, or for its end" in starting.stderr.readline()
    frozen.kill()
    told = starting.communicate(timeout=100)[1]
    assert starting.returncode == 0, told
    assert "Seaway runs. Next:" in told
    assert seaway.pid() != frozen.pid
    assert seaway.json("ps") == []
    seaway("down")


def test_a_server_of_another_version_is_named_with_the_remedy(seaway):
    seaway("up")
    record = seaway.home / "daemon.json"
    record.write_text(re.sub(r'"version": "[^"]*"', '"version": "0.0.1"', record.read_text()))
    for command in ("up", "ps"):
        said = seaway(command, code=69).stderr
        assert "0.0.1" in said
        assert "seaway down, then seaway up" in said
    seaway("down")


@pytest.mark.parametrize("database", ["cluster/store.db", "server/seaway.db"])
def test_a_damaged_database_is_named(seaway, database):
    seaway("up")
    seaway("down")
    path = seaway.home / database
    path.write_bytes(b"not a database " * 1000)
    for leftover in path.parent.glob(path.name + "-*"):
        leftover.unlink()
    said = seaway("up", code=None)
    assert said.returncode in (69, 74)
    assert path.name in said.stderr
    assert seaway.processes() == []


def test_the_foreground_logs_to_the_terminal_and_ends_with_ctrl_c(seaway):
    process = seaway.start("up", "--foreground")
    wait_until(lambda: process.poll() is not None or (seaway.home / "daemon.json").exists(), "it serves")
    assert process.poll() is None, process.communicate()
    seaway("run", "--", "true")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "ready" in err
    assert seaway.processes() == []


def test_run_up_starts_the_server(seaway):
    assert "seaway up" in seaway("run", "--", "echo", "hello", code=69).stderr
    assert seaway("run", "--up", "--", "echo", "hello").stdout == "hello\n"
    seaway("down")
    assert seaway.processes() == []


def test_a_home_that_is_a_file_is_refused(seaway):
    seaway.home.write_text("")
    assert "is a file" in seaway("up", code=64).stderr


def test_a_run_goes_on_from_its_checkpoint_after_down_and_up(seaway):
    """`down` stops a run gracefully without ending it, an attached terminal says so, and `up` goes on with it."""
    (seaway.folder / "long.py").write_text(
        "import os, pathlib, signal, sys, time\n"
        "state = pathlib.Path(os.environ['SEAWAY_CHECKPOINT']) / 'state'\n"
        "if state.exists():\n    print('going on', state.read_text()); sys.exit(0)\n"
        "def save(*_):\n    state.write_text('here'); sys.exit(1)\n"
        "signal.signal(signal.SIGTERM, save)\n"
        "print('began', flush=True)\ntime.sleep(60)\n"
    )
    seaway("up")
    process = seaway.start("run", "--name", "long", "long.py")
    assert process.stdout.readline() == "began\n"
    seaway("down")
    assert [p.pid for p in seaway.processes()] == [process.pid]
    seaway("up")
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, "going on here\n"), err
    attempts = seaway.json("show", "long")["tasks"][0]["attempts"]
    assert [attempt["verdict"]["class"] for attempt in attempts] == ["infrastructure", "succeeded"]
    assert attempts[0]["verdict"]["cause"] == "ClusterStopped"
    seaway("down")
