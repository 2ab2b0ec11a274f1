"""A run that fills its container's disk is ended alone, with the folder that it filled; its neighbours go on."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from seaway.model.resources import Resources
from seaway.model.run import Origin, Phase, RunSpec, TaskSpec
from seaway.model.verdict import VerdictClass
from seaway.objects.builtin import PODS
from tests.waiting import until
from tools.platforms import run_platform

WAIT = 90.0
PLACES = {"tmp": "os.environ.get('TMPDIR', '/tmp')", "work": "'.'", "outputs": "os.environ['SEAWAY_OUTPUTS']", "checkpoint": "os.environ['SEAWAY_CHECKPOINT']"}  # fmt: skip
NAMED = {
    "tmp": "/tmp",
    "work": "the working directory",
    "outputs": "SEAWAY_OUTPUTS",
    "checkpoint": "SEAWAY_CHECKPOINT",
}
SMALL = "for n in range(400): open(os.path.join(folder, f'f{n}'), 'w').close()"
LARGE = "open(os.path.join(folder, 'big'), 'wb').write(bytes(30 << 20))"


def program(place: str, fill: str) -> tuple[str, ...]:
    return ("python", "-c", f"import os, time\nfolder = {PLACES[place]}\n{fill}\ntime.sleep(100)")


@pytest.mark.parametrize(("fill", "said"), [(SMALL, "files"), (LARGE, "MiB")], ids=["small files", "bytes"])
async def test_whoever_fills_a_folder_is_ended_alone(cluster, tmp_path, fill: str, said: str) -> None:
    async with run_platform(cluster, tmp_path / "server", scratch="20Mi", scratch_files=300) as platform:
        runs = platform.server.runs
        for place in PLACES:
            task = TaskSpec(command=program(place, fill))
            origin = Origin(arguments=("train.py",))
            await runs.submit(RunSpec(name=place, tasks=(task,), origin=origin), user="ada")
        waits = "import os, time\nwhile not os.path.exists('/nowhere'): time.sleep(0.1)"
        await runs.submit(
            RunSpec(name="neighbour", tasks=(TaskSpec(command=("python", "-c", waits)),)), user="bob"
        )
        enough = ("python", "-c", f"import os\nfolder = '.'\n{LARGE}")
        more = TaskSpec(command=enough, resources=Resources(scratch="100Mi"))
        await runs.submit(RunSpec(name="more", tasks=(more,)), user="bob")
        ended = await asyncio.gather(*(runs.wait(place, timeout=WAIT) for place in PLACES))
        for run in ended:
            why = await runs.why(run.name)
            assert (run.phase, why.class_) == (Phase.FAILED, VerdictClass.RESOURCE), (run.name, why)
            assert len(run.tasks[0].attempts) == 1
            assert why.cause == "ScratchFull", why  # Kubernetes, which knows no folders, would allow more
            assert NAMED[run.name] in why.message, why.message
            assert said in why.message
            assert ("seaway run --scratch" if said == "MiB" else "scratch_files") in why.next_step
        assert (await runs.wait("more", timeout=WAIT)).phase is Phase.SUCCEEDED
        await until(
            lambda: runs.get("neighbour"),
            "it runs",
            check=lambda run: run.phase is Phase.RUNNING,
            seconds=WAIT,
        )
        await runs.stop("neighbour")
        await runs.wait("neighbour", timeout=WAIT)


async def test_the_nodes_limit_stands_behind_the_runners(cluster, tmp_path) -> None:
    """With a volume at /tmp: the runner ends who fills it; where an image has no Python, the node does."""
    async with run_platform(cluster, tmp_path / "server", scratch="20Mi", scratch_volume=True) as platform:
        runs = platform.server.runs
        await runs.submit(
            RunSpec(name="filled", tasks=(TaskSpec(command=program("tmp", LARGE)),)), user="ada"
        )
        line = "x" * 1023
        plain = f"i=0; while [ $i -lt 30720 ]; do echo {line}; i=$((i+1)); done > /tmp/big; sleep 600"
        task = TaskSpec(command=("sh", "-c", plain), image=cluster.image_without_python)
        await runs.submit(RunSpec(name="plain", tasks=(task,)), user="ada")
        async with asyncio.timeout(WAIT):
            while not (pods := (await platform.client.list(PODS, platform.namespace))["items"]):
                await asyncio.sleep(0.05)
        (volume,) = (one for one in pods[0]["spec"]["volumes"] if one["name"] == "seaway-scratch")
        assert volume["emptyDir"]["sizeLimit"] in ("20Mi", str(84 << 20), "84Mi")
        for name, cause in (("filled", "ScratchFull"), ("plain", "DiskLimit")):
            ended, why = await runs.wait(name, timeout=WAIT), await runs.why(name)
            assert (ended.phase, why.class_) == (Phase.FAILED, VerdictClass.RESOURCE), (name, why)
            assert why.cause == cause, why
            own = [one for one in ended.tasks[0].attempts if one.verdict and one.verdict.cause == cause]
            assert len(own) == 1, (
                "it is not tried again; that an image has no Python is found out by an attempt"
            )


@pytest.fixture
def few_inodes() -> Iterator[Path]:
    """A folder on a disk with room for 16 MB, and for 200 files; outside of /tmp, of which each container has its own."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("only root can make such a disk")
    folder = Path("/var/tmp") / f"seaway-inodes-{uuid.uuid4().hex[:8]}"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=16m,nr_inodes=200,mode=777", "tmpfs", str(folder)]
    try:
        if subprocess.run(command, capture_output=True, check=False).returncode != 0:
            pytest.skip("this kernel lets nobody mount a disk here")
        yield folder
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
    finally:
        folder.rmdir()


async def test_a_disk_without_inodes_is_told_from_a_full_one(cluster, few_inodes: Path, tmp_path) -> None:
    """Both are "No space left on device" to the program; the next step differs."""
    if not cluster.own_nodes:
        pytest.skip("the disk is this machine's")
    async with run_platform(cluster, tmp_path / "server") as platform:
        runs = platform.server.runs
        small = "for n in range(400): open(f'f{n}', 'w').close()"
        large = "open('big', 'wb').write(bytes(30 << 20))"
        for name, source, cause in (("files", small, "InodesFull"), ("bytes", large, "DiskFull")):
            work = few_inodes / name
            task = TaskSpec(
                command=("python", "-c", f"import os; os.chdir({str(work)!r})\n{source}"),
                env={"SEAWAY_WORK": str(work)},
            )
            await runs.submit(RunSpec(name=name, tasks=(task,)), user="ada")
            ended, why = await runs.wait(name, timeout=WAIT), await runs.why(name)
            assert (ended.phase, why.class_, why.cause) == (Phase.FAILED, VerdictClass.RESOURCE, cause), why
            quoted = " ".join(one.quote for one in why.evidence)
            assert "No space left on device" in quoted
            assert ("entries (inodes)" in quoted) is (cause == "InodesFull")
            shutil.rmtree(work)
