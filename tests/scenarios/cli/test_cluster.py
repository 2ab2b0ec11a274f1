"""seaway cluster: what happens to clusters, provoked on purpose under a run."""

from __future__ import annotations

from typing import Any

import pytest

from tests.waiting import wait_until

pytestmark = pytest.mark.timeout(200)
STEPS = """
import os, pathlib, signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # whoever is told to end and saves ends with 0: that is no success
state = pathlib.Path(os.environ["SEAWAY_CHECKPOINT"], "step.txt")
first = int(state.read_text()) + 1 if state.exists() else 1
print("first", first, flush=True)
for step in range(first, 100_000):
    time.sleep(0.02)
    new = state.with_suffix(".new")  # whole at every moment: a node is killed while it is written
    new.write_text(str(step))
    new.replace(state)
"""


def test_drain_kill_and_pressure(seaway: Any) -> None:
    """A run survives a drained node, a lost node and a node without memory, each time from its checkpoint."""
    seaway("up", "--nodes", "2", "--gpus", "a100:2", "--simulated-nodes", "2")
    seaway("up", "--nodes", "2")
    refused = seaway("up", "--nodes", "3", code=64)
    assert "seaway down" in refused.stderr
    status = seaway.json("status")
    assert [node["gpu"] for node in status["server"]["nodes"]] == ["2", "2", "0", "0"]
    assert not status["settings_changed"]
    (seaway.folder / "steps.py").write_text(STEPS)
    seaway("run", "--detach", "--name", "steps", "steps.py")

    def attempts() -> list[dict[str, Any]]:
        view = seaway.json("show", "steps")
        return list(view["tasks"][0]["attempts"])

    def begun(count: int) -> str:
        """Return the node of the attempt of this number once it prints."""
        wait_until(lambda: seaway("logs", "steps").stdout.count("first ") >= count, seconds=90)
        return str(attempts()[-1]["node"])

    first = begun(1)
    assert seaway("cluster", "drain", first).stdout == f"{first} drained\n"
    second = begun(2)
    assert second != first
    seaway("cluster", "kill", second)
    state = {node["name"]: node for node in seaway.json("cluster", "nodes")["nodes"]}
    assert state[second]["killed"]
    assert state[first]["cordoned"]
    seaway("cluster", "uncordon", first)
    seaway("cluster", "restore", second)
    third = begun(3)
    assert seaway("cluster", "pressure", third, "memory").stdout == f"{third} is short of memory\n"
    fourth = begun(4)
    assert fourth != third
    node = wait_until(
        lambda: next((n for n in seaway.json("cluster", "nodes")["nodes"] if n["short_of"]), None), seconds=90
    )
    assert (node["name"], node["short_of"]) == (third, ["memory"])
    seaway("cluster", "kill", "simulated-1")
    assert seaway.json("cluster", "restore", "simulated-1")["killed"] is False
    messages = [attempt["verdict"]["cause"] for attempt in attempts() if attempt["verdict"]]
    assert len(messages) == 3
    assert all(a["verdict"]["class"] != "user" for a in attempts() if a["verdict"])
    seaway("down")
    assert not seaway.processes()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        pytest.param(("drain", "node-9"), 64, "there is no node 'node-9'", id="no such node"),
        pytest.param(("pressure", "node-1", "hope"), 64, "'hope' is nothing", id="no such shortage"),
        pytest.param(("registry-outage", "perhaps"), 64, "neither on nor off", id="neither on nor off"),
        pytest.param(("confirm-off", "node-1", "--yes"), 65, "the node node-1 answers", id="it is not off"),
        pytest.param(
            ("confirm-off", "node-9"), 64, "there is no node 'node-9'", id="no such node to confirm"
        ),
    ],
)
def test_mistakes(running: Any, words: tuple[str, ...], code: int, said: str) -> None:
    """They are said with a remedy, and change nothing."""
    fault = running("cluster", *words, code=code)
    assert said in fault.stderr
    assert "try:" in fault.stderr


def test_a_teams_server_has_no_such_cluster(laptop: Any) -> None:
    """Said in plain words, with the way to the own one."""
    fault = laptop("cluster", "nodes", code=64)
    assert "for the cluster that seaway up starts on this machine" in fault.stderr
    assert "seaway cluster nodes --context local" in fault.stderr
