"""Which CPUs a container has for itself."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from seaway.controlplane.node.cpumanager import pin
from seaway.controlplane.node.cpus import CpuLedger, NotEnoughCpusError, choose, exclusive

PLAIN = {cpu: (0, cpu) for cpu in range(4)}
"""One socket, four cores of one thread."""
THREADS = {cpu: (cpu % 2, cpu // 2 % 2) for cpu in range(8)}
"""Two sockets (even and odd CPUs) of two cores of two threads: 0,4 and 2,6 on the first; 1,5 and 3,7 on the second."""


@pytest.mark.parametrize(
    ("places", "free", "count", "chosen"),
    [
        pytest.param(PLAIN, {0, 1, 2, 3}, 1, (0,), id="one"),
        pytest.param(PLAIN, {1, 3}, 2, (1, 3), id="all that are left"),
        pytest.param(THREADS, set(THREADS), 2, (0, 4), id="a whole core"),
        pytest.param(THREADS, set(THREADS), 4, (0, 2, 4, 6), id="a whole socket"),
        pytest.param(THREADS, set(THREADS), 6, (0, 1, 2, 4, 5, 6), id="a socket and a core"),
        pytest.param(THREADS, set(THREADS) - {0}, 1, (4,), id="the thread that is left of a core"),
        pytest.param(THREADS, set(THREADS) - {0}, 2, (2, 6), id="a whole core of the fuller socket"),
        pytest.param(THREADS, {0, 2, 1, 3}, 3, (0, 1, 2), id="single threads, one socket first"),
    ],
)
def test_choose(places, free, count, chosen):
    assert choose(places, free, count) == chosen


def pod(requests: dict[str, str], limits: dict[str, str]) -> dict[str, Any]:
    container = {"name": "main", "resources": {"requests": requests, "limits": limits}}
    return {"metadata": {"uid": "u"}, "spec": {"containers": [container]}}


@pytest.mark.parametrize(
    ("requests", "limits", "count"),
    [
        pytest.param({"cpu": "2", "memory": "1Gi"}, {"cpu": "2", "memory": "1Gi"}, 2, id="guaranteed"),
        pytest.param({}, {"cpu": "2000m", "memory": "1Gi"}, 2, id="limits alone"),
        pytest.param(
            {"cpu": "1500m", "memory": "1Gi"}, {"cpu": "1500m", "memory": "1Gi"}, 0, id="no whole ones"
        ),
        pytest.param({"cpu": "2", "memory": "1Gi"}, {"cpu": "3", "memory": "1Gi"}, 0, id="burstable"),
        pytest.param({"cpu": "2"}, {"cpu": "2"}, 0, id="no memory limit"),
        pytest.param({}, {}, 0, id="best effort"),
    ],
)
def test_exclusive(requests, limits, count):
    of = pod(requests, limits)
    assert exclusive(of, of["spec"]["containers"][0]) == count


def test_the_reserved_ones_stay_shared():
    ledger = CpuLedger(PLAIN, frozenset({0}))
    assert ledger.take(("u", "a"), 2) == (1, 2)
    assert ledger.take(("u", "a"), 2) == (1, 2)
    assert ledger.shared == {0, 3}
    with pytest.raises(NotEnoughCpusError, match="requested=2, available=1"):
        ledger.take(("v", "a"), 2)
    ledger.give_back("u")
    assert ledger.shared == {0, 1, 2, 3}


def test_what_was_held_before_a_restart_is_held_again():
    ledger = CpuLedger(PLAIN, frozenset({0}))
    ledger.restore(("u", "a"), [2, 3])
    assert ledger.take(("u", "a"), 2) == (2, 3)
    assert ledger.take(("v", "a"), 1) == (1,)


def test_the_cpus_of_init_containers_go_over():
    ledger = CpuLedger(PLAIN, frozenset({0}))
    assert ledger.take(("u", "init"), 3) == (1, 2, 3)
    assert ledger.take(("u", "main"), 3, ["init"]) == (1, 2, 3)
    assert ledger.shared == {0}


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="programs cannot be kept on CPUs here")
def test_a_running_tree_is_moved_with_its_threads():
    program = (
        "import subprocess, sys, threading\n"
        "child = subprocess.Popen([sys.executable, '-c', 'print(1, flush=True); input()'], stdin=subprocess.PIPE)\n"
        "threading.Thread(target=child.wait).start()\n"
        "input()\n"
        "child.communicate(b'\\n')\n"
    )
    one = max(os.sched_getaffinity(0))
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as main:
        assert main.stdout is not None
        main.stdout.readline()
        pin(main.pid, {one})
        tasks = [int(path.name) for path in Path(f"/proc/{main.pid}/task").iterdir()]
        assert len(tasks) >= 2
        children = [
            int(p) for t in tasks for p in Path(f"/proc/{main.pid}/task/{t}/children").read_text().split()
        ]
        assert [os.sched_getaffinity(t) for t in (*tasks, *children)] == [{one}] * (len(tasks) + 1)
        main.communicate(b"\n")
