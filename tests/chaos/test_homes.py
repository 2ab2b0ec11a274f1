"""Damaged, borrowed, copied and oddly named homes: a clear word or a working server, and nothing lost silently."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

LONG = "x" * 120
"""Longer than the address of a Unix socket may be."""


def empty(path: Path) -> None:
    path.write_bytes(b"")


def random_bytes(path: Path) -> None:
    path.write_bytes(os.urandom(50_000))


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def other_header(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"xxxx")


def other_page(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        file.write(os.urandom(20_000))


@pytest.fixture(scope="module")
def kept(tmp_path_factory, make_home) -> Any:
    """A home with one run in it, down."""
    home = make_home(tmp_path_factory.mktemp("kept") / "home")
    home.seaway("up")
    home.submit("first", "--", "true")
    home.ended("first")
    home.seaway("down")
    return home


def copy_of(kept: Any, home: Any) -> None:
    shutil.copytree(kept.path, home.path, symlinks=True, ignore=shutil.ignore_patterns("*.sock"))
    home.path.chmod(0o700)


@pytest.mark.parametrize("harm", [empty, random_bytes, cut, other_header, other_page])
@pytest.mark.parametrize("database", ["cluster/store.db", "server/seaway.db"])
def test_a_damaged_database_is_named_and_left_alone(
    kept, home, database: str, harm: Callable[[Path], None]
) -> None:
    copy_of(kept, home)
    path = home.path / database
    harm(path)
    harmed = path.read_bytes()
    code, said = home.attempt("up")
    assert code == 74, said
    assert f"{path} is damaged" in said
    assert "backup" in said
    assert path.read_bytes() == harmed
    assert home.processes() == []


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        pytest.param("cluster/version.json", '{"format": 99, "seaway": "9.9"}', "Seaway 9.9", id="a newer home"),
        pytest.param("cluster/version.json", "{", "version.json cannot be read", id="no version"),
        pytest.param("cluster/pki/ca.crt", "x", "ca.crt cannot be read", id="no authority"),
    ],
)  # fmt: skip
def test_a_home_that_cannot_be_served_says_why(kept, home, name: str, text: str, said: str) -> None:
    copy_of(kept, home)
    (home.path / name).write_text(text)
    code, answer = home.attempt("up")
    assert code == 74, answer
    assert said in answer
    assert home.processes() == []


def test_what_can_be_made_anew_is_made_anew(kept, home) -> None:
    """Garbage in files that hold nothing of the user's: the next start replaces them."""
    copy_of(kept, home)
    for name in ("server/token", "server/port", "cluster/address.json", "daemon.json", "lock", "kubeconfig"):
        (home.path / name).write_text("gar{bage")
    home.seaway("up")
    assert home.run_view("first")["phase"] == "succeeded"
    home.submit("second", "--", "true")
    assert home.ended("second")["phase"] == "succeeded"


def test_a_process_that_has_the_pid_of_a_crashed_daemon_is_left_alone(kept, home) -> None:
    """After a machine's crash the record and the lock file lie there, and the number belongs to somebody else."""
    copy_of(kept, home)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        record = {
            "pid": other.pid,
            "started": 0.0,
            "version": "0.1.0",
            "url": "https://127.0.0.1:1",
            "cluster_url": "",
        }
        (home.path / "daemon.json").write_text(json.dumps(record))
        (home.path / "lock").write_text(str(other.pid))
        assert home.attempt("status")[0] == 69
        assert home.attempt("down")[0] == 0
        home.seaway("up")
        assert json.loads((home.path / "daemon.json").read_text())["pid"] != other.pid
        home.seaway("down")
        assert other.poll() is None
        other.communicate(b"\n")


def test_ports_that_another_program_has_are_chosen_anew(kept, home) -> None:
    copy_of(kept, home)
    ports = [
        json.loads((home.path / "cluster" / "address.json").read_text())["port"],
        int((home.path / "server" / "port").read_text()),
    ]
    with socket.create_server(("127.0.0.1", ports[0])), socket.create_server(("127.0.0.1", ports[1])):
        home.seaway("up")
        config = (home.path / "kubeconfig").read_text()
        assert f":{ports[0]}\n" not in config
        home.submit("second", "--", "true")
        assert home.ended("second")["phase"] == "succeeded"


@pytest.mark.parametrize("name", ["with spaces, ünïcode and 日本", LONG], ids=["unicode", "long"])
def test_a_home_with_an_odd_path(tmp_path: Path, make_home, name: str) -> None:
    home = make_home(tmp_path / name)
    home.seaway("up")
    home.submit(
        "odd", "--", "python", "-c", "import os; open(os.environ['SEAWAY_OUTPUTS'] + '/ü', 'w').write('x')"
    )
    assert home.ended("odd")["phase"] == "succeeded"
    assert "ü" in home.seaway("outputs", "odd")
    home.seaway("down")
    assert home.processes() == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to another user")
def test_a_home_of_another_user_is_refused(home) -> None:
    home.path.mkdir()
    os.chown(home.path, 65534, 65534)
    code, said = home.attempt("up")
    assert (code, "belongs to another user" in said) == (77, True), said
    assert list(home.path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_home_that_cannot_be_written_is_refused(home) -> None:
    home.path.mkdir(mode=0o500)
    code, said = home.attempt("up")
    assert code in (74, 77), said
    assert str(home.path) in said


RESUMES = """
import os, pathlib, sys, time
state = pathlib.Path(os.environ["SEAWAY_CHECKPOINT"]) / "state"
print("attempt", os.environ["SEAWAY_ATTEMPT"], flush=True)
if os.environ["SEAWAY_ATTEMPT"] != "1":
    sys.exit(0)
state.write_text("x")
while True:
    time.sleep(0.05)
"""


def test_a_home_as_a_power_cut_leaves_it(home, tmp_path: Path, make_home) -> None:
    """The home is copied at one instant in the midst of submissions; another daemon opens the copy elsewhere."""
    home.seaway("up")
    home.submit("running", "--", "python", "-c", RESUMES)
    home.wait_until(lambda: home.program("running"), "it did not start")
    acknowledged = [f"quick-{number}" for number in range(6)]
    for name in acknowledged:
        home.submit(name, "--", "python", "-c", f"print('{name}')")
    unheard = home.start("run", "--detach", "--name", "unheard", "--", "true")
    daemon = psutil.Process(json.loads((home.path / "daemon.json").read_text())["pid"])
    daemon.send_signal(signal.SIGSTOP)
    copy = make_home(tmp_path / "copy")
    shutil.copytree(home.path, copy.path, symlinks=True, ignore=shutil.ignore_patterns("*.sock"))
    copy.path.chmod(0o700)
    for process in home.processes():  # the power is off
        if process.pid != unheard.pid:
            with contextlib.suppress(psutil.NoSuchProcess):  # it ended with the one before
                process.send_signal(signal.SIGKILL)
    unheard.kill()
    unheard.communicate()

    copy.seaway("up")
    for name in acknowledged:
        assert copy.ended(name)["phase"] == "succeeded"
        assert name in copy.seaway("logs", name)
    view = copy.ended("running")
    assert view["phase"] == "succeeded"
    assert [attempt["verdict"]["class"] for attempt in view["tasks"][0]["attempts"]] == [
        "infrastructure", "succeeded",
    ]  # fmt: skip
    copy.seaway("down")
    assert copy.processes() == []
