"""What the server does with a task's checkpoint, and with an attempt that is lost on purpose."""

from __future__ import annotations

import json
from hashlib import sha256

import pytest

from seaway.model.run import Phase
from seaway.platform.errors import NotFound
from tests.unit.platform.test_server import phase_is, spec


async def body(data: bytes):
    yield data


async def saved(server, run: str, state: bytes) -> None:
    listed = json.dumps({"blocks": [[sha256(state).hexdigest(), len(state)]]}, separators=(",", ":")).encode()
    await server.runs.save_checkpoint(run, "main", 1, body(listed + b"\n" + state))


async def test_a_damaged_checkpoint_is_told_until_it_is_forgotten(server, tmp_path) -> None:
    await server.runs.submit(spec("hang", name="damaged"), user="ada")
    await phase_is(server, "damaged", Phase.RUNNING)
    await saved(server, "damaged", b"state")
    (block,) = tmp_path.rglob(sha256(b"state").hexdigest())

    async def condition() -> str:
        chunks = await server.runs.check_checkpoint("damaged", "main")
        return json.loads(b"".join([chunk async for chunk in chunks]))["damaged"]

    assert await condition() == ""
    block.write_bytes(b"other")
    assert "is damaged" in await condition()
    await server.runs.stop("damaged")
    assert (await server.runs.wait("damaged", timeout=30)).phase is Phase.STOPPED
    await server.runs.retry("damaged", fresh=True)
    assert not block.exists()
    with pytest.raises(NotFound):
        await server.runs.get_checkpoint("damaged", "main")
    await server.runs.stop("damaged")
    await server.runs.wait("damaged", timeout=30)
