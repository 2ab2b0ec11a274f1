"""Starting the courier, and what it answers."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

from seaway.base.subprocesses import end

SECONDS = 60.0
"""How long one message, and the courier's start, may take."""
_COURIER = "seaway.platform.notifications.courier"
_NEEDED = {
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "all_proxy",
    "ssl_cert_file",
    "ssl_cert_dir",
    "requests_ca_bundle",
}


@dataclass(frozen=True, slots=True)
class Message:
    """One message, ready to go."""

    key: str
    event: str
    run: str
    title: str
    text: str
    type: str = "info"
    """Apprise's: info, success, warning or failure."""


@dataclass(frozen=True, slots=True)
class Result:
    """How the messages to one target went."""

    sent: tuple[str, ...]
    """The keys of those that arrived."""
    problem: str
    """Why the others did not, "" where all did."""


async def bring(
    url: str,
    messages: Sequence[Message],
    environment: Mapping[str, str],
    *,
    arrived: Callable[[str], None] = lambda _: None,
) -> Result:
    """Bring messages to a target, in order; after one that does not arrive the others are not tried.

    Args:
        url: an Apprise URL.
        messages: none to have the URL looked at.
        environment: where proxies and authorities are named.
        arrived: is told the key of each that arrived, at once.
    """
    order = json.dumps({"url": url, "messages": [asdict(message) for message in messages]}).encode()
    courier = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", _COURIER,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        env=needed(environment), cwd="/",
    )  # fmt: skip
    assert courier.stdin is not None
    assert courier.stdout is not None
    sent: list[str] = []
    try:
        courier.stdin.write(order)
        courier.stdin.close()
        for _ in messages or (None,):
            async with asyncio.timeout(SECONDS):
                line = await courier.stdout.readline()
            if not line:
                return Result(tuple(sent), "the program that sends messages ended by itself")
            answer = json.loads(line)
            if not answer["sent"]:
                return Result(tuple(sent), answer["problem"])
            sent.append(answer["key"])
            arrived(answer["key"])
    except (TimeoutError, ConnectionError):
        return Result(tuple(sent), f"the receiver has not answered for {SECONDS:g} s")
    finally:
        await end(courier)
    return Result(tuple(sent), "")


def needed(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what the courier needs of an environment: proxies and authorities, no secret of the server's."""
    return {name: value for name, value in environment.items() if name.lower() in _NEEDED}
