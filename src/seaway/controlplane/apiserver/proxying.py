"""The proxy subresources of pods and services: requests are handed on to a program in a pod.

Source: the connect subresources of core/v1; "Access Services Running on Clusters" of Kubernetes' documentation. Only the
addresses of pods are reached, never what else an Endpoints may list.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from typing import Any, NamedTuple

from seaway.controlplane.apiserver.content import TextContent
from seaway.controlplane.apiserver.lookup import StoreLookup
from seaway.controlplane.apiserver.messages import TEXT, ApiRequest, ApiResponse, Connection
from seaway.controlplane.apiserver.requestinfo import RequestInfo
from seaway.objects.builtin import ENDPOINTS, PODS, SERVICES
from seaway.objects.errors import BadRequest, ServiceUnavailable, not_found

Object = dict[str, Any]
_PROXIED = ("pods", "services")
_OF_ONE_HOP = frozenset({
    "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer", "transfer-encoding",
    "upgrade", "content-length", "host",
})  # fmt: skip
_NOT_HANDED_ON = ("authorization", "impersonate-")
"""Who calls us is no business of a program in a pod: it could call us in the caller's name."""
_CONNECT_SECONDS, _CHUNK = 10.0, 1 << 16
_PREFIX = 7
"""Segments of /api/v1/namespaces/NAMESPACE/RESOURCE/NAME/proxy."""


class Target(NamedTuple):
    """Where a request goes."""

    scheme: str
    host: str
    port: int


def split_name(text: str) -> tuple[str, str, str]:
    """Return scheme, name and port of "name", "name:port" or "scheme:name:port". Raises ValueError."""
    parts = text.split(":")
    if len(parts) == 1:
        return "", parts[0], ""
    if len(parts) == 2:
        return "", parts[0], parts[1]
    if len(parts) == 3 and parts[0] in ("http", "https", ""):
        return parts[0], parts[1], parts[2]
    raise ValueError(text)


class Proxies:
    """Finds who is meant and hands the request on.

    Args:
        lookup: finds pods and services.
    """

    def __init__(self, lookup: StoreLookup) -> None:
        self._lookup, self._random = lookup, random.Random()  # noqa: S311 - spreads requests, nothing secret

    @staticmethod
    def serves(info: RequestInfo) -> bool:
        """Tell whether a request is to be handed on."""
        return (
            not info.group
            and info.resource in _PROXIED
            and info.subresource == "proxy"
            and bool(info.namespace)
        )

    async def answer(self, request: ApiRequest, info: RequestInfo) -> ApiResponse:
        """Return what the program answers. Raises ApiError."""
        try:
            scheme, name, port = split_name(info.name)
        except ValueError:
            kind = info.resource.removesuffix("s")
            raise BadRequest(f'invalid {kind} request "{info.name}"') from None
        find = self._pod if info.resource == "pods" else self._service
        target = Target(scheme or "http", *find(info.namespace, name, port, info.name))
        path = "/".join(request.path.lstrip("/").split("/")[_PREFIX:])
        if not path and not request.path.endswith("/") and request.method == "GET":
            query = f"?{request.raw_query}" if request.raw_query else ""
            moved = [("location", f"{request.path}/{query}")]
            return ApiResponse(301, TextContent(""), TEXT, moved)
        if request.connection is not None:
            return ApiResponse(101, upgrade=_upgrade(request, request.connection, target, path))
        return await _hand_on(request, target, path)

    def _pod(self, namespace: str, name: str, port: str, _: str) -> tuple[str, int]:
        pod = self._lookup.get(PODS, namespace, name)
        if pod is None:
            raise not_found("pods", name)
        address = (pod.get("status") or {}).get("podIP")
        if not address:
            raise BadRequest(f'address not allowed: pod "{name}" has none yet')
        ports = [p for container in pod["spec"]["containers"] for p in container.get("ports") or ()]
        if not port:
            return address, int(ports[0]["containerPort"]) if ports else 80
        named = [p["containerPort"] for p in ports if p.get("name") == port]
        number = port if port.isdigit() else str(named[0]) if named else ""
        if not number.isdigit() or not 0 < int(number) < 1 << 16:
            raise BadRequest(f'pod "{name}" has no port "{port}": give a number from 1 to 65535')
        return address, int(number)

    def _service(self, namespace: str, name: str, port: str, asked: str) -> tuple[str, int]:
        service = self._lookup.get(SERVICES, namespace, name)
        if port.isdigit():
            if service is None:
                raise not_found("services", name)
            named = [p for p in service["spec"].get("ports") or () if p["port"] == int(port)]
            if not named:
                raise ServiceUnavailable(f'no service port {port} found for service "{name}"')
            port = named[0].get("name") or ""
        endpoints = self._lookup.get(ENDPOINTS, namespace, name)
        if endpoints is None:
            raise not_found("endpoints", name)
        found = [
            (address["ip"], int(p["port"]))
            for subset in endpoints.get("subsets") or ()
            for p in subset.get("ports") or ()
            if (p.get("name") or "") == port
            for address in subset.get("addresses") or ()
            if self._is_pod(address)
        ]
        if not found:
            raise ServiceUnavailable(f'no endpoints available for service "{asked}"')
        chosen: tuple[str, int] = self._random.choice(found)
        return chosen

    def _is_pod(self, address: Object) -> bool:
        """Tell whether an address is really that of the pod that it names."""
        reference = address.get("targetRef") or {}
        if reference.get("kind") != "Pod":
            return False
        pod = self._lookup.get(PODS, reference.get("namespace") or "", reference.get("name") or "")
        return pod is not None and (pod.get("status") or {}).get("podIP") == address["ip"]


def _is_handed_on(name: str) -> bool:
    return name not in _OF_ONE_HOP and not name.startswith(_NOT_HANDED_ON)


async def _hand_on(request: ApiRequest, target: Target, path: str) -> ApiResponse:
    # late: only who uses proxies needs it
    import httpx

    query = f"?{request.raw_query}" if request.raw_query else ""
    url = f"{target.scheme}://{target.host}:{target.port}/{path}{query}"
    headers = {name: value for name, value in request.headers.items() if _is_handed_on(name)}
    # What a pod shows is not verified: Kubernetes does not either, no authority knows the addresses of pods.
    client = httpx.AsyncClient(
        verify=False,  # noqa: S501
        trust_env=False,
        timeout=httpx.Timeout(None, connect=_CONNECT_SECONDS),
    )
    try:
        asked = client.build_request(request.method, url, headers=headers, content=request.body or None)
        response = await client.send(asked, stream=True)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        await client.aclose()
        where = f"{target.host}:{target.port}"
        raise ServiceUnavailable(f"error trying to reach service: {where}: {error}") from error

    @asynccontextmanager
    async def chunks() -> AsyncIterator[AsyncIterator[bytes]]:
        async with aclosing(client), aclosing(response):
            yield response.aiter_raw()

    opener: Callable[[], AbstractAsyncContextManager[AsyncIterator[bytes]]] = chunks
    kept = [(n, v) for n, v in response.headers.multi_items() if n not in _OF_ONE_HOP and n != "content-type"]
    kind = response.headers.get("content-type", "application/octet-stream")
    return ApiResponse(response.status_code, content_type=kind, headers=kept, stream=opener)


def _upgrade(
    request: ApiRequest, connection: Connection, target: Target, path: str
) -> Callable[[], Awaitable[None]]:
    """Return what hands a whole connection on: a WebSocket, for example."""
    if target.scheme == "https":
        raise BadRequest("a connection that changes its protocol is handed on to http alone, not to https")
    query = f"?{request.raw_query}" if request.raw_query else ""
    lines = [
        f"{request.method} /{path}{query} HTTP/1.1",
        f"Host: {target.host}:{target.port}",
        "Connection: Upgrade",
    ]
    lines += [f"{name}: {value}" for name, value in request.headers.items() if _is_handed_on(name)]
    lines.append(f"Upgrade: {request.headers['upgrade']}")
    head = "\r\n".join([*lines, "", ""]).encode("latin-1")

    async def serve() -> None:
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                there = await asyncio.open_connection(target.host, target.port)
        except OSError as error:
            where = f"{target.host}:{target.port}"
            raise ServiceUnavailable(f"error trying to reach service: {where}: {error}") from error
        here = connection.take()
        there[1].write(head)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_copy(here[0], there[1]))
                group.create_task(_copy(there[0], here[1]))
        except* OSError:
            pass  # either side left: so does the other
        finally:
            for _, writer in (here, there):
                writer.close()

    return serve


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(_CHUNK):
        writer.write(data)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()
    else:
        writer.close()
