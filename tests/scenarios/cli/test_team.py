"""The users of a `seaway server`: made by its administrator, known after a restart, and out when they are revoked."""

from __future__ import annotations

import signal
import socket
from dataclasses import replace

import pytest

from seaway.sdk.trust import fingerprint
from tools.connect_proxy import connect_proxy

from .conftest import make_shell
from .test_server import Team, end, team

__all__ = ["team"]  # the fixture
pytestmark = pytest.mark.timeout(200)


def log_in(member, server: Team, token: str, *options: str, code: int = 0):
    known_by = fingerprint((server.home / "ca.crt").read_text())
    with_token = replace(member, extra={"SEAWAY_TOKEN": token})
    return with_token(
        "login", server.url, "--fingerprint", known_by, "--name", "team", "--no-keyring", *options, code=code
    )


def test_an_administrator_makes_users_who_share_a_server(team: Team, tmp_path) -> None:
    process = team.start()
    team.log_in()
    admin = team.member
    assert admin.json("status")["server"]["caller"] == {
        "user": "admin",
        "admin": True,
        "token": None,
        "expires": None,
    }
    tokens = {user: admin.json("token", "create", user)["token"] for user in ("ada", "eve")}
    ada, eve = make_shell(tmp_path / "ada"), make_shell(tmp_path / "eve")
    for shell, user in ((ada, "ada"), (eve, "eve")):
        assert f"You are {user} at" in log_in(shell, team, tokens[user]).stderr
    assert ada("run", "--name", "adas", "--", "python3", "-c", "print('from afar')").stdout == "from afar\n"
    assert eve("logs", "adas").stdout == "from afar\n"
    assert "belongs to ada" in eve("rm", "adas", code=77).stderr
    ada("rm", "adas")
    admin("restore", "adas")

    assert end(process, signal.SIGTERM) == 0
    assert "does not answer" in ada("ps", code=69).stderr
    process = team.start()
    assert ada.json("show", "adas")["user"] == "ada"

    admin("token", "revoke", "eve")
    assert "was revoked" in eve("ps", code=77).stderr
    assert "was revoked" in log_in(eve, team, tokens["eve"], code=77).stderr
    assert [each["name"] for each in admin.json("token", "list")] == ["ada"]
    assert end(process, signal.SIGTERM) == 0
    said = (team.folder / "server.log").read_text()
    for token in tokens.values():
        assert token not in said
        assert token.split("_", 2)[2] not in said
    assert "POST /api/v1/runs by ada" in said


def test_a_server_that_only_a_proxy_reaches(team: Team) -> None:
    """Its name is known to the proxy alone; nobody asks the network for it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    listening, team.port = f"127.0.0.1:{team.port}", port
    url = f"https://seaway.test:{port}"
    with (team.folder / "server.log").open("a") as log:
        process = team.cluster.start(*team.command("--listen", listening, "--url", url), stderr=log)
    assert process.stdout
    assert process.stdout.readline().rstrip().endswith(f"is ready: {url}")
    served = ("127.0.0.1", int(listening.rpartition(":")[2]))
    with connect_proxy({f"seaway.test:{port}": served}) as proxy:
        team.member.extra |= {
            "HTTPS_PROXY": f"http://ada:secret@127.0.0.1:{proxy.port}",
            "SEAWAY_TOKEN": (team.home / "token").read_text().strip(),
        }
        proxy.authorization = "Basic YWRhOnNlY3JldA=="
        team.member("login", url, "--ca", str(team.home / "ca.crt"), "--no-keyring", "--name", "far")
        assert team.member.json("status")["url"] == url
        assert set(proxy.asked) == {f"seaway.test:{port}"}
        proxy.authorization = "Basic another"
        said = team.member("ps", code=69).stderr
        assert f"through the proxy 127.0.0.1:{proxy.port}" in said
        assert "407" in said
        assert "secret" not in said
        team.member.extra["NO_PROXY"] = ".test"
        assert "proxy 127" not in team.member("ps", code=69).stderr
    assert end(process, signal.SIGTERM) == 0
