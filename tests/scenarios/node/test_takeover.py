"""The daemon dies, the fork server dies, the shim dies: no run, no line and no exit code is lost, nothing runs twice."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

from seaway.controlplane.node.recall import FAILED
from seaway.controlplane.node.shim import files
from seaway.objects.builtin import PODS


async def test_crash_of_the_agent_loses_nothing(node: Any, tmp_path: Path) -> None:
    """Pods that run, end, or are bound while no agent lives end right afterwards, each run once."""
    out = tmp_path / "out"
    for number in range(6):
        await node.create(f"p{number}", **_once(node, out, number))
    for number in range(2, 6):
        await node.until(f"p{number}", lambda s: s.get("phase") == "Running")
    await node.crash()
    await node.create("late", **_once(node, out, 0, name="9"))
    for number in (2, 3):
        (out / f"go{number}").touch()
        async with asyncio.timeout(60):
            while not (node.folder(f"p{number}") / "containers/main/0" / files.EXIT).exists():
                await asyncio.sleep(0.01)
    await node.start()
    for number in (4, 5):
        (out / f"go{number}").touch()
    for number, name in [*((n, f"p{n}") for n in range(6)), (9, "late")]:
        status = await node.ended(name)
        assert status["containerStatuses"][0]["state"]["terminated"]["exitCode"] == number
        assert status["containerStatuses"][0]["restartCount"] == 0
        assert (out / str(number)).read_text() == "start\n"
    assert await node.log("p5") == b"done\n"


def _once(node: Any, out: Path, number: int, name: str | None = None) -> dict[str, Any]:
    """Return a pod that notes each start of it outside; the first two end at once, the others when they may."""
    out.mkdir(exist_ok=True)
    at, name = "/out" if node.agent.runtime.namespaces else str(out), name or str(number)
    wait = f"until [ -e {at}/go{number} ]; do sleep 0.01; done; " if number > 1 else ""
    script = f"echo start >> {at}/{name}; {wait}echo done; exit {name}"
    mounts = [{"name": "out", "mountPath": "/out"}]
    main = {"name": "main", "image": "python", "command": ["sh", "-c", script], "volumeMounts": mounts}
    return {"containers": [main], "volumes": [{"name": "out", "hostPath": {"path": str(out)}}]}


async def test_what_a_program_left_to_say_while_no_agent_lived_is_told(node: Any) -> None:
    await node.create("p", "until [ -e go ]; do sleep 0.01; done; echo why > $SEAWAY_TERMINATION_LOG; exit 3")
    await node.until("p", lambda s: s.get("phase") == "Running")
    folder = node.folder("p") / "containers/main/0"
    await node.crash()
    (folder / "workspace" / "go").touch()
    async with asyncio.timeout(60):
        while not (folder / files.EXIT).exists():
            await asyncio.sleep(0.01)
    await node.start()
    end = (await node.ended("p"))["containerStatuses"][0]["state"]["terminated"]
    assert (end["exitCode"], end["message"]) == (3, "why\n")


async def test_fork_server_is_replaced(node: Any) -> None:
    """Killed between two pods, another one takes its place; what runs goes on."""
    await node.create("p", "echo one; sleep 0.5; echo two")
    await node.until("p", lambda s: s.get("phase") == "Running")
    before = (await node.agent.runtime._server.ensure())["pid"]
    os.kill(before, signal.SIGKILL)
    await node.create("q", "echo three")
    assert (await node.ended("q"))["phase"] == "Succeeded"
    assert (await node.ended("p"))["phase"] == "Succeeded"
    assert await node.log("p") == b"one\ntwo\n"
    assert (await node.agent.runtime._server.ensure())["pid"] != before


async def test_killed_shim_is_found_out(node: Any) -> None:
    """A shim that is killed leaves no record: the container ends as unknown, and nothing of it runs on."""
    await node.create("p", "echo up; sleep 600")
    await node.until("p", lambda s: s.get("phase") == "Running")
    folder = node.folder("p") / "containers" / "main" / "0"
    state = files.read_json(str(folder / files.STATE))
    os.kill(state["shim"], signal.SIGKILL)
    end = (await node.ended("p"))["containerStatuses"][0]["state"]["terminated"]
    assert (end["exitCode"], end["reason"]) == (137, "ContainerStatusUnknown")


async def test_folder_lost_is_not_run_again(node: Any) -> None:
    """A pod whose status says that it was started, but of which nothing is left here, is not started again."""
    await node.create("p", "echo again; sleep 600")
    await node.until("p", lambda s: s.get("phase") == "Running")
    await node.crash()
    node.agent.runtime.kill(node.folder("p") / "containers" / "main" / "0")
    await node.agent.runtime.wait(node.folder("p") / "containers" / "main" / "0")
    shutil.rmtree(node.folder("p"))
    await node.start()
    end = (await node.ended("p"))["containerStatuses"][0]["state"]["terminated"]
    assert (end["exitCode"], end["reason"]) == (137, "ContainerStatusUnknown")


async def test_pod_deleted_while_no_agent_lived(node: Any) -> None:
    """Its processes are ended and its files removed when the agent comes back."""
    await node.create("p", "sleep 600")
    await node.until("p", lambda s: s.get("phase") == "Running")
    await node.crash()
    await node.client.delete(PODS, "p", "d", grace_seconds=0)
    await node.start()
    assert not (node.folder("p")).exists()


@pytest.mark.parametrize("code", [0, 143])
async def test_a_pod_that_was_being_evicted_when_the_agent_died(node: Any, code: int) -> None:
    """Why the node ended it was in the dead agent's memory alone; the next one knows it all the same."""
    await node.create("p", f"trap 'sleep 0.1; exit {code}' TERM; echo up; sleep 600 & wait")
    await node.until("p", lambda s: s.get("phase") == "Running")
    async with asyncio.timeout(60):
        while await node.log("p") != b"up\n":
            await asyncio.sleep(0.01)
        folder = node.folder("p")
        node.agent._workers[folder.name].evict("The node was low on resource: pids.", 30.0)
        while not (folder / FAILED).exists():
            await asyncio.sleep(0.001)
        await node.crash()
        while not (folder / "containers/main/0" / files.EXIT).exists():
            await asyncio.sleep(0.01)
    await node.start()
    status = await node.ended("p")
    assert (status["phase"], status["reason"]) == ("Failed", "Evicted")
    (disruption,) = [c for c in status["conditions"] if c["type"] == "DisruptionTarget"]
    assert (disruption["reason"], disruption["message"]) == (
        "TerminationByKubelet",
        "The node was low on resource: pids.",
    )


async def test_shutdown_is_graceful(node: Any) -> None:
    """`shutdown` lets programs finish within their grace and writes how they ended."""
    await node.create(
        "p", "trap 'exit 0' TERM; echo up; while true; do sleep 0.05; done", restartPolicy="Always"
    )
    await node.until("p", lambda s: s.get("phase") == "Running")
    async with asyncio.timeout(60):
        while b"up" not in await node.log("p"):
            await asyncio.sleep(0.01)
    await node.agent.shutdown(5)
    status = (await node.pod("p"))["status"]
    assert (
        "terminated" in status["containerStatuses"][0]["state"]
        or "waiting" in status["containerStatuses"][0]["state"]
    )
