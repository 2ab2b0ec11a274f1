"""Standard streams that are closed, full or read by nobody: no fault of Seaway's, no hanging, and the run goes on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(200)
TEN = "for i in range(10): print('line', i, flush=True)"


def in_shell(seaway, line: str) -> subprocess.CompletedProcess[str]:
    """Run a line of bash in which `seaway` is this one's."""
    own = f'seaway() {{ "{sys.executable}" -m seaway "$@"; }}; set -o pipefail; {line}'
    return subprocess.run(
        ["bash", "-c", own], cwd=seaway.folder, env=seaway.environ, capture_output=True, text=True, timeout=100, check=False
    )  # fmt: skip


@pytest.fixture(scope="module")
def told(running):
    """A server that has a run with a log."""
    running("run", "--name", "ten", "--", "python3", "-c", TEN)
    return running


@pytest.mark.parametrize("command", ["ps -a", "status", "logs ten", "logs -f ten", "show ten -o json", "why ten", "run -- true"])  # fmt: skip
@pytest.mark.parametrize("closed", [">&-", "<&-", "2>&-", "<&- >&- 2>&-"])
def test_a_closed_stream_keeps_nothing_from_being_done(told, command, closed):
    done = in_shell(told, f"seaway {command} {closed}")
    assert (done.returncode, "error" in done.stderr) == (0, False), done.stderr
    if ">&-" not in closed.replace("2>&-", ""):
        assert bool(done.stdout) == (command != "run -- true")


@pytest.mark.parametrize("command", ["ps -a", "logs ten", "logs -f ten", "show ten -o json", "status"])
def test_a_reader_that_goes_away_is_no_fault(told, command):
    """Nothing is said of it; the code is none of a program's."""
    pipe = told.folder / "pipe"
    done = in_shell(
        told, f"mkfifo {pipe}; true < {pipe} & exec 3> {pipe}; wait; rm {pipe}; seaway {command} >&3"
    )
    assert (done.returncode, done.stderr.replace("[seaway]", "").count("error")) == (74, 0), done.stderr


def test_a_run_whose_output_nobody_reads_goes_on_and_says_so(told):
    wait = "import time\nfor i in range(5): print('x' * 70000, flush=True)\nwhile True: time.sleep(0.05)"
    done = in_shell(told, f'seaway run --name unheard -- python3 -c "{wait}" | head -c 1')
    assert done.returncode == 74
    assert "unheard goes on. Follow it: seaway logs -f unheard" in done.stderr
    assert told.json("show", "unheard")["phase"] == "running"
    told("stop", "unheard")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("command", ["ps -a", "logs ten", "status -o json"])
def test_a_full_disk_behind_the_output_is_said_plainly(told, command):
    done = in_shell(told, f"seaway {command} > /dev/full")
    assert done.returncode == 74
    assert "error: No space left on device" in done.stderr
    assert "[Errno" not in done.stderr
