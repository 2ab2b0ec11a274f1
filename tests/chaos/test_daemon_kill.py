"""`kill -9` of the daemon at random moments: every run ends right, its log whole, each attempt executed once.

`SEAWAY_CHAOS_SEED` repeats it as far as a machine can, `SEAWAY_CHAOS_RUNS` and `SEAWAY_CHAOS_KILLS` say how large it is.
"""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import Any

import pytest

RUNS = int(os.environ.get("SEAWAY_CHAOS_RUNS", "10"))
LINES = 40
KILLS = int(os.environ.get("SEAWAY_CHAOS_KILLS", "3"))

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


@pytest.mark.chaos
@pytest.mark.timeout(300)
def test_nothing_is_lost_or_doubled(home, witness: tuple[Any, int], tmp_path: Path) -> None:
    """Many runs in flight, the daemon killed at random moments and started again, again and again."""
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
        attempts = view["tasks"][0]["attempts"]
        assert len(attempts) == 1, f"a killed daemon is no reason for a second attempt: {attempts}"
        printed = [line for line in home.seaway("logs", run).splitlines() if line.startswith("line ")]
        assert printed == [f"line {number}" for number in range(LINES)]
    assert heard.executions == {f"{run} 1": 1 for run in codes}
