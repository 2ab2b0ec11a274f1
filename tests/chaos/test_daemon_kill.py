"""`kill -9` of the daemon at random moments: every run ends right, its log whole, each attempt executed once."""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from pathlib import Path

import pytest

RUNS = 20
LINES = 40

PROGRAM = f"""
import os, pathlib, sys, time
run, attempt = os.environ["SEAWAY_RUN"], os.environ["SEAWAY_ATTEMPT"]
witness = pathlib.Path(os.environ["WITNESS"])
with (witness / "executions").open("a") as file:
    file.write(run + " " + attempt + "\\n")
for number in range({LINES}):
    print("line", number, flush=True)
    with (witness / "progress").open("a") as file:
        file.write(".")
    time.sleep(0.05)
(pathlib.Path(os.environ["SEAWAY_OUTPUTS"]) / "result.txt").write_text(run)
sys.exit(int(sys.argv[1]))
"""


def wait_for_progress(file: Path, beyond: int, limit: float = 60) -> None:
    """Wait until the programs together have printed more than so many lines."""
    deadline = time.monotonic() + limit
    while not file.exists() or file.stat().st_size <= beyond:
        assert time.monotonic() < deadline, f"no run got beyond {beyond} lines in {limit} s"
        os.sched_yield()


@pytest.mark.chaos
@pytest.mark.timeout(300)
def test_nothing_is_lost_or_doubled(home, tmp_path: Path) -> None:
    """Twenty runs in flight, the daemon killed at random moments and started again, many times."""
    seed = int(os.environ.get("SEAWAY_CHAOS_SEED", random.SystemRandom().randrange(10**6)))
    print(f"SEAWAY_CHAOS_SEED={seed}")
    choose = random.Random(seed)
    (witness := tmp_path / "witness").mkdir()
    (tmp_path / "project").mkdir()
    script = tmp_path / "project" / "work.py"
    script.write_text(PROGRAM)

    home.seaway("up")
    codes = {f"chaos-{number}": choose.choice([0, 0, 3]) for number in range(RUNS)}
    for run, code in codes.items():
        home.seaway(
            "run",
            "--detach",
            "--name",
            run,
            "--requirements",
            os.devnull,
            "--env",
            f"WITNESS={witness}",
            str(script),
            str(code),
        )
    total = RUNS * LINES
    for moment in sorted(choose.sample(range(total * 9 // 10), 5)):
        wait_for_progress(witness / "progress", moment)
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
    executions = Counter((witness / "executions").read_text().splitlines())
    assert executions == {f"{run} 1": 1 for run in codes}
