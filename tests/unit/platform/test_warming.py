"""A server makes what it answers with before anybody asks, and does not count its own questions."""

from __future__ import annotations

from seaway.platform.server import run_server
from seaway.platform.server_settings import ServerSettings
from seaway.portal.app import create_app
from seaway.portal.tokens import TokenVerifier
from seaway.portal.warming import warming
from tests.waiting import until

TOKEN = "t" * 64


async def test_every_page_is_asked_for_once_and_counted_for_nobody(kubernetes, tmp_path) -> None:
    answered: dict[str, int] = {}
    async with run_server(
        ServerSettings(tmp_path / "server", "https://127.0.0.1:1"), kubernetes.client
    ) as server:
        app = create_app(server, TokenVerifier({TOKEN: "ada"}))

        async def watched(scope, receive, send) -> None:
            async def told(message) -> None:
                if message["type"] == "http.response.start":
                    answered[scope["path"]] = message["status"]
                await send(message)

            await app(scope, receive, told)

        async with warming(watched, TOKEN):
            await until(lambda: len(answered), check=lambda count: count == 6)
        counted = app.state.measures.measures()[0]
    no_run = {f"/api/v1/runs/-{page}": 404 for page in ("", "/why", "/timeline", "/logs")}
    assert answered == {"/api/v1/runs": 200, "/api/v1/search": 404, **no_run}
    assert not counted.values


async def test_a_server_that_ends_at_once_does_not_wait_for_it() -> None:
    async def app(*_: object) -> None:
        await until(lambda: False)

    async with warming(app, TOKEN):
        pass
