"""A laptop and a team's server: logging in, choosing a server, and what every command says there."""

from __future__ import annotations

import json
import os
import pty
import select
import socket
import stat
import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from pathlib import Path

import pytest

from seaway.sdk.trust import fingerprint
from tests.waiting import wait_until
from tools.flaky_network import flaky_network

from .conftest import make_shell

pytestmark = pytest.mark.timeout(200)
ON_A_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.executable, [sys.executable, "-m", "seaway", *sys.argv[1:]])
"""
KEYRING = '''
import json, os, pathlib
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked, PasswordDeleteError

class FileKeyring(KeyringBackend):
    """A keyring in a file: what the desktop's own would be."""

    priority = 5
    path = pathlib.Path(os.environ["FILE_KEYRING"])

    def _read(self):
        if os.environ.get("FILE_KEYRING_LOCKED"):
            raise KeyringLocked("it is locked")
        return json.loads(self.path.read_text()) if self.path.exists() else {}

    def get_password(self, service, username):
        return self._read().get(f"{service}/{username}")

    def set_password(self, service, username, password):
        self.path.write_text(json.dumps({**self._read(), f"{service}/{username}": password}))

    def delete_password(self, service, username):
        known = self._read()
        if known.pop(f"{service}/{username}", None) is None:
            raise PasswordDeleteError("none")
        self.path.write_text(json.dumps(known))
'''


def url(running) -> str:
    return running.json("status")["url"]


def known_by(running) -> str:
    return fingerprint((running.home / "server" / "ca.crt").read_text())


def move_context(shell, address: str, **changes: str) -> None:
    """Change where the context "team" leads to."""
    file = shell.home / "contexts.json"
    said = json.loads(file.read_text())
    said["contexts"]["team"].update({"url": address, **changes})
    file.write_text(json.dumps(said))


def with_token(shell, token: str):
    return replace(shell, extra={**shell.extra, "SEAWAY_TOKEN": token})


def dialogue(shell, *arguments: str, answers: list[tuple[str, str]]) -> tuple[int, str]:
    """Run `seaway` on a terminal of its own and answer what it asks; return its exit code and all that was shown."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", ON_A_TERMINAL, *arguments],
        cwd=shell.folder,
        env={**shell.environ, "TERM": "xterm", "NO_COLOR": "1"},
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    )
    os.close(slave)
    try:
        shown = _converse(master, list(answers))
        return process.wait(60), shown
    finally:
        process.kill()
        process.wait()
        os.close(master)


def _converse(master: int, left: list[tuple[str, str]]) -> str:
    shown, last, deadline = "", "", time.monotonic() + 60
    while True:
        assert time.monotonic() < deadline, shown
        if not select.select([master], [], [], 1.0)[0]:
            if (
                last == "\x03"
            ):  # a signal just before Python begins to read is seen with the next one: people press again
                os.write(master, last.encode())
            continue
        try:
            data = os.read(master, 65536)
        except OSError:  # the other end was closed
            return shown
        if not data:
            return shown
        shown += data.decode(errors="replace")
        if left and left[0][0] in shown:
            last = left.pop(0)[1]
            os.write(master, last.encode())


@pytest.fixture
def empty(tmp_path):
    """A `seaway` of somebody who has not logged in anywhere."""
    shell = make_shell(tmp_path / "empty")
    try:
        yield shell
        assert not shell.processes()
    finally:
        shell.clean()


@pytest.fixture
def token(running, tmp_path) -> str:
    return running.json("token", "create", f"grace-{tmp_path.name}", "--user", "grace")["token"]


def test_a_server_is_trusted_by_its_fingerprint_and_the_token_is_not_shown(running, empty, token):
    code, shown = dialogue(
        empty,
        "login",
        url(running),
        "--name",
        "team",
        answers=[("administrator told you?", "y\n"), ("Token for", token + "\n")],
    )
    assert code == 0, shown
    assert known_by(running) in shown
    assert "You are grace" in shown
    assert token not in shown
    assert token.split("_", 2)[2] not in shown
    assert empty.json("status")["server"]["caller"]["user"] == "grace"
    files = {path: stat.S_IMODE(path.stat().st_mode) for path in empty.home.rglob("*") if path.is_file()}
    assert set(files.values()) == {0o600}
    assert stat.S_IMODE(empty.home.stat().st_mode) == 0o700
    assert [path.name for path in files if token in path.read_text()] == ["team"]
    again, shown = dialogue(empty, "login", "team", answers=[("Token for", token + "\n")])
    assert again == 0
    assert "fingerprint" not in shown


@pytest.mark.parametrize(
    ("answers", "code"),
    [
        pytest.param([("told you?", "n\n")], 69, id="another fingerprint"),
        pytest.param([("told you?", "\x03")], 130, id="Ctrl-C at the question"),
        pytest.param([("told you?", "y\n"), ("Token for", "\x03")], 130, id="Ctrl-C at the token"),
        pytest.param([("told you?", "y\n"), ("Token for", "wrong\n")], 77, id="a wrong token"),
    ],
)
def test_who_breaks_off_is_not_logged_in(running, empty, answers, code):
    got, shown = dialogue(empty, "login", url(running), answers=answers)
    assert got == code, shown
    assert "Traceback" not in shown
    assert not empty.home.exists()


def test_nothing_is_sent_to_a_server_that_cannot_prove_itself(running, empty, token):
    shell = with_token(empty, token)
    said = shell("login", url(running), code=69).stderr
    assert known_by(running) in said
    assert "--fingerprint" in said
    other = known_by(running)[:-2] + ("00" if known_by(running)[-2:] != "00" else "11")
    assert "another fingerprint" in shell("login", url(running), "--fingerprint", other, code=69).stderr
    (empty.folder / "wrong.pem").write_text((running.home / "cluster" / "pki" / "ca.crt").read_text())
    assert "wrong.pem" in shell("login", url(running), "--ca", "wrong.pem", code=69).stderr
    assert "grace" not in "".join(line for line in running.log().splitlines() if "whoami" in line)
    assert not empty.home.exists()


def test_programs_log_in_by_standard_input_the_authority_and_the_fingerprint(running, empty, token):
    process = empty.start(
        "login", url(running), "--token-stdin", "--ca", str(running.home / "server" / "ca.crt"), stdin=subprocess.PIPE
    )  # fmt: skip
    _, err = process.communicate(token + "\n", timeout=60)
    assert process.returncode == 0, err
    assert [each["name"] for each in empty.json("context")] == ["local", "127.0.0.1"]
    certificate = fingerprint((running.home / "server" / "portal.crt").read_text())
    with_token(empty, token)("login", url(running), "--fingerprint", certificate, "--name", "pinned")
    assert empty.json("status")["context"] == "pinned"
    assert "nobody to ask" in empty("login", url(running), code=64).stderr


def test_contexts_are_listed_chosen_renamed_and_removed(running, laptop):
    assert [(each["name"], each["current"], each["user"]) for each in laptop.json("context")] == [
        ("local", False, None),
        ("team", True, "ada"),
    ]
    shown = laptop("context").stdout.splitlines()
    assert shown[2].startswith("*  team")
    assert "ends on" in shown[2]
    assert "local" in laptop("context", "use", "local").stderr
    assert laptop("ps", code=69).stderr.count("seaway up") == 1
    assert laptop.json("ps", "--context", "team") == laptop.json("--context", "team", "ps")
    by_variable = replace(laptop, extra={"SEAWAY_CONTEXT": "team"})
    assert by_variable.json("status")["context"] == "team"
    assert by_variable.json("--context", "local", "context", "list")[0]["current"]
    gone = replace(laptop, extra={"SEAWAY_CONTEXT": "gone"})("context")
    assert "SEAWAY_CONTEXT names gone" in gone.stderr
    assert "team" in gone.stdout
    assert "comes first" in by_variable("context", "use", "local").stderr
    laptop("context", "rename", "team", "us")
    laptop("context", "use", "us")
    assert laptop.json("status")["context"] == "us"
    assert "current context is local" in laptop("context", "rm", "us").stderr
    assert [each["name"] for each in laptop.json("context")] == ["local"]
    assert not list((laptop.home / "tokens").iterdir())


def test_a_token_in_the_keyring_lies_in_no_file(running, empty, token, tmp_path):
    (tmp_path / "file_keyring.py").write_text(KEYRING)
    ring = tmp_path / "ring.json"
    shell = replace(
        empty,
        extra={
            "PYTHON_KEYRING_BACKEND": "file_keyring.FileKeyring",
            "PYTHONPATH": str(tmp_path),
            "FILE_KEYRING": str(ring),
        },
    )
    with_token(shell, token)("login", url(running), "--fingerprint", known_by(running), "--name", "team")
    assert list(json.loads(ring.read_text()).values()) == [token]
    assert not [path for path in empty.home.rglob("*") if path.is_file() and token in path.read_text()]
    assert shell.json("status")["server"]["caller"]["user"] == "grace"
    locked = replace(shell, extra={**shell.extra, "FILE_KEYRING_LOCKED": "1"})
    assert "it is locked" in locked("ps", code=77).stderr
    without = replace(shell, extra={**shell.extra, "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"})
    assert "seaway[keyring]" in without("ps", code=64).stderr
    shell("context", "rename", "team", "us")
    assert shell.json("status")["context"] == "us"
    shell("logout")
    assert json.loads(ring.read_text()) == {}
    assert "seaway login" in shell("ps", code=77).stderr


def test_logged_out_is_said_and_the_context_stays(running, laptop):
    assert "Logged out of team" in laptop("logout").stderr
    said = laptop("ps", code=77).stderr
    assert "logged out of the context 'team'" in said
    assert f"seaway login {url(running)}" in said
    assert "logged out" in laptop("context").stdout
    assert laptop.json("context")[1]["logged_in"] is False


def test_a_revoked_token_says_how_to_log_in_again(running, laptop, tmp_path):
    run = laptop("run", "--detach", "--", "true").stdout.strip()
    laptop("logs", "-f", run)
    running("token", "revoke", f"ada-{tmp_path.name}")
    for command in (
        ["ps"],
        ["logs", run],
        ["logs", "-f", run],
        ["why", run],
        ["run", "--", "true"],
        ["stop", run],
    ):
        said = laptop(*command, code=77).stderr
        assert "was revoked" in said
        assert f"seaway login {url(running)}" in said
    assert "was revoked" in laptop("status", code=69).stdout


def test_who_runs_what_is_shown_and_only_ones_own_can_be_changed(running, laptop):
    laptop("run", "--name", "adas", "--", "true")
    assert "USER" not in laptop("ps", "-a", "-n", "1").stdout
    running("run", "--name", "admins", "--", "true")
    shown = laptop("ps", "-a", "-n", "2").stdout
    assert shown.splitlines()[0].split()[:3] == ["NAME", "STATUS", "USER"]
    assert "ada" in shown
    assert laptop.json("show", "admins")["user"] != "ada"
    for command in ("stop", "rm", "retry", "restore"):
        said = laptop(command, "admins", code=77).stderr
        assert "belongs to" in said
        assert "administrator" in said
    assert laptop("token", "list", code=77).stderr.count("administrator") >= 1
    laptop("rm", "adas")
    running("restore", "adas")
    assert not running.json("show", "adas")["deleted"]


def test_what_is_about_this_machine_says_so(running, laptop):
    assert "server elsewhere" in laptop("kubeconfig", code=64).stderr
    assert "no kubeconfig yet" in laptop("kubeconfig", "--context", "local", code=69).stderr
    for command in ("up", "down"):
        assert "this machine" in laptop(command, "--context", "team", code=64).stderr
    assert (
        "--up: it starts the cluster of this machine" in laptop("run", "--up", "--", "true", code=64).stderr
    )
    assert "does not run" in laptop("down").stderr
    up = laptop("up").stderr
    assert "The current context is team" in up
    assert laptop.json("status", "--context", "local")["pid"] != running.pid()
    assert laptop.json("status")["url"] == url(running)
    assert "the current context, team, goes on" in laptop("down").stderr
    assert laptop.json("version")["server"]


def test_a_server_that_does_not_answer_is_named_with_what_to_do(laptop):
    move_context(laptop, "https://127.0.0.1:1")
    for command in (["ps"], ["run", "--", "true"], ["why", "x"], ["logs", "-f", "x"], ["download", "x"]):
        shown = laptop(*command, code=69).stderr
        assert "context 'team' does not answer" in shown
        assert "seaway context use local" in shown
        assert "seaway up" not in shown
    assert "does not answer" in laptop("status", code=69).stdout


def test_another_servers_certificate_is_not_trusted(running, laptop):
    move_context(laptop, url(running), ca=(running.home / "cluster" / "pki" / "ca.crt").read_text())
    shown = laptop("ps", code=69).stderr
    assert "not one that the context 'team' trusts" in shown
    assert "seaway login" in shown
    code, shown = dialogue(laptop, "login", "team", answers=[("told you?", "n\n")])
    assert code == 69
    assert "does not show the certificate that you trusted before" in shown
    assert known_by(running) in shown


def test_a_followed_run_outlives_a_network_that_breaks(running, laptop):
    """Each line once, and the exit code is the program's own."""
    with flaky_network(url(running)) as network, socket.create_server(("127.0.0.1", 0)) as listener:
        (laptop.folder / "count.py").write_text(
            textwrap.dedent(f"""
            import socket, sys
            go = socket.create_connection(("127.0.0.1", {listener.getsockname()[1]}))
            for number in range(200):
                print(number, "x" * 50, flush=True)
                if number % 50 == 49:
                    go.recv(1)
            sys.exit(5)
            """)
        )
        move_context(laptop, f"https://127.0.0.1:{network.port}")
        process = laptop.start("run", "--name", "flaky", "count.py")
        listener.settimeout(60)
        with listener.accept()[0] as go:
            lines = []
            for _ in range(4):
                lines += [process.stdout.readline() for _ in range(50)]
                before = network.connections
                network.cut()
                wait_until(lambda before=before: network.connections != before, "it connects again")
                go.sendall(b"!")
            out, err = process.communicate(timeout=60)
    assert process.returncode == 5, err
    assert ("".join(lines) + out).splitlines() == [f"{number} {'x' * 50}" for number in range(200)]


def test_names_of_contexts_are_completed(laptop):
    def offered(*words: str) -> list[str]:
        variables = {"_SEAWAY_COMPLETE": "complete_zsh", "_TYPER_COMPLETE_ARGS": " ".join(("seaway", *words))}
        done = replace(laptop, extra=variables)()
        return [name for name in ("local", "team") if name in done.stdout]

    assert offered("context", "use", "t") == ["team"]
    assert offered("ps", "--context", "") == ["local", "team"]
    assert offered("logout", "te") == ["team"]


def test_runs_of_the_context_are_completed(laptop):
    laptop("run", "--name", "far-away", "--", "true")
    variables = {"_SEAWAY_COMPLETE": "complete_zsh", "_TYPER_COMPLETE_ARGS": "seaway show far"}
    assert "far-away" in replace(laptop, extra=variables)().stdout
    variables = {**variables, "_TYPER_COMPLETE_ARGS": "seaway show --context local far"}
    assert "far-away" not in replace(laptop, extra=variables)().stdout


def test_no_token_is_in_the_servers_log(running, laptop):
    laptop("ps")
    tokens = [path.read_text().strip() for path in (laptop.home / "tokens").iterdir()]
    log = Path(running.home / "daemon.log").read_text()
    assert f"by the fingerprint {known_by(running)}" in log
    assert len(tokens) == 1
    assert tokens[0] not in log
    assert tokens[0].split("_", 2)[2] not in log
    assert (running.home / "server" / "token").read_text().strip() not in log
