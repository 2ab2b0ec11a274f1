"""A whole run whose code, environment, checkpoint and outputs lie on an S3-compatible server; its keys go nowhere else."""

from __future__ import annotations

import hashlib
import io
import json
import logging
import tarfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime

from seaway.controlplane.cluster import ClusterSettings, run_cluster
from seaway.model.run import Phase, RunSpec, TaskSpec
from seaway.objects.builtin import PODS, SECRETS
from seaway.platform.server import Server, run_server
from seaway.platform.server_settings import ServerSettings
from seaway.portal.app import create_app
from seaway.portal.certificates import ensure_certificate
from seaway.portal.serve import ServeSettings, bind, serve
from seaway.portal.tokens import TokenVerifier

WAIT = 90.0
LOCK = b"# nothing beyond the standard library\n"
PROGRAM = b"""
import os, pathlib, sys
mark = pathlib.Path(os.environ["SEAWAY_CHECKPOINT"]) / "step"
print(sorted(name for name in os.environ if "AWS" in name or "S3" in name))
if not mark.exists():
    mark.write_text("7")
    sys.exit(3)
output = pathlib.Path(os.environ["SEAWAY_OUTPUTS"]) / "model.bin"
output.write_bytes(mark.read_bytes() * 3_000_000)
"""


def archive_of(name: str, data: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


async def once(data: bytes) -> AsyncIterator[bytes]:
    yield data


@asynccontextmanager
async def run_platform(home, client, url, options) -> AsyncIterator[Server]:
    (home / "server").mkdir(parents=True, exist_ok=True, mode=0o700)
    certificate = ensure_certificate(home / "server", datetime.now(UTC))
    serving = ServeSettings(port_file=home / "server" / "port", certificate=certificate)
    listener = bind(serving)
    settings = ServerSettings(
        home=home / "server",
        gateway_url="https://{}:{}".format(*listener.getsockname()),
        gateway_ca=certificate.ca.read_text(),
        cache_volume={"hostPath": {"path": str(home / "cache"), "type": "DirectoryOrCreate"}},
        artifacts=url,
        artifact_options=options,
    )
    assert options["secret_key"] not in repr(settings)
    async with AsyncExitStack() as stack:
        stack.callback(listener.close)
        server = await stack.enter_async_context(run_server(settings, client))
        await stack.enter_async_context(serve(create_app(server, TokenVerifier({})), serving, listener))
        yield server
        await server.drain(timeout=60)


async def test_a_run_from_its_code_to_its_outputs(tmp_path, s3_server, caplog) -> None:
    caplog.set_level(logging.DEBUG)
    bucket, options = s3_server.new_bucket(), s3_server.options()
    url, home, code = f"s3://{bucket}/team", tmp_path / "home", archive_of("train.py", PROGRAM)
    code_sha, lock_sha = (hashlib.sha256(data).hexdigest() for data in (code, LOCK))
    async with run_cluster(ClusterSettings(home=home)) as cluster:
        client = cluster.client("admin", ["system:masters"])
        async with run_platform(home, client, url, options) as server:
            await server.runs.put_code(code_sha, once(code))
            await server.runs.put_environment(lock_sha, once(LOCK))
            task = TaskSpec(command=("python", "train.py"), code=code_sha, environment=lock_sha, retries=1)
            await server.runs.submit(RunSpec(name="run", tasks=(task,)), user="ada")
            seen = json.dumps((await client.list(PODS))["items"] + (await client.list(SECRETS))["items"])
            ended = await server.runs.wait("run", timeout=WAIT)
            log = b"".join([chunk async for chunk in await server.runs.logs("run")]).decode()
            assert ended.phase is Phase.SUCCEEDED, log
            assert [attempt.exit_code for attempt in ended.tasks[0].attempts] == [3, 0]
            assert "[]" in log, "a pod knows nothing of the object store"
        async with run_platform(home, client, url, options) as server:
            (output,) = await server.runs.outputs("run")
            _, chunks = await server.runs.open_output("run", "main", output.path)
            assert b"".join([chunk async for chunk in chunks]) == b"7" * 3_000_000
    kinds = {path.relative_to(s3_server.buckets / bucket / "team").parts[0] for path in (s3_server.buckets / bucket / "team").rglob("?" * 64)}  # fmt: skip
    assert kinds == {"code", "environments", "checkpoints", "outputs"}
    assert not (home / "server" / "artifacts").exists()
    assert list((home / "server" / "incoming").iterdir()) == []
    for secret in (options["secret_key"], options["endpoint_url"]):
        assert secret not in seen + log
    assert options["secret_key"] not in caplog.text
    for path in home.rglob("*"):
        assert not path.is_file() or options["secret_key"].encode() not in path.read_bytes(), path
