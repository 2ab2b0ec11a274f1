"""Waiting for conditions, never for times: a question is asked again and again until its answer is as wanted.

`until` is for tests that are coroutines, `wait_until` for the others; both fail with the last answer.
"""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from seaway.client.client import Client
from seaway.objects.errors import NotFound
from seaway.objects.resource import Resource

SECONDS = 60.0
"""Long, for a machine that is busy with other tests too; what is waited for comes in far less."""
Object = dict[str, Any]


async def until(
    ask: Callable[[], Awaitable[Any] | Any],
    what: str = "what was waited for",
    *,
    check: Callable[[Any], Any] = bool,
    seconds: float = SECONDS,
    pause: float = 0.02,
    ignore: tuple[type[Exception], ...] = (),
) -> Any:
    """Return the first answer that passes the check.

    Args:
        ask: the question, a function or a coroutine function.
        what: was to come, for the text of the failure.
        check: tells whether an answer is as wanted.
        seconds: after how many to fail.
        pause: seconds between two questions.
        ignore: errors that mean "not yet".
    """
    last: Any = None
    try:
        async with asyncio.timeout(seconds):
            while True:
                try:
                    answer = ask()
                    last = await answer if inspect.isawaitable(answer) else answer
                except ignore as error:
                    last = error
                else:
                    if check(last):
                        return last
                await asyncio.sleep(pause)
    except TimeoutError:
        pytest.fail(f"not within {seconds:g} s: {what}; at last: {last!r}")


def wait_until(
    ask: Callable[[], Any],
    what: str = "what was waited for",
    *,
    check: Callable[[Any], Any] = bool,
    seconds: float = SECONDS,
    pause: float = 0.02,
) -> Any:
    """Return the first answer that passes the check; the arguments are those of `until`."""
    deadline = time.monotonic() + seconds
    while not check(answer := ask()):
        if time.monotonic() > deadline:
            pytest.fail(f"not within {seconds:g} s: {what}; at last: {answer!r}")
        time.sleep(pause)
    return answer


async def until_object(
    client: Client, resource: Resource, name: str, namespace: str | None, check: Callable[[Object], Any],
    *, seconds: float = SECONDS,
) -> Object:  # fmt: skip
    """Return an object as soon as it is there and passes the check. It is asked for rarely: many may be waited for at once."""
    what = f"{resource.kind} {name} as wanted"
    found: Object = await until(
        lambda: client.get(resource, name, namespace),
        what,
        check=check,
        seconds=seconds,
        pause=0.05,
        ignore=(NotFound,),
    )
    return found


async def until_gone(
    client: Client, resource: Resource, name: str, namespace: str | None, *, seconds: float = SECONDS
) -> None:
    """Return when an object is not there any more."""

    async def is_gone() -> bool:
        try:
            await client.get(resource, name, namespace)
        except NotFound:
            return True
        return False

    await until(is_gone, f"{resource.kind} {name} gone", seconds=seconds)
