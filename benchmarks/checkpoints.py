"""What saving a checkpoint of 1 GB costs: the first time, and after a hundredth of it has changed."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

from benchmarks.goals import Measurement
from benchmarks.home import running_home
from benchmarks.runs import client_of
from seaway.sdk.client import SeawayClient

SIZE, FILES = 1000, 8
"""Megabytes in all, and in how many files."""
PROGRAM = f"""
import json, os, time, seaway
folder = seaway.checkpoint_folder()
def save(what):
    began = time.perf_counter()
    seaway.checkpoint()
    said[what] = time.perf_counter() - began
said = {{}}
for number in range({FILES}):
    with (folder / f"layer-{{number}}").open("wb") as file:
        for _ in range({SIZE // FILES}): file.write(os.urandom(1_000_000))
save("first")
with (folder / "layer-3").open("r+b") as file:
    file.seek(50_000_000)
    file.write(os.urandom({SIZE // 100} * 1_000_000))
save("second")
save("unchanged")
(seaway.outputs_folder() / "said.json").write_text(json.dumps(said))
"""


def measure() -> Iterator[Measurement]:
    """Yield seconds and bytes of each save."""
    with running_home() as home, client_of(home) as client:
        blocks = home.path / "server" / "artifacts" / "checkpoints"
        run = client.submit({"tasks": [{"command": ["python", "-c", PROGRAM]}]})["name"]
        sent, known, saved = [], set[str](), ""
        for _ in range(2):
            saved = await_save(client, run, saved)
            now = {path.name: path.stat().st_size for path in blocks.rglob("?" * 64)}
            sent.append(sum(size for name, size in now.items() if name not in known))
            known |= now.keys()
        ended = client.wait_until_ended(run, timeout=600)
        if ended["phase"] != "succeeded":
            raise RuntimeError(f"run {run} {ended['phase']}: {ended['message']}")
        with (home.path / "said.json").open("w+b") as file:
            client.download(run, "main", "said.json", file)
            file.seek(0)
            said = json.load(file)
    notes = {
        "first": f"{SIZE} MB of random bytes in {FILES} files",
        "second": "1 % of it changed, in one place",
    }
    for (what, note), travelled in zip(notes.items(), sent, strict=True):
        yield Measurement(f"checkpoint of 1 GB, {what} save", said[what], "s", note)
        yield Measurement(f"checkpoint of 1 GB, {what} save travels", travelled / 1e6, "MB", note)
    yield Measurement(
        "checkpoint of 1 GB, unchanged", said["unchanged"] * 1000, "ms", "seaway.checkpoint() again"
    )


def await_save(client: SeawayClient, run: str, before: str) -> str:
    """Wait until a run has saved another checkpoint than the one before; return its digest."""
    deadline = time.monotonic() + 600
    while time.monotonic() < deadline:
        for saved in client.checkpoints(run):
            if saved["sha256"] != before:
                return str(saved["sha256"])
        time.sleep(0.02)
    raise RuntimeError(f"run {run} saved nothing")
