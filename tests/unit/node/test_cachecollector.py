"""What goes from a machine's cache, when, and what never does."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from seaway.controlplane.node import cachecollector
from seaway.controlplane.node.cachecollector import collect, look
from seaway.controlplane.node.cacheplan import CacheSettings, Kept, plan, told
from seaway.runner.cache import Cache

DAY, NOW = 86400.0, 100 * 86400.0
SETTINGS = CacheSettings(Path("/cache"), kinds=("environments", "code"), whole=("uv",))


def kept(name: str, days: float, kind: str = "environments") -> Kept:
    return Kept(kind, name, NOW - days * DAY)


OLD, WEEK, NEW = kept("old", 31), kept("week", 7, "code"), kept("new", 0.5)


@pytest.mark.parametrize(
    ("taken", "pressed", "expired", "spare"),
    [
        pytest.param(0.5, False, ["old"], [], id="there is room"),
        pytest.param(0.849, False, ["old"], [], id="just enough"),
        pytest.param(0.85, False, ["old"], ["week"], id="the disk fills up"),
        pytest.param(0.99, False, ["old"], ["week"], id="it is full: what was used today stays until pods have to go"),
        pytest.param(0.99, True, ["old"], ["week", "new"], id="pods go next"),
    ],
)  # fmt: skip
def test_what_goes(taken: float, pressed: bool, expired: list[str], spare: list[str]) -> None:
    found = plan([NEW, WEEK, OLD], NOW, taken, SETTINGS, pressed=pressed)
    assert ([one.name for one in found.expired], [one.name for one in found.spare]) == (expired, spare)
    assert found.until == 0.80


def test_it_is_told_what_went() -> None:
    gone = [OLD, NEW, WEEK, Kept("", "uv", NOW)]
    assert told(gone, 5 << 20, "not used") == (
        "Removed from the cache of this machine (not used): 1 of code, 2 of environments, 1 of uv; 5 MiB are free again"
    )


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A cache on a disk of its own with 8 MiB."""
    folder = tmp_path / "cache"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=8m,mode=700", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("this user may not mount a file system")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def thing(folder: Path, kind: str, name: str, days: float, size: int = 1 << 20) -> Path:
    """Make a thing that was used so many days ago."""
    place = folder / kind / name
    place.mkdir(parents=True)
    (place / "file").write_bytes(bytes(size))
    with Cache(str(folder)).use(kind, name):
        pass
    os.utime(place.parent / f".{name}.lock", (time.time() - days * DAY,) * 2)
    return place


def settings(folder: Path) -> CacheSettings:
    return CacheSettings(folder, SETTINGS.kinds, SETTINGS.whole)


def test_a_disk_that_fills_up_gets_room_from_what_was_used_longest_ago(small_disk: Path) -> None:
    for days in (9, 8, 7, 6, 5, 4):
        thing(small_disk, "environments", f"d{days}", days)
    thing(small_disk, "code", "today", 0.1, 900_000)
    gone, freed = collect(settings(small_disk), time.time(), pressed=False)
    assert [one.name for one in gone] == ["d9"], "until no more than 80 % is taken"
    assert freed >= 1 << 20
    assert (
        sorted(path.name for path in (small_disk / "environments").iterdir() if path.name.endswith("9")) == []
    )
    assert not (small_disk / "environments" / ".d9.lock").exists()
    assert collect(settings(small_disk), time.time(), pressed=False) == ([], 0)


def test_what_is_used_never_goes(tmp_path: Path) -> None:
    """Not even what was used long ago, by a pod that lives since then; it goes when that has ended."""
    folder = tmp_path / "cache"
    used, free = thing(folder, "environments", "used", 99), thing(folder, "environments", "free", 99)
    thing(folder, "", "uv", 99)
    (folder / "code").mkdir()
    (folder / "code" / "link").symlink_to(tmp_path)
    (folder / "code" / ".unfinished-1").mkdir()
    script = (
        "import sys; sys.path.insert(0, sys.argv[2])\n"
        "from seaway.runner.cache import Cache\n"
        "cache = Cache(sys.argv[1]); lock = cache.use('environments', 'used'); lock.take(); cache.keep(lock)\n"
        "print('held', flush=True); input()"
    )
    source = str(Path(sys.modules["seaway.runner.cache"].__file__ or "").parents[2])
    command = [sys.executable, "-c", script, str(folder), source]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        before = look(settings(folder))
        os.utime(folder / "environments" / ".used.lock", (time.time() - 99 * DAY,) * 2)
        gone, _ = collect(settings(folder), time.time(), pressed=True)
        assert sorted(one.name for one in gone) == ["free", "uv"]
        assert (used.exists(), free.exists()) == (True, False)
        assert {one.name for one in before} == {"used", "free", "uv"}, "neither links nor what is unfinished"
        holder.kill()
    gone, _ = collect(settings(folder), time.time(), pressed=False)
    assert [one.name for one in gone] == ["used"]
    assert tmp_path.exists()


def test_a_lock_that_went_with_its_thing_holds_nothing(tmp_path: Path) -> None:
    """Whoever waited for it takes the one that is there now."""
    place = thing(tmp_path, "code", "x", 99)
    lock = Cache(str(tmp_path)).use("code", "x")
    lock.take()
    shutil.rmtree(place)
    (tmp_path / "code" / ".x.lock").unlink()
    again = Cache(str(tmp_path)).use("code", "x")
    again.take()
    assert collect(settings(tmp_path), time.time() + 999 * DAY, pressed=True) == ([], 0)
    lock.let_go()
    assert collect(settings(tmp_path), time.time() + 999 * DAY, pressed=True) == ([], 0)
    again.let_go()
    assert [one.name for one in collect(settings(tmp_path), time.time() + 999 * DAY, pressed=True)[0]] == [
        "x"
    ]


def test_a_cache_that_somebody_removes_meanwhile_stops_nothing(tmp_path: Path, monkeypatch) -> None:
    for name in ("x", "y"):
        thing(tmp_path, "code", name, 99)

    def removed_by_others(folder: Path) -> None:
        shutil.rmtree(folder)
        for lock in (tmp_path / "code").glob(".*.lock"):
            lock.unlink()

    monkeypatch.setattr(cachecollector, "remove_folder", removed_by_others)
    assert sorted(one.name for one in collect(settings(tmp_path), time.time(), pressed=False)[0]) == [
        "x",
        "y",
    ]
