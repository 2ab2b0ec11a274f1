"""What travels in a remote command: its streams by name, and the status at its end.

Source: the remote command protocols v4 and v5 of Kubernetes (KEP-4006).
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

STDIN, STDOUT, STDERR, ERROR, RESIZE = "stdin", "stdout", "stderr", "error", "resize"
SUCCESS: dict[str, Any] = {"metadata": {}, "status": "Success"}


class Received(NamedTuple):
    """Something that the caller sent."""

    stream: str
    """STDIN or RESIZE."""
    data: bytes
    """Nothing: the stream ends."""


class Channels(Protocol):
    """The streams of one remote command."""

    async def receive(self) -> Received | None:
        """Return what the caller sent next; None when it is gone."""
        ...

    async def send(self, stream: str, data: bytes) -> None:
        """Send output, or the status (as ERROR). Raises ConnectionError."""
        ...

    async def close(self) -> None:
        """End all of it."""
        ...


def exit_status(code: int) -> dict[str, Any]:
    """Return the status that tells a caller how its command ended."""
    if code == 0:
        return SUCCESS
    return {
        "metadata": {},
        "status": "Failure",
        "message": f"command terminated with non-zero exit code: exit status {code}",
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
    }


def failure(message: str) -> dict[str, Any]:
    """Return the status of a command that could not be run."""
    return {
        "metadata": {},
        "status": "Failure",
        "message": f"Internal error occurred: {message}",
        "reason": "InternalError",
        "details": {"causes": [{"message": message}]},
        "code": 500,
    }
