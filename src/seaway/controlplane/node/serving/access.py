"""Who may call a node's server: its cluster's API server says so, as with the kubelet's webhook mode.

Source: Kubernetes documentation, "Kubelet authentication/authorization" and its fine-grained permissions (KEP-2862).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography import x509
from cryptography.x509.oid import NameOID

from seaway.base.clock import Clock
from seaway.client.client import Client
from seaway.client.request import Request
from seaway.objects.errors import Forbidden, Unauthorized

_ALLOWED_SECONDS, _REFUSED_SECONDS, _TOKEN_SECONDS = 300.0, 30.0, 120.0
_REMEMBERED = 1024
_VERBS = {"POST": "create", "GET": "get", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_FINE = {"/pods": "pods", "/runningpods": "pods", "/healthz": "healthz"}


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls."""

    name: str
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False, compare=False)


def caller_of_certificate(der: bytes) -> Caller | None:
    """Return whom a verified client certificate names: common name and organizations; None for nobody."""
    subject = x509.load_der_x509_certificate(der).subject
    names = subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    groups = [str(group.value) for group in subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)]
    return Caller(str(names[0].value), (*groups, "system:authenticated")) if names else None


def subresources(path: str) -> tuple[str, ...]:
    """Return the subresources of the node any of which allows a path, the narrowest first."""
    if path.rstrip("/").startswith("/metrics"):
        return ("metrics",)
    fine = _FINE.get(path.rstrip("/"))
    return (fine, "proxy") if fine else ("proxy",)


class Access:
    """Asks the cluster who a caller is and what it may; remembers the answers for a while.

    Args:
        client: of the cluster, as the node.
        node: the node's name.
        clock: measures how long an answer is good.
    """

    def __init__(self, client: Client, node: str, clock: Clock) -> None:
        self._client, self._node, self._clock = client, node, clock
        self._allowed: dict[tuple[Caller, str, str], tuple[bool, float]] = {}
        self._tokens: dict[str, tuple[Caller | None, float]] = {}

    async def check(self, certificate: bytes | None, authorization: str, method: str, path: str) -> Caller:
        """Return who calls, where they may.

        Args:
            certificate: the verified one of the caller (DER), None for none.
            authorization: the header; a bearer token counts where there is no certificate.
            method: of the request.
            path: of the request.

        Raises:
            Unauthorized: nobody is signed in.
            Forbidden: the caller may not.
            ApiError, Unreachable: the cluster could not be asked.
        """
        caller = caller_of_certificate(certificate) if certificate else None
        scheme, _, token = authorization.partition(" ")
        if caller is None and scheme.lower() == "bearer" and token.strip():
            caller = await self._caller_of_token(token.strip())
        if caller is None:
            raise Unauthorized("Unauthorized")
        verb = _VERBS.get(method, "")
        wanted = subresources(path)
        for subresource in wanted:
            if await self._may(caller, verb, subresource):
                return caller
        raise Forbidden(
            f"Forbidden (user={caller.name}, verb={verb}, resource=nodes, subresource(s)={list(wanted)})"
        )

    async def _may(self, caller: Caller, verb: str, subresource: str) -> bool:
        key, now = (caller, verb, subresource), self._clock.monotonic()
        known = self._allowed.get(key)
        if known is not None and now < known[1]:
            return known[0]
        attributes = {
            "verb": verb,
            "version": "v1",
            "resource": "nodes",
            "subresource": subresource,
            "name": self._node,
        }
        spec = {
            "user": caller.name, "groups": list(caller.groups), "uid": caller.uid, "extra": dict(caller.extra),
            "resourceAttributes": attributes,
        }  # fmt: skip
        answer = await self._ask("authorization.k8s.io", "SubjectAccessReview", spec)
        allowed = bool(answer.get("allowed")) and not answer.get("denied")
        _remember(self._allowed, key, (allowed, now + (_ALLOWED_SECONDS if allowed else _REFUSED_SECONDS)))
        return allowed

    async def _caller_of_token(self, token: str) -> Caller | None:
        key, now = hashlib.sha256(token.encode()).hexdigest(), self._clock.monotonic()
        known = self._tokens.get(key)
        if known is not None and now < known[1]:
            return known[0]
        answer = await self._ask("authentication.k8s.io", "TokenReview", {"token": token})
        user = answer.get("user") or {}
        caller = None
        if answer.get("authenticated") and user.get("username"):
            groups, extra = tuple(user.get("groups") or ()), user.get("extra") or {}
            caller = Caller(user["username"], groups, user.get("uid") or "", extra)
        _remember(self._tokens, key, (caller, now + _TOKEN_SECONDS))
        return caller

    async def _ask(self, group: str, kind: str, spec: Mapping[str, Any]) -> dict[str, Any]:
        body = {"apiVersion": f"{group}/v1", "kind": kind, "metadata": {}, "spec": spec}
        path = f"/apis/{group}/v1/{kind.lower()}s"
        answer = await self._client.send(Request("POST", path, body=body))
        status: dict[str, Any] = answer.get("status") or {}
        return status


def _remember(memory: dict[Any, Any], key: Any, value: Any) -> None:
    if len(memory) >= _REMEMBERED:
        memory.clear()
    memory[key] = value
