"""What keeps a server from starting: a sentence, a remedy and the documented exit code; nothing is left behind."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(200)


def newer_cluster(home: Path) -> None:
    note = home / "cluster" / "version.json"
    note.write_text(json.dumps({"format": 10_000, "seaway": "99.0"}))


def unreadable_note(home: Path) -> None:
    (home / "cluster" / "version.json").write_text("{")


def broken_authority(home: Path) -> None:
    (home / "cluster" / "pki" / "ca.key").write_text("no key")


def damaged_cluster_store(home: Path) -> None:
    _damage(home / "cluster" / "store.db")


def damaged_database(home: Path) -> None:
    _damage(home / "server" / "seaway.db")


def _damage(path: Path) -> None:
    for leftover in path.parent.glob(path.name + "-*"):
        leftover.unlink()
    path.write_bytes(b"not a database " * 1000)


@pytest.mark.parametrize(
    ("harm", "code", "said"),
    [
        pytest.param(newer_cluster, 74, "newer", id="cluster of a newer Seaway"),
        pytest.param(unreadable_note, 74, "version.json", id="unreadable note of the version"),
        pytest.param(broken_authority, 74, "ca.key", id="broken key"),
        pytest.param(damaged_cluster_store, 74, "store.db", id="damaged store"),
        pytest.param(damaged_database, 74, "seaway.db", id="damaged database"),
    ],
)
def test_a_broken_home_is_named_and_nothing_is_left(stopped, harm, code, said):
    harm(stopped.home)
    done = stopped("up", code=code)
    assert done.stderr.startswith("error: ")
    assert said in done.stderr
    assert done.stdout == ""
    assert stopped.processes() == []
    assert stopped("ps", code=69).stderr.count("seaway up") == 1


@pytest.fixture
def stopped(seaway):
    """A home that was served once."""
    seaway("up")
    seaway("down")
    return seaway


def test_a_home_that_cannot_be_made_is_named(seaway, tmp_path):
    (tmp_path / "file").write_text("")
    inside = replace(seaway, home=tmp_path / "file" / "home")
    assert str(inside.home) in inside("up", code=74).stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
@pytest.mark.parametrize("command", ["up", "run"])
def test_a_home_that_may_not_be_written_is_named(seaway, command):
    seaway.home.mkdir()
    seaway.home.chmod(0o500)
    try:
        done = seaway(*{"up": ["up"], "run": ["run", "--up", "--", "true"]}[command], code=77)
        assert str(seaway.home) in done.stderr
    finally:
        seaway.home.chmod(0o700)
