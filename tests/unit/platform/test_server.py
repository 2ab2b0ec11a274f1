"""Runs from submission to verdict, on a real API server with a scripted node."""

from __future__ import annotations

import pytest

from seaway.model.run import Phase, RunSpec, TaskSpec


def spec(*command: str, name: str | None = None, **fields) -> RunSpec:
    return RunSpec(name=name, tasks=(TaskSpec(command=command, **fields),))


async def log_of(server, run: str, **options) -> str:
    return b"".join([chunk async for chunk in await server.runs.logs(run, **options)]).decode()


async def test_a_program_that_ends_with_0_is_a_run_that_succeeded(server) -> None:
    submitted = await server.runs.submit(spec("say", "42", "0", name="good"), user="ada")
    assert submitted.phase is Phase.QUEUED
    ended = await server.runs.wait("good", timeout=10)
    assert (ended.phase, ended.exit_code) == (Phase.SUCCEEDED, 0)
    assert ended.tasks[0].attempts[0].pod == "good-1"
    assert "42\n" in await log_of(server, "good")
