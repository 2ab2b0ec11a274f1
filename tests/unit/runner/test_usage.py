"""How much memory a program uses, by groups as the kernel writes them and by real processes, and who is told of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from seaway.runner import main, memory, usage
from seaway.runner.gateway import GatewayError
from seaway.runner.memory import Group, below, in_use, of_processes, own_group
from seaway.runner.report import StageFailed, note_failure, note_peak
from seaway.runner.usage import Usage, is_news, warning

MIB, GIB = 1 << 20, 1 << 30
SECOND = f"anon {600 * MIB}\nfile {350 * MIB}\ninactive_file {200 * MIB}\nactive_file {150 * MIB}\nslab_reclaimable {10 * MIB}\n"
FIRST = f"cache {350 * MIB}\ninactive_file 1\nactive_file 1\ntotal_inactive_file {200 * MIB}\ntotal_active_file {150 * MIB}\n"


@pytest.mark.parametrize(
    ("charged", "counts", "used"),
    [
        (1000 * MIB, SECOND, 640 * MIB),
        (1000 * MIB, FIRST, 650 * MIB),
        (100 * MIB, SECOND, 0),
        (7, "", 7),
    ],
    ids=["version 2", "version 1", "the counts are older than the sum", "nothing is said"],
)
def test_the_page_cache_does_not_count(charged: int, counts: str, used: int) -> None:
    assert in_use(charged, counts) == used


def write(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)


def test_the_group_that_this_container_has_for_itself_is_found_in_both_versions(tmp_path: Path) -> None:
    me, table = str(os.getpid()), tmp_path / "table"
    two = {"memory__current": f"{GIB}\n", "memory__stat": SECOND, "memory__max": f"{4 * GIB}\n"}
    write(tmp_path / "v2", cgroup__controllers="memory", cgroup__procs=f"1\n{me}\n", **two)
    table.write_text("0::/\n")
    found = own_group(os.getpid(), str(tmp_path / "v2"), str(table))
    assert found is not None
    assert (found.used(), found.limit()) == (GIB - 360 * MIB, 4 * GIB)

    one = {"memory__usage_in_bytes": f"{GIB}\n", "memory__stat": FIRST, "memory__limit_in_bytes": "9223372036854771712\n"}  # fmt: skip
    write(tmp_path / "v1" / "memory" / "pod", cgroup__procs=me, **one)
    table.write_text("5:cpu,cpuacct:/pod\n4:memory:/pod\n0::/\n")
    found = own_group(os.getpid(), str(tmp_path / "v1"), str(table))
    assert found is not None
    assert (found.used(), found.limit()) == (GIB - 350 * MIB, 0)
    table.write_text("4:memory:/kubepods/pod\n")  # as the host names it; here it is the whole tree
    write(tmp_path / "v1" / "memory", cgroup__procs=me, **one)
    assert own_group(os.getpid(), str(tmp_path / "v1"), str(table)) is not None


@pytest.mark.parametrize(("path", "own"), [("/user/daemon", False), ("/user/seaway-pod", True)])
def test_of_the_first_version_only_what_the_embedded_node_made_is_a_containers_own(
    tmp_path: Path, path: str, own: bool
) -> None:
    """Processes of another PID namespace are left out of the members: a group looks as if nobody else were in it."""
    table = tmp_path / "table"
    table.write_text(f"4:memory:{path}\n0::/\n")
    write(
        tmp_path / f"memory{path}",
        cgroup__procs=str(os.getpid()),
        memory__usage_in_bytes="7",
        memory__stat=FIRST,
    )
    assert (own_group(os.getpid(), str(tmp_path), str(table), embedded=True) is not None) == own


@pytest.mark.parametrize(
    "members",
    ["", "0 {me}", "{me} {parent}", "{parent}", "1"],
    ids=["nobody", "unseen others", "its parent", "others", "not itself"],
)
def test_a_group_that_others_share_says_nothing_of_this_container(tmp_path: Path, members: str) -> None:
    if os.getppid() == 1:
        pytest.skip("its parent is process 1")
    table = tmp_path / "table"
    table.write_text("0::/\n")
    said = members.format(me=os.getpid(), parent=os.getppid()).replace(" ", "\n")
    write(
        tmp_path, cgroup__controllers="memory", cgroup__procs=said, memory__current="7", memory__stat=SECOND
    )
    assert own_group(os.getpid(), str(tmp_path), str(table)) is None
    assert Group(str(tmp_path / "absent"), unified=True).used() is None
    assert own_group(os.getpid(), str(tmp_path), str(tmp_path / "absent")) is None


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="this system has no /proc")  # noqa: PTH112
def test_processes_and_those_that_they_started_are_counted_together() -> None:
    nested = "kept = bytearray(b'x' * (64 << 20))\nprint('there', flush=True)\ninput()"
    outer = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {nested!r}])"
    with subprocess.Popen(
        [sys.executable, "-c", outer], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "there\n"
        children = below(process.pid)
        assert len(children) == 1
        assert memory._all_children()[process.pid] == children, "where threads do not name their children"
        used = of_processes([process.pid, *children])
        process.communicate("\n")
    assert 64 * MIB <= used < 256 * MIB
    assert of_processes([2**22 + 1]) == 0


@pytest.mark.parametrize(
    ("used", "said", "limit", "seconds", "news"),
    [
        (GIB, None, 0, 30.0, True),
        (GIB, None, 0, 10.0, False),
        (GIB, GIB, 4 * GIB, 29.0, False),
        (GIB, GIB, 4 * GIB, 30.0, True),
        (GIB + 100 * MIB, GIB, 4 * GIB, 5.0, True),
        (GIB - 100 * MIB, GIB, 4 * GIB, 5.0, True),
        (GIB + 100 * MIB, GIB, 4 * GIB, 4.0, False),
        (GIB + 70 * MIB, GIB, 4 * GIB, 5.0, False),
        (GIB + 30 * MIB, GIB, 0, 5.0, True),
        (GIB + 10 * MIB, GIB, 0, 5.0, False),
    ],
)
def test_the_server_hears_of_what_changed_much_soon_and_of_the_rest_later(
    used: int, said: int | None, limit: int, seconds: float, news: bool
) -> None:
    assert is_news(used, said, limit, seconds) is news


@pytest.mark.parametrize(
    ("used", "limit", "grows", "text"),
    [
        (
            int(3.6 * GIB), 4 * GIB, False,
            "memory: 3.6 of 4 GiB in use; at 4 GiB the program is ended. For more: --memory 8Gi, or --on-oom grow",
        ),
        (
            950_000_000, 1_000_000_000, False,
            "memory: 906 of 953.7 MiB in use; at 953.7 MiB the program is ended. For more: --memory 1908Mi, or --on-oom grow",
        ),
        (
            95 * MIB, 100 * MIB, True,
            "memory: 95 of 100 MiB in use; at 100 MiB the program is ended. It is then tried again with more (--on-oom grow)",
        ),
    ],
)  # fmt: skip
def test_a_program_is_warned_with_what_to_ask_for(used: int, limit: int, grows: bool, text: str) -> None:
    assert warning(used, limit, grows) == text


class Told:
    """A gateway that keeps what it is told, unless it is away."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.away = False

    def put(self, path: str, _send: Any, *, patience: float) -> None:
        assert patience == 0
        if self.away:
            raise GatewayError("away")
        self.paths.append(path)


@pytest.fixture
def looks(monkeypatch, tmp_path: Path):
    """A look each 2 s at a group of which the test says how much it uses."""
    now, told, said, used = [100.0], Told(), [], [0]
    monkeypatch.setattr(usage, "time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(usage, "Gateway", lambda *_args, **_more: told)
    monkeypatch.setattr(usage, "say", said.append)
    monkeypatch.setattr(usage, "spent_below", lambda _root: (now[0] - 100.0) / 2)
    group = SimpleNamespace(used=lambda: used[0], limit=lambda: 1000 * MIB)
    monkeypatch.setattr(memory, "own_group", lambda _program, **_: group)
    monkeypatch.setenv("SEAWAY_TERMINATION_LOG", str(tmp_path / "log"))
    (tmp_path / "log").touch()
    task: Any = SimpleNamespace(
        gateway="", ca="", token="", run="r", name="main", fence=3, memory_bytes=0, memory_grows=False, gpus=0
    )
    scratch: Any = SimpleNamespace(taken=5, limit=10)
    found = Usage(task, SimpleNamespace(group=7), scratch)  # type: ignore[arg-type]

    def look(mib: int, times: int = 1) -> None:
        used[0] = mib * MIB
        for _ in range(times):
            now[0] += 2.0
            found.look()

    return look, told, said, tmp_path / "log", found


def test_what_is_used_is_told_soon_and_then_as_it_changes(looks) -> None:
    look, told, said, log, _ = looks
    look(100, 2)
    assert told.paths == []
    look(100)
    words = f"fence=3&memory={100 * MIB}&peak={100 * MIB}&memory_limit={1000 * MIB}&cores=0.50&scratch=5&scratch_limit=10"
    assert told.paths == [f"/gateway/v1/runs/r/tasks/main/usage?{words}"]
    look(100, 14)
    assert len(told.paths) == 1
    look(100)
    assert len(told.paths) == 2, "after 30 s"
    told.away = True
    look(300, 3)
    told.away = False
    look(90, 15)
    assert len(told.paths) == 3, "what could not be told is told with the next word"
    assert f"memory={90 * MIB}&peak={300 * MIB}" in told.paths[-1]
    assert (said, log.read_text()) == ([], "")


def test_a_program_is_warned_once_and_its_peak_is_left_in_the_pods_status(looks) -> None:
    look, _, said, log, found = looks
    look(600)
    assert log.read_text() == f"peak memory {600 * MIB} bytes"
    look(610)
    assert log.read_text() == f"peak memory {600 * MIB} bytes", "not each page is written down"
    look(950)
    look(100)
    look(960)
    assert log.read_text() == f"peak memory {950 * MIB} bytes"
    assert found.peak == 960 * MIB
    assert len(said) == 1
    assert said[0].startswith("memory: 950 of 1000 MiB in use")


def test_the_peak_takes_the_place_of_nothing_else(tmp_path: Path, monkeypatch, capfd) -> None:
    log = tmp_path / "log"
    monkeypatch.setenv("SEAWAY_TERMINATION_LOG", str(log))
    note_peak(1)
    assert not log.exists(), "where nobody reads it"
    log.touch()
    note_peak(1 << 30)
    note_peak(77)
    assert log.read_text() == "peak memory 77 bytes"
    note_failure(StageFailed("code", "no code"))
    said = log.read_text()
    note_peak(78)
    assert log.read_text() == said
    log.write_text("loss 0.3")
    note_peak(79)
    assert log.read_text() == "loss 0.3"
    assert "no code" in capfd.readouterr().err


def test_a_program_that_ends_at_once_leaves_its_peak_without_a_request(
    gateway, start, tmp_path: Path
) -> None:
    word = tmp_path / "word"
    word.touch()
    container = start("kept = bytearray(b'x' * (64 << 20))", environ={"SEAWAY_TERMINATION_LOG": str(word)})
    assert container.wait() == 0, container.text
    peak = int(word.read_text().removeprefix("peak memory ").removesuffix(" bytes"))
    assert 64 * MIB <= peak < 512 * MIB
    assert not [request for request in gateway.requests if "usage" in request]


@pytest.mark.parametrize(
    ("program", "code", "own"),
    [
        ("import sys; sys.exit(137)", 137, True),
        ("import os; os.kill(os.getpid(), 9)", 137, False),
        ("import sys; sys.exit(3)", 3, False),
    ],
)
def test_a_code_that_looks_like_a_signals_and_was_chosen_is_told_as_that(
    start, tmp_path: Path, program: str, code: int, own: bool
) -> None:
    word = tmp_path / "word"
    word.touch()
    container = start(program, environ={"SEAWAY_TERMINATION_LOG": str(word)})
    assert container.wait() == code, container.text
    assert word.read_text().endswith(" was its own choice") is own


def test_a_program_goes_on_where_no_thread_is_left_to_measure_it(monkeypatch, capfd) -> None:
    """A program of many threads may use up all that its container may have, before it is looked at first."""

    def refused(_: Any) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("threading.Thread.start", refused)
    task: Any = SimpleNamespace(
        gateway="https://127.0.0.1:1", ca="", token="", run="r", name="main", fence=1,
        memory_bytes=0, memory_grows=False, gpus=0,
    )  # fmt: skip
    program: Any = SimpleNamespace(group=os.getpid())
    measured = main._LazyUsage(task, program, None)
    measured.begin()
    assert measured.end(5 * MIB) == 5 * MIB
    assert "what the program uses is not measured: can't start new thread" in capfd.readouterr().err
