"""How a server starts: without its cluster, and after commits that never came to their end."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import AsyncIterator
from dataclasses import replace

from seaway.client.client import Client
from seaway.client.errors import Unreachable
from seaway.model.run import Phase, RunSpec, TaskSpec
from seaway.platform.server import run_server
from seaway.platform.storage.storage import open_storage
from tests.waiting import until


class Away:
    """A transport to a cluster that never answers."""

    async def send(self, request: object) -> object:
        raise Unreachable("refused")

    def watch(self, request: object) -> object:
        raise Unreachable("refused")

    stream = watch


async def test_without_its_cluster_the_server_answers_says_so_and_accepts_runs(settings) -> None:
    patient = replace(settings, cluster_patience=0.05)
    async with run_server(patient, Client(Away())) as server:
        assert (await server.status())["cluster_seen"] is False
        view = await server.runs.submit(RunSpec(tasks=(TaskSpec(command=("true",)),)), user="ada")
        assert view.phase is Phase.QUEUED


async def test_what_was_submitted_without_the_cluster_runs_when_it_is_there(settings, kubernetes) -> None:
    async with run_server(replace(settings, cluster_patience=0.05), Client(Away())) as server:
        await server.runs.submit(RunSpec(name="later", tasks=(TaskSpec(command=("true",)),)), user="ada")
    async with run_server(settings, kubernetes.client) as server:
        assert (await server.runs.wait("later", timeout=60)).phase is Phase.SUCCEEDED


async def test_files_that_no_commit_came_to_refer_to_are_removed_after_the_next_start(
    settings, kubernetes
) -> None:
    settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    outputs = open_storage(settings.home / "artifacts").outputs
    (stored,) = await outputs.store(_archive({"model.bin": b"never committed"}))
    kept = settings.home / "artifacts" / "outputs" / stored.sha256[:2] / stored.sha256
    assert hashlib.sha256(kept.read_bytes()).hexdigest() == stored.sha256
    async with run_server(settings, kubernetes.client):
        await until(lambda: not kept.exists(), "no file of it")  # it is done beside the server's work


async def _archive(files: dict[str, bytes]) -> AsyncIterator[bytes]:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    yield buffer.getvalue()
