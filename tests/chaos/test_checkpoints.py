"""`kill -9` at random moments while checkpoints are saved, outputs committed and environments built: nothing is torn."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

LAST = 40
KILLS = int(os.environ.get("SEAWAY_CHAOS_KILLS", "3"))
SEQUENCE = f"""
import os, random, socket, seaway
folder = seaway.checkpoint_folder()
witness = socket.create_connection(("127.0.0.1", int(os.environ["TOLD"])))
def content(number): return random.Random(number).randbytes(300_000)
def tell(text):
    witness.sendall(text.encode() + b"\\n")
    witness.recv(1)
number = 0
if (folder / "number").exists():
    number = int((folder / "number").read_text())
    whole = (folder / "data").read_bytes() == content(number)
    tell(f"found {{number}} {{whole}}")
else:
    tell("found 0 True")
while number < {LAST}:
    number += 1
    for name, data in (("data", content(number)), ("number", str(number).encode())):
        (folder / (name + ".new")).write_bytes(data)
        os.replace(folder / (name + ".new"), folder / name)
    try:
        seaway.checkpoint()
    except seaway.CheckpointError as error:
        tell(f"failed {{number}}")
    else:
        tell(f"saved {{number}}")
"""
OUTPUTS = """
import os, pathlib, random
folder = pathlib.Path(os.environ["SEAWAY_OUTPUTS"])
for number in range(400):
    own = random.Random(f"{os.environ['SEAWAY_RUN']} {number}")  # what the server has already is not sent
    (folder / f"part-{number}").write_bytes(own.randbytes(100_000))
"""


class Told(socketserver.StreamRequestHandler):
    """Notes each line and answers it, so that the teller goes on only when it is noted."""

    def handle(self) -> None:
        for line in self.rfile:
            self.server.lines.append(line.decode().strip())
            try:
                self.wfile.write(b"x")
            except OSError:  # it was killed
                return


@pytest.fixture
def told() -> Iterator[tuple[list[str], int]]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Told) as server:
        server.daemon_threads, server.block_on_close = True, False
        server.lines = []
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server.lines, server.server_address[1]
        server.shutdown()
        thread.join()


def chosen_seed() -> random.Random:
    seed = int(os.environ.get("SEAWAY_CHAOS_SEED", random.SystemRandom().randrange(10**6)))
    print(f"SEAWAY_CHAOS_SEED={seed}")
    return random.Random(seed)


def kill(process: psutil.Process) -> None:
    try:
        process.send_signal(signal.SIGKILL)
        psutil.wait_procs([process], timeout=60)
    except psutil.NoSuchProcess:
        return


def hit(home, run: str, what: str) -> None:
    """Kill the daemon, or a process of the run's attempt; one that has just ended is no victim."""
    if what == "daemon":
        home.kill_daemon()
        home.seaway("up")
        return
    program = home.program(run)
    if program is not None:
        try:
            kill([program, *program.parents()][{"program": 0, "runner": 1, "shim": 2}[what]])
        except (psutil.NoSuchProcess, IndexError):
            return


@pytest.mark.chaos
@pytest.mark.timeout(300)
def test_the_next_attempt_finds_what_was_last_acknowledged(running, told) -> None:
    choose, (lines, port) = chosen_seed(), told

    def saved() -> int:
        return max((int(line.split()[1]) for line in lines if line.startswith("saved")), default=0)

    running.submit("sequence", "--retries", "50", "--env", f"TOLD={port}", "--", "python", "-c", SEQUENCE)
    for moment in sorted(choose.sample(range(2, LAST - 5), KILLS)):
        running.wait_until(lambda moment=moment: saved() >= moment, f"{moment} saves: {lines[-5:]}", 120)
        hit(running, "sequence", choose.choice(["daemon", "daemon", "program", "runner", "shim"]))
    view = running.ended("sequence")
    assert view["phase"] == "succeeded", view["message"]
    acknowledged = 0
    for line in lines:
        word, number, *rest = line.split()
        if word == "found":
            assert rest == ["True"], "what was restored is torn"
            assert int(number) >= acknowledged, f"{number} was restored, {acknowledged} was acknowledged"
        elif word == "saved":
            acknowledged = int(number)
    assert acknowledged == LAST


@pytest.mark.chaos
@pytest.mark.timeout(240)
@pytest.mark.parametrize("victim", ["daemon", "runner"])
def test_outputs_are_committed_whole_or_not_at_all(running, tmp_path: Path, victim: str) -> None:
    choose, run = chosen_seed(), f"results-{victim}"
    incoming = running.path / "server" / "artifacts" / "incoming"
    running.submit(run, "--retries", "3", "--", "python", "-c", OUTPUTS)
    size = choose.randrange(1, 30_000_000)

    def under_way() -> bool:
        return sum(path.stat().st_size for path in incoming.iterdir() if path.exists()) >= size

    def ended() -> bool:
        return running.run_view(run)["phase"] in ("succeeded", "failed")

    running.wait_until(lambda: under_way() or ended(), "no commit")
    if victim == "daemon":
        hit(running, run, "daemon")
    else:
        for process in runners(running, run):
            kill(process)
    view = running.ended(run)
    assert view["phase"] == "succeeded", view["message"]
    running.seaway("download", run, "-o", str(tmp_path / "fetched"))
    fetched = {path.name: path.read_bytes() for path in (tmp_path / "fetched").rglob("part-*")}
    assert {name: hashlib.sha256(data).digest() for name, data in fetched.items()} == {
        f"part-{number}": hashlib.sha256(random.Random(f"{run} {number}").randbytes(100_000)).digest()
        for number in range(400)
    }


def runners(home, run: str) -> list[psutil.Process]:
    """Return the processes of a run that hold its token: the runner."""
    found = []
    for process in psutil.process_iter():
        try:
            environ = process.environ()
            if environ.get("SEAWAY_RUN") == run and "SEAWAY_TOKEN" in environ and "-I" in process.cmdline():
                found.append(process)
        except psutil.Error:
            continue
    return found


@pytest.mark.chaos
@pytest.mark.registry
@pytest.mark.timeout(240)
@pytest.mark.parametrize("victim", ["daemon", "runner"])
def test_an_environment_that_was_being_built_is_built_anew(home, tmp_path: Path, victim: str) -> None:
    requirements = tmp_path / "needs.txt"
    requirements.write_text("numpy>=2,<3\n")
    home.seaway("up")
    program = "import numpy; print('sum', numpy.arange(5).sum())"
    home.submit("built", "--retries", "3", "--requirements", str(requirements), "--", "python", "-c", program)
    home.wait_until(
        lambda: "environment: installing" in home.attempt("logs", "built")[1], "no environment", 100
    )
    if victim == "daemon":
        hit(home, "built", "daemon")
    else:
        for process in runners(home, "built"):
            kill(process)
    view = home.ended("built")
    assert view["phase"] == "succeeded", json.dumps(view)
    assert "sum 10" in home.seaway("logs", "built")
