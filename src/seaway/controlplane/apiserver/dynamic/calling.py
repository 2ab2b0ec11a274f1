"""Calling a webhook: where it is, whom it is trusted by, and how long it is waited for.

Source: "Contacting the webhook" and "Service reference" of Kubernetes' "Dynamic Admission Control".
"""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import orjson

from seaway.controlplane.apiserver.admission import Lookup
from seaway.objects.builtin import ENDPOINT_SLICES, SERVICES

if TYPE_CHECKING:
    import httpx

Object = dict[str, Any]
_MOST_CLIENTS = 64
_LONGEST_WAIT = 31
"""Seconds; each call has its own, shorter wait."""
_MOST_BYTES = 16 * 1024 * 1024
SERVICE_NAME = "kubernetes.io/service-name"


class CallFailed(Exception):
    """A webhook could not be asked; the message is worded as Kubernetes words it."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a webhook is reached."""

    url: str
    """As it is told."""
    address: str = ""
    """"host:port" to connect to where the name in the URL is one of the cluster's, "" for the URL's own."""


def target_of(client: Object, lookup: Lookup) -> Target:
    """Return where a `clientConfig` points. Raises CallFailed."""
    if client.get("url"):
        return Target(client["url"])
    reference = client["service"]
    namespace, name, port = reference["namespace"], reference["name"], reference.get("port") or 443
    url = f"https://{name}.{namespace}.svc:{port}/{(reference.get('path') or '').lstrip('/')}"
    service = lookup.get(SERVICES, namespace, name)
    if service is None:
        raise CallFailed(f'Post "{url}": service "{name}" not found')
    slices = [s for s in lookup.list(ENDPOINT_SLICES, namespace) if _of_service(s, name)]
    return Target(url, service_address(service, slices, port))


def _of_service(endpoints: Object, name: str) -> bool:
    return (endpoints["metadata"].get("labels") or {}).get(SERVICE_NAME) == name


def service_address(service: Object, slices: Sequence[Object], port: int) -> str:
    """Return the address of a ready endpoint of a service, else that of the service. Raises CallFailed."""
    spec, name = service.get("spec") or {}, service["metadata"]["name"]
    if spec.get("type") == "ExternalName":
        return f"{spec['externalName']}:{port}"
    declared = next((p for p in spec.get("ports") or () if p.get("port") == port), None)
    if declared is None:
        raise CallFailed(f'no service port {port} found for service "{name}"')
    for endpoints in slices:
        number = next(
            (
                p["port"]
                for p in endpoints.get("ports") or ()
                if (p.get("name") or "") == (declared.get("name") or "")
            ),
            None,
        )
        for endpoint in endpoints.get("endpoints") or () if number else ():
            if (endpoint.get("conditions") or {}).get("ready", True) and endpoint.get("addresses"):
                return _joined(endpoint["addresses"][0], number)
    cluster = spec.get("clusterIP") or ""
    if cluster in ("", "None"):
        raise CallFailed(f'no endpoints available for service "{name}"')
    return _joined(cluster, port)


def _joined(host: str, port: Any) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class Caller:
    """Posts reviews to webhooks, and keeps a connection pool for each trusted authority."""

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self._clients: dict[str, httpx.AsyncClient] = {}

    async def post(self, webhook: Object, review: Object) -> Any:
        """Return the JSON value that a webhook answers with. Raises CallFailed."""
        client, seconds = webhook["clientConfig"], webhook.get("timeoutSeconds") or 10
        target = target_of(client, self._lookup)
        shown = f'Post "{target.url}?timeout={seconds}s"'
        try:
            async with asyncio.timeout(seconds):
                return await self._post(
                    await self._client(client.get("caBundle") or ""), target, seconds, review
                )
        except TimeoutError:
            raise CallFailed(f"{shown}: context deadline exceeded") from None
        except CallFailed:
            raise
        except Exception as error:
            if (words := _network_words(error, target)) is None:
                raise
            raise CallFailed(f"{shown}: {words}") from None

    async def _post(self, client: httpx.AsyncClient, target: Target, seconds: int, review: Object) -> Any:
        parts = urlsplit(target.url)
        host = target.address or parts.netloc
        extensions = {"sni_hostname": parts.hostname} if target.address else {}
        headers = {
            "content-type": "application/json",
            "accept": "application/json, */*",
            "host": parts.netloc,
        }
        url, body = f"https://{host}{parts.path or '/'}?timeout={seconds}s", orjson.dumps(review)
        async with client.stream("POST", url, content=body, headers=headers, extensions=extensions) as answer:
            text = bytearray()
            async for chunk in answer.aiter_bytes():
                text += chunk
                if len(text) > _MOST_BYTES:
                    raise CallFailed(f"the answer is longer than {_MOST_BYTES} bytes")
        return _answer(answer.status_code, bytes(text))

    async def _client(self, bundle: str) -> httpx.AsyncClient:
        import httpx  # late: few clusters have webhooks

        found = self._clients.get(bundle)
        if found is None:
            if len(self._clients) >= _MOST_CLIENTS:
                await self.close()
            found = self._clients[bundle] = httpx.AsyncClient(
                verify=_trust(bundle), timeout=_LONGEST_WAIT, trust_env=False
            )
        return found

    async def close(self) -> None:
        """Close all connections."""
        clients, self._clients = list(self._clients.values()), {}
        await asyncio.gather(*(client.aclose() for client in clients))


def _trust(bundle: str) -> ssl.SSLContext:
    """Return whom a webhook is trusted by: its own bundle, or the system's authorities where it has none."""
    if not bundle:
        return ssl.create_default_context()
    try:
        return ssl.create_default_context(cadata=base64.b64decode(bundle).decode())
    except (ssl.SSLError, ValueError):
        raise CallFailed("unable to load root certificates: unable to parse bytes as PEM block") from None


def _answer(code: int, text: bytes) -> Any:
    if not 200 <= code < 300:
        known = {404: "the server could not find the requested resource", 401: "the server has asked for the client to "
                 "provide credentials", 403: "forbidden"}  # fmt: skip
        shown = text[:2048].decode(errors="replace").strip() or "unknown"
        raise CallFailed(
            known.get(code, f'an error on the server ("{shown}") has prevented the request from succeeding')
        )
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise CallFailed(f"couldn't get version/kind; json parse error: {error}") from None


def _network_words(error: Exception, target: Target) -> str | None:
    """Return what Kubernetes says of a connection that failed, None for another error."""
    import httpx

    address = target.address or urlsplit(target.url).netloc
    address = address if address.rpartition(":")[2].isdigit() else f"{address}:443"
    text = str(error)
    if isinstance(error, httpx.ConnectError):
        if "CERTIFICATE_VERIFY_FAILED" in text:
            return f"tls: failed to verify certificate: x509: {_certificate_words(text, target)}"
        if "SSL" in text or "ssl" in text:
            return f"tls: {text}"
        if "Name or service not known" in text or "nodename" in text or "resolution" in text:
            return f"dial tcp: lookup {address.rpartition(':')[0]}: no such host"
        return f"dial tcp {address}: connect: connection refused"
    if isinstance(error, httpx.RemoteProtocolError | httpx.ReadError):
        return "EOF"
    return text or type(error).__name__ if isinstance(error, httpx.HTTPError | OSError) else None


def _certificate_words(text: str, target: Target) -> str:
    if "mismatch" in text.lower():
        return f"certificate is not valid for {urlsplit(target.url).hostname}"
    if "expired" in text:
        return "certificate has expired or is not yet valid"
    return "certificate signed by unknown authority"
