"""What someone deletes from the cluster under a live run costs one attempt, and never gives two at once."""

from __future__ import annotations

import subprocess

import psutil
import pytest

from tests.kubectl import BINARIES, NO_KUBECTL

pytestmark = pytest.mark.skipif(not BINARIES, reason=NO_KUBECTL)

WAITS = """
import os, socket
witness = socket.create_connection(("127.0.0.1", int(os.environ["WITNESS"])))
witness.sendall(f"{os.environ['SEAWAY_RUN']} {os.environ['SEAWAY_ATTEMPT']}\\nline\\n".encode())
print("began", os.environ["SEAWAY_ATTEMPT"], flush=True)
if os.environ["SEAWAY_ATTEMPT"] == "1":
    witness.recv(1)
print("ended", flush=True)
"""


def kubectl(running, *words: str) -> str:
    """Talk to the cluster as its administrator does."""
    command = [str(BINARIES[-1]), "--kubeconfig", str(running.path / "kubeconfig"), *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    return done.stdout


def start(running, witness, name: str, seen: int) -> psutil.Process:
    heard, port = witness
    running.submit(name, "--env", f"WITNESS={port}", "--", "python", "-c", WAITS)
    heard.wait_for_lines(seen)
    return running.wait_until(lambda: running.program(name), "no process of the program")


def test_deleted_pods_namespace_and_node(running, witness) -> None:
    """The pod gently, the pod by force, then the whole namespace: each comes back as a loss, after the first has ended."""
    deletions = {
        "gentle": ("delete", "pod", "gentle-1"),
        "forced": ("delete", "pod", "forced-1", "--force", "--grace-period=0"),
        "namespace": ("delete", "namespace", "seaway-default"),
    }
    for number, (name, words) in enumerate(deletions.items()):
        program = start(running, witness, name, 2 * number + 1)
        kubectl(running, *words)
        view = running.ended(name)
        assert view["phase"] == "succeeded", view["message"]
        attempts = view["tasks"][0]["attempts"]
        assert [attempt["verdict"]["class"] for attempt in attempts] == ["infrastructure", "succeeded"]
        assert not program.is_running()
        assert attempts[1]["started"] >= attempts[0]["finished"], "two attempts at once"
    assert witness[0].executions == {f"{name} {attempt}": 1 for name in deletions for attempt in (1, 2)}
    for name in deletions:  # everything is told although pods, events and the namespace are gone
        log = running.seaway("logs", name)
        assert [line for line in log.splitlines() if line.startswith(("began", "ended"))] == [
            "began 1", "began 2", "ended",
        ]  # fmt: skip
        assert "deleted" in running.seaway("show", name)


def test_a_deleted_node_comes_back_with_its_pods(running, witness) -> None:
    """The node makes itself known again; a run on it is not disturbed."""
    program = start(running, witness, "stays", 1)
    kubectl(running, "delete", "node", "node-1")
    kubectl(running, "wait", "--for=create", "node/node-1", "--timeout=60s")
    running.submit("next", "--", "python", "-c", "pass")
    assert running.ended("next")["phase"] == "succeeded"
    assert program.is_running()
    running.seaway("stop", "stays")
    assert running.ended("stays")["phase"] == "stopped"
    assert len(running.run_view("stays")["tasks"][0]["attempts"]) == 1


def test_a_deleted_token_is_made_again(running) -> None:
    """A run whose token somebody deletes between two attempts goes on."""
    running.submit("token", "--retries", "1", "--", "python", "-c", "import os, sys; sys.exit(os.environ['SEAWAY_ATTEMPT'] == '1' and 3)")  # fmt: skip
    assert running.ended("token")["phase"] == "succeeded"
    running.submit(
        "failed", "--", "python", "-c", "import os, sys; sys.exit(os.environ['SEAWAY_ATTEMPT'] == '1')"
    )
    assert running.ended("failed")["phase"] == "failed"
    kubectl(running, "delete", "secrets", "--all", "-n", "seaway-default")
    running.seaway("retry", "failed")
    assert running.ended("failed")["phase"] == "succeeded"
