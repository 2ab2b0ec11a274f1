"""Logs of pods that somebody makes with kubectl and deletes at once: nothing of them is lost."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest

from tests.kubectl import BINARIES, NO_KUBECTL
from tests.scenarios.cli.test_timeline import kubectl
from tests.waiting import wait_until

pytestmark = [pytest.mark.timeout(300), pytest.mark.skipif(not BINARIES, reason=NO_KUBECTL)]
LINES = 20_000
BURST = f"""
import sys, time, signal
signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM,))
signal.signal(signal.SIGTERM, lambda *_: (print("last word", flush=True), sys.exit(0)))
for number in range({LINES}):
    print("line", number)
sys.stdout.flush()
signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGTERM,))
"""
"""Whoever is asked to end in the middle of its lines says them all first: its log is read, and it is ended, while it writes."""


def pod(name: str, then: str) -> dict[str, Any]:
    container = {"name": "c", "image": "python", "command": ["python3", "-c", BURST + then]}
    spec = {"restartPolicy": "Never", "terminationGracePeriodSeconds": 60, "containers": [container]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


def until_whole(shell: Any, name: str, last: str = "") -> None:
    """Return when all of a pod's log is kept, each line once."""
    wait_until(lambda: missing(shell, name, last), "all of the log", check=lambda said: not said, seconds=90)


def missing(shell: Any, name: str, last: str = "") -> str:
    """Return from where on a pod's kept log is not what was written; "" where all of it is."""
    done = shell("logs", f"pod/{name}", code=None)
    found, wanted = done.stdout, "".join(f"line {number}\n" for number in range(LINES)) + last
    if found == wanted:
        return ""
    at = next(
        (n for n, (a, b) in enumerate(zip(found, wanted, strict=False)) if a != b),
        min(len(found), len(wanted)),
    )
    return f"after {found[max(0, at - 40) : at]!r}: {found[at : at + 200]!r}, of {len(found)} characters; {done.stderr}"


def test_nothing_is_lost_of_pods_that_are_deleted_at_once(seaway: Any) -> None:
    seaway("up")
    kubectl(seaway, "create", "-f", "-", given=pod("ends", ""))
    kubectl(seaway, "wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/ends", "--timeout=60s")
    kubectl(seaway, "delete", "pod", "ends", "--force", "--grace-period=0")
    kubectl(seaway, "create", "-f", "-", given=pod("stays", "time.sleep(600)"))
    kubectl(seaway, "wait", "--for=condition=Ready", "pod/stays", "--timeout=60s")
    wait_until(lambda: f"line {LINES - 1}" in kubectl(seaway, "logs", "stays", "--tail=1"), seconds=60)
    kubectl(seaway, "delete", "pod", "stays")
    until_whole(seaway, "ends")
    until_whole(seaway, "stays", "last word\n")


def test_nothing_is_lost_when_the_server_is_killed_meanwhile(seaway: Any) -> None:
    seaway("up")
    kubectl(seaway, "create", "-f", "-", given=pod("killed", "time.sleep(600)"))
    kubectl(seaway, "wait", "--for=condition=Ready", "pod/killed", "--timeout=60s")
    wait_until(lambda: "line" in seaway("logs", "pod/killed", code=None).stdout, seconds=60)
    kubectl(seaway, "delete", "pod", "killed", "--wait=false")
    os.kill(seaway.pid(), signal.SIGKILL)
    seaway("up")
    until_whole(seaway, "killed", "last word\n")
    assert "may be missing" not in seaway("logs", "pod/killed").stdout
    seaway("down")
    assert not seaway.processes()
