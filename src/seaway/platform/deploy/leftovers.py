"""What runs leave in a cluster when their server is gone for good: pods that wait to be recorded, tokens of runs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import NamedTuple

from seaway.client.client import Client
from seaway.objects.builtin import PODS, SECRETS
from seaway.objects.errors import Forbidden, NotFound
from seaway.objects.resource import Resource
from seaway.platform.deploy.release import Object, Release
from seaway.platform.engine.cluster import release_pod
from seaway.platform.workloads import labels


class Leftovers(NamedTuple):
    """What the runs of an installation have in a cluster."""

    pods: Sequence[Object]
    secrets: Sequence[Object]
    everywhere: bool
    """All namespaces were looked at, not some alone."""

    @property
    def namespaces(self) -> list[str]:
        """Where the pods are."""
        return sorted({pod["metadata"]["namespace"] for pod in self.pods})


async def find_runs(client: Client, release: Release, workspaces: Sequence[str]) -> Leftovers:
    """Return what the runs of an installation have left, in all of its workspaces.

    Args:
        client: of the cluster.
        release: which installation.
        workspaces: look at its own namespace and at these; without any at all namespaces, and at its own where that is forbidden.
    """
    if not workspaces:
        try:
            pods, secrets = [await _of_runs(client, one, None) for one in (PODS, SECRETS)]
        except Forbidden:
            pass
        else:
            return Leftovers(ours(pods, release), ours(secrets, release), everywhere=True)
    pods, secrets = [], []
    for namespace in dict.fromkeys((release.namespace, *workspaces)):
        pods += await _of_runs(client, PODS, namespace)
        secrets += await _of_runs(client, SECRETS, namespace)
    return Leftovers(ours(pods, release), ours(secrets, release), everywhere=bool(workspaces))


async def _of_runs(client: Client, resource: Resource, namespace: str | None) -> list[Object]:
    found, _ = await client.list_all(resource, namespace, label_selector=labels.RUN_UID)
    return found


def ours(found: Iterable[Object], release: Release) -> list[Object]:
    """Return what is of an installation's runs. In its own namespace also what says nothing of it. Pure."""

    def is_ours(metadata: Object) -> bool:
        said = (metadata.get("annotations") or {}).get(labels.SERVER, "")
        return bool(said == release.identity if said else metadata["namespace"] == release.namespace)

    return [one for one in found if is_ours(one["metadata"])]


async def remove_runs(client: Client, found: Leftovers) -> AsyncIterator[str]:
    """End the pods of runs and remove them, and the tokens of runs; yields lines."""
    for pod in found.pods:
        await release_pod(client, pod)
        yield f"Pod {pod['metadata']['name']} in {pod['metadata']['namespace']}"
    for secret in found.secrets:
        name, namespace = secret["metadata"]["name"], secret["metadata"]["namespace"]
        try:
            await client.delete(SECRETS, name, namespace)
        except NotFound:
            continue
        yield f"Secret {name} in {namespace}"
