"""What runs leave in a namespace when their server is gone for good: pods that wait to be recorded, tokens of runs."""

from __future__ import annotations

from collections.abc import AsyncIterator

from seaway.client.client import Client
from seaway.objects.builtin import PODS, SECRETS
from seaway.objects.errors import NotFound
from seaway.platform.deploy.release import Release
from seaway.platform.engine.cluster import release_pod
from seaway.platform.workloads import labels


async def count_runs(client: Client, release: Release) -> int:
    """Return how many pods of runs are there."""
    return len((await client.list(PODS, release.namespace, label_selector=labels.RUN_UID))["items"])


async def remove_runs(client: Client, release: Release) -> AsyncIterator[str]:
    """End the pods of runs and remove them, and the tokens of runs; yields lines."""
    pods, _ = await client.list_all(PODS, release.namespace, label_selector=labels.RUN_UID)
    for pod in pods:
        await release_pod(client, pod)
        yield f"Pod {pod['metadata']['name']}"
    secrets, _ = await client.list_all(SECRETS, release.namespace, label_selector=labels.RUN_UID)
    for secret in secrets:
        name = secret["metadata"]["name"]
        try:
            await client.delete(SECRETS, name, release.namespace)
        except NotFound:
            continue
        yield f"Secret {name}"
