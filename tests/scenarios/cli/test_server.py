"""`seaway server`: a team's server in the foreground, on a cluster that it knows by a kubeconfig alone."""

from __future__ import annotations

import re
import signal
import socket
import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest

from tests.scenarios.cli.conftest import Shell, make_shell
from tests.waiting import wait_until

SECONDS = 60


@dataclass
class Team:
    """One server's home, and somebody who has logged in to it."""

    cluster: Shell
    folder: Path
    port: int
    member: Shell

    @property
    def home(self) -> Path:
        return self.folder / "server"

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def command(self, *flags: str) -> tuple[str, ...]:
        kubeconfig = str(self.cluster.home / "kubeconfig")
        return ("server", "--kubeconfig", kubeconfig, "--namespace", "default", "--home", str(self.home),
                "--listen", f"127.0.0.1:{self.port}", *flags)  # fmt: skip

    def start(self, *flags: str) -> subprocess.Popen[str]:
        """Start it; return when it says that it is ready."""
        with (self.folder / "server.log").open("a") as log:
            process = self.cluster.start(*self.command(*flags), stderr=log)
        assert process.stdout
        line = process.stdout.readline()
        assert line.rstrip().endswith(f" is ready: {self.url}"), (self.folder / "server.log").read_text()
        return process

    def ask(self, path: str) -> tuple[int, str]:
        context = ssl.create_default_context(cafile=str(self.home / "ca.crt"))
        try:
            with urllib.request.urlopen(self.url + path, context=context, timeout=SECONDS) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def log_in(self) -> None:
        """Make it the member's current context."""
        self.member.extra["SEAWAY_TOKEN"] = (self.home / "token").read_text().strip()
        self.member("login", self.url, "--ca", str(self.home / "ca.crt"), "--no-keyring")
        del self.member.extra["SEAWAY_TOKEN"]


def end(process: subprocess.Popen[str], number: signal.Signals) -> int:
    process.send_signal(number)
    return process.wait(SECONDS)


@pytest.fixture
def team(running: Shell, tmp_path: Path) -> Iterator[Team]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    member = make_shell(tmp_path / "member")
    yield Team(running, tmp_path, port, member)
    member.clean()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_probes_and_a_clean_end(team: Team, number: signal.Signals) -> None:
    process = team.start()
    assert team.ask("/healthz") == (200, "ok")
    assert team.ask("/readyz") == (200, "ok")
    assert team.ask("/api/v1/runs")[0] == 401
    assert end(process, number) == 0
    assert "Traceback" not in (team.folder / "server.log").read_text()
    modes = {path.name: path.stat().st_mode & 0o777 for path in team.home.iterdir() if path.is_file()}
    assert set(modes.values()) == {0o600}, modes


def test_runs_go_on_while_the_server_is_away(team: Team) -> None:
    """A stopped team server leaves the pods alone; the next one takes them up, and nothing starts twice."""
    process = team.start()
    team.log_in()
    listener = socket.create_server(("127.0.0.1", 0))
    wait = f"import socket; socket.create_connection(('127.0.0.1', {listener.getsockname()[1]})).recv(1)"
    team.member("run", "--detach", "--name", "long", "--", "python3", "-c", f"{wait}; print('went on')")
    wait_until(lambda: team.member.json("show", "long")["phase"] == "running")
    connection, _ = listener.accept()  # before that the runner may still have to ask the server for something
    assert end(process, signal.SIGTERM) == 0
    with listener, connection:
        connection.sendall(b"1")  # what the program waits for
    process = team.start()
    wait_until(lambda: team.member.json("show", "long")["phase"] == "succeeded")
    shown = team.member.json("show", "long")
    assert [len(task["attempts"]) for task in shown["tasks"]] == [1]
    assert "went on" in team.member("logs", "long").stdout
    assert end(process, signal.SIGTERM) == 0


def test_two_servers_do_not_share_a_home(team: Team) -> None:
    process = team.start()
    refused = team.cluster(*team.command(), code=75)
    assert f"a server runs already for {team.home}" in refused.stderr
    with socket.create_server(("127.0.0.1", 0)) as taken:
        team.port = taken.getsockname()[1]
        other = team.command("--home", str(team.folder / "other"))
        assert "is in use by another program" in team.cluster(*other, code=75).stderr
    assert end(process, signal.SIGTERM) == 0


def test_a_certificate_and_a_token_from_somewhere_else(team: Team) -> None:
    """The files that a chart mounts, and what is said of those that do not fit."""
    process = team.start()
    assert end(process, signal.SIGTERM) == 0
    token = team.folder / "token"
    token.write_text("an-administrators-token\n")
    token.chmod(0o640)
    names = ("portal.crt", "portal.key", "ca.crt")
    certificate, key, ca = (str(team.home / name) for name in names)
    given = ("--tls-cert", certificate, "--tls-key", key, "--tls-ca", ca, "--token-file", str(token))
    process = team.start(*given)
    team.member.extra["SEAWAY_TOKEN"] = "an-administrators-token"
    team.member("login", team.url, "--ca", ca, "--no-keyring")
    assert end(process, signal.SIGTERM) == 0
    wrong = {
        ("--tls-cert", ca, "--tls-key", key): "are no certificate and its key",
        ("--tls-cert", certificate, "--tls-key", key, "--tls-ca", key): "is no certificate",
        ("--token-file", str(team.folder / "nothing")): "cannot be read",
        ("--token-file", key): "holds no token",
    }
    for flags, said in wrong.items():
        refused = team.cluster(*team.command(*flags), code=64)
        assert said in refused.stderr
        assert "PRIVATE KEY" not in refused.stderr
    token.chmod(0o644)
    assert (
        "can be read by everybody" in team.cluster(*team.command("--token-file", str(token)), code=64).stderr
    )


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        (("--listen", "0.0.0.0:8443"), "--url"),
        (("--listen", "192.0.2.1:8443", "--url", "https://x"), "this machine has no address 192.0.2.1"),
        (("--database", "mysql://a:hunter2@b/c"), "--database"),
        (("--pod-user", "0"), "--pod-user"),
        (("--context", "other"), "no context 'other'"),
        (("--kubeconfig", "/nowhere"), "--kubeconfig"),
        (("--tls-cert", "/nowhere"), "--tls-key"),
        (("--scratch-limit", "lots"), "--scratch-limit"),
        (("--scratch-files", "5"), "--scratch-files"),
        (("--storage-limit", "1Ki"), "--storage-limit"),
        (("--storage-files", "5"), "--storage-files"),
        (("--bin-days", "0"), "--bin-days"),
        (("--history-days", "0"), "--history-days"),
        (("--history-logs", "none"), "--history-logs"),
        (("--waits", "soon"), "--waits"),
        (("--hung", "-1"), "--hung"),
    ],
    ids=lambda value: "" if isinstance(value, str) else value[0],
)
def test_what_cannot_be_is_refused(team: Team, flags: tuple[str, ...], named: str) -> None:
    refused = team.cluster(*team.command(*flags), code=64)
    assert named in refused.stderr
    assert "hunter2" not in refused.stderr


def test_limits_of_a_team(team: Team) -> None:
    """What a run may leave on its disk, what all runs may leave on the server, and how long the bin keeps them."""
    process = team.start(
        "--scratch-limit", "8Mi", "--scratch-files", "1000", "--storage-limit", "3Mi", "--bin-days", "2",
        "--workspace-storage-limit", "1Mi", "--storage-files", "2000", "--workspace-storage-files", "1000",
        "--waits", "0", "--hung", "0",
    )  # fmt: skip
    team.log_in()
    write = "open('big', 'wb').write(b'x' * (16 << 20)); import time; time.sleep(600)"
    ended = team.member("run", "--name", "writer", "--", "python3", "-c", write, code=None)
    assert "and may have 8.0 MiB" in ended.stdout + ended.stderr
    keep = "import os; open(os.environ['SEAWAY_OUTPUTS'] + '/kept', 'wb').write(os.urandom(2 << 20))"
    team.member("run", "--name", "keeper", "--", "python3", "-c", keep)
    (found,) = team.member.json("usage")
    assert (found["limit"], found["files"], found["files_limit"]) == (3 << 20, 2, 2000)
    full = team.member("run", "--", "true", code=None).stderr
    assert "the runs in the workspace" in full
    assert "and may take 1.0 MiB" in full
    (workspace,) = team.member.json("workspace", "list")
    assert workspace["warning"].startswith("full")
    table = team.member("workspace", "list").stdout
    assert "1.0 MiB" in table
    assert "full: no run is accepted" in table
    name = workspace["name"]
    said = team.member("workspace", "set", name, "--storage-limit", "2300Ki")
    assert "at most: 2.2 MiB, its own limit" in said.stdout
    assert "% of 2.2 MiB are taken" in said.stderr
    assert "2.2 MiB, its own limit" in team.member("workspace", "show", name).stdout
    (shown,) = team.member.json("usage", "--workspaces")
    assert (shown["limit"], "% of 2.2 MiB" in shown["warning"]) == (2300 << 10, True)
    team.member("run", "--name", "small", "--", "true")
    said = team.member("workspace", "set", name, "--storage-limit", "none", "--storage-files", "3000")
    assert "files: 2; at most: 3,000, its own limit" in said.stdout
    team.member("run", "--name", "more", "--", "python3", "-c", keep)
    assert "the runs of admin take" in team.member("run", "--", "true", code=None).stderr
    binned = team.member("rm", "writer").stderr
    assert "(until" in binned
    view = team.member.json("show", "writer")
    kept = datetime.fromisoformat(view["emptied"]) - datetime.fromisoformat(view["deleted"])
    assert kept.days == 2
    assert end(process, signal.SIGTERM) == 0


def test_a_cluster_that_is_away_at_the_start(team: Team) -> None:
    """The server serves without it, and says so: runs are accepted."""
    away = team.folder / "away"
    known = (team.cluster.home / "kubeconfig").read_text()
    away.write_text(re.sub(r"https://127\.0\.0\.1:\d+", "https://127.0.0.1:1", known))
    process = team.start("--kubeconfig", str(away))
    assert team.ask("/readyz") == (200, "ok")
    team.log_in()
    team.member("run", "--detach", "--name", "early", "--", "true")
    assert team.member.json("show", "early")["phase"] == "queued"
    assert end(process, signal.SIGTERM) == 0


def test_an_embedded_cluster_is_none_to_install_on(team: Team) -> None:
    """It has a server already; nothing is made there."""
    kubeconfig = str(team.cluster.home / "kubeconfig")
    refused = team.cluster("install", "--kubeconfig", kubeconfig, "--image", "seaway/server:1", code=64)
    assert "has a server already" in refused.stderr
    nothing = team.cluster("uninstall", "--kubeconfig", kubeconfig, "--yes", "--delete-data")
    assert "There is no installation" in nothing.stderr
