"""Volumes and caches on each cluster: what one run writes the next one reads, and nobody takes it from them meanwhile."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from seaway.controlplane.node.settings import NodeSettings
from seaway.model.resources import Resources
from seaway.model.run import Origin, Phase, RunSpec, RunView, TaskSpec
from seaway.model.verdict import VerdictClass
from seaway.model.volume import VolumeMount, VolumeSpec
from seaway.objects.builtin import NODES, PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, PODS
from seaway.objects.errors import NotFound
from seaway.platform.callers import Caller
from seaway.platform.errors import Conflict
from tests.waiting import until
from tools.platforms import Platform, run_platform

from .conftest import embedded_cluster

ADA = Caller("ada")
WAIT = 90.0
WRITE = "import os, time; open(os.environ['SEAWAY_VOLUME_TRAIN_DATA'] + '/x', 'w').write('kept'); print('written', flush=True); time.sleep(600)"
READ = """
import errno, os
folder, cache = os.environ["SEAWAY_VOLUME_TRAIN_DATA"], os.environ["SEAWAY_CACHE"]
open(cache + "/y", "w").write(open(folder + "/x").read())
print("read", open(cache + "/y").read(), folder, cache)
"""
ONCE = """
import os, time
place = os.environ["SEAWAY_VOLUME_TRAIN_DATA"] + "/x"
if os.environ["SEAWAY_ATTEMPT"] == "2":
    print("found", open(place).read())
else:
    open(place, "w").write("kept")
    print("written", flush=True)
    time.sleep(600)
"""
FILL = (
    "import os, time; open(os.environ['SEAWAY_CACHE'] + '/big', 'wb').write(bytes(30 << 20)); time.sleep(600)"
)


def run(name: str, source: str, *volumes: VolumeMount, cache: str | None = None) -> RunSpec:
    task = TaskSpec(command=("python", "-c", source), volumes=volumes, resources=Resources(cache=cache))
    return RunSpec(name=name, tasks=(task,), origin=Origin(arguments=("a.py",)))


async def comes(platform: Platform, name: str, phase: Phase) -> RunView:
    return await until(
        lambda: platform.server.runs.get(name), f"{name} {phase.value}",
        check=lambda view: view.phase is phase, seconds=WAIT, pause=0.1,
    )  # fmt: skip


async def says(platform: Platform, name: str, word: str) -> str:
    async def log() -> str:
        chunks = await platform.server.runs.logs(name)
        return b"".join([chunk async for chunk in chunks]).decode()

    return await until(log, f"{name} says {word}", check=lambda text: word in text, seconds=WAIT, pause=0.1)


async def storage_of(platform: Platform, folder: Path) -> str | None:
    """Return the class of volumes to ask for: where nobody makes storage, an administrator has made some."""
    if platform.cluster.name == "embedded" or os.environ.get("SEAWAY_TEST_KUBECONFIG"):
        return None
    folder.mkdir()
    volume: dict[str, Any] = {
        "metadata": {"name": platform.namespace},
        "spec": {
            "capacity": {"storage": "1Gi"},
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": platform.namespace,
            "hostPath": {"path": str(folder)},
        },
    }
    await platform.client.create(PERSISTENT_VOLUMES, volume)
    return platform.namespace


async def test_what_one_run_writes_the_next_one_reads(platform: Platform, tmp_path: Path) -> None:
    volumes, runs = platform.server.volumes, platform.server.runs
    storage_class = await storage_of(platform, tmp_path / "storage")
    await volumes.create(VolumeSpec(name="train-data", size="64Mi", storage_class=storage_class), ADA)
    await runs.submit(run("writes", WRITE, VolumeMount(name="train-data")), user="ada")
    await says(platform, "writes", "written")
    (view,) = await volumes.list()
    assert (view.state, view.runs, view.owner) == ("ready", ("writes",), "ada")
    with pytest.raises(Conflict, match="in use by the run writes"):
        await volumes.remove("train-data", ADA, confirm="train-data")
    await runs.stop("writes")
    await runs.wait("writes", timeout=WAIT)
    reading = VolumeMount(name="train-data", path="/data/in", read_only=True)
    await runs.submit(run("reads", READ, reading, cache="8Mi"), user="eve")
    await runs.submit(run("fills", FILL, cache="8Mi"), user="eve")
    assert (await runs.wait("reads", timeout=WAIT)).phase is Phase.SUCCEEDED
    log = await says(platform, "reads", "read kept")
    if platform.cluster.name == "real" or " /data/in " in log:
        assert "read kept /data/in /cache" in log
    pod = await comes(platform, "fills", Phase.RUNNING)
    made = await platform.client.get(PODS, pod.tasks[0].attempts[0].pod, platform.namespace)
    assert made["spec"]["containers"][0]["resources"]["requests"]["ephemeral-storage"] == "8Mi"
    assert (await runs.wait("fills", timeout=WAIT)).phase is Phase.FAILED
    told = await runs.why("fills")
    assert (told.class_, told.next_step) == (VerdictClass.RESOURCE, "remove what is old from the cache, or ask for more: seaway run --cache 16Mi a.py")  # fmt: skip
    await volumes.remove("train-data", ADA, confirm="train-data")

    async def gone() -> bool:
        try:
            await platform.client.get(PERSISTENT_VOLUME_CLAIMS, "train-data", platform.namespace)
        except NotFound:
            return True
        return False

    await until(gone, "the claim is gone", seconds=WAIT, pause=0.1)
    if storage_class is not None:
        await platform.client.delete(PERSISTENT_VOLUMES, storage_class)


async def test_an_attempt_after_a_loss_waits_for_the_node_of_its_volume(
    tmp_path: Path, plain_tools: Path
) -> None:
    """A volume for one node lies where the first attempt was: the next one waits, says so, and goes on when the node is back."""
    async with (
        embedded_cluster(tmp_path / "home", plain_tools, nodes=2) as cluster,
        run_platform(cluster, tmp_path / "server") as platform,
    ):
        runs = platform.server.runs
        await platform.server.volumes.create(VolumeSpec(name="train-data", size="64Mi"), ADA)
        await runs.submit(run("train", ONCE, VolumeMount(name="train-data")), user="ada")
        await says(platform, "train", "written")
        node = (await runs.get("train")).tasks[0].attempts[0].node
        assert node is not None
        await platform.client.patch(NODES, node, {"spec": {"unschedulable": True}})
        await runs.lose("train", "main")
        await until(
            lambda: runs.get("train"), "it says what it waits for",
            check=lambda view: "its volume lies in a zone or on a node where it cannot run" in view.message,
            seconds=WAIT, pause=0.1,
        )  # fmt: skip
        told = await runs.why("train")
        assert told.cause == "Unschedulable"
        assert "seaway status shows the nodes" in told.next_step
        await platform.client.patch(NODES, node, {"spec": {"unschedulable": None}})
        ended = await runs.wait("train", timeout=WAIT)
        assert ended.phase is Phase.SUCCEEDED
        assert [attempt.node for attempt in ended.tasks[0].attempts] == [node, node]
        await says(platform, "train", "found kept")


async def test_where_nothing_can_be_mounted_the_variables_say_where_it_lies(
    tmp_path: Path, plain_tools: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seaway.controlplane.cluster.NodeSettings", partial(NodeSettings, namespaces=False))
    async with (
        embedded_cluster(tmp_path / "home", plain_tools) as cluster,
        run_platform(cluster, tmp_path / "server") as platform,
    ):
        await platform.server.volumes.create(VolumeSpec(name="train-data", size="64Mi"), ADA)
        mount = VolumeMount(name="train-data", path="/data/in")
        source = f"{WRITE.partition('; time')[0].replace('os, time', 'os')}\n{READ}"
        await platform.server.runs.submit(run("both", source, mount, cache="8Mi"), user="ada")
        ended = await platform.server.runs.wait("both", timeout=WAIT)
        assert ended.phase is Phase.SUCCEEDED, ended.message
        log = await says(platform, "both", "read kept")
        folder = str(tmp_path / "home" / "cluster")
        assert log.count(folder) == 2, log


async def test_a_volume_of_a_class_that_is_not_there_says_so(platform: Platform) -> None:
    runs = platform.server.runs
    await platform.server.volumes.create(VolumeSpec(name="odd", size="1Mi", storage_class="nope"), ADA)
    await runs.submit(run("waits", "pass", VolumeMount(name="odd")), user="ada")
    missing = 'storageclass.storage.k8s.io "nope" not found'
    told = await until(
        lambda: runs.why("waits"), "it says why", check=lambda told: missing in told.message, seconds=WAIT, pause=0.1
    )  # fmt: skip
    assert told.cause == "ClaimUnbound"
    assert "seaway volume create odd --class CLASS" in told.next_step
    (view,) = await platform.server.volumes.list()
    assert (view.state, missing in view.message) == ("waiting", True)
    await runs.stop("waits")
    assert (await runs.wait("waits", timeout=WAIT)).phase is Phase.STOPPED
