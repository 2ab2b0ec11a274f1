"""A program that asks for a save: the runner's socket, and `seaway.checkpoint()` in environments with and without Seaway."""

from __future__ import annotations

import stat
import subprocess
import sys
import venv
from pathlib import Path

import pytest

import seaway

SAVE = """
import os, seaway
folder = seaway.checkpoint_folder()
for step in range(3):
    (folder / "step").write_text(str(step))
    print("saved", seaway.checkpoint(), flush=True)
print(seaway.checkpoint(), "unchanged", flush=True)
"""
ASK = """
import seaway
try:
    print(seaway.checkpoint())
except seaway.CheckpointError as error:
    print("not saved:", error)
"""


def test_a_program_has_its_checkpoint_saved_at_once(start, gateway, unpack):
    container = start(SAVE, checkpoint_seconds=1000)
    assert container.wait() == 0, container.text
    assert container.text.count("saved True") == 3
    saves = next(iter(gateway.received.values()))
    assert len(saves) == 3, "each step is saved, what is unchanged is not sent again"
    assert unpack(gateway.checkpoint) == {"step": b"2"}


def test_the_socket_is_the_owners_alone(start, tmp_path):
    container = start(
        "import os; print(os.environ['SEAWAY_CONTROL']); print(oct(os.stat(os.environ['SEAWAY_CONTROL']).st_mode))"
    )
    assert container.wait() == 0, container.text
    place, mode = container.text.splitlines()
    assert int(mode, 8) == stat.S_IFSOCK | 0o600
    assert not Path(place).exists()


def test_a_socket_may_lie_deep(start, tmp_path, gateway):
    work = tmp_path / ("a" * 120)
    container = start(SAVE, environ={"SEAWAY_WORK": str(work)}, checkpoint_seconds=1000)
    assert container.wait() == 0, container.text
    assert container.text.count("saved True") == 3


def test_a_child_of_the_program_may_ask(start, gateway, unpack):
    program = f"""
import subprocess, sys, seaway
(seaway.checkpoint_folder() / "rank").write_text("0")
subprocess.run([sys.executable, "-c", {ASK!r}], check=True)
print("then", flush=True)
"""
    container = start(program, checkpoint_seconds=1000)
    assert container.wait() == 0, container.text
    assert "True" in container.text
    assert unpack(gateway.checkpoint) == {"rank": b"0"}


@pytest.mark.parametrize(
    ("prepare", "refusal", "message"),
    [
        pytest.param("", None, "write what the next attempt needs there first", id="an empty folder"),
        pytest.param("x", (409, "it is not the newest"), "it is not the newest", id="refused by the server"),
    ],
)
def test_what_cannot_be_saved_is_told(start, gateway, prepare, refusal, message):
    if refusal:
        gateway.refuse["checkpoint"] = refusal
    write = f"import seaway\nif {prepare!r}: (seaway.checkpoint_folder() / 'a').write_text({prepare!r})\n"
    container = start(write + ASK, checkpoint_seconds=1000)
    container.wait()
    assert "not saved: the checkpoint was not saved:" in container.text
    assert message in container.text


def test_a_folder_that_is_written_to_all_the_time_is_not_saved_torn(start):
    busy = """
import threading, seaway
path, over = seaway.checkpoint_folder() / "log", threading.Event()
path.write_text("x" * 40_000_000)
def write():
    while not over.is_set():
        with path.open("a") as file: file.write("y")
thread = threading.Thread(target=write); thread.start()
"""
    container = start(busy + ASK + "over.set(); thread.join()", checkpoint_seconds=1000)
    assert container.wait() == 0, container.text
    assert "was written to while it was packed" in container.text


def test_outside_of_a_run_nothing_is_done(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name in ("SEAWAY_RUN", "SEAWAY_CONTROL", "SEAWAY_CHECKPOINT", "SEAWAY_OUTPUTS"):
        monkeypatch.delenv(name, raising=False)
    assert seaway.checkpoint() is False
    assert seaway.checkpoint_folder() == Path("checkpoint")
    assert seaway.outputs_folder("results") == Path("results")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint", "results"]


@pytest.mark.parametrize(
    ("control", "message"),
    [
        pytest.param("", "no runner that could save", id="none"),
        pytest.param("/nowhere/control", "cannot be asked", id="gone"),
    ],
)
def test_a_run_without_a_runner_is_told(monkeypatch, control, message):
    monkeypatch.setenv("SEAWAY_RUN", "digits")
    monkeypatch.setenv("SEAWAY_CONTROL", control)
    with pytest.raises(seaway.CheckpointError, match=message):
        seaway.checkpoint()


def test_an_environment_without_seaway_can_import_it(start, tmp_path):
    bare = tmp_path / "bare"
    venv.create(bare, symlinks=True)
    program = "import seaway, sys; print(seaway.__file__); print(seaway.checkpoint_folder())"
    container = start(command=[str(bare / "bin" / "python"), "-c", program])
    assert container.wait() == 0, container.text
    assert "/program/seaway/" in container.text


def test_an_environment_with_seaway_keeps_all_of_it(start):
    sources = Path(seaway.__file__).parent.parent
    program = f"import sys; sys.path.append({str(sources)!r})\nimport seaway.sdk.client; print(seaway.sdk.client.__file__)"
    container = start(program)
    assert container.wait() == 0, container.text
    assert f"{sources}/seaway/sdk/client.py" in container.text


def test_importing_seaway_costs_next_to_nothing():
    script = "import sys; before = set(sys.modules); import seaway; print(*set(sys.modules) - before)"
    found = subprocess.check_output([sys.executable, "-c", script], text=True).split()
    assert set(found) <= {"seaway", "seaway.program", "__future__"}


@pytest.mark.parametrize(("code", "kept"), [(0, b"half"), (3, b"whole")])
def test_a_program_that_says_when_it_is_whole_is_not_saved_in_between(start, gateway, unpack, code, kept):
    program = f"""
import os, time, seaway
state = seaway.checkpoint_folder() / "state"
state.write_text("whole")
seaway.checkpoint()
state.write_text("half")
time.sleep(2)
os._exit({code})
"""
    container = start(program, checkpoint_seconds=0.1)
    assert container.wait() == code, container.text
    assert unpack(gateway.checkpoint) == {"state": kept}
    assert len(next(iter(gateway.received.values()))) == (2 if code == 0 else 1)
