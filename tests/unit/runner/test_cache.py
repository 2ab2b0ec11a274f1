from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from seaway.runner.cache import Cache, open_cache
from seaway.runner.files import copy_tree, find_program, remove_tree


def test_the_configured_cache_is_private_and_made(tmp_path):
    cache = open_cache(str(tmp_path / "a" / "cache"), str(tmp_path / "own"))
    assert cache.root == str(tmp_path / "a" / "cache")
    assert (tmp_path / "a" / "cache").stat().st_mode & 0o777 == 0o700


def test_a_cache_that_cannot_be_made_is_replaced_by_the_attempts_own(tmp_path):
    (tmp_path / "file").touch()
    assert open_cache(str(tmp_path / "file" / "cache"), str(tmp_path / "own")).root == str(
        tmp_path / "own" / "cache"
    )


def test_what_killed_pods_left_is_cleared_away_after_a_day(tmp_path):
    cache = Cache(str(tmp_path))
    old, fresh = Path(cache.unfinished("code")), Path(cache.unfinished("code"))
    for path in (old, fresh):
        path.mkdir()
        (path / "file").touch()
    os.utime(old, (time.time() - 100_000,) * 2)
    cache.unfinished("code")
    assert (old.exists(), fresh.exists()) == (False, True)


def test_a_lock_is_held_between_processes_and_falls_with_its_holder(tmp_path):
    script = (
        "import sys; sys.path.insert(0, sys.argv[2])\n"
        "from seaway.runner.cache import Cache\n"
        "with Cache(sys.argv[1]).lock('x', 'y'):\n    print('held', flush=True); input()"
    )
    source = str(Path(sys.modules["seaway.runner.cache"].__file__).parents[2])
    command = [sys.executable, "-c", script, str(tmp_path), source]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"held\n"
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as waiting:
            assert waiting.poll() is None
            holder.kill()
            assert waiting.stdout.readline() == b"held\n"
            waiting.kill()


def test_a_tree_is_copied_with_modes_and_links_and_removed_without_what_links_point_at(tmp_path):
    source = tmp_path / "source"
    (source / "deep").mkdir(parents=True)
    (source / "deep" / "run.sh").write_text("#!/bin/sh\n")
    (source / "deep" / "run.sh").chmod(0o755)
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").touch()
    (source / "link").symlink_to(outside)
    copy_tree(str(source), str(tmp_path / "target"))
    assert (tmp_path / "target" / "deep" / "run.sh").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "target" / "link").readlink() == outside
    (tmp_path / "target" / "deep").chmod(0o500)
    remove_tree(str(tmp_path / "target"))
    assert not (tmp_path / "target").exists()
    assert (outside / "kept").exists()
    remove_tree(str(tmp_path / "target"))


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("sh", "/bin/sh"),
        ("./run", "{folder}/./run"),
        ("./data", None),
        ("run", None),
        ("no-such-program", None),
    ],
)
def test_programs_are_found_as_a_shell_would(tmp_path, name, found):
    (tmp_path / "run").touch(mode=0o755)
    (tmp_path / "data").touch(mode=0o644)
    assert find_program(name, "/nowhere:/bin", str(tmp_path)) == (found and found.format(folder=tmp_path))
