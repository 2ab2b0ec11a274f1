"""What the transport itself sends again: only what cannot do a thing twice."""

from __future__ import annotations

import pytest

from seaway.base.tasks import Backoff
from seaway.client.errors import NotSent, Unreachable
from seaway.client.request import Request
from seaway.client.retry import RetrySettings, retry_wait
from seaway.objects.errors import Conflict, InternalError, ServiceUnavailable, TooManyRequests

SETTINGS = RetrySettings(tries=3, patience=60.0, longest_wait=30.0, backoff=Backoff(1.0, 2.0, 10.0))
GET, POST = Request("GET", "/api/v1/pods"), Request("POST", "/api/v1/namespaces/ns/pods")
EVICTION = Request("POST", "/api/v1/namespaces/ns/pods/p/eviction")


@pytest.mark.parametrize(
    ("request_", "error", "tries", "passed", "wait"),
    [
        pytest.param(POST, TooManyRequests("", retry_after=7), 1, 0, 8.0, id="a write turned away, as asked"),
        pytest.param(POST, ServiceUnavailable("", retry_after=1), 2, 0, 2.0, id="a server that starts"),
        pytest.param(POST, InternalError("", retry_after=1), 1, 0, 2.0, id="an error that says when"),
        pytest.param(POST, TooManyRequests(""), 1, 0, None, id="turned away, nobody says until when"),
        pytest.param(POST, TooManyRequests("", retry_after=31), 1, 0, None, id="too long to wait inside a call"),
        pytest.param(POST, TooManyRequests("", retry_after=1), 3, 0, None, id="often enough"),
        pytest.param(POST, TooManyRequests("", retry_after=1), 1, 60, None, id="long enough"),
        pytest.param(EVICTION, TooManyRequests("", retry_after=10), 1, 0, None, id="a budget forbids an eviction"),
        pytest.param(POST, Conflict("", retry_after=1), 1, 0, None, id="an answer that would stay the same"),
        pytest.param(GET, Unreachable("reset"), 1, 0, 1.0, id="a read broken off"),
        pytest.param(GET, Unreachable("reset"), 2, 0, 2.0, id="a read broken off twice"),
        pytest.param(POST, Unreachable("reset"), 1, 0, None, id="a write broken off: it may have happened"),
        pytest.param(POST, NotSent("refused"), 1, 0, 1.0, id="a write that never left"),
    ],
)  # fmt: skip
def test_wait_before_sending_again(request_, error, tries, passed, wait) -> None:
    assert retry_wait(request_, error, tries, passed, 0.0, SETTINGS) == wait
