"""Carry out what probes and lifecycle hooks ask for: run a command, get a page, open a connection.

Source: Kubernetes documentation, "Configure Liveness, Readiness and Startup Probes".
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urljoin, urlsplit

from seaway.controlplane.node.forks import RuntimeUnavailableError
from seaway.controlplane.node.processes import ProcessRuntime

_HEAD_LIMIT = 64 * 1024
_REDIRECTS = (301, 302, 303, 307, 308)
_MOST_REQUESTS = 10
"""As many as Go's client makes; it goes where a page leads on, a probe only on the same host."""


class Answer(NamedTuple):
    """Whether an action succeeded, and what there is to say."""

    ok: bool
    text: str = ""


class Place(NamedTuple):
    """Where an action takes place."""

    folder: Path
    """Of the running container."""
    address: str
    """Of the pod."""
    container: Mapping[str, Any]
    """Its spec: names of ports."""


async def act(runtime: ProcessRuntime, place: Place, action: Mapping[str, Any], timeout: float) -> Answer:
    """Carry out a handler (exec, httpGet, tcpSocket, grpc, sleep).

    Args:
        runtime: runs commands in the container.
        place: the container.
        action: the handler's spec.
        timeout: seconds.
    """
    try:
        if "exec" in action:
            return await _execute(runtime, place, action["exec"].get("command") or [], timeout)
        if "grpc" in action:
            return await _grpc(place, action["grpc"], timeout)
        async with asyncio.timeout(timeout):
            if "httpGet" in action:
                return await _http_get(place, action["httpGet"])
            if "tcpSocket" in action:
                return await _connect(place, action["tcpSocket"])
            if "sleep" in action:
                await asyncio.sleep(float(action["sleep"]["seconds"]))
                return Answer(ok=True)
    except TimeoutError:
        return Answer(False, "context deadline exceeded")
    return Answer(False, f"handler {', '.join(action)} is not served by this node")


async def _execute(runtime: ProcessRuntime, place: Place, command: list[str], timeout: float) -> Answer:
    try:
        result = await runtime.execute(place.folder, command, timeout)
    except RuntimeUnavailableError as error:
        return Answer(False, str(error))
    if result.timed_out:
        return Answer(False, f'command timed out: "{" ".join(command)}" timed out after {timeout:g}s')
    return Answer(result.exit_code == 0, result.output)


async def _http_get(place: Place, spec: Mapping[str, Any]) -> Answer:
    host, port, path = spec.get("host") or place.address, _port(place, spec["port"]), spec.get("path") or "/"
    scheme = spec.get("scheme", "HTTP").lower()
    url = f"{scheme}://{host}:{port}/{path.removeprefix('/')}"
    own = {header["name"]: header["value"] for header in spec.get("httpHeaders") or ()}
    try:
        for _ in range(_MOST_REQUESTS):
            code, location = await _ask(url, own)
            following = urljoin(url, location)
            if (
                code not in _REDIRECTS
                or not location
                or urlsplit(following).hostname != urlsplit(url).hostname
            ):
                fine = 200 <= code < 400
                return (
                    Answer(ok=True) if fine else Answer(False, f"HTTP probe failed with statuscode: {code}")
                )
            url = following
    except (OSError, ValueError) as error:
        return Answer(False, f'Get "{url}": {_words(error)}')
    return Answer(False, f'Get "{url}": stopped after {_MOST_REQUESTS} redirects')


async def _ask(url: str, own: Mapping[str, str]) -> tuple[int, str]:
    """Return the status of a page and where it leads on. Raises OSError, ValueError."""
    parts = urlsplit(url)
    secure, host = parts.scheme == "https", parts.hostname or ""
    port = parts.port or (443 if secure else 80)
    headers = {"Host": parts.netloc, "User-Agent": "kube-probe/1.36", "Accept": "*/*", "Connection": "close"}
    headers.update(own)
    target = parts._replace(scheme="", netloc="", fragment="").geturl() or "/"
    lines = [f"GET {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    try:
        reader, writer = await asyncio.open_connection(
            host, port, ssl=_unverified() if secure else None, limit=_HEAD_LIMIT
        )
    except OSError as error:
        raise OSError(f"dial tcp {host}:{port}: connect: {_words(error)}") from error
    try:
        writer.write("\r\n".join(lines).encode())
        status = (await reader.readline()).split()
        if len(status) < 2 or not status[1].isdigit():
            raise ValueError("malformed HTTP response")
        code = int(status[1])
        return code, await _location(reader) if code in _REDIRECTS else ""
    finally:
        writer.close()


async def _location(reader: asyncio.StreamReader) -> str:
    """Read the head of an answer; return where it leads on, empty for nowhere. Raises OSError, ValueError."""
    found = ""
    while line := (await reader.readline()).decode("latin-1").strip():
        name, _, value = line.partition(":")
        if name.lower() == "location":
            found = value.strip()
    return found


async def _grpc(place: Place, spec: Mapping[str, Any], timeout: float) -> Answer:
    from seaway.controlplane.node.grpchealth import check  # late: few probes need HTTP/2

    why = await check(place.address, int(spec["port"]), spec.get("service") or "", timeout)
    return Answer(not why, why)


async def _connect(place: Place, spec: Mapping[str, Any]) -> Answer:
    host, port = spec.get("host") or place.address, _port(place, spec["port"])
    try:
        _, writer = await asyncio.open_connection(host, port)
    except OSError as error:
        return Answer(False, f"dial tcp {host}:{port}: connect: {_words(error)}")
    writer.close()
    return Answer(ok=True)


def _port(place: Place, port: int | str) -> int:
    if isinstance(port, int) or port.isdigit():
        return int(port)
    named = {p.get("name"): p["containerPort"] for p in place.container.get("ports") or ()}
    return int(named.get(port, 0))


def _words(error: Exception) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    return str(error) or type(error).__name__


def _unverified() -> ssl.SSLContext:
    # As the kubelet: a probe asks whether something answers, not who.
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
