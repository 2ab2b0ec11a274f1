"""Room that is kept for a full disk: what makes room can be asked for all the same."""

from __future__ import annotations

import errno
import subprocess
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from seaway.base.clock import SystemClock
from seaway.base.sqlite import DatabaseFull
from seaway.model.run import Phase, RunSpec, TaskSpec
from seaway.platform.reserve import SIZE, Reserve
from seaway.platform.server import run_server
from seaway.platform.server_settings import ServerSettings
from tests.unit.platform.test_bin import ended
from tests.waiting import until


class Disk:
    """Acts where it has room."""

    def __init__(self, path: Path) -> None:
        self.path, self.acts = path, 0

    async def act(self) -> str:
        self.acts += 1
        if self.path.exists():
            raise DatabaseFull("no room")
        return "done"


async def test_it_is_let_go_of_once_and_kept_again(tmp_path: Path) -> None:
    path = tmp_path / "reserve"
    reserve, disk = Reserve(path, SystemClock(), 1 << 16), Disk(path)
    assert await reserve.spend(disk.act) == "done"
    assert not path.exists()
    reserve.fill()
    assert (path.stat().st_size, path.stat().st_blocks * 512 >= 1 << 16) == (1 << 16, True)
    assert path.stat().st_mode & 0o777 == 0o600
    disk.acts = 0
    assert await reserve.spend(disk.act) == "done"
    assert (disk.acts, path.exists()) == (2, False)
    other = Disk(tmp_path)  # what takes the room is not ours
    with pytest.raises(DatabaseFull):
        await reserve.spend(other.act)
    assert other.acts == 1
    assert [entry.name for entry in tmp_path.iterdir()] == []
    nowhere = Reserve(None, SystemClock())
    nowhere.fill()
    with pytest.raises(DatabaseFull):
        await nowhere.spend(other.act)


def test_a_small_disk_is_left_alone(tmp_path: Path) -> None:
    reserve = Reserve(tmp_path / "reserve", SystemClock(), 1 << 50)
    reserve.fill()
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own, with room for what a server keeps."""
    folder = tmp_path / "small"
    folder.mkdir()
    size = f"size={40 * SIZE},mode=700"
    command = ["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("this user may not mount a file system")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


async def test_a_run_is_stopped_and_another_removed_although_the_disk_is_full(
    kubernetes, small_disk: Path
) -> None:
    home = small_disk / "server"
    settings = ServerSettings(home=home, gateway_url="https://127.0.0.1:1")
    async with run_server(settings, kubernetes.client, random=Random(1)) as server:
        await until((home / "reserve").exists, "the room to be kept")
        await ended(server, "old", shared="x" * 1_000_000)
        await server.runs.submit(RunSpec(name="long", tasks=(TaskSpec(command=("hang",)),)), user="ada")

        async def runs() -> bool:
            return (await server.runs.get("long")).phase is Phase.RUNNING

        await until(runs, "it runs")
        with (small_disk / "filler").open("wb", buffering=0) as filler, pytest.raises(OSError) as full:
            while True:
                filler.write(bytes(4096))
        assert full.value.errno == errno.ENOSPC
        with pytest.raises(DatabaseFull):
            for number in range(1000):  # until what the database has left itself is used up
                await server.runs.submit(
                    RunSpec(name=f"more-{number}", tasks=(TaskSpec(command=("exit", "0")),)), user="ada"
                )
        await server.runs.stop("long")
        assert not (home / "reserve").exists()
        assert (await server.runs.wait("long", timeout=60)).phase is Phase.STOPPED
        await server.runs.remove("old", for_good=True)
        (small_disk / "filler").unlink()
