"""Requests that schemathesis makes of our own OpenAPI, right and wrong ones: none is answered by an internal error.

`SEAWAY_FUZZ_EXAMPLES` asks for more of them than the suite sends.
"""

from __future__ import annotations

import asyncio
import json
import os
from urllib.parse import unquote

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.core import NOT_SET
from schemathesis.generation import GenerationMode

from seaway.base.clock import SystemClock
from seaway.controlplane.apiserver.messages import ApiRequest
from seaway.controlplane.apiserver.server import ApiServer
from seaway.controlplane.apiserver.settings import ApiServerSettings
from seaway.controlplane.apiserver.users import ADMIN
from seaway.controlplane.kinds import BUILTIN_KINDS
from seaway.controlplane.store.memory import MemoryStore

EXAMPLES = int(os.environ.get("SEAWAY_FUZZ_EXAMPLES", "100"))
FIXED = settings(
    max_examples=EXAMPLES, deadline=None, derandomize=EXAMPLES == 100, database=None,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
SECONDS = 60.0


@pytest.fixture(scope="module")
def described(loop):
    server = ApiServer(MemoryStore(), BUILTIN_KINDS, ApiServerSettings(watch_seconds=1.0), SystemClock())
    loop.run_until_complete(server.start())
    yield server
    loop.run_until_complete(server.stop())


@pytest.fixture(scope="module")
def operations(loop, described):
    """Every operation of every document that the server publishes."""

    def document(path):
        answer = loop.run_until_complete(described.handle(ApiRequest("GET", path, user=ADMIN)))
        assert answer.status == 200
        return json.loads(answer.content.encoded())

    found = []
    for path in document("/openapi/v3")["paths"]:
        schema = schemathesis.openapi.from_dict(document(f"/openapi/v3/{path}"))
        found += [result.ok() for result in schema.get_all_operations()]
    assert len(found) > 200
    return found


def request(case):
    """Return a case as a request."""
    body = (
        b""
        if case.body is NOT_SET
        else case.body
        if isinstance(case.body, bytes)
        else json.dumps(case.body).encode()
    )
    media = case.media_type or "application/json"
    query = {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in (case.query or {}).items()
    }
    headers = {name.lower(): str(value) for name, value in (case.headers or {}).items()} | {
        "content-type": media
    }
    return ApiRequest(
        case.method.upper(),
        unquote(case.formatted_path),
        query,
        headers,
        body,
        content_type=media,
        user=ADMIN,
    )


async def answered(server, call):
    async with asyncio.timeout(SECONDS):
        answer = await server.handle(call)
        if answer.events is not None:
            await answer.events.aclose()
        elif answer.content is not None:
            answer.content.encoded()
        return answer


@pytest.mark.parametrize(
    "mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["as described", "otherwise"]
)
def test_no_described_operation_ends_in_an_internal_error(loop, described, operations, mode):
    @FIXED
    @given(st.data())
    def each(data):
        operation = data.draw(st.sampled_from(operations))
        call = request(data.draw(operation.as_strategy(generation_mode=mode)))
        answer = loop.run_until_complete(answered(described, call))
        assert answer.status != 500, (
            f"{call.method} {call.path} {call.query} {call.body!r}: {answer.content.parsed()}"
        )

    each()
