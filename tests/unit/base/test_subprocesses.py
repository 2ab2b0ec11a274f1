"""Ending another program: nothing of it is left to the event loop, which may end right afterwards."""

from __future__ import annotations

import asyncio
import gc
import sys
from asyncio.subprocess import PIPE
from typing import Any

import pytest

from seaway.base.subprocesses import end


@pytest.mark.parametrize("program", ["import time; time.sleep(60)", ""], ids=["it runs", "it may have ended"])
@pytest.mark.parametrize("cancelled", [0, 1, 2])
def test_nothing_is_left_of_a_program_when_the_loop_ends(
    monkeypatch: pytest.MonkeyPatch, program: str, cancelled: int
) -> None:
    async def start_and_end() -> None:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-S", "-c", program, stdin=PIPE, stdout=PIPE, stderr=PIPE
        )
        assert process.stdin is not None
        process.stdin.close()
        ending = asyncio.create_task(end(process))
        for _ in range(cancelled):
            await asyncio.sleep(0)
            ending.cancel()
        await asyncio.wait({ending})
        assert process.returncode is not None
        assert ending.cancelled() == bool(cancelled)

    left: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", left.append)
    loop = asyncio.new_event_loop()  # asyncio.run would give it more turns
    loop.run_until_complete(start_and_end())
    loop.close()
    gc.collect()
    assert left == []
