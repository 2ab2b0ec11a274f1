"""The doctor: each check meets the real trouble."""

from __future__ import annotations

import os
import socket
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from seaway.cli.checks import cache, certificates, machine, network, server, tokens
from seaway.cli.checks.check import State
from seaway.cli.main import main
from seaway.platform.certificates import make_authority, make_certificate
from seaway.platform.notifications.nodes import troubles

NOW = datetime(2026, 6, 1, tzinfo=UTC)
GIB = 1 << 30


@pytest.fixture
def small_disk(tmp_path: Path):
    """A real file system of 8 MiB and 200 files."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m,nr_inodes=200", "none", str(folder)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip(f"this user may not mount a file system: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_that_is_full(small_disk) -> None:
    assert machine.disk("disk", small_disk / "not" / "there").state is State.OK
    (small_disk / "big").write_bytes(b"x" * (7 << 20) + b"x" * 500_000)
    nearly = machine.disk("disk", small_disk)
    assert (nearly.state, "nearly full" in nearly.message) == (State.WARN, True)
    with pytest.raises(OSError, match="No space left"):
        (small_disk / "rest").write_bytes(b"x" * (1 << 20))
    full = machine.disk("disk", small_disk)
    assert (full.state, "seaway rm" in full.remedy) == (State.FAIL, True)


def test_a_disk_that_is_full_is_told_by_the_status_too(small_disk, monkeypatch, capsys) -> None:
    monkeypatch.setenv("SEAWAY_HOME", str(small_disk / "home"))
    main(["status"])
    assert "Disk" not in capsys.readouterr().out
    (small_disk / "big").write_bytes(b"x" * (8 << 20))
    main(["status"])
    assert "the disk is full: 0 B of 8.0 MiB free; seaway doctor" in capsys.readouterr().out


def test_how_large_the_cache_is(tmp_path: Path) -> None:
    assert cache.cache(tmp_path, 30).message == "empty"
    for place in ("uv/wheel", "environments/a/lib", "code/b/train.py", "locks/c"):
        file = tmp_path / place
        file.parent.mkdir(parents=True)
        file.write_bytes(bytes(1 << 20))
    (tmp_path / "uv" / "same").hardlink_to(tmp_path / "environments" / "a" / "lib")
    assert cache.cache(tmp_path, 30).message == (
        "4.0 MiB (environments 1.0 MiB, packages 1.0 MiB, code 1.0 MiB, other 1.0 MiB); "
        "what no pod uses goes after 30 days, or when the disk fills up"
    )


def test_a_disk_that_has_no_room_for_files(small_disk) -> None:
    with pytest.raises(OSError, match="No space left"):
        for number in range(300):
            (small_disk / str(number)).touch()
    found = machine.disk("disk", small_disk)
    assert (found.state, "inodes" in found.message) == (State.FAIL, True)


@pytest.mark.parametrize(
    ("free", "total", "inodes", "all_inodes", "state"),
    [
        (100 * GIB, 200 * GIB, 10**6, 10**7, State.OK),
        (1 * GIB, 200 * GIB, 10**6, 10**7, State.WARN),
        (100 << 20, 200 * GIB, 10**6, 10**7, State.FAIL),
        (100 * GIB, 200 * GIB, 10_000, 10**7, State.WARN),
        (100 * GIB, 200 * GIB, 500, 10**7, State.FAIL),
        (100 * GIB, 200 * GIB, 0, 0, State.OK),
    ],
)
def test_room(free, total, inodes, all_inodes, state) -> None:
    assert machine.room("disk", free, total, inodes, all_inodes).state is state


def test_a_home_that_others_can_look_into_or_own(tmp_path) -> None:
    folder = tmp_path / "home"
    uid = os.getuid()
    assert machine.home(folder, uid).state is State.OK
    folder.mkdir(mode=0o755)
    folder.chmod(0o755)
    assert machine.home(folder, uid).remedy == f"chmod 700 {folder}"
    folder.chmod(0o700)
    assert machine.home(folder, uid).state is State.OK
    assert machine.home(folder, uid + 1).state is State.FAIL
    (tmp_path / "file").touch()
    assert "no folder" in machine.home(tmp_path / "file", uid).message


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_home_that_cannot_be_made(tmp_path) -> None:
    tmp_path.chmod(0o500)
    found = machine.home(tmp_path / "deep" / "home", os.getuid())
    tmp_path.chmod(0o700)
    assert found.state is State.FAIL
    assert f"{tmp_path} cannot be written to" in found.message


@pytest.mark.parametrize("off", ["namespaces", "user", "cgroups", ""])
def test_what_a_kernel_lacks(tmp_path, off) -> None:
    proc, cgroups = tmp_path / "proc", tmp_path / "cgroup"
    (proc / "self" / "ns").mkdir(parents=True)
    (proc / "sys" / "user").mkdir(parents=True)
    cgroups.mkdir()
    for kind in ("mnt", "user", "uts") if off == "namespaces" else ("mnt", "pid", "user", "uts"):
        (proc / "self" / "ns" / kind).touch()
    (proc / "sys" / "user" / "max_user_namespaces").write_text("0\n" if off == "user" else "1000\n")
    if off != "cgroups":
        (cgroups / "cgroup.controllers").touch()
    found = machine.kernel("Linux", proc, cgroups)
    assert found.state is (State.WARN if off else State.OK)
    assert bool(found.remedy) == bool(off)
    assert machine.kernel("Darwin", proc, cgroups).state is State.WARN


@pytest.mark.parametrize(
    ("made", "life", "state", "said"),
    [
        (NOW - timedelta(days=1), timedelta(days=300), State.OK, "good until"),
        (NOW - timedelta(days=10), timedelta(days=20), State.WARN, "expires in 10 days"),
        (NOW - timedelta(days=10), timedelta(days=9), State.FAIL, "expired on 2026-05-31"),
        (NOW + timedelta(days=2), timedelta(days=300), State.FAIL, "clock"),
    ],
)
def test_a_certificate_that_is_about_to_expire(tmp_path, made, life, state, said) -> None:
    authority = make_authority("test", made)
    pair = make_certificate("test", authority, ["localhost"], made, life)
    (tmp_path / "server").mkdir()
    path = tmp_path / "server" / "portal.crt"
    path.write_text(pair.certificate)
    key = path.with_suffix(".key")
    key.touch(mode=0o600)
    (found,) = certificates.of_home(tmp_path, NOW)
    assert (found.state, said in found.message, found.name) == (state, True, "certificate server/portal.crt")
    key.chmod(0o644)
    assert certificates.of_home(tmp_path, NOW)[0].remedy == f"chmod 600 {key}"
    path.write_text("nothing")
    assert "holds no certificate" in certificates.of_home(tmp_path, NOW)[0].message


def test_a_name_that_is_not_found() -> None:
    found = network.name_of("https://no-such-host.invalid:8443")
    assert (found.state, "no-such-host.invalid is not found" in found.message) == (State.FAIL, True)
    assert network.name_of("https://localhost").state is State.OK
    assert network.name_of("https://[::1]:1").state is State.OK


def test_a_port_that_another_program_has() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        number = other.getsockname()[1]
        assert network.port(number, "server.port", running=False).state is State.WARN
        assert network.port(number, "server.port", running=True).state is State.OK
    assert network.port(None, "server.port", running=False).state is State.OK


def test_a_proxy_that_cannot_be_used() -> None:
    url = "https://seaway.example.com"
    assert network.proxy(url, {}).state is State.OK
    assert (
        "proxy.example.com:3128"
        in network.proxy(url, {"HTTPS_PROXY": "http://u:hunter2@proxy.example.com:3128"}).message
    )
    assert "hunter2" not in repr(
        network.proxy(url, {"HTTPS_PROXY": "http://u:hunter2@proxy.example.com:3128"})
    )
    assert network.proxy(url, {"HTTPS_PROXY": "socks5://proxy"}).state is State.FAIL


@pytest.mark.parametrize(
    ("theirs", "state"),
    [(100.5, State.OK), (98.0, State.OK), (90.0, State.WARN), (107.0, State.WARN), (20.0, State.FAIL), (400.0, State.FAIL)],
)  # fmt: skip
def test_a_clock_that_is_off(theirs, state) -> None:
    assert server.clock(theirs, 100.0, 101.0).state is state


FACTS = {
    "version": "1", "time": 100.0, "namespace": "team", "missing_rights": [], "nodes_visible": True, "cluster_seen": True,
    "cluster_problem": "", "database": {"title": "db", "seconds": 0.01, "problem": ""},
    "disks": [{"what": "home", "free": 100 * GIB, "total": 200 * GIB, "inodes_free": 10**6, "inodes": 10**7}],
    "nodes": [{"name": "n", "troubles": [], "heartbeat": 90.0, "schedulable": True}],
}  # fmt: skip


def node(**changes) -> list[dict]:
    return [FACTS["nodes"][0] | changes]


def space(name: str = "vision", **changes) -> dict:
    return {"name": name, "missing_rights": [], "problem": ""} | changes


@pytest.mark.parametrize(
    ("changes", "name", "state"),
    [
        ({}, "", State.OK),
        ({"version": "2"}, "version", State.WARN),
        ({"database": {"title": "db", "seconds": 3.0, "problem": ""}}, "database", State.WARN),
        ({"database": {"title": "db", "seconds": 0.0, "problem": "is damaged"}}, "database", State.FAIL),
        ({"cluster_problem": "401"}, "cluster", State.FAIL),
        ({"cluster_seen": False}, "cluster", State.FAIL),
        ({"missing_rights": ["create pods"]}, "rights", State.FAIL),
        ({"missing_rights": None}, "rights", State.WARN),
        ({"workspaces": [space(), space("speech", missing_rights=["create pods"])]}, "workspace speech", State.FAIL),
        ({"workspaces": [space(missing_rights=None)]}, "workspace vision", State.WARN),
        ({"workspaces": [space(problem="401")]}, "workspace vision", State.FAIL),
        ({"nodes_visible": False}, "nodes", State.WARN),
        ({"nodes": []}, "nodes", State.FAIL),
        ({"nodes": node(troubles=["does not answer"])}, "node n", State.FAIL),
        ({"nodes": node(heartbeat=140.0)}, "node n", State.WARN),
        ({"nodes": node(schedulable=False)}, "node n", State.WARN),
        ({"disks": [FACTS["disks"][0] | {"free": 0}]}, "disk of the server's home", State.FAIL),
    ],
)  # fmt: skip
def test_what_a_server_says_of_itself(changes, name, state) -> None:
    found = [
        check for check in server.checks(FACTS | changes, "1", 99.0, 101.0) if check.state is not State.OK
    ]
    assert [(check.name, check.state) for check in found] == ([(name, state)] if name else [])
    assert all(check.remedy for check in found)


def test_workspaces_in_which_all_is_well_are_one_line() -> None:
    facts = FACTS | {"workspaces": [space(), space("speech")]}
    (found,) = server.workspaces(facts)
    assert (found.state, found.message) == (State.OK, "the server may do what it has to in vision, speech")


@pytest.mark.parametrize(
    ("token", "days", "state", "said"),
    [
        ("ada", 5, State.WARN, "expires in 5 days"),
        ("ada", 30, State.OK, "good until 2026-07-01"),
        ("ada", None, State.OK, "without an end"),
        (None, None, None, ""),
    ],
)
def test_a_token_that_is_about_to_end(token, days, state, said) -> None:
    ends = None if days is None else (NOW + timedelta(days=days)).isoformat()
    caller = {"user": "ada", "admin": False, "token": token, "expires": ends}
    found = list(tokens.checks(caller, [], NOW))
    assert [check.state for check in found] == ([state] if state else [])
    assert all(said in check.message for check in found)


def test_an_administrator_is_told_of_everybodys_tokens() -> None:
    caller = {
        "user": "root",
        "admin": True,
        "token": "mine",
        "expires": (NOW + timedelta(days=3)).isoformat(),
    }
    known = [
        {"name": name, "user": name, "admin": False, "scope": "metrics", "expires": None if days is None else (NOW + timedelta(days=days)).isoformat()}
        for name, days in (("mine", 3), ("prometheus", 2), ("eve", 60), ("nightly", None))
    ]  # fmt: skip
    found = {check.name: check for check in tokens.checks(caller, known, NOW)}
    assert list(found) == ["token", "token prometheus"]
    assert "seaway token create mine-next --user root --admin" in found["token"].remedy
    assert (
        "seaway token create prometheus-next --user prometheus --scope metrics"
        in found["token prometheus"].remedy
    )


def test_a_node_that_is_not_ready_is_told_by_its_condition() -> None:
    conditions = [{"type": "Ready", "status": "Unknown", "lastTransitionTime": "2026-01-02T03:04:05Z"}]
    (trouble,) = troubles({"metadata": {"name": "n"}, "status": {"conditions": conditions}})
    assert trouble.lost
