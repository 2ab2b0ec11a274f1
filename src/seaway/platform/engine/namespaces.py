"""The namespaces of workspaces: made where that is wanted and allowed."""

from __future__ import annotations

import logging
from typing import Any

from seaway.base.messages import wording
from seaway.client.client import Client
from seaway.client.errors import ClientError
from seaway.objects.builtin import NAMESPACES
from seaway.objects.errors import AlreadyExists, ApiError, NotFound
from seaway.platform.engine.answers import Postponed
from seaway.platform.workloads import labels

log = logging.getLogger(__name__)


class Namespaces:
    """Makes namespaces that are missing, or says who has to."""

    def __init__(self, client: Client, *, create: bool = True) -> None:
        self._client, self._create = client, create
        self._keys: dict[str, str] = {}

    def know(self, namespace: str, key: str) -> None:
        """Make the namespace of a workspace anew where it is missing, as far as that is allowed.

        Args:
            namespace: which one.
            key: of the workspace; it stays on the namespace.
        """
        self._keys[namespace] = key

    def forget(self, namespace: str) -> None:
        """Leave it to others again."""
        self._keys.pop(namespace, None)

    async def ensure(self, namespace: str) -> None:
        """Make a namespace where it is missing; where that is not allowed, each pod's creation says what is wrong."""
        if not self._create:
            return
        try:
            await self._client.get(NAMESPACES, namespace)
        except NotFound as error:
            await self.make(namespace, error)
        except (ApiError, ClientError) as error:
            log.warning("the namespace %s cannot be looked at: %s", namespace, error)

    async def make(self, namespace: str, missing: ApiError) -> Postponed:
        """Make a namespace that a call did not find; return what its caller waits for."""
        if not self._create and namespace not in self._keys:
            missed = wording(
                "the namespace {namespace} does not exist, and this server makes none: {command}",
                namespace=namespace, command=f"kubectl create namespace {namespace}",
            )  # fmt: skip
            return Postponed(missed)
        try:
            await self._client.create(NAMESPACES, namespace_manifest(namespace, self._keys.get(namespace)))
        except AlreadyExists:
            return Postponed(wording("the namespace {namespace} has just been made", namespace=namespace))
        except ApiError as error:
            said = wording(
                "{missing}, and it cannot be made here: {error}", missing=missing.message, error=error.message
            )
            return Postponed(said)
        except ClientError as error:
            return Postponed(wording("the cluster does not answer: {error}", error=str(error)))
        return Postponed(wording("the namespace {namespace} has just been made", namespace=namespace))


def namespace_manifest(name: str, key: str | None = None) -> dict[str, Any]:
    """Return a namespace; with the key of a workspace, one that goes with it."""
    metadata: dict[str, Any] = {"name": name}
    if key is not None:
        metadata |= {"labels": {labels.MANAGED_BY: "seaway"}, "annotations": {labels.WORKSPACE: key}}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
