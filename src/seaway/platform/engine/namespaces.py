"""The namespaces of workspaces: made where that is wanted and allowed."""

from __future__ import annotations

import logging

from seaway.client.client import Client
from seaway.client.errors import ClientError
from seaway.objects.builtin import NAMESPACES
from seaway.objects.errors import AlreadyExists, ApiError, NotFound
from seaway.platform.engine.answers import Postponed

log = logging.getLogger(__name__)


class Namespaces:
    """Makes namespaces that are missing, or says who has to."""

    def __init__(self, client: Client, *, create: bool = True) -> None:
        self._client, self._create = client, create

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
        if not self._create:
            return Postponed(
                f"the namespace {namespace} does not exist, and this server makes none: "
                f"kubectl create namespace {namespace}"
            )
        manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
        try:
            await self._client.create(NAMESPACES, manifest)
        except AlreadyExists:
            return Postponed(f"the namespace {namespace} has just been made")
        except ApiError as error:
            return Postponed(f"{missing.message}, and it cannot be made here: {error.message}")
        except ClientError as error:
            return Postponed(f"the cluster does not answer: {error}")
        return Postponed(f"the namespace {namespace} has just been made")
