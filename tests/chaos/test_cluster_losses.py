"""What someone deletes from the cluster under a live run costs one attempt, and never gives two at once."""

from __future__ import annotations

import subprocess

import psutil
import pytest

WAITS = """
import os, socket
witness = socket.create_connection(("127.0.0.1", int(os.environ["WITNESS"])))
witness.sendall(f"{os.environ['SEAWAY_RUN']} {os.environ['SEAWAY_ATTEMPT']}\\nline\\n".encode())
print("began", os.environ["SEAWAY_ATTEMPT"], flush=True)
if os.environ["SEAWAY_ATTEMPT"] == "1":
    witness.recv(1)
print("ended", flush=True)
"""


def kubectl(home, *words: str) -> str:
    """Talk to the cluster as its administrator does; without a kubectl the tests of this file are skipped."""
    command = ["kubectl", "--kubeconfig", str(home.path / "kubeconfig"), *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(autouse=True)
def has_kubectl() -> None:
    try:
        subprocess.run(["kubectl", "version", "--client"], capture_output=True, check=True, timeout=20)
    except FileNotFoundError:
        pytest.skip("there is no kubectl on PATH")


def start(home, witness, name: str, seen: int) -> psutil.Process:
    heard, port = witness
    home.submit(name, "--env", f"WITNESS={port}", "--", "python", "-c", WAITS)
    heard.wait_for_lines(seen)
    return home.wait_until(lambda: home.program(name), "no process of the program")


def test_deleted_pods_namespace_and_node(home, witness) -> None:
    """The pod gently, the pod by force, then the whole namespace: each comes back as a loss, after the first has ended."""
    home.seaway("up")
    deletions = {
        "gentle": ("delete", "pod", "gentle-1"),
        "forced": ("delete", "pod", "forced-1", "--force", "--grace-period=0"),
        "namespace": ("delete", "namespace", "seaway-default"),
    }
    for number, (name, words) in enumerate(deletions.items()):
        program = start(home, witness, name, 2 * number + 1)
        kubectl(home, *words)
        view = home.ended(name)
        assert view["phase"] == "succeeded", view["message"]
        attempts = view["tasks"][0]["attempts"]
        assert [attempt["verdict"]["class"] for attempt in attempts] == ["infrastructure", "succeeded"]
        assert not program.is_running()
        assert attempts[1]["started"] >= attempts[0]["finished"], "two attempts at once"
    assert witness[0].executions == {f"{name} {attempt}": 1 for name in deletions for attempt in (1, 2)}
    for name in deletions:  # everything is told although pods, events and the namespace are gone
        log = home.seaway("logs", name)
        assert [line for line in log.splitlines() if line.startswith(("began", "ended"))] == [
            "began 1", "began 2", "ended",
        ]  # fmt: skip
        assert "deleted" in home.seaway("show", name)


def test_a_deleted_node_comes_back_with_its_pods(home, witness) -> None:
    """The node makes itself known again; a run on it is not disturbed."""
    home.seaway("up")
    program = start(home, witness, "stays", 1)
    kubectl(home, "delete", "node", "node-1")
    home.wait_until(
        lambda: "node-1" in kubectl(home, "get", "nodes", "-o", "name"), "the node did not come back"
    )
    home.submit("next", "--", "python", "-c", "pass")
    assert home.ended("next")["phase"] == "succeeded"
    assert program.is_running()
    home.seaway("stop", "stays")
    assert home.ended("stays")["phase"] == "stopped"
    assert len(home.run_view("stays")["tasks"][0]["attempts"]) == 1


def test_a_deleted_token_is_made_again(home) -> None:
    """A run whose token somebody deletes between two attempts goes on."""
    home.seaway("up")
    home.submit("token", "--retries", "1", "--", "python", "-c", "import os, sys; sys.exit(os.environ['SEAWAY_ATTEMPT'] == '1' and 3)")  # fmt: skip
    assert home.ended("token")["phase"] == "succeeded"
    home.submit(
        "failed", "--", "python", "-c", "import os, sys; sys.exit(os.environ['SEAWAY_ATTEMPT'] == '1')"
    )
    assert home.ended("failed")["phase"] == "failed"
    kubectl(home, "delete", "secrets", "--all", "-n", "seaway-default")
    home.seaway("retry", "failed")
    assert home.ended("failed")["phase"] == "succeeded"
