"""A disk that is full for a while holds programs up; it ends none, and no line of theirs is lost."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from seaway.controlplane.node.cacheplan import CacheSettings
from seaway.controlplane.node.recall import FAILED
from seaway.model.verdict import VerdictClass
from seaway.objects.builtin import NODES
from seaway.objects.errors import ApiError
from seaway.platform.diagnosis.facts import Facts
from seaway.platform.diagnosis.verdict import judge
from seaway.runner.cache import Cache
from tests.waiting import until

LINES = 2000
"""Of 200 bytes: more than the disk has left, and more than a pipe holds."""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """The node's folder, on a disk of its own with 4 MB."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("only root can make such a disk")
    folder = tmp_path / "node"
    folder.mkdir(mode=0o700)
    command = ["mount", "-t", "tmpfs", "-o", "size=4m,mode=700", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("this kernel lets nobody mount a disk here")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(disk: Path) -> Path:
    """Leave nothing on a disk; return the file that takes it all."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError as error:
            assert error.errno == errno.ENOSPC
    return filler


async def test_a_program_waits_while_the_disk_is_full(small_disk: Path, node: Any, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    at = "/out" if node.agent.runtime.namespaces else str(out)
    program = (
        f"import os, pathlib, time\n"
        f"print('began', flush=True)\n"
        f"while not os.path.exists('{at}/go'): time.sleep(0.01)\n"
        f"for number in range({LINES}):\n"
        f"    print(number, 'x' * 200, flush=True)\n"
        f"    if number == 200: pathlib.Path('{at}/under-way').touch()\n"
    )
    main = {
        "name": "main", "image": "python", "command": ["python", "-c", program],
        "volumeMounts": [{"name": "out", "mountPath": "/out"}],
    }  # fmt: skip
    await node.create("p", containers=[main], volumes=[{"name": "out", "hostPath": {"path": str(out)}}])
    await until(lambda: node.log("p"), "it began", check=lambda log: log == b"began\n", ignore=(ApiError,))
    filler = fill(small_disk)
    (out / "go").touch()
    await until((out / "under-way").exists, "it writes more than the disk can take")
    filler.unlink()
    status = await node.ended("p")
    ended = status["containerStatuses"][0]["state"]["terminated"]
    assert (status["phase"], ended["exitCode"]) == ("Succeeded", 0), ended
    lines = (await node.log("p")).decode().splitlines()
    assert [line.split()[0] for line in lines] == ["began", *map(str, range(LINES))]


async def test_an_end_is_recorded_although_the_disk_is_full(
    small_disk: Path, node: Any, tmp_path: Path
) -> None:
    """The room for it is kept from the start."""
    out = tmp_path / "out"
    out.mkdir()
    at = "/out" if node.agent.runtime.namespaces else str(out)
    script = f"echo began; until [ -e {at}/go ]; do sleep 0.01; done; exit 3"
    main = {
        "name": "main", "image": "python", "command": ["sh", "-c", script],
        "volumeMounts": [{"name": "out", "mountPath": "/out"}],
    }  # fmt: skip
    await node.create("p", containers=[main], volumes=[{"name": "out", "hostPath": {"path": str(out)}}])
    await until(lambda: node.log("p"), "it began", check=lambda log: log == b"began\n", ignore=(ApiError,))
    filler = fill(small_disk)
    (out / "go").touch()
    ended = (await node.ended("p"))["containerStatuses"][0]["state"]["terminated"]
    assert ended["exitCode"] == 3, ended
    filler.unlink()


async def test_a_pod_that_fills_the_disk_of_its_node_is_told_so(small_disk: Path, node: Any) -> None:
    """The node says of it what a kubelet says, and it is seen that this was no accident."""
    script = "cat /dev/zero > much; sleep 600"
    await node.create("p", script, terminationGracePeriodSeconds=0)
    await until(lambda: shutil.disk_usage(small_disk).free < 40_000, "the disk to be full")
    node.agent.look_again()
    status = await node.ended("p")
    assert status["message"].startswith(
        "The node was low on resource: ephemeral-storage. Threshold quantity: "
    )
    found = judge(Facts(run="p", pod=await node.pod("p"), node=await node.client.get(NODES, "n1")))
    assert (found.class_, found.cause) == (VerdictClass.RESOURCE, "DiskFilled"), status["message"]


async def test_the_machines_cache_goes_before_any_pod_has_to(small_disk: Path, node: Any) -> None:
    """But for what a pod uses."""
    await node.crash()
    cache = small_disk / "cache"
    node.settings = replace(node.settings, cache=CacheSettings(cache, kinds=("environments",)))
    await node.start()
    await node.create("p", "sleep 600")
    await node.until("p", lambda status: status.get("phase") == "Running")
    for name in ("used", "free"):
        (cache / "environments" / name).mkdir(parents=True)
        (cache / "environments" / name / "packages").write_bytes(bytes(1 << 20))
    with Cache(str(cache)).use("environments", "used"):
        fill(small_disk)
        node.agent.look_again()
        await until(node.reasons, "the cache to go", check=lambda found: "CacheCollected" in found)
        left = sorted(path.name for path in (cache / "environments").iterdir() if path.is_dir())
    assert left == ["used"]
    assert shutil.disk_usage(small_disk).free >= 1 << 20
    assert (await node.pod("p"))["status"]["phase"] == "Running"
    assert "Evicted" not in await node.reasons()


@pytest.mark.parametrize("at", ["its volume", "its own folder"])
async def test_a_pod_that_fills_the_disk_gives_it_back_when_it_is_evicted(
    small_disk: Path, node: Any, at: str
) -> None:
    """Before the pod is deleted: what deletes it may need room itself."""
    volume = "/scratch" if node.agent.runtime.namespaces else "$SEAWAY_VOLUME_SCRATCH"
    folder = volume if at == "its volume" else "."
    script = f"cd {folder}; mkdir hidden; cat /dev/zero > hidden/much; chmod 0 hidden; sleep 600"
    main = {
        "name": "main", "image": "python", "command": ["sh", "-c", script],
        "resources": {"limits": {"ephemeral-storage": "1Mi"}},
        "volumeMounts": [{"name": "scratch", "mountPath": "/scratch"}],
    }  # fmt: skip
    scratch = {"name": "scratch", "emptyDir": {}}
    await node.create("p", containers=[main], volumes=[scratch], terminationGracePeriodSeconds=0)
    status = await node.ended("p")
    assert (status["phase"], status["reason"]) == ("Failed", "Evicted"), status
    pod = await node.pod("p")
    left = small_disk / "pods" / pod["metadata"]["uid"]
    assert {"containers", FAILED} <= {entry.name for entry in left.iterdir()}
    assert shutil.disk_usage(small_disk).free > 2 << 20
    assert await node.log("p") is not None
