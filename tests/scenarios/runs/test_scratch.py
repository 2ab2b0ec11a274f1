"""A run that fills its container's disk is ended alone, with the folder that it filled; its neighbours go on."""

from __future__ import annotations

import asyncio

import pytest

from seaway.model.resources import Resources
from seaway.model.run import Origin, Phase, RunSpec, TaskSpec
from seaway.model.verdict import VerdictClass
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
            if why.cause == "ScratchFull":  # else Kubernetes itself was quicker, which knows no folders
                assert NAMED[run.name] in why.message, why.message
                assert said in why.message
                assert "seaway run --scratch" in why.next_step
            else:
                assert (why.cause, said) == ("DiskLimit", "MiB")
        assert (await runs.wait("more", timeout=WAIT)).phase is Phase.SUCCEEDED
        assert (await runs.get("neighbour")).phase is Phase.RUNNING
        await runs.stop("neighbour")
        await runs.wait("neighbour", timeout=WAIT)
