"""What a server may do in a namespace."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any

from seaway.client.client import Client
from seaway.client.errors import ClientError
from seaway.objects.errors import ApiError
from seaway.objects.resource import Resource
from seaway.platform import access
from seaway.platform.errors import Unavailable

_GROUP = "rbac.authorization.k8s.io"
_ACCESS_REVIEWS = Resource(
    "authorization.k8s.io", "v1", "SelfSubjectAccessReview", "selfsubjectaccessreviews", namespaced=False
)
_REVIEWS = Resource(
    "authentication.k8s.io", "v1", "SelfSubjectReview", "selfsubjectreviews", namespaced=False
)
_AT_ONCE = 16
"""Questions: there are some twenty for each workspace."""
Right = tuple[str, str, str]
"""Group, resource, verb."""


def _spelled(rules: Iterable[dict[str, Any]]) -> tuple[Right, ...]:
    return tuple(
        (group, resource, verb)
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    )


NEEDED = _spelled(access.WORKSPACE_RULES[:3])
"""Without these no run is possible. What history likes to see besides may be missing."""
ALL = _spelled(access.WORKSPACE_RULES)


class Rights:
    """Asks the cluster what this server may do."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def missing(self, namespace: str, wanted: Sequence[Right] = NEEDED) -> list[str]:
        """Return what of some rights in a namespace this server does not have, such as "create pods".

        Raises:
            Unavailable: the cluster does not answer.
        """
        allowed = await asyncio.gather(*(self.may(*each, namespace) for each in wanted))
        return [
            f"{verb} {resource}" for (_, resource, verb), may in zip(wanted, allowed, strict=True) if not may
        ]

    async def may(self, group: str, resource: str, verb: str, namespace: str = "", name: str = "") -> bool:
        """Return whether this server may do something. Raises Unavailable where the cluster does not answer."""
        plural, _, subresource = resource.partition("/")
        attributes = {
            "group": group, "resource": plural, "subresource": subresource, "verb": verb,
            "namespace": namespace, "name": name,
        }  # fmt: skip
        review = {
            "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {key: value for key, value in attributes.items() if value}},
        }  # fmt: skip
        answer = await self._ask(_ACCESS_REVIEWS, review)
        return bool((answer.get("status") or {}).get("allowed"))

    async def grant(self, namespace: str) -> str:
        """Return what an administrator of the cluster applies, as YAML: the namespace, and this server's rights in it.

        Raises:
            Unavailable: the cluster does not answer.
        """
        from seaway.platform.workspaces.manifests import grant_of  # late: YAML is for people, and few ask

        return grant_of(namespace, await self.account())

    async def account(self) -> str:
        """Return the name under which the cluster knows this server. Raises Unavailable where it does not say."""
        review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        answer = await self._ask(_REVIEWS, review)
        return str(answer["status"]["userInfo"]["username"])

    async def _ask(self, resource: Resource, review: dict[str, Any]) -> dict[str, Any]:
        try:
            async with self._turns:
                return await self._client.create(resource, review)
        except (ApiError, ClientError) as error:
            raise Unavailable(
                f"the cluster does not say what this server may do: {error}", remedy="Try again later."
            ) from error
