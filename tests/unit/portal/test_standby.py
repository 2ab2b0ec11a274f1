"""What a server answers that stands by."""

from __future__ import annotations

import httpx
import pytest
from starlette.responses import PlainTextResponse

from seaway.portal.standby import ReplicaApp


async def ask(app: ReplicaApp, path: str) -> httpx.Response:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="https://standby") as client:
        return await client.get(path)


def standing_by(problem: str = "") -> ReplicaApp:
    async def why() -> str:
        return problem

    return ReplicaApp(why)


@pytest.mark.parametrize(
    ("path", "problem", "status"),
    [
        ("/healthz", "the database is away", 200),
        ("/api/v1/healthz", "", 200),
        ("/readyz", "", 200),
        ("/readyz", "the database is away", 503),
        ("/api/v1/runs", "", 503),
        ("/gateway/v1/code/x", "", 503),
        ("/", "", 503),
    ],
)
async def test_a_standby_lives_and_serves_nobody(path: str, problem: str, status: int) -> None:
    assert (await ask(standing_by(problem), path)).status_code == status


async def test_it_says_why_it_could_not_take_over() -> None:
    answer = await ask(standing_by("the database is away"), "/readyz")
    assert answer.json()["error"]["message"] == "this server could not take over: the database is away"


async def test_others_are_told_to_come_back() -> None:
    answer = await ask(standing_by(), "/api/v1/runs")
    error = answer.json()["error"]
    assert answer.headers["Retry-After"] == "1"
    assert (error["code"], "stands by" in error["message"], bool(error["remedy"])) == (
        "Unavailable",
        True,
        True,
    )


async def test_a_leader_answers_everything_itself() -> None:
    app = standing_by()
    app.leading = PlainTextResponse("the leader's")
    assert (await ask(app, "/readyz")).text == "the leader's"
    app.leading = None
    assert (await ask(app, "/readyz")).text == "ok: standing by"
