"""The files of a home."""

from __future__ import annotations

import os
import stat

import pytest

from seaway.sdk.errors import ServerUnreachable
from seaway.sdk.home import DaemonRecord, Home, folder_size, is_locked, take_lock, write_private

RECORD = DaemonRecord(1, 2.0, "0.1", "https://127.0.0.1:1", "https://127.0.0.1:2")


def test_a_record_is_read_as_it_was_written_by_its_owner_alone(tmp_path):
    home = Home(tmp_path)
    home.write_record(RECORD)
    assert home.read_record() == RECORD
    assert stat.S_IMODE(home.record.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["daemon.json"]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": 1}', '{"unknown": 1}'])
def test_a_damaged_record_is_none(tmp_path, text):
    home = Home(tmp_path)
    home.record.write_text(text)
    assert home.read_record() is None


def test_a_home_without_a_server_says_how_to_start_one(tmp_path):
    with pytest.raises(ServerUnreachable) as caught:
        Home(tmp_path).endpoint()
    assert caught.value.remedy == "Start it: seaway up"


def test_a_lock_is_held_once_and_freed_when_it_is_closed(tmp_path):
    path = tmp_path / "lock"
    assert not is_locked(path)
    held = take_lock(path)
    assert held is not None
    assert is_locked(path)
    assert take_lock(path) is None
    os.close(held)
    assert not is_locked(path)


def test_a_private_file_replaces_a_public_one(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    write_private(path, "new")
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_with_two_names_counts_once(tmp_path):
    (tmp_path / "a").write_bytes(b"x" * 100_000)
    once = folder_size(tmp_path)
    (tmp_path / "b").hardlink_to(tmp_path / "a")
    assert folder_size(tmp_path) == once >= 100_000
