"""The process runtime, with real processes: how containers start, end, are measured, and survive their keepers."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from seaway.controlplane.node.images import default_images
from seaway.controlplane.node.logs import log_files
from seaway.controlplane.node.processes import ProcessRuntime, log_path
from seaway.controlplane.node.shim import cgroups, files, server
from seaway.controlplane.node.state import ContainerSpec, Exit, Running

UNTIL_GO = "until [ -e go ]; do sleep 0.01; done;"
"""Let a script wait for a file in its folder."""


class Witness:
    """A pipe that the processes of a container hold open: its end shows that none of them is left."""

    HOLD = "exec 9> witness; echo up >&9; "
    """What the script of such a container begins with."""

    def __init__(self, container: Path) -> None:
        (container / "workspace").mkdir(parents=True)
        os.mkfifo(container / "workspace" / "witness")
        self._reading = os.open(container / "workspace" / "witness", os.O_RDONLY | os.O_NONBLOCK)

    async def up(self) -> None:
        """Return when the first process holds it."""
        await self._until(lambda data: bool(data))

    async def silence(self) -> None:
        """Return when the last process let go of it."""
        await self._until(lambda data: not data)
        os.close(self._reading)

    async def _until(self, done: Callable[[bytes], bool]) -> None:
        async with asyncio.timeout(60):
            while True:
                with contextlib.suppress(BlockingIOError):
                    if done(os.read(self._reading, 4096)):
                        return
                await asyncio.sleep(0.01)


class Bench:
    """A runtime in a folder, and containers made in it."""

    def __init__(self, folder: Path, namespaces: bool) -> None:
        self.folder, self.namespaces = folder, namespaces
        self.runtime = ProcessRuntime(folder, namespaces=namespaces)

    def spec(self, name: str, *argv: str, **rest: Any) -> tuple[Path, ContainerSpec]:
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        mounts = (
            ("proc", "/proc", False),
            (str(folder / "tmp"), "/tmp", False),
            (str(folder / "workspace"), "/workspace", False),
            # This interpreter may itself lie below /tmp.
            *((p, p, False) for p in default_images()["python"].visible if Path(p).is_relative_to("/tmp")),
        )
        values = {"id": f"{os.getpid()}-{name}", "argv": argv, "env": {"PATH": "/usr/bin:/bin"}, "mounts": mounts if self.runtime.namespaces else (),
                  "cwd": "/workspace" if self.runtime.namespaces else str(folder / "workspace")}  # fmt: skip
        return folder, ContainerSpec(**(values | rest))

    async def start(self, name: str, script: str, **rest: Any) -> Path:
        folder, spec = self.spec(name, "sh", "-c", script, **rest)
        assert isinstance(await self.runtime.start(folder, spec), Running)
        return folder

    async def run(self, name: str, script: str, **rest: Any) -> tuple[Path, Exit]:
        folder = await self.start(name, script, **rest)
        return folder, await self.runtime.wait(folder)


def text(folder: Path) -> list[str]:
    """Return the texts of all entries of a container's log, in order."""
    lines = [line for path in log_files(log_path(folder)) for line in path.read_text().splitlines()]
    return [line.split(" ", 3)[3] for line in lines]


@pytest.fixture(params=[True, False], ids=["namespaces", "plain processes"])
async def bench(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Bench]:
    bench = Bench(tmp_path, request.param)
    await bench.runtime.prepare()
    if request.param and not bench.runtime.namespaces:
        await bench.runtime.stop()
        pytest.skip(f"no namespaces here: {bench.runtime.why_not}")
    yield bench
    for marker in tmp_path.glob("*/started"):
        bench.runtime.kill(marker.parent)
        await bench.runtime.wait(marker.parent)
    await bench.runtime.stop()


@pytest.mark.parametrize(
    ("script", "code", "number"),
    [("exit 0", 0, 0), ("exit 7", 7, 0), ("kill -TERM $$", 143, 15), ("kill -KILL $$", 137, 9)],
    ids=["success", "failure", "SIGTERM", "SIGKILL"],
)
async def test_exit(bench: Bench, script: str, code: int, number: int) -> None:
    """Exit codes and signals are recorded as shells say them."""
    folder, end = await bench.run("c", script)
    assert (end.exit_code, end.signal, end.oom_killed) == (code, number, False)
    assert 0 < end.started_ns <= end.finished_ns
    assert bench.runtime.look(folder) == end


async def test_nothing_is_started_twice(bench: Bench) -> None:
    """A folder that was started is not started again: what became of it is the answer."""
    folder, spec = bench.spec("c", "sh", "-c", "echo run")
    await bench.runtime.start(folder, spec)
    end = await bench.runtime.wait(folder)
    assert await bench.runtime.start(folder, spec) == end
    assert text(folder) == ["run"]


async def test_everything_below_the_program_ends_with_it(bench: Bench) -> None:
    """Children that ran away into sessions of their own are ended when the program ends."""
    witness = Witness(bench.folder / "c")
    script = f"setsid sh -c '{Witness.HOLD} touch away; sleep 600' & until [ -e away ]; do sleep 0.01; done"
    await bench.run("c", script)
    await witness.silence()


async def test_memory_limit(bench: Bench) -> None:
    """A program over its limit is killed, and the record says why and how much it used."""
    folder, spec = bench.spec(
        "c",
        sys.executable,
        "-S",
        "-c",
        "import time; x = bytearray(150 << 20); time.sleep(60)",
        memory=64 << 20,
    )
    assert isinstance(await bench.runtime.start(folder, spec), Running)
    end = await bench.runtime.wait(folder)
    assert (end.exit_code, end.oom_killed, end.word) == (137, True, "OOMKilled"), (end, text(folder))
    assert end.peak_memory >= 32 << 20, end


async def test_cpu_limit(bench: Bench) -> None:
    """Where the kernel lets this user make control groups, a limit is a quota that can be read; it goes with the container."""
    trial = cgroups.create(f"{os.getpid()}-trial", 0, 100)
    if trial is None:
        pytest.skip("this user may not make control groups")
    trial.remove()
    folder = await bench.start("c", f"{UNTIL_GO} exit 0", cpu_millis=250)
    quotas = [path for path in cpu_quotas(f"seaway-{os.getpid()}-c") if path.exists()]
    assert [path.read_text().split()[0] for path in quotas] == ["25000"], "microseconds in each 100,000"
    assert quotas[0].with_name("cgroup.procs").read_text().split()
    (folder / "workspace" / "go").touch()
    await bench.runtime.wait(folder)
    assert not quotas[0].exists()


def cpu_quotas(name: str) -> list[Path]:
    """Return where the quota of a group can stand, beside the groups of this process: version 1 and version 2."""
    own = {
        controller: path.rstrip("/")
        for line in Path("/proc/self/cgroup").read_text().splitlines()
        for _, controllers, path in [line.split(":", 2)]
        for controller in controllers.split(",")
    }
    top = Path("/sys/fs/cgroup")
    return [
        Path(f"{top}/cpu{own.get('cpu', '')}") / name / "cpu.cfs_quota_us",
        Path(f"{top}{own.get('', '')}") / name / "cpu.max",
    ]


@pytest.mark.skipif(os.geteuid() != 0, reason="only the superuser may become another user")
async def test_another_user(bench: Bench) -> None:
    """Programs, and commands run beside them, run as the user, the group and the groups that were asked for."""
    if not bench.runtime.namespaces:
        pytest.skip("plain processes cannot be another user's")
    rest = {"user": 4711, "group": 4712, "groups": (4713,)}
    folder = await bench.start("c", f"id -u; id -g; id -G; touch mine; {UNTIL_GO} exit 3", **rest)
    result = await bench.runtime.execute(folder, ["sh", "-c", "id -u; id -G"], 60)
    assert (result.exit_code, result.output) == (0, "4711\n4712 4713\n")
    (folder / "workspace" / "go").touch()
    end = await bench.runtime.wait(folder)
    assert (end.exit_code, text(folder)) == (3, ["4711", "4712", "4712 4713"])
    assert (folder / "workspace" / "mine").stat().st_uid == 4711
    folder, spec = bench.spec("d", "nonsense", **rest)
    found = await bench.runtime.start(folder, spec)
    assert isinstance(found, Exit)
    assert (found.reason, found.error) == (
        "StartError",
        'exec: "nonsense": executable file not found in $PATH',
    )


async def test_read_only_root(bench: Bench, tmp_path: Path) -> None:
    """Nothing can be written but what is mounted writable; devices still can be."""
    if not bench.runtime.namespaces:
        pytest.skip("plain processes see the file system as it is")
    outside = tmp_path / "outside"
    outside.mkdir()
    mounts = (("proc", "/proc", False), (str(outside), "/out", False))
    script = f"for f in /new /usr/new /etc/new {tmp_path}/new; do touch $f 2>/dev/null && echo $f; done; echo > /dev/null; touch /out/ok"
    _, end = await bench.run("c", script, mounts=mounts, cwd="/", read_only_root=True)
    assert end.exit_code == 0
    assert [path.name for path in outside.iterdir()] == ["ok"]
    assert text(tmp_path / "c") == []


OLDER = """
import sys
sys.path.append(sys.argv[1])
from seaway.controlplane.node.shim import server
server.PROTOCOL = 1
sys.exit(server.main(sys.argv[2:]))
"""


async def test_fork_server_of_another_version_is_replaced(bench: Bench) -> None:
    """One that speaks an older protocol makes room; what it started goes on."""
    await bench.runtime.stop()
    package = str(Path(server.__file__).parents[4])
    command = [sys.executable, "-I", "-S", "-c", OLDER, package, str(bench.folder)]
    async with asyncio.timeout(60):
        while await protocol(bench) != 1:  # the one that was stopped may still be about to end
            await asyncio.to_thread(subprocess.call, command)
    folder = await bench.start("c", f"{UNTIL_GO} exit 5")
    assert await protocol(bench) == 1
    await bench.runtime.prepare()
    assert await protocol(bench) == server.PROTOCOL
    assert isinstance(bench.runtime.look(folder), Running)
    (folder / "workspace" / "go").touch()
    assert (await bench.runtime.wait(folder)).exit_code == 5


async def protocol(bench: Bench) -> int | None:
    """Return what the fork server that runs speaks, None where none answers."""
    with contextlib.suppress(OSError):
        return (await bench.runtime._server._ask({"operation": "hello"}))["protocol"]
    return None


async def test_log_rotation_keeps_the_newest(bench: Bench) -> None:
    """A long log is cut into files; the oldest go, the newest lines stay, times rise strictly."""
    folder, _ = await bench.run(
        "c",
        "i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i+1)); done",
        log_max_bytes=20_000,
        log_max_files=3,
    )
    paths = log_files(log_path(folder))
    assert len(paths) == 3
    lines = [line for path in paths for line in path.read_text().splitlines()]
    times = [line.split()[0] for line in lines]
    assert times == sorted(set(times))
    numbers = [int(line.split()[-1]) for line in lines]
    assert numbers == list(range(numbers[0], 3000))


async def test_pieces_without_newline_are_written_soon(bench: Bench) -> None:
    """A progress bar that never ends its line is in the log while it runs."""
    folder = await bench.start("c", "printf '10%%\\r'; sleep 0.3; printf '20%%\\r'; sleep 600")
    async with asyncio.timeout(60):
        while text_of_pieces(folder) != "10%\r20%\r":
            await asyncio.sleep(0.02)


def text_of_pieces(folder: Path) -> str:
    data = log_path(folder).read_bytes().split(b"\n") if log_path(folder).exists() else []
    return b"".join(line.split(b" ", 3)[3] for line in data if line.count(b" ") >= 3).decode()


async def test_fork_server_dies_and_containers_go_on(bench: Bench) -> None:
    """Kill -9 of the fork server harms no container, and the next start brings another one."""
    folder = await bench.start("c", f"{UNTIL_GO} echo alive; exit 5")
    os.kill((await bench.runtime._server.ensure())["pid"], signal.SIGKILL)
    other, end = await bench.run("d", "echo second")
    assert (end.exit_code, text(other)) == (0, ["second"])
    (folder / "workspace" / "go").touch()
    assert (await bench.runtime.wait(folder)).exit_code == 5
    assert text(folder) == ["alive"]


async def test_another_runtime_takes_over(bench: Bench) -> None:
    """A daemon that comes back finds what runs and what has ended."""
    running = await bench.start("c", f"{UNTIL_GO} exit 6")
    ended, _ = await bench.run("d", "exit 4")
    bench.runtime.close()
    second = ProcessRuntime(bench.folder, namespaces=bench.namespaces)
    await second.prepare()
    assert isinstance(second.look(running), Running)
    (running / "workspace" / "go").touch()
    assert (await second.wait(running)).exit_code == 6
    found = second.look(ended)
    assert isinstance(found, Exit)
    assert found.exit_code == 4
    second.close()


async def test_shim_is_killed(bench: Bench) -> None:
    """Without a record the end is unknown, said so, and the program does not run on."""
    witness = Witness(bench.folder / "c")
    folder = await bench.start("c", f"{Witness.HOLD} while true; do sleep 0.02; done")
    await witness.up()
    os.kill(files.read_json(str(folder / files.STATE))["shim"], signal.SIGKILL)
    end = await bench.runtime.wait(folder)
    assert (end.exit_code, end.reason) == (137, "ContainerStatusUnknown")
    await witness.silence()


async def test_what_a_killed_shim_had_not_read_is_in_the_log(bench: Bench) -> None:
    """The program has written lines, and its shim is killed before it reads them: they are there, after all others."""
    folder = await bench.start(
        "c", f"echo first; {UNTIL_GO} seq 1000; echo odd >&2; printf unended; touch done; exec sleep 600"
    )
    waiting = asyncio.create_task(bench.runtime.wait(folder))
    async with asyncio.timeout(60):
        while text(folder) != ["first"]:
            await asyncio.sleep(0.01)
        shim = files.read_json(str(folder / files.STATE))["shim"]
        os.kill(shim, signal.SIGSTOP)
        (folder / "workspace" / "go").touch()
        while not (folder / "workspace" / "done").exists():
            await asyncio.sleep(0.01)
    os.kill(shim, signal.SIGKILL)
    assert (await waiting).reason == "ContainerStatusUnknown"
    assert text(folder) == ["first", *map(str, range(1, 1001)), "odd", "unended"]
    times = [line.partition(" ")[0] for line in log_path(folder).read_text().splitlines()]
    assert times == sorted(set(times))


@pytest.mark.parametrize("torn", ["", "2026-01-02T03:04:05.000000001Z stdout F hal"])
async def test_a_line_that_a_killed_shim_left_unfinished_spoils_no_other(bench: Bench, torn: str) -> None:
    folder = await bench.start("c", f"echo first; {UNTIL_GO} echo last; touch done; exec sleep 600")
    waiting = asyncio.create_task(bench.runtime.wait(folder))
    async with asyncio.timeout(60):
        while text(folder) != ["first"]:
            await asyncio.sleep(0.01)
        shim = files.read_json(str(folder / files.STATE))["shim"]
        os.kill(shim, signal.SIGSTOP)
        with log_path(folder).open("a") as log:
            log.write(torn)
        (folder / "workspace" / "go").touch()
        while not (folder / "workspace" / "done").exists():
            await asyncio.sleep(0.01)
    os.kill(shim, signal.SIGKILL)
    await waiting
    assert text(folder) == ["first", *(["hal"] if torn else []), "last"]


async def test_a_log_that_is_gone_does_not_hide_that_a_shim_was_killed(bench: Bench) -> None:
    """Its log cannot be completed; its end is told all the same."""
    folder = await bench.start("c", "echo first; exec sleep 600")
    waiting = asyncio.create_task(bench.runtime.wait(folder))
    async with asyncio.timeout(60):
        while text(folder) != ["first"]:
            await asyncio.sleep(0.01)
    log_path(folder).unlink()
    os.kill(files.read_json(str(folder / files.STATE))["shim"], signal.SIGKILL)
    assert (await waiting).reason == "ContainerStatusUnknown"


async def test_exec(bench: Bench) -> None:
    """A command runs inside: same folder, same environment; its end, its output and its time limit are told."""
    folder = await bench.start("c", "echo here > mark; sleep 600", env={"PATH": "/usr/bin:/bin", "X": "y"})
    async with asyncio.timeout(60):
        while not (folder / "workspace" / "mark").exists():
            await asyncio.sleep(0.01)
    result = await bench.runtime.execute(folder, ["sh", "-c", "cat mark; echo $X; exit 3"], 60)
    assert (result.exit_code, result.output, result.timed_out) == (3, "here\ny\n", False)
    result = await bench.runtime.execute(folder, ["sleep", "60"], 0.1)
    assert result.timed_out


async def test_other_users_are_kept_out(bench: Bench) -> None:
    """The socket and every file of a container belong to this user alone."""
    folder, _ = await bench.run("c", "echo secret")
    assert (
        stat.S_IMODE((bench.folder / "shim.sock").stat().st_mode) == 0o700 & ~0o100
        or stat.S_IMODE((bench.folder / "shim.sock").stat().st_mode) & 0o077 == 0
    )
    for name in ("spec.json", "state.json", "exit.json", "log", "started"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600, name


@pytest.mark.parametrize(
    "request_",
    [b"nonsense\n", b"{}\n", b'{"operation": "x"}\n', b'{"operation": "start", "folder": "/none"}\n'],
)
async def test_bad_requests_are_answered(bench: Bench, request_: bytes) -> None:
    """Whatever comes in, the fork server answers with an error and goes on."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(bench.folder / "shim.sock"))
        connection.sendall(request_)
        answer = json.loads(await asyncio.to_thread(connection.recv, 4096))
    assert "error" in answer
    assert (await bench.run("c", "exit 0"))[1].exit_code == 0
