"""`kill -9` of the daemon at random moments: every run ends right, its log whole, each attempt executed once."""

from __future__ import annotations

import os
import random
import socketserver
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

RUNS = 20
LINES = 40
KILLS = 5

PROGRAM = f"""
import os, pathlib, socket, sys, time
run, attempt = os.environ["SEAWAY_RUN"], os.environ["SEAWAY_ATTEMPT"]
witness = socket.create_connection(("127.0.0.1", int(os.environ["WITNESS"])))
witness.sendall(f"{{run}} {{attempt}}\\n".encode())
for number in range({LINES}):
    print("line", number, flush=True)
    witness.sendall(b"line\\n")
    time.sleep(0.05)
(pathlib.Path(os.environ["SEAWAY_OUTPUTS"]) / "result.txt").write_text(run)
sys.exit(int(sys.argv[1]))
"""


class Witness:
    """Hears from the programs themselves, past everything that Seaway keeps: who was executed, how far all got."""

    def __init__(self) -> None:
        self.executions: Counter[str] = Counter()
        self.lines = 0
        self._changed = threading.Condition()

    def hear(self, words: str) -> None:
        with self._changed:
            if words == "line":
                self.lines += 1
            else:
                self.executions[words] += 1
            self._changed.notify_all()

    def wait_for_lines(self, count: int, limit: float = 100) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self.lines >= count, limit), (
                f"{self.lines} of {count} lines in {limit} s"
            )


@pytest.fixture
def witness() -> Iterator[tuple[Witness, int]]:
    heard = Witness()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            for line in self.rfile:
                heard.hear(line.decode().strip())

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield heard, server.server_address[1]
        server.shutdown()
        thread.join()


@pytest.mark.chaos
@pytest.mark.timeout(300)
def test_nothing_is_lost_or_doubled(home, witness: tuple[Witness, int], tmp_path: Path) -> None:
    """Twenty runs in flight, the daemon killed at random moments and started again, many times."""
    seed = int(os.environ.get("SEAWAY_CHAOS_SEED", random.SystemRandom().randrange(10**6)))
    print(f"SEAWAY_CHAOS_SEED={seed}")
    choose = random.Random(seed)
    heard, port = witness
    script = tmp_path / "work.py"
    script.write_text(PROGRAM)
    (nothing := tmp_path / "requirements.txt").touch()

    home.seaway("up")
    codes = {f"chaos-{number}": choose.choice([0, 0, 3]) for number in range(RUNS)}
    options = ("--detach", "--requirements", str(nothing), "--env", f"WITNESS={port}")
    for run, code in codes.items():
        home.seaway("run", "--name", run, *options, str(script), str(code))
    for moment in sorted(choose.sample(range(RUNS * LINES * 9 // 10), KILLS)):
        heard.wait_for_lines(moment)
        home.kill_daemon()
        home.seaway("up")

    for run, code in codes.items():
        home.seaway("logs", "--follow", run)
        view = home.run_view(run)
        assert view["phase"] == ("succeeded" if code == 0 else "failed"), view["message"]
        assert view["exit_code"] == code
        assert len(view["tasks"][0]["attempts"]) == 1, "a killed daemon is no reason for a second attempt"
        printed = [line for line in home.seaway("logs", run).splitlines() if line.startswith("line ")]
        assert printed == [f"line {number}" for number in range(LINES)]
    assert heard.executions == {f"{run} 1": 1 for run in codes}
