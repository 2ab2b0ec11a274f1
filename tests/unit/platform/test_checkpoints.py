"""What the server does with a task's checkpoint, and with an attempt that is lost on purpose."""

from __future__ import annotations

import json
from hashlib import sha256

import pytest

from seaway.model.run import Phase
from seaway.model.verdict import VerdictClass
from seaway.platform.errors import Conflict, NotFound, StaleFence
from tests.unit.platform.test_server import phase_is, spec, until


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
    assert (await server.runs.wait("damaged", timeout=60)).phase is Phase.STOPPED
    await server.runs.retry("damaged", fresh=True)
    assert not block.exists()
    with pytest.raises(NotFound):
        await server.runs.get_checkpoint("damaged", "main")
    await server.runs.stop("damaged")
    await server.runs.wait("damaged", timeout=60)


async def test_an_attempt_is_lost_on_purpose_and_nothing_that_it_makes_later_is_kept(server) -> None:
    await server.runs.submit(spec("hang", name="lost"), user="ada")
    await phase_is(server, "lost", Phase.RUNNING)
    await saved(server, "lost", b"before")
    loss = await server.runs.lose("lost", "main")
    assert (loss.attempt, loss.pod, loss.node) == (1, "lost-1", "node-1")
    assert loss.checkpoint is not None
    assert (loss.checkpoint.attempt, loss.checkpoint.size) == (1, 6)
    with pytest.raises(StaleFence):
        await saved(server, "lost", b"after")
    with pytest.raises(StaleFence):
        await server.runs.renew_lease("lost", "main", 1)

    async def second() -> bool:
        view = await server.runs.get("lost")
        return len(view.tasks[0].attempts) == 2 and view.tasks[0].attempts[1].phase is Phase.RUNNING

    await until(server, second)
    first = (await server.runs.get("lost")).tasks[0].attempts[0]
    assert first.verdict is not None
    assert (first.verdict.class_, first.verdict.cause) == (VerdictClass.INFRASTRUCTURE, "LostOnPurpose")
    assert [view.sha256 for view in await server.runs.checkpoints("lost")] == [loss.checkpoint.sha256]
    await server.runs.stop("lost")
    assert (await server.runs.wait("lost", timeout=60)).phase is Phase.STOPPED
    with pytest.raises(Conflict, match="does not run now"):
        await server.runs.lose("lost", "main")


async def test_what_does_not_run_cannot_be_lost(server, kubernetes) -> None:
    kubernetes.node.hold = True
    await server.runs.submit(spec("hang", name="held"), user="ada")
    for task in ("main", "other"):
        with pytest.raises(Conflict, match="does not run now"):
            await server.runs.lose("held", task)
    with pytest.raises(NotFound):
        await server.runs.lose("nobody", "main")
    await server.runs.stop("held")
    await server.runs.wait("held", timeout=60)


async def test_a_run_that_is_stopped_while_it_is_lost_is_stopped(server) -> None:
    await server.runs.submit(spec("hang", name="both"), user="ada")
    await phase_is(server, "both", Phase.RUNNING)
    await server.runs.lose("both", "main")
    await server.runs.stop("both")
    view = await server.runs.wait("both", timeout=60)
    assert view.phase in (Phase.STOPPED, Phase.FAILED)
    assert len(view.tasks[0].attempts) == 1
