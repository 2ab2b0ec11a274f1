"""The engine's calls to Kubernetes: each may be repeated without harm, each answer is a value."""

from __future__ import annotations

from typing import Any

from seaway.base.messages import wording
from seaway.client.client import Client
from seaway.client.errors import ClientError
from seaway.client.request import JSON_PATCH
from seaway.objects.builtin import PODS
from seaway.objects.errors import AlreadyExists, ApiError, Conflict, NotFound
from seaway.platform.engine.answers import Created, Postponed, Refused, refusal
from seaway.platform.engine.namespaces import Namespaces
from seaway.platform.workloads import labels

Object = dict[str, Any]


async def create_pod(
    client: Client, namespaces: Namespaces, manifest: Object
) -> Created | Refused | Postponed:
    """Create an attempt's pod, or adopt it where an earlier call made it."""
    namespace = manifest["metadata"]["namespace"]
    try:
        return Created(await client.create(PODS, manifest, namespace))
    except AlreadyExists:
        return await _adopt(client, manifest)
    except NotFound as error:
        return await namespaces.make(namespace, error)
    except (ApiError, ClientError) as error:
        return refusal(namespace, error)


async def _adopt(client: Client, manifest: Object) -> Created | Postponed:
    """Return the pod that has the name already: ours, or one that has to go first."""
    name, namespace = manifest["metadata"]["name"], manifest["metadata"]["namespace"]
    try:
        pod = await client.get(PODS, name, namespace)
    except (ApiError, ClientError) as error:
        said = wording("the pod {pod} exists already and cannot be read: {error}", pod=name, error=str(error))
        return Postponed(said)
    if is_same_attempt(pod, manifest):
        return Created(pod)
    other = wording(
        "a pod named {pod} that is not of this run is in the namespace {namespace}: "
        "it starts when that one is gone ({command}, or submit under another name)",
        pod=name, namespace=namespace, command=f"kubectl delete pod {name} -n {namespace}",
    )  # fmt: skip
    return Postponed(other)


def is_same_attempt(pod: Object, manifest: Object) -> bool:
    """Return whether a pod is the attempt that a manifest describes."""
    theirs, ours = pod["metadata"].get("labels") or {}, manifest["metadata"]["labels"]
    return all(theirs.get(key) == ours[key] for key in (labels.RUN_UID, labels.TASK, labels.ATTEMPT))


async def find_pod(client: Client, name: str, namespace: str, run_uid: str) -> Object | None:
    """Return a run's pod where the API server has it: a creation whose answer was lost may have made it."""
    try:
        pod = await client.get(PODS, name, namespace)
    except NotFound:
        return None
    return pod if (pod["metadata"].get("labels") or {}).get(labels.RUN_UID) == run_uid else None


async def take_back_pod(client: Client, pod: Object) -> bool:
    """Delete a pod that has not started, where it is still as it was seen; False where it has changed since."""
    metadata = pod["metadata"]
    try:
        await client.delete(
            PODS,
            metadata["name"],
            metadata["namespace"],
            uid=metadata.get("uid"),
            resource_version=metadata.get("resourceVersion"),
        )
    except NotFound:
        return True
    except Conflict:
        return False
    return True


async def delete_pod(client: Client, pod: Object, *, grace_seconds: int | None = None) -> None:
    """Delete a pod gracefully, where it is still the same one."""
    metadata = pod["metadata"]
    try:
        await client.delete(
            PODS,
            metadata["name"],
            metadata["namespace"],
            grace_seconds=grace_seconds,
            uid=metadata.get("uid"),
        )
    except (NotFound, Conflict):  # gone, or another of this name
        return


async def release_pod(client: Client, pod: Object) -> None:
    """Take Seaway's finalizer off a pod that has ended, and let it go."""
    metadata = pod["metadata"]
    if not metadata.get("deletionTimestamp"):
        await delete_pod(client, pod, grace_seconds=0)
    held = metadata.get("finalizers") or []
    if labels.FINALIZER not in held:
        return
    where = f"/metadata/finalizers/{held.index(labels.FINALIZER)}"
    patch = [{"op": "test", "path": where, "value": labels.FINALIZER}, {"op": "remove", "path": where}]
    try:
        await client.patch(PODS, metadata["name"], patch, metadata["namespace"], content_type=JSON_PATCH)
    except NotFound:
        return
