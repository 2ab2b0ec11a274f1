"""`seaway doctor` against a team's server: certificates, clocks, disks and rights that are really so."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from seaway.platform.access import LEADER_RULES, WORKSPACE_RULES
from seaway.platform.certificates import make_authority, make_certificate
from tests.kubectl import BINARIES, NO_KUBECTL
from tests.waiting import wait_until

from .conftest import Shell
from .test_server import Team, end, team

__all__ = ["team"]  # the fixture
pytestmark = pytest.mark.timeout(200)


def checks(member: Shell, code: int | None = None) -> dict[str, dict[str, Any]]:
    """Return what the doctor says, by the names of its checks."""
    told = member("doctor", "-o", "json", code=code).stdout
    return {check["name"]: check for check in json.loads(told)}


def certificate(folder: Path, begins: timedelta, life: timedelta) -> tuple[str, ...]:
    """Write an authority and a certificate that begins so long after now; return the options that have it served."""
    now = datetime.now(UTC)
    authority = make_authority("a company", now - timedelta(days=400))
    pair = make_certificate("seaway", authority, ["127.0.0.1"], now + begins, life)
    texts = {"tls.crt": pair.certificate, "tls.key": pair.key, "tls-ca.crt": authority.certificate}
    for name, text in texts.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o600)
    options = {"--tls-cert": "tls.crt", "--tls-key": "tls.key", "--tls-ca": "tls-ca.crt"}
    return tuple(word for option, name in options.items() for word in (option, str(folder / name)))


def log_in(team: Team) -> None:
    team.member.extra["SEAWAY_TOKEN"] = (team.home / "token").read_text().strip()
    team.member("login", team.url, "--ca", str(team.folder / "tls-ca.crt"), "--no-keyring")


def test_all_is_well(team: Team) -> None:
    process = team.start()
    team.log_in()
    team.member("token", "create", "ada", "--expires", "3d")
    found = checks(team.member, code=0)
    assert {check["state"] for check in found.values()} <= {"ok", "warn"}, found
    assert (found["token ada"]["state"], found["token ada"]["message"][:9]) == ("warn", "expires i")
    assert found["certificate"]["state"] == "ok"
    assert found["server"]["message"] == f"answers at {team.url}"
    assert end(process, signal.SIGTERM) == 0
    gone = checks(team.member, code=1)
    assert (gone["server"]["state"], "does not answer" in gone["server"]["message"]) == ("fail", True)


def test_a_certificate_that_ends_soon_then_has_ended(team: Team) -> None:
    process = team.start(*certificate(team.folder, timedelta(hours=1), timedelta(days=5, hours=1)))
    log_in(team)
    found = checks(team.member, code=0)["certificate"]
    assert (found["state"], "expires in 5 days" in found["message"]) == ("warn", True), found
    assert "renew it" in found["remedy"]
    assert end(process, signal.SIGTERM) == 0


def test_a_certificate_that_has_ended(team: Team) -> None:
    """Nobody trusts it, and what is said names its time, not somebody who took the server's place."""
    process = team.start(*certificate(team.folder, timedelta(days=-30), timedelta(days=60)))
    log_in(team)
    assert end(process, signal.SIGTERM) == 0
    authority = (team.folder / "tls-ca.crt").read_text()
    process = team.start(*certificate(team.folder, timedelta(days=-30), timedelta(days=29)))
    contexts = team.member.home / "contexts.json"
    renewed = (team.folder / "tls-ca.crt").read_text()
    contexts.write_text(contexts.read_text().replace(json.dumps(authority)[1:-1], json.dumps(renewed)[1:-1]))
    found = checks(team.member, code=1)["server"]
    assert "has expired" in found["message"], found
    assert "renew its certificate" in found["remedy"]
    assert end(process, signal.SIGTERM) == 0


def test_a_server_whose_clock_is_wrong(team: Team) -> None:
    (team.folder / "sitecustomize.py").write_text(
        "import os, time\nright, off = time.time, float(os.environ.get('OFF_BY_SECONDS', '0'))\ntime.time = lambda: right() + off\n"
    )
    team.cluster.extra |= {"PYTHONPATH": str(team.folder), "OFF_BY_SECONDS": "90"}
    try:
        process = team.start()
    finally:
        for name in ("PYTHONPATH", "OFF_BY_SECONDS"):
            del team.cluster.extra[name]
    team.log_in()
    found = checks(team.member, code=1)["clock"]
    assert (found["state"], "s ahead of this machine's" in found["message"]) == ("fail", True), found
    assert "timedatectl" in found["remedy"]
    assert end(process, signal.SIGTERM) == 0


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """Have a folder be a file system of 64 MiB."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64m", "none", str(folder)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"this user may not mount a file system: {mounted.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def fill(folder: Path, left: int) -> None:
    """Write until so many bytes are left."""
    found = os.statvfs(folder)
    with (folder / "filler").open("ab") as file:
        file.write(bytes(found.f_bavail * found.f_frsize - left))


def test_a_server_without_room(team: Team) -> None:
    with small_disk(team.home):
        process = team.start()
        team.log_in()
        fill(team.home, 5 << 20)
        found = checks(team.member, code=0)["disk of the server's home"]
        assert (found["state"], "nearly full" in found["message"]) == ("warn", True), found
        fill(team.home, 1 << 20)
        found = checks(team.member, code=1)["disk of the server's home"]
        assert (found["state"], "the disk is full" in found["message"]) == ("fail", True), found
        assert end(process, signal.SIGTERM) == 0


def kubectl(team: Team, *words: str, text: str | None = None) -> str:
    line = [str(BINARIES[-1]), "--kubeconfig", str(team.cluster.home / "kubeconfig"), *words]
    return subprocess.run(line, input=text, capture_output=True, text=True, timeout=60, check=True).stdout


def limited_kubeconfig(team: Team) -> Path:
    """Return a kubeconfig of an account that lacks rights which the server needs."""
    kubectl(team, "create", "serviceaccount", "limited", "-n", "default")
    lacking = {"pods": "delete", "jobs": "watch"}
    rules = [
        {**rule, "verbs": [verb for verb in rule["verbs"] if lacking.get(rule["resources"][0]) != verb]}
        for rule in (*WORKSPACE_RULES, *LEADER_RULES)
    ]
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": "limited", "namespace": "default"},
        "rules": rules,
    }
    kubectl(team, "apply", "-f", "-", text=json.dumps(role))
    kubectl(
        team,
        "create",
        "rolebinding",
        "limited",
        "-n",
        "default",
        "--role=limited",
        "--serviceaccount=default:limited",
    )
    config = json.loads(kubectl(team, "config", "view", "--raw", "-o", "json"))
    config["users"] = [
        {
            "name": "limited",
            "user": {"token": kubectl(team, "create", "token", "limited", "-n", "default").strip()},
        }
    ]
    config["contexts"] = [
        {"name": "limited", "context": {"cluster": config["clusters"][0]["name"], "user": "limited"}}
    ]
    config["current-context"] = "limited"
    path = team.folder / "limited.kubeconfig"
    path.write_text(json.dumps(config))
    return path


@pytest.mark.kubectl
def test_rights_that_are_missing_come_with_the_commands_that_grant_them(team: Team) -> None:
    """They are typed as they are told: no more is granted, and then nothing is missing."""
    if not BINARIES:
        pytest.skip(NO_KUBECTL)
    process = team.start("--kubeconfig", str(limited_kubeconfig(team)))
    team.log_in()
    found = checks(team.member, code=1)
    assert found["rights"]["message"] == "the server may not: delete pods, watch jobs"
    assert found["nodes"]["message"] == "the server may not look at nodes"
    for check in ("rights", "nodes"):
        commands = "kubectl create" + found[check]["remedy"].partition("kubectl create")[2]
        for command in commands.split(" && "):
            kubectl(team, *command.split()[1:])
    wait_until(lambda: checks(team.member)["rights"]["state"] == "ok")
    granted = kubectl(
        team, "auth", "can-i", "--list", "-n", "default", "--as=system:serviceaccount:default:limited"
    )
    assert "deletecollection" not in granted
    assert end(process, signal.SIGTERM) == 0
